"""A folder of results read back: of ``framework run`` or ``framework encounter run``, alike.

Exporters and the release see one shape: people with their seconds on one clock, cameras with their
place on that clock, episodes and advice. Files are the only source; nothing is computed anew but
the episodes, which follow from the seconds.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from framework.episodes import Episode, episodes
from framework.errors import MediaError
from framework.media import probe
from framework.outputs import read_emotions
from framework.reading import why_unreadable
from framework.types import PersonTimeline, Recommendation, Role

VIDEO_STEM = "anonymized"
_IMAGES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})


@dataclass(frozen=True, eq=False)
class Camera:
    """One covered recording.

    Attributes:
        name: ``camera-1``, or ``recording`` where there is only one.
        file: the covered video or image; None if it is a folder of images or is missing.
        shows: roles in view; empty if nobody said.
        offset_s: when it starts on the shared clock, seconds.
        drift: relative difference of its clock, see :meth:`own`.
        audit: ``audit.json``.
    """

    name: str
    file: Path | None
    shows: tuple[str, ...]
    offset_s: float
    drift: float
    audit: Mapping[str, Any]

    def own(self, time_s: float) -> float:
        """A time of the shared clock on this camera's, seconds."""
        return (time_s - self.offset_s) / (1.0 + self.drift)

    @property
    def duration_s(self) -> float:
        """Its length, seconds; 0 if nobody knows."""
        if "duration_out_s" in self.audit:
            return float(self.audit["duration_out_s"])
        return float(probe(self.file).duration_s or 0.0) if self.file is not None else 0.0

    @property
    def still(self) -> bool:
        """Whether it is an image."""
        return self.file is not None and self.file.suffix.lower() in _IMAGES


@dataclass(frozen=True)
class Speech:
    """When somebody spoke.

    Attributes:
        who: ``anybody``, ``patient`` or ``doctor``.
        share: for each second of the shared clock the share with speech, 0 to 1.
    """

    who: str
    share: Mapping[int, float]


@dataclass(frozen=True, eq=False)
class Results:
    """What a run or an encounter left.

    Attributes:
        folder: where.
        id: its pseudonym; empty for a single run, which has none.
        cameras: in order.
        people: seconds of everybody analysed, on the shared clock.
        advice: recommendations, in order of time.
        speech: if it was asked for.
        manifest: ``manifest.json``.
        passed: whether it says of itself that it passed.
        reasons: why it did not.
    """

    folder: Path
    id: str
    cameras: tuple[Camera, ...]
    people: tuple[PersonTimeline, ...]
    advice: tuple[Recommendation, ...]
    speech: tuple[Speech, ...]
    manifest: Mapping[str, Any]
    passed: bool
    reasons: tuple[str, ...] = field(default=())

    @property
    def episodes(self) -> tuple[Episode, ...]:
        """Stretches of negative affect of everybody, in order of time."""
        found = [e for person in self.people for e in episodes(person)]
        return tuple(sorted(found, key=lambda e: (e.start_s, e.person)))

    @property
    def synthetic(self) -> bool:
        """Whether the covered recordings show generated faces."""
        return bool(self.manifest.get("synthetic_media"))

    def without(self, role: Role) -> Results:
        """The same without what was observed of ``role``, was said to them, or shows them."""
        mine = str(role)
        return replace(
            self,
            cameras=tuple(c for c in self.cameras if mine not in c.shows),
            people=tuple(p for p in self.people if p.role != role),
            advice=tuple(
                a for a in self.advice if a.to != role and a.about not in self._names(role)
            ),
            speech=tuple(s for s in self.speech if s.who not in (mine, "anybody")),
        )

    def _names(self, role: Role) -> set[str]:
        return {p.person for p in self.people if p.role == role}


def read_results(folder: Path) -> Results:
    """Read what ``framework run`` or ``framework encounter run`` left in a folder.

    Raises:
        MediaError: it is no such folder, or a file in it cannot be read.
        ConfigError: a table in it does not validate.
    """
    if (folder / "encounter.json").is_file():
        return _encounter(folder)
    if (folder / "audit.json").is_file() or (folder / "emotions.csv").is_file():
        return _run(folder)
    raise MediaError(
        f"{folder}: no results in it (neither encounter.json, audit.json nor emotions.csv); give a "
        f"folder that `framework run` or `framework encounter run` wrote"
    )


def _run(folder: Path) -> Results:
    audit = _if_there(folder / "audit.json")
    emotions = folder / "emotions.csv"
    people = read_emotions(emotions) if emotions.is_file() else []
    shows = tuple(sorted({str(p.role) for p in people if p.role is not Role.UNKNOWN}))
    camera = Camera("recording", _covered(folder), shows, 0.0, 0.0, audit)
    return Results(
        folder=folder,
        id="",
        cameras=(camera,),
        people=tuple(people),
        advice=_advice(folder / "recommendations.json"),
        speech=(),
        manifest=_if_there(folder / "manifest.json"),
        passed=bool(audit.get("passed")),
        reasons=tuple(audit.get("reasons", ())),
    )


def _encounter(folder: Path) -> Results:
    from framework_encounter import stored_timelines

    about = read_json(folder / "encounter.json")
    cameras = []
    for camera in about["cameras"]:
        place = folder / camera["name"]
        clock = camera["clock"]
        cameras.append(
            Camera(
                camera["name"],
                _covered(place),
                tuple(camera["shows"]),
                float(clock["offset_s"]),
                float(clock["drift"] or 0.0),
                read_json(place / "audit.json"),
            )
        )
    views = [folder / "doctor-view", folder]
    view = next((v for v in views if (v / "timeline.csv").is_file()), None)
    advice = next((a for v in views if (a := _advice(v / "recommendations.json"))), ())
    return Results(
        folder=folder,
        id=str(about["id"]),
        cameras=tuple(cameras),
        people=tuple(stored_timelines(folder)) if view is not None else (),
        advice=advice,
        speech=_speech(view / "timeline.csv") if view is not None else (),
        manifest=read_json(folder / "manifest.json"),
        passed=bool(about.get("passed")),
        reasons=tuple(about.get("reasons", ())),
    )


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object.

    Raises:
        MediaError: missing, not readable, or no JSON object.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise MediaError(f"{path}: {why_unreadable(error)}") from None
    except json.JSONDecodeError as error:
        raise MediaError(f"{path}, line {error.lineno}: no JSON; make the results anew") from None
    if not isinstance(found, dict):
        raise MediaError(f"{path}: expected a JSON object; make the results anew")
    return found


def _if_there(path: Path) -> dict[str, Any]:
    """A JSON object, empty where a run of an earlier kind left none; it then passed no audit."""
    return read_json(path) if path.is_file() else {}


def _covered(folder: Path) -> Path | None:
    found = sorted(p for p in folder.glob(f"{VIDEO_STEM}.*") if p.is_file())
    return found[0] if found else None


def _advice(path: Path) -> tuple[Recommendation, ...]:
    if not path.is_file():
        return ()
    try:
        entries = [
            Recommendation(**{**r, "to": Role(r["to"])}) for r in read_json(path)["recommendations"]
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise MediaError(f"{path}: not as `framework run` writes it ({error})") from None
    return tuple(entries)


def _speech(path: Path) -> tuple[Speech, ...]:
    columns = {"speech": "anybody", "patient_speech": "patient", "doctor_speech": "doctor"}
    with path.open(encoding="utf-8-sig", newline="") as handle:
        rows = list(csv.DictReader(handle))
    found = []
    for column, who in columns.items():
        if rows and column in rows[0]:
            share = {int(r["second"]): float(r[column]) for r in rows if r[column]}
            found.append(Speech(who, share))
    return tuple(found)


def stretches(values: Sequence[tuple[int, str]]) -> list[tuple[int, int, str]]:
    """Neighbouring seconds with the same label, joined: (first second, end exclusive, label)."""
    found: list[list[Any]] = []
    for second, label in values:
        if found and found[-1][1] == second and found[-1][2] == label:
            found[-1][1] = second + 1
        else:
            found.append([second, second + 1, label])
    return [(a, b, label) for a, b, label in found]


def finite(value: float) -> float | None:
    """None for NaN, which JSON and many readers do not know."""
    return None if math.isnan(value) else float(value)
