"""OpenFace-style CSV: one row a face, with the columns that tools for OpenFace look for."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from framework.errors import MediaError
from framework.types import EMOTIONS
from framework_release.csv_table import write_csv
from framework_release.exporters.options import NoOptions
from framework_release.results import read_results
from framework_release.seconds import Row, rows

HEAD = ("frame", "face_id", "timestamp", "confidence", "success")
COLUMNS = (*HEAD, *(f"emotion_{e}" for e in EMOTIONS))
FRAMES = "emotions_frames.csv"


class OpenFaceExporter:
    """Writes ``openface.csv`` with OpenFace's first five columns and one for each expression.

    ``frame`` counts from 1 as there, ``face_id`` is the number of the person, ``confidence`` the
    quality of the face, ``success`` 1 where the expression was read. With ``--per-frame`` there is
    a row for each classified face, otherwise one a second, whose ``frame`` is the second's number.
    Gaze, head pose and action units are not there because nobody measured them.
    """

    def __init__(self, options: NoOptions, context: Any = None) -> None:
        del options

    def export(self, result: Path, out: Path) -> list[Path]:
        """See :class:`framework.Exporter`."""
        frames = result / FRAMES
        found = _frames(frames) if frames.is_file() else _seconds(result)
        return [write_csv(out / "openface.csv", COLUMNS, found)]


def _frames(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig", newline="") as handle:
        for row in csv.DictReader(handle):
            try:
                yield {
                    "frame": int(row["frame"]) + 1,
                    "face_id": _number(row["person"]),
                    "timestamp": float(row["time_s"]),
                    "confidence": float(row["quality"]),
                    "success": 1,
                    **{f"emotion_{e}": float(row[e]) for e in EMOTIONS},
                }
            except (KeyError, ValueError) as error:
                raise MediaError(f"{path}: not as `framework run` writes it ({error})") from None


def _seconds(result: Path) -> Iterator[Row]:
    for row in rows(read_results(result))["seconds"]:
        known = row["label"] != "unknown"
        yield {
            "frame": row["second"] + 1,
            "face_id": _number(row["person"]),
            "timestamp": float(row["second"]),
            "confidence": row["quality"] if row["quality"] is not None else 0.0,
            "success": int(known),
            **{f"emotion_{e}": row[e] if known else 0.0 for e in EMOTIONS},
        }


def _number(person: str) -> int:
    """``person-3`` is face 3."""
    digits = person.rpartition("-")[2]
    return int(digits) if digits.isdigit() else 0
