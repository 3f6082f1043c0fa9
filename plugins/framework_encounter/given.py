"""The encounter of a command: from an encounter file, or from options that name its recordings."""

from __future__ import annotations

import functools
import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from framework.errors import ConfigError
from framework_encounter.spec import SIDES, Encounter, load_encounter, make_encounter

OPTIONS: dict[str, Any] = {
    "file": Annotated[
        Path | None, typer.Argument(metavar="[ENCOUNTER.yaml]", help="An encounter file.")
    ],
    "patient": Annotated[
        Path | None, typer.Option(metavar="FILE", help="Camera that shows the patient.")
    ],
    "doctor": Annotated[
        Path | None, typer.Option(metavar="FILE", help="Camera that shows the doctor.")
    ],
    "both": Annotated[Path | None, typer.Option(metavar="FILE", help="Camera that shows both.")],
    "patient_side": Annotated[
        str | None,
        typer.Option("--patient-side", help="Where the patient is in --both: left or right."),
    ],
    "patient_picture": Annotated[
        Path | None,
        typer.Option("--patient-picture", metavar="FILE", help="Picture of the patient's face."),
    ],
    "doctor_picture": Annotated[
        Path | None,
        typer.Option("--doctor-picture", metavar="FILE", help="Picture of the doctor's face."),
    ],
    "recognizer": Annotated[
        str | None, typer.Option(metavar="NAME", help="Recogniser that compares with pictures.")
    ],
    "sync": Annotated[
        str | None,
        typer.Option(
            help="audio, timecode, creation-time, or manual=SECONDS (when the other camera starts "
            "on the patient camera's clock) [audio]."
        ),
    ],
    "encounter_id": Annotated[
        str | None, typer.Option("--id", help="Pseudonym of the encounter [encounter].")
    ],
    "voice_activity": Annotated[
        bool | None,
        typer.Option(
            "--voice-activity",
            help="Find out when somebody speaks; no sound is kept.",
            show_default=False,
        ),
    ],
    "doctor_scores": Annotated[
        str | None,
        typer.Option(
            "--doctor-scores", help="Who gets the doctor's emotions: doctor-view or shared."
        ),
    ],
}
"""What a command takes to know its encounter. Each is None where it was not given."""


def takes_encounter(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command whose first parameter is an encounter the options of :data:`OPTIONS`."""
    own = inspect.signature(command, eval_str=True).parameters
    extra = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
        for name, annotation in OPTIONS.items()
    ]
    keyword = inspect.Parameter.KEYWORD_ONLY
    rest = [
        p if p.kind is inspect.Parameter.VAR_KEYWORD else p.replace(kind=keyword)
        for name, p in own.items()
        if name != "encounter"
    ]

    @functools.wraps(command)
    def called(**values: Any) -> None:
        given = {name: values.pop(name, None) for name in OPTIONS}
        command(given_encounter(**given), **values)

    called.__signature__ = inspect.Signature([*extra, *rest])  # type: ignore[attr-defined]
    return called


def given_encounter(
    *,
    file: Path | None,
    patient: Path | None,
    doctor: Path | None,
    both: Path | None,
    patient_side: str | None,
    patient_picture: Path | None,
    doctor_picture: Path | None,
    recognizer: str | None,
    sync: str | None,
    encounter_id: str | None,
    voice_activity: bool | None,
    doctor_scores: str | None,
) -> Encounter:
    """The encounter that the command line speaks of.

    Raises:
        ConfigError: it names no recording, or says two things at once.
    """
    changes = _changes(
        sync,
        encounter_id,
        voice_activity,
        doctor_scores,
        recognizer,
        patient_picture,
        doctor_picture,
    )
    given = {"--patient": patient, "--doctor": doctor, "--both": both}
    if file is None:
        return _from_options(patient, doctor, both, patient_side, changes)
    named = [name for name, value in given.items() if value is not None]
    if named or patient_side:
        raise ConfigError(
            f"{(named or ['--patient-side'])[0]} and an encounter file: give one of them; the "
            "file names its recordings itself"
        )
    return _with(load_encounter(file), changes)


def _changes(
    sync: str | None,
    encounter_id: str | None,
    voice_activity: bool | None,
    doctor_scores: str | None,
    recognizer: str | None,
    patient_picture: Path | None,
    doctor_picture: Path | None,
) -> dict[str, Any]:
    """What the command line says of the encounter, under the names of the encounter file."""
    found: dict[str, Any] = {}
    if sync is not None:
        found["sync"], found["offset_s"] = parse_sync(sync)
    values = {
        "id": encounter_id,
        "voice_activity": voice_activity,
        "doctor_scores": doctor_scores,
        "recognizer": recognizer,
    }
    found |= {key: value for key, value in values.items() if value is not None}
    pictures = {"patient": patient_picture, "doctor": doctor_picture}
    given = {role: str(path) for role, path in pictures.items() if path is not None}
    return found | ({"references": given} if given else {})


def parse_sync(text: str) -> tuple[str, float | None]:
    """``manual=1.25s`` as ("manual", 1.25); any other method as (method, None).

    Raises:
        ConfigError: no method of this name, or no number.
    """
    method, equals, value = text.partition("=")
    if method == "manual":
        match = re.fullmatch(r"\s*([+-]?\d+(?:\.\d+)?|[+-]?\.\d+)\s*s?\s*", value)
        if not match:
            raise ConfigError(f"--sync {text}: expected manual=SECONDS, as in manual=1.25s")
        return method, float(match[1])
    if equals or method not in ("audio", "timecode", "creation-time"):
        raise ConfigError(
            f"--sync {text}: expected audio, timecode, creation-time or manual=SECONDS"
        )
    return method, None


def _from_options(
    patient: Path | None,
    doctor: Path | None,
    both: Path | None,
    patient_side: str | None,
    changes: dict[str, Any],
) -> Encounter:
    recordings: list[dict[str, Any]] = []
    if patient is not None:
        recordings.append({"file": str(patient), "shows": "patient"})
    if doctor is not None:
        recordings.append({"file": str(doctor), "shows": "doctor"})
    if both is not None:
        regions: dict[str, Any] = {}
        if patient_side is not None:
            if patient_side not in SIDES:
                raise ConfigError(f"--patient-side {patient_side}: expected left or right")
            other = "right" if patient_side == "left" else "left"
            regions = {"patient": SIDES[patient_side], "doctor": SIDES[other]}
        recordings.append({"file": str(both), "shows": ["patient", "doctor"], "regions": regions})
    elif patient_side is not None:
        raise ConfigError("--patient-side says where the patient is in --both; give that, too")
    if not recordings:
        raise ConfigError("no recording: give an encounter file, --patient and --doctor, or --both")
    return _with_values({"recordings": recordings}, changes, make_encounter)


def _with(encounter: Encounter, changes: dict[str, Any]) -> Encounter:
    return _with_values(encounter.model_dump(), changes, make_encounter)


def _with_values(values: dict[str, Any], changes: dict[str, Any], make: Any) -> Encounter:
    """The command line on top of what is known of the encounter."""
    changes = dict(changes)
    offset = changes.pop("offset_s", None)
    recognizer = changes.pop("recognizer", None)
    references = {**values.get("references", {}), **changes.pop("references", {})}
    values = values | changes | {"references": references}
    if recognizer is not None:
        values["matching"] = {**values.get("matching", {}), "recognizer": recognizer}
    if "sync" in changes:
        recordings = [dict(r) for r in values["recordings"]]
        for r in recordings:
            r["offset_s"] = None
        shared = next((k for k, r in enumerate(recordings) if "patient" in r["shows"]), 0)
        others = [r for k, r in enumerate(recordings) if k != shared]
        if offset is not None:
            if len(others) != 1:
                raise ConfigError(
                    f"--sync manual gives one offset, and there are {len(others)} other "
                    "recordings; give offset_s for each in an encounter file"
                )
            others[0]["offset_s"] = offset
        values["recordings"] = recordings
    encounter: Encounter = make(values)
    return encounter
