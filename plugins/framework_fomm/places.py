"""Which places of a frame are covered, or should be: by the table of a recording alone.

Besides what a frame's rows say, a place counts as covered while somebody may be there whom no
detector sees: in the gaps of a track, shortly before it begins and after it ends, and between the
end of one and the beginning of another at the same place. Whoever looks down for half a minute
stays where he is.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from framework.regions import Region, face_region
from framework.table import TrackTable
from framework_fomm.hair import HairReach, hair_regions

_BEFORE_AND_AFTER_S = 1.0
_STRANGER_MARGIN = 0.5  # who is covered by something else, in a shape that isn't known


class Places:
    """The covered places of every frame.

    Args:
        everyone: every track of the recording.
        own: those that the swap covers; the others are taken to be covered generously.
        margin: of the swap.
    """

    def __init__(self, everyone: TrackTable, own: TrackTable, margin: float) -> None:
        self._table = everyone
        self._own = set(own.track_ids())
        self._margin = margin
        self._absent = _absences(everyone)

    def established(self) -> list[int]:
        """The frames whose faces are known, ascending; the others show nothing in the result."""
        return [i for i in range(self._table.frame_count) if i not in self._table.misses]

    def covered(self, frame: int, hair: Callable[[int], HairReach]) -> list[Region]:
        """The regions of one frame.

        Args:
            hair: track -> how far its hair is covered.
        """
        rows = self._table.rows_of_frame(frame)
        begin, end, where = self._absent
        absent = where[(begin < frame) & (frame < end)]
        regions: list[Region] = []
        for row in range(rows.start, rows.stop):
            seen = bool(self._table.observed[row])
            regions += self._regions(row, seen, hair)
        for row in absent:
            regions += self._regions(int(row), False, hair)
        return regions

    def _regions(self, row: int, observed: bool, hair: Callable[[int], HairReach]) -> list[Region]:
        table = self._table
        size, track_id = (table.width, table.height), int(table.track_id[row])
        mine = track_id in self._own
        head = face_region(
            table.xyxy[row],
            size,
            table.landmarks[row],
            observed=observed,
            shape="head" if mine else "box",
            margin=self._margin if mine else max(self._margin, _STRANGER_MARGIN),
            track_id=track_id,
        )
        return [head, *(hair_regions(head, hair(track_id)) if mine else ())]


_Absences = tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]


def _absences(table: TrackTable) -> _Absences:
    """Frames between which (exclusive) somebody may still be where a row says: begin, end, row."""
    found: list[tuple[int, int, int]] = []
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    for row in range(len(table)):
        track_id, frame = int(table.track_id[row]), int(table.frame[row])
        first.setdefault(track_id, row)
        before = last.get(track_id)
        if before is not None and frame - int(table.frame[before]) > 1:
            found += [(int(table.frame[before]), frame, r) for r in (before, row)]
        last[track_id] = row
    for row in first.values():
        frame = int(table.frame[row])
        early = int(np.searchsorted(table.time_s, table.time_s[frame] - _BEFORE_AND_AFTER_S))
        found.append((early - 1, frame, row))
    starts = np.array(sorted(first.values()), np.int64)
    for row in last.values():
        frame = int(table.frame[row])
        late = int(np.searchsorted(table.time_s, table.time_s[frame] + _BEFORE_AND_AFTER_S))
        found.append((frame, late, row))
        later = starts[table.frame[starts] > frame]
        again = later[_near(table.xyxy[row], table.xyxy[later])][:1]
        found += [(frame, int(table.frame[start]), r) for start in again for r in (row, int(start))]
    columns = np.array(found, np.int64).reshape(-1, 3).T
    return columns[0], columns[1], columns[2]


def _near(box: NDArray[np.float32], others: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Which boxes (n, 4) may be the same head as (4,), moved a little."""
    size = np.maximum(others[:, 2:] - others[:, :2], box[2:] - box[:2]).max(axis=1, initial=0)
    apart = (others[:, :2] + others[:, 2:] - box[:2] - box[2:]) / 2
    return np.asarray(np.hypot(apart[:, 0], apart[:, 1]) < size)
