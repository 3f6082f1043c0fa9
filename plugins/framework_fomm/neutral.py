"""The neutral frame of a person: what relative motion is measured against.

The donor shows a neutral face. A driver's motion is the difference to a frame in which the driver's
face is neutral too: against a frame with a smile, every later smile would be cancelled, and every
rest would become a frown. So the frame is chosen over the whole track.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from framework.table import TrackTable
from framework.types import EMOTIONS
from framework_fomm.config import FommOptions
from framework_fomm.model import Keypoints
from framework_fomm.motion_range import FaceView, frontality, unusable_view

CANDIDATES = 12
MIN_ROWS = 5
"""A track with fewer usable rows has no rest to be known from: it is masked."""
_MIN_GAP_S = 0.2
_UNKNOWN_NEUTRAL = 0.3  # probability assumed for frames that nobody classified


@dataclass(frozen=True)
class Neutral:
    """Keypoints of the chosen frame (batch of one), and the spread of their heatmaps."""

    keypoints: Keypoints
    spread: float


@dataclass(frozen=True)
class UsableRow:
    """A row of the table whose face can be swapped, and how well it may show the person at rest."""

    row: int
    score: float  # 0 to 1: frontal, large, neutral


def usable_rows(
    table: TrackTable, rows: NDArray[np.int64], options: FommOptions
) -> list[UsableRow]:
    """Rows of one track that can be swapped as far as box and landmarks tell, in order.

    Neutrality comes from the classified faces where there are any, pose and size from the table.
    """
    size = (table.width, table.height)
    neutral = _neutrality(table, rows)
    heights = table.xyxy[rows, 3] - table.xyxy[rows, 1]
    typical = float(np.median(heights)) if len(rows) else 1.0
    usable = []
    for row, height, calm in zip(rows.tolist(), heights.tolist(), neutral.tolist(), strict=True):
        face = FaceView(table.xyxy[row], table.landmarks[row], bool(table.observed[row]))
        if unusable_view(face, size, options) is None:
            usable.append(UsableRow(row, calm * frontality(face) * min(1.0, height / typical)))
    return usable


def candidates(usable: Sequence[UsableRow], table: TrackTable) -> list[int]:
    """The rows that may best show the person neutral, frontal and large; best first.

    They lie at least 0.2 s apart, because neighbours tell the same.
    """
    chosen: list[int] = []
    times = table.time_s[table.frame]
    for one in sorted(usable, key=lambda u: (-u.score, u.row)):
        if all(abs(times[one.row] - times[other]) >= _MIN_GAP_S for other in chosen):
            chosen.append(one.row)
        if len(chosen) == CANDIDATES:
            break
    return chosen


def _neutrality(table: TrackTable, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """Probability of a neutral expression in each row, from the nearest classified frame."""
    samples = table.samples
    result = np.full(len(rows), _UNKNOWN_NEUTRAL)
    if not len(rows):
        return result
    mine = np.flatnonzero(samples.track_id == table.track_id[rows[0]])
    if not len(mine):
        return result
    mine = mine[np.argsort(samples.frame[mine])]
    when = table.time_s[samples.frame[mine]]
    value = samples.probabilities[mine, EMOTIONS.index("neutral")].astype(np.float64)
    good = samples.quality[mine].astype(np.float64)
    # a doubtful classification counts as far as its quality goes
    value = good * value + (1 - good) * _UNKNOWN_NEUTRAL
    at = table.time_s[table.frame[rows]]
    right = np.clip(np.searchsorted(when, at), 0, len(when) - 1)
    left = np.maximum(right - 1, 0)
    nearest = np.where(np.abs(when[left] - at) <= np.abs(when[right] - at), left, right)
    close = np.abs(when[nearest] - at) <= max(0.5, samples.interval_s)
    return np.where(close & np.isfinite(value[nearest]), value[nearest], result)


def most_typical(found: Iterable[Neutral]) -> Neutral:
    """The medoid: the frame whose keypoints are nearest to all the others'.

    One of a dozen good candidates may still be a blink or a syllable; the medoid is not, and unlike
    a mean it is a face that was really made.

    Raises:
        ValueError: there is none.
    """
    frames = list(found)
    if not frames:
        raise ValueError("expected at least one candidate")
    points = torch.cat([f.keypoints.value for f in frames]).flatten(1)  # (n, 2K)
    jacobians = torch.cat([f.keypoints.jacobian for f in frames]).flatten(1)
    distance = torch.cdist(points, points) + 0.1 * torch.cdist(jacobians, jacobians)
    return frames[int(distance.sum(1).argmin())]
