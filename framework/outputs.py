"""The tables of a run as files: emotions by second and by frame, and the advice.

All of them speak of ``person-1``, ``person-2``; none says where the recording came from.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from framework.atomic import atomic_text, write_text
from framework.errors import ConfigError, ContractError, MediaError
from framework.reading import check_file, why_unreadable
from framework.table import TrackTable
from framework.timeline import person_name
from framework.types import EMOTIONS, PersonTimeline, Recommendation, Role

EMOTION_COLUMNS: tuple[str, ...] = (
    "second",
    "start_s",
    "person",
    "role",
    "label",
    *EMOTIONS,
    "samples",
    "coverage",
    "quality",
)
FRAME_COLUMNS: tuple[str, ...] = (
    "frame",
    "time_s",
    "person",
    "role",
    *EMOTIONS,
    "quality",
)
RECOMMENDATIONS_SCHEMA = "framework-recommendations"
RECOMMENDATIONS_VERSION = 1


def write_emotions(path: Path, people: Sequence[PersonTimeline]) -> None:
    """Write ``emotions.csv``: one row a second and person, by second and then by person.

    Probabilities are empty where the label is ``unknown``; numbers have six digits.

    Raises:
        MediaError: the file cannot be written.
    """
    with atomic_text(path) as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(EMOTION_COLUMNS)
        writer.writerows(_emotion_rows(people))


def _emotion_rows(people: Sequence[PersonTimeline]) -> Iterator[list[str]]:
    if not people:
        return
    first = min((int(p.second[0]) for p in people if len(p)), default=0)
    last = max((int(p.second[-1]) for p in people if len(p)), default=-1)
    for second in range(first, last + 1):
        for person in people:
            k = second - int(person.second[0]) if len(person) else -1
            if not 0 <= k < len(person):
                continue
            yield [
                str(second),
                f"{second:.1f}",
                person.person,
                str(person.role),
                person.label[k],
                *(number_text(v) for v in person.probabilities[k]),
                str(int(person.samples[k])),
                number_text(person.coverage[k]),
                number_text(person.quality[k]),
            ]


_MAX_BYTES = 2**28
"""Of a stored emotions.csv: months of seconds."""


def read_emotions(path: Path) -> list[PersonTimeline]:
    """Read ``emotions.csv`` back, for advice or statistics on stored timelines.

    Raises:
        MediaError: the file cannot be read.
        ConfigError: it does not validate; the message names the line.
    """
    grouped: dict[str, list[tuple[int, dict[str, str]]]] = {}
    try:
        check_file(path, _MAX_BYTES)
        with path.open(encoding="utf-8-sig", newline="") as handle:
            reader = csv.DictReader(handle, restval="")
            missing = [c for c in EMOTION_COLUMNS if c not in (reader.fieldnames or ())]
            if missing:
                raise ConfigError(f"emotions, line 1: missing column {', '.join(missing)}")
            for row in reader:
                grouped.setdefault(row["person"], []).append((reader.line_num, row))
    except FileNotFoundError:
        raise MediaError(
            "emotions: no such file; `framework run` writes it as emotions.csv"
        ) from None
    except OSError as error:
        raise MediaError(f"emotions: {why_unreadable(error)}") from None
    except (UnicodeDecodeError, csv.Error):
        raise ConfigError("emotions: expected CSV in UTF-8") from None
    return [_person(name, rows) for name, rows in grouped.items()]


def _person(name: str, rows: list[tuple[int, dict[str, str]]]) -> PersonTimeline:
    try:
        rows.sort(key=lambda item: int(item[1]["second"]))
    except ValueError:
        raise ConfigError(f"emotions, {name}, column second: expected whole numbers") from None
    columns: dict[str, list[Any]] = {
        c: [] for c in ("second", "p", "samples", "coverage", "quality")
    }
    for line, row in rows:
        try:
            columns["second"].append(int(row["second"]))
            columns["p"].append([_value(row[emotion]) for emotion in EMOTIONS])
            columns["samples"].append(int(row["samples"]))
            columns["coverage"].append(_value(row["coverage"]))
            columns["quality"].append(_value(row["quality"]))
        except ValueError as error:
            raise ConfigError(f"emotions, line {line}: {error}") from None
    try:
        return PersonTimeline(
            person=name,
            role=Role(rows[0][1]["role"]),
            second=np.array(columns["second"], np.int64),
            probabilities=np.array(columns["p"], np.float32).reshape(-1, len(EMOTIONS)),
            label=tuple(row["label"] for _, row in rows),
            samples=np.array(columns["samples"], np.int64),
            coverage=np.array(columns["coverage"], np.float32),
            quality=np.array(columns["quality"], np.float32),
        )
    except (ValueError, ContractError) as error:
        raise ConfigError(f"emotions, {name}: {error}") from None


def write_emotion_frames(path: Path, table: TrackTable) -> None:
    """Write ``emotions_frames.csv``: one row for every classified face, bystanders left out.

    Raises:
        MediaError: the file cannot be written.
    """
    samples = table.samples
    order = np.lexsort((samples.track_id, samples.frame))
    with atomic_text(path) as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(FRAME_COLUMNS)
        for k in order.tolist():
            role = table.role_of(int(samples.track_id[k]))
            if role == Role.BYSTANDER:
                continue
            index = int(samples.frame[k])
            writer.writerow(
                [
                    index,
                    f"{table.time_s[index]:.6f}",
                    person_name(int(samples.track_id[k])),
                    role,
                    *(number_text(v) for v in samples.probabilities[k]),
                    number_text(samples.quality[k]),
                ]
            )


def write_recommendations(path: Path, advice: Sequence[Recommendation]) -> None:
    """Write ``recommendations.json``, in order of time.

    Raises:
        MediaError: the file cannot be written.
    """
    body = {
        "schema": RECOMMENDATIONS_SCHEMA,
        "schema_version": RECOMMENDATIONS_VERSION,
        "recommendations": [asdict(r) for r in sorted(advice, key=lambda r: r.time_s)],
    }
    write_text(path, json.dumps(body, indent=2, ensure_ascii=False) + "\n")


def number_text(value: float | np.floating[Any]) -> str:
    """A number as the tables write it: six digits, nothing for NaN."""
    return "" if math.isnan(value) else f"{value:.6g}"


def _value(text: str) -> float:
    return float(text) if text.strip() else math.nan
