"""A study of twelve encounters as ``framework study`` leaves it, made in seconds."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path

import numpy as np
from framework_encounter import make_encounter, run_encounter

from framework import run
from framework.approvals import append_approval, hash_files
from framework.media import open_writer
from framework.media.source import MediaKind, SourceInfo

WIDTH, HEIGHT, SIDE = 160, 96, 24
RATE, FRAMES = 10, 12
COLUMNS = (
    "id",
    "patient",
    "doctor",
    "both",
    "offset",
    "references",
    "regions",
    "span",
    "consent",
    "person",
    "age",
    "sex",
)
NO_CONSENT, UNCOVERED = "enc-11", "enc-12"
DOCTOR_AGREES, DOCTOR_DOES_NOT = "enc-01", "enc-02"
SYNTHETIC = ("enc-03", "enc-04")
OFFSET_S = 0.25
RELEASED = tuple(f"enc-{k:02d}" for k in range(1, 11))

RELEASE_YAML = """\
title: Covered consultations
authors:
  - {name: "Doe, Jane", orcid: 0000-0002-1825-0097, affiliation: University Hospital}
  - {name: "Roe, Richard"}
publisher: University Hospital
licence: CC-BY-NC-4.0
licence_url: https://creativecommons.org/licenses/by-nc/4.0/
ethics_approval: Ethics committee of the University Hospital, 2026-0815
consent_basis: Every patient agreed in writing to the publication of covered recordings.
contact: data@hospital.example
access: registered
keywords: [consultation, facial expression]
groups: [age, sex]
k: 5
recognizers: [colour]
"""


def record(path: Path, person: int, frames: int = FRAMES) -> Path:
    """A recording of one person: a bright square in the person's own colour, to and fro."""
    tint = np.array([255, 200 + 5 * (person % 8), 160 + 10 * (person // 2)], np.float64) / 255
    info = SourceInfo(MediaKind.VIDEO, WIDTH, HEIGHT, RATE, None, None, "matroska", "ffv1")
    with open_writer(path, info, codec="ffv1") as writer:
        for index in range(frames):
            rng = np.random.default_rng(1000 * person + index)
            image = rng.integers(0, 60, (HEIGHT, WIDTH, 3), dtype=np.uint8)
            x, y = 20 + abs(index % 20 - 10), 30
            square = rng.integers(225, 256, (SIDE, SIDE, 1)) * tint
            image[y : y + SIDE, x : x + SIDE] = np.clip(square, 0, 255)
            writer.write(image, index / RATE)
    return path


def make_study(root: Path) -> Path:
    """Twelve encounters; one without consent, and one whose face comes through."""
    videos = root.parent / "videos"
    videos.mkdir(parents=True)
    rows = []
    for number in range(1, 13):
        id = f"enc-{number:02d}"
        row = dict.fromkeys(COLUMNS, "")
        row |= {
            "id": id,
            "person": f"p{number}",
            "age": str(30 + number % 9),
            "sex": "f" if number % 2 else "m",
            "consent": "publication",
        }
        patient = record(videos / f"{id}-patient.mkv", number)
        row["patient"] = f"../videos/{patient.name}"
        out = root / "results" / id
        settings = {
            "detector": "square",
            "fer": "happy",
            "anonymizer": "generated" if id in SYNTHETIC else "fill",
        }
        if id in (DOCTOR_AGREES, DOCTOR_DOES_NOT):
            doctor = record(videos / f"{id}-doctor.mkv", 20 + number)
            row |= {"doctor": f"../videos/{doctor.name}", "offset": str(OFFSET_S)}
            recordings = [
                {"file": str(patient), "shows": "patient"},
                {"file": str(doctor), "shows": "doctor", "offset_s": OFFSET_S},
            ]
            about = {"id": id, "recordings": recordings, "sync": "manual"}
            run_encounter(make_encounter(about), out=out, **settings)  # type: ignore[arg-type]
        else:
            run(patient, out=out, recommender="none", **settings)  # type: ignore[arg-type]
        if id == DOCTOR_AGREES:
            row["consent"] = "patient=publication; doctor=publication"
        if id == NO_CONSENT:
            row["consent"] = "research"
        rows.append(row)
    _show(root, videos)
    write_rows(root, rows)
    (root / "study.yaml").write_text("version: 1\nreviewers: 1\n")
    (root / "release.yaml").write_text(RELEASE_YAML)
    for row in rows:
        approve(root, row["id"])
    return root


def _show(root: Path, videos: Path) -> None:
    """The covered recording of one encounter is replaced by the open one."""
    from framework.media import open_reader

    target = root / "results" / UNCOVERED / "anonymized.mp4"
    source = videos / f"{UNCOVERED}-patient.mkv"
    with open_reader(source) as reader, open_writer(target, reader.info) as writer:
        for frame in reader:
            writer.write(frame.bgr, frame.time_s)
        writer.duration_s = reader.duration_s


def approve(root: Path, id: str, reviewer: str = "r1") -> None:
    append_approval(
        root / "review" / "approvals.jsonl",
        id=id,
        files=hash_files(root / "results" / id),
        reviewer=reviewer,
        statement="I looked at every doubtful second.",
    )


def read_rows(root: Path) -> list[dict[str, str]]:
    with (root / "encounters.csv").open() as handle:
        return list(csv.DictReader(handle))


def write_rows(root: Path, rows: list[dict[str, str]]) -> None:
    with (root / "encounters.csv").open("w", newline="") as handle:
        writer = csv.DictWriter(handle, COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def copy_study(study: Path, to: Path) -> Path:
    """A copy with the same videos; the table names them relative to the study."""
    shutil.copytree(study.parent, to)
    return to / study.name
