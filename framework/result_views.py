"""A result as a table of seconds, and as frames with the tracks that are covered in them."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from framework.errors import MediaError
from framework.types import EMOTIONS, Frame, PersonTimeline, Tracks

if TYPE_CHECKING:
    from framework.table import TrackTable

TIME_TOLERANCE_S = 2e-3
"""A written time is that of the original up to the output's time base."""


def seconds(people: Sequence[PersonTimeline]) -> list[dict[str, Any]]:
    """One row a second and person, by second, with the columns of ``emotions.csv``.

    Probabilities are NaN where the label is ``unknown``.
    """
    rows = [
        {
            "second": int(person.second[k]),
            "start_s": float(person.second[k]),
            "person": person.person,
            "role": str(person.role),
            "label": person.label[k],
            **dict(zip(EMOTIONS, map(float, person.probabilities[k]), strict=True)),
            "samples": int(person.samples[k]),
            "coverage": float(person.coverage[k]),
            "quality": float(person.quality[k]),
        }
        for person in people
        for k in range(len(person))
    ]
    return sorted(rows, key=lambda row: (row["second"], row["person"]))


def as_data_frame(rows: list[dict[str, Any]]) -> Any:
    """The rows as a ``pandas.DataFrame``; without pandas as they are."""
    if importlib.util.find_spec("pandas") is None:
        return rows
    return importlib.import_module("pandas").DataFrame(rows)


def covered_frames(video: Path, table: TrackTable) -> Iterator[tuple[Frame, Tracks]]:
    """The frames of a covered recording with the tracks of the original at that time.

    A frame that was dropped is not in it; a frame's index counts what is there.

    Raises:
        MediaError: the recording is not there any more, or is not that of the table.
    """
    from framework.media import open_reader

    with open_reader(video) as reader:
        for frame in reader:
            k = int(np.searchsorted(table.time_s, frame.time_s - TIME_TOLERANCE_S))
            if k >= table.frame_count or abs(table.time_s[k] - frame.time_s) > TIME_TOLERANCE_S:
                raise MediaError(
                    f"the covered recording has a frame at {frame.time_s:.3f} s, its track table "
                    "has none there; was the file replaced?"
                )
            yield frame, table.tracks_at(k)
