"""What is noted while a recording is rendered, so that its result can be judged afterwards.

Of a few frames a second it is noted which pixels the anonymizer changed. A face that is found
in the result later is ours if it lies where that was, and somebody's own if it does not.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from framework.pipeline.likeness import Likeness
from framework.table import TrackTable
from framework.types import Frame, Image

INTERVAL_S = 0.2
"""A frame of each of these cells of time is looked at again: five a second."""
STEP = 4
"""Every fourth pixel of every fourth row is compared."""
CORE = 0.7
"""Share of a box, around its centre, that must have been changed."""
GROWTH = 0.3
"""How far a cover may reach beyond a track's box, in box sizes on each side."""
CHANGED = 0.5
"""Share of the pixels in the core of a face from which it counts as covered by us."""


def frames_to_search(table: TrackTable, read: Iterable[int] = ()) -> NDArray[np.int64]:
    """One frame for each fifth of a second; all of a recording with fewer.

    Args:
        read: frames whose emotions are read again. Where a cell has one, it is taken.
    """
    if not table.frame_count:
        return np.zeros(0, np.int64)
    cell = np.floor(table.time_s / INTERVAL_S + 1e-6).astype(np.int64)
    first = np.unique(cell, return_index=True)[1]
    chosen = dict(zip(cell[first].tolist(), first.tolist(), strict=True))
    for index in sorted(set(read), reverse=True):
        if 0 <= index < table.frame_count:
            chosen[int(cell[index])] = index
    return np.array(sorted(chosen.values()), np.int64)


@dataclass(frozen=True, eq=False)
class Dismissed:
    """A detection that the analysis took for a false alarm and left uncovered."""

    frame: int
    xyxy: NDArray[np.float32]


@dataclass(eq=False)
class Watch:
    """Notes of the frames that are searched again.

    Attributes:
        table: what is rendered.
        frames: (k,) indices of the frames of the regular search, ascending.
        dismissed: detections that were left uncovered; their frames are searched as well.
        likeness: compares the covered faces with the original's.
        shares: by frame, share of its pixels that were changed, 0 to 1.
    """

    table: TrackTable
    frames: NDArray[np.int64]
    dismissed: tuple[Dismissed, ...]
    likeness: Likeness
    _wanted: frozenset[int] = field(init=False)
    shares: dict[int, float] = field(default_factory=dict)
    _changed: dict[int, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._wanted = frozenset([*self.frames.tolist(), *(d.frame for d in self.dismissed)])

    @property
    def wanted(self) -> frozenset[int]:
        """Every frame that is searched again."""
        return self._wanted

    def note(self, frame: Frame, image: Image) -> None:
        """Note one frame, if it is one of those, before it is encoded.

        Args:
            frame: the original.
            image: what leaves: (h, w, 3), each face covered by the anonymizer.
        """
        if frame.index not in self._wanted:
            return
        before, after = frame.bgr[::STEP, ::STEP], image[::STEP, ::STEP]
        changed = (before != after).any(axis=2)
        self.shares[frame.index] = float(changed.mean())
        self._changed[frame.index] = zlib.compress(np.packbits(changed).tobytes(), 1)
        self.likeness.note(frame, image)

    def ours(self, index: int, box: NDArray[np.float32]) -> bool:
        """Whether a face in the covered frame is one that we made.

        It is if it lies where a track was and at least half of its pixels were changed.

        Args:
            box: (4,) of the face in the covered frame, pixels.
        """
        table = self.table
        tracks = table.xyxy[table.rows_of_frame(index)]
        centre = (box[:2] + box[2:]) / 2
        margin = (tracks[:, 2:] - tracks[:, :2]) * GROWTH
        inside = (centre >= tracks[:, :2] - margin) & (centre <= tracks[:, 2:] + margin)
        return bool(inside.all(axis=1).any()) and self._changed_share(index, box) >= CHANGED

    def _changed_share(self, index: int, box: NDArray[np.float32]) -> float:
        """Share of the pixels in the core of a box that the anonymizer changed."""
        packed = self._changed.get(index)
        if packed is None:
            return 0.0
        height, width = -(-self.table.height // STEP), -(-self.table.width // STEP)
        bits = np.frombuffer(zlib.decompress(packed), np.uint8)
        changed = np.unpackbits(bits, count=height * width).reshape(height, width)
        centre, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2 * CORE
        left, top = np.floor(np.maximum(centre - half, 0) / STEP).astype(int)
        right, bottom = np.ceil(np.maximum(centre + half, 0) / STEP).astype(int)
        core = changed[top : max(bottom, top + 1), left : max(right, left + 1)]
        return float(core.mean()) if core.size else 0.0
