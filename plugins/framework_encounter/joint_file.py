"""``timeline.csv``: the joint timeline as a file, and stored timelines read back."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from framework.atomic import atomic_text
from framework.errors import ConfigError, ContractError, MediaError
from framework.outputs import number_text, read_emotions
from framework.reading import why_unreadable
from framework.types import EMOTIONS, PersonTimeline, Role
from framework_encounter.joint import Joint, Voice

PERSON_COLUMNS = ("label", *EMOTIONS, "samples", "coverage", "quality", "camera")
TIMELINE = "timeline.csv"
EMOTIONS_FILE = "emotions.csv"
DOCTOR_VIEW = "doctor-view"
NAMES = {Role.PATIENT: "person-1", Role.DOCTOR: "person-2"}


def columns(roles: Sequence[Role], voice: Voice | None) -> list[str]:
    """Heading of ``timeline.csv``."""
    named = [f"{role}_{column}" for role in roles for column in PERSON_COLUMNS]
    heard = [] if voice is None else ["speech", *(f"{role}_speech" for role in voice.speakers)]
    return ["second", "start_s", *named, *heard]


def write_joint(path: Path, joint: Joint) -> None:
    """Write ``timeline.csv``: one row a second, a group of columns for each role.

    The cells of a role are empty in seconds in which no camera of that role was running. With voice
    activity, ``speech`` is the share of the second with speech, and ``patient_speech`` and
    ``doctor_speech`` whose it was where that could be told.

    Raises:
        MediaError: the file cannot be written.
    """
    with atomic_text(path) as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(columns([p.role for p in joint.people], joint.voice))
        for second in range(joint.seconds):
            row = [str(second), f"{second:.1f}"]
            for person, cameras in zip(joint.people, joint.cameras, strict=True):
                k = second - int(person.second[0])
                row += _cells(person, cameras, k) if 0 <= k < len(person) else _BLANK
            if joint.voice is not None:
                at = second - int(joint.voice.second[0]) if len(joint.voice.second) else -1
                for share in (joint.voice.speech, *joint.voice.speakers.values()):
                    row.append(number_text(float(share[at])) if 0 <= at < len(share) else "")
            writer.writerow(row)


_BLANK = [""] * len(PERSON_COLUMNS)


def _cells(person: PersonTimeline, cameras: NDArray[np.int64], k: int) -> list[str]:
    return [
        person.label[k],
        *(number_text(float(v)) for v in person.probabilities[k]),
        str(int(person.samples[k])),
        number_text(float(person.coverage[k])),
        number_text(float(person.quality[k])),
        str(int(cameras[k]) + 1) if cameras[k] >= 0 else "",
    ]


def read_joint(path: Path) -> list[PersonTimeline]:
    """The timelines of ``timeline.csv``, each over the seconds that person was recorded.

    Raises:
        MediaError: the file cannot be read.
        ConfigError: it does not validate; the message names the line.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            rows = list(csv.reader(handle))
    except OSError as error:
        raise MediaError(f"timeline: {why_unreadable(error)}") from None
    except (UnicodeDecodeError, csv.Error):
        raise ConfigError("timeline: expected CSV in UTF-8") from None
    head = rows[0] if rows else []
    roles = [role for role in (Role.PATIENT, Role.DOCTOR) if f"{role}_label" in head]
    wanted = ["second", *(f"{r}_{c}" for r in roles for c in PERSON_COLUMNS if c != "camera")]
    missing = [column for column in wanted if column not in head]
    if missing or not roles:
        raise ConfigError(
            f"timeline, line 1: missing column {', '.join(missing) or 'patient_label'}"
        )
    return [_read_person(rows, head, role) for role in roles]


def _read_person(rows: list[list[str]], head: list[str], role: Role) -> PersonTimeline:
    place = {c: head.index(f"{role}_{c}") for c in PERSON_COLUMNS if f"{role}_{c}" in head}
    clock = head.index("second")
    second, values, labels = [], [], []
    for line, row in enumerate(rows[1:], start=2):
        if len(row) != len(head):
            raise ConfigError(f"timeline, line {line}: expected {len(head)} cells, got {len(row)}")
        if not row[place["label"]]:
            continue
        try:
            second.append(int(row[clock]))
            names = (*EMOTIONS, "samples", "coverage", "quality")
            values.append([float(row[place[name]] or "nan") for name in names])
        except ValueError as error:
            raise ConfigError(f"timeline, line {line}: {error}") from None
        labels.append(row[place["label"]])
    table = np.array(values, np.float64).reshape(-1, len(EMOTIONS) + 3)
    try:
        return PersonTimeline(
            person=NAMES[role],
            role=role,
            second=np.array(second, np.int64),
            probabilities=table[:, : len(EMOTIONS)].astype(np.float32),
            label=tuple(labels),
            samples=np.nan_to_num(table[:, -3]).astype(np.int64),
            coverage=table[:, -2].astype(np.float32),
            quality=table[:, -1].astype(np.float32),
        )
    except ContractError as error:
        raise ConfigError(f"timeline, {role}: {error}") from None


def stored_timelines(path: Path) -> list[PersonTimeline]:
    """Timelines of a finished run or encounter: its folder, ``emotions.csv`` or ``timeline.csv``.

    Of an encounter's folder the doctor's view is taken if it is there.

    Raises:
        MediaError: there is nothing of the kind.
        ConfigError: the file does not validate.
    """
    given = path
    if path.is_dir():
        places = [path / DOCTOR_VIEW / TIMELINE, path / TIMELINE, path / EMOTIONS_FILE]
        path = next((p for p in places if p.is_file()), path / EMOTIONS_FILE)
    if not path.is_file():
        raise MediaError(
            f"no stored timeline at {given}; give the folder of a run, its emotions.csv, or the "
            f"timeline.csv of an encounter"
        )
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            joint = "patient_label" in (line := handle.readline()) or "doctor_label" in line
    except (OSError, UnicodeDecodeError):
        joint = False
    return read_joint(path) if joint else read_emotions(path)
