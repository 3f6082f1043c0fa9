"""Does the table cover what the detector saw?"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.boxes import area, covered_share, intersection
from framework.resolve.log import ObservationLog, RowKind
from framework.table import TrackTable


@dataclass(frozen=True, eq=False)
class Unprotected:
    """Detections that the table leaves open.

    Attributes:
        face_seconds: how long, summed over faces.
        rows: (k,) row numbers in the log.
        frames: (k,) their frames.
    """

    face_seconds: float
    rows: NDArray[np.int64]
    frames: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.rows)


def unprotected_detections(
    log: ObservationLog,
    table: TrackTable,
    cover: float = 0.95,
    score: float = 0.0,
    dismissed: NDArray[np.int64] | None = None,
) -> Unprotected:
    """Raw detections that the table's boxes of the same frame do not cover.

    A frame that is a miss counts as covered: ``--on-miss`` decides what happens to it, and each
    choice hides the whole frame.

    Args:
        log: what detector and tracker saw.
        table: what will be covered.
        cover: least share of a detection's visible area, 0 to 1.
        score: only detections with at least this score.
        dismissed: rows of the log that were dropped as false alarms; they are counted apart.
    """
    rows = log.rows()
    checked = np.isin(rows.kind, (RowKind.DETECTION, RowKind.STRAY)) & (rows.score >= score)
    if dismissed is not None:
        checked[dismissed] = False
    if table.misses:
        checked &= ~np.isin(rows.frame, np.fromiter(table.misses, np.int64))
    limit = np.array([table.width, table.height, table.width, table.height], np.float32)
    seen = np.clip(rows.xyxy, 0, limit)
    checked &= area(seen) > 0
    open_rows = [
        row
        for row in np.flatnonzero(checked).tolist()
        if not _is_covered(seen[row], table.xyxy[table.rows_of_frame(int(rows.frame[row]))], cover)
    ]
    found = np.array(open_rows, np.int64)
    frames = rows.frame[found]
    return Unprotected(float(table.frame_duration_s[frames].sum()), found, frames)


def _is_covered(box: NDArray[np.float32], others: NDArray[np.float32], cover: float) -> bool:
    if not len(others):
        return False
    # Nearly always one box covers it alone; the exact union is for the rest.
    if float(intersection(box[None], others).max()) >= cover * float(area(box[None])[0]):
        return True
    return covered_share(box, others) >= cover
