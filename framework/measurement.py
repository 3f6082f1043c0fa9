"""What was measured of faces, by frame and person, and its tables.

``measures.csv`` has a row for each measured face; ``measures_seconds.csv`` the mean of each second
and person, and the blinks in it. A blink is a time in which the mean opening of both eyes falls
under half of the person's usual opening and comes back within 0.5 s (Soukupova and Cech 2016 use
the same ratio of gap to width).
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from framework.atomic import atomic_text
from framework.table import TrackTable
from framework.timeline import person_name
from framework.types import Measure

EYES = ("eye_opening_right", "eye_opening_left")
"""Measures that blinks are counted by, if a measurer has them."""

USUAL_QUANTILE = 0.6  # of the opening over a recording: eyes are open most of the time
CLOSED_SHARE = 0.5
LONGEST_BLINK_S = 0.5


@dataclass(frozen=True, eq=False)
class Measurements:
    """What was measured.

    Attributes:
        measures: of each column.
        frame, track_id: (n,) of each row.
        values: (n, k) float32, nan where something could not be measured.
    """

    measures: tuple[Measure, ...]
    frame: NDArray[np.int64]
    track_id: NDArray[np.int64]
    values: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.frame)

    def column(self, name: str) -> NDArray[np.float32] | None:
        """(n,) the values of one measure; None if there is none of this name."""
        for i, one in enumerate(self.measures):
            if one.name == name:
                return self.values[:, i]
        return None


def blinks(time_s: NDArray[np.float64], opening: NDArray[np.float64]) -> NDArray[np.float64]:
    """Times at which one person's eyes are most closed in each blink, seconds.

    Args:
        time_s: (n,) ascending.
        opening: (n,) mean gap of the lids over their width; nan where unknown.
    """
    known = np.isfinite(opening)
    time_s, opening = time_s[known], opening[known]
    if len(opening) < 3:
        return np.zeros(0)
    closed = opening < CLOSED_SHARE * np.quantile(opening, USUAL_QUANTILE)
    edges = np.diff(np.concatenate([[0], closed.astype(np.int8), [0]]))
    found = []
    for start, end in zip(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1), strict=True):
        # what began before the recording, or doesn't end in it, is not known to be a blink
        if start == 0 or end == len(opening):
            continue
        if time_s[end] - time_s[start - 1] <= LONGEST_BLINK_S + 2 * (time_s[end] - time_s[end - 1]):
            found.append(time_s[start + int(np.argmin(opening[start:end]))])
    return np.array(found, np.float64)


def write_measures(path: Path, found: Measurements, table: TrackTable) -> None:
    """Write ``measures.csv``: one row a face, by frame and then by person.

    Raises:
        MediaError: the file cannot be written.
    """
    columns = [_column(one) for one in found.measures]
    with atomic_text(path) as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(("frame", "time_s", "person", "role", *columns))
        for i in np.lexsort((found.track_id, found.frame)).tolist():
            track_id, frame = int(found.track_id[i]), int(found.frame[i])
            who = (person_name(track_id), str(table.role_of(track_id)))
            time_s = f"{table.time_s[frame]:.6f}"
            writer.writerow((frame, time_s, *who, *map(_text, found.values[i].tolist())))


def write_measure_seconds(path: Path, found: Measurements, table: TrackTable) -> None:
    """Write ``measures_seconds.csv``: means of each second and person, and the blinks in it.

    ``blinks`` is empty where the measurer does not tell how open the eyes are.

    Raises:
        MediaError: the file cannot be written.
    """
    times = table.time_s[found.frame]
    eyes = [found.column(name) for name in EYES]
    rows = []
    for track_id in np.unique(found.track_id).tolist():
        mine = np.flatnonzero(found.track_id == track_id)
        mine = mine[np.argsort(times[mine], kind="stable")]
        when = times[mine]
        closing = None
        if all(eye is not None for eye in eyes):
            opening = np.mean([eye[mine] for eye in eyes if eye is not None], axis=0)
            closing = np.floor(blinks(when, opening.astype(np.float64)))
        seconds = np.floor(when).astype(np.int64)
        for second in np.unique(seconds).tolist():
            part = found.values[mine[seconds == second]].astype(np.float64)
            count = "" if closing is None else str(int((closing == second).sum()))
            who = (person_name(track_id), str(table.role_of(track_id)))
            rows.append((second, track_id, [*who, len(part), count, *_means(part, found)]))
    with atomic_text(path) as handle:
        writer = csv.writer(handle, lineterminator="\n")
        columns = [_column(one) for one in found.measures]
        writer.writerow(("second", "person", "role", "frames", "blinks", *columns))
        for second, _, rest in sorted(rows, key=lambda row: row[:2]):
            writer.writerow((second, *rest))


def _means(part: NDArray[np.float64], found: Measurements) -> list[str]:
    """Means of the columns over what is known; of angles the mean direction."""
    result = []
    for i, one in enumerate(found.measures):
        known = part[:, i][np.isfinite(part[:, i])]
        if not len(known):
            result.append("")
        elif one.unit == "degrees":
            turn = np.radians(known)
            result.append(_text(np.degrees(np.arctan2(np.sin(turn).mean(), np.cos(turn).mean()))))
        else:
            result.append(_text(known.mean()))
    return result


def _column(one: Measure) -> str:
    """Name of a column: the measure's, with its unit if it has one."""
    return one.name if one.unit == "1" else f"{one.name}_{one.unit}"


def _text(value: float) -> str:
    return "" if not np.isfinite(value) else f"{value:.4f}"
