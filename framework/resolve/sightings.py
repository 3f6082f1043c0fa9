"""What the pictures say beside the detections: changes of shot, ways of unseen heads, second looks.

An instance holds no pixels but the thumbnails on both sides of each change (2,304 grey values).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from framework.boxes import iou
from framework.resolve.changes import Change

SAME_IOU = 0.5
"""Overlap from which a box is the one that a way begins with."""


@dataclass(frozen=True, eq=False)
class Way:
    """Where a head went, followed in the picture from where a detector saw it.

    Attributes:
        anchor: the frame in which it was seen.
        box: (4,) where, pixels.
        frame: (n,) int64, the frames away from it, in order: ascending after a last look,
            descending before a first one.
        xyxy: (n, 4) float64 pixels.
        doubt: (n,) how far off the box may be on each side, in face sizes.
        face: (n,) bool, points of the look itself are still in the picture; afterwards only the
            place was followed, because the head turned away or something is before it.
        gone: it went behind something: it is not to be seen after the last frame.
    """

    anchor: int
    box: NDArray[np.float64]
    frame: NDArray[np.int64]
    xyxy: NDArray[np.float64]
    doubt: NDArray[np.float64]
    face: NDArray[np.bool_]
    gone: bool

    def __len__(self) -> int:
        return len(self.frame)

    def take(self, rows: NDArray[np.bool_]) -> Way:
        """These frames alone."""
        return Way(
            self.anchor,
            self.box,
            self.frame[rows],
            self.xyxy[rows],
            self.doubt[rows],
            self.face[rows],
            self.gone and bool(rows.all()),
        )


@dataclass(frozen=True, eq=False)
class Look:
    """A second look at a doubtful detection.

    Attributes:
        frame: of the detection.
        box: (4,) of the detection, pixels.
        score: of the best face found there at larger size, 0 if there was none.
    """

    frame: int
    box: NDArray[np.float64]
    score: float


@dataclass(frozen=True, eq=False)
class Sightings:
    """All of it for one recording.

    Attributes:
        changes: of the shot, in order.
        after, before: ways after last looks and before first looks, by the frame of the look.
        looks: second looks, by frame.
    """

    changes: tuple[Change, ...] = ()
    after: dict[int, list[Way]] = field(default_factory=dict)
    before: dict[int, list[Way]] = field(default_factory=dict)
    looks: dict[int, list[Look]] = field(default_factory=dict)

    def way(self, frame: int, box: NDArray[np.float64], onward: bool) -> Way | None:
        """The way that begins with this box; None if none was followed."""
        found = (self.after if onward else self.before).get(frame, [])
        best = _best([w.box for w in found], box)
        return None if best is None else found[best]

    def looks_at(self, frame: NDArray[np.int64], boxes: NDArray[np.float64]) -> list[Look]:
        """The second looks at these detections, (n,) frames and (n, 4) boxes."""
        if not self.looks:
            return []
        looks = []
        for index, box in zip(frame.tolist(), boxes, strict=True):
            found = self.looks.get(index, [])
            best = _best([look.box for look in found], box)
            if best is not None:
                looks.append(found[best])
        return looks

    def best_look(self, frame: NDArray[np.int64], boxes: NDArray[np.float64]) -> float:
        """The best score of a second look at these detections; 0 without one."""
        return max((look.score for look in self.looks_at(frame, boxes)), default=0.0)

    def parted(self, one: Seen, other: Seen, size: tuple[int, int]) -> bool:
        """Whether a change of shot lies between two that follow each other, where either is.

        Args:
            one, other: first and last frame, and the boxes there, of each.
            size: (width, height) of the picture, pixels.
        """
        return any(
            change.side_of(*one.frames) * change.side_of(*other.frames) <= 0
            and (change.holds_at(one.boxes[1], *size) or change.holds_at(other.boxes[0], *size))
            for change in self.changes
            if one.frames[0] < change.start or other.frames[1] > change.end
        )

    def shot_around(self, seen: Seen, size: tuple[int, int]) -> tuple[int, int | None]:
        """The first and the last frame (None: the recording's) in which a face may be covered."""
        low, high = 0, None
        for change in self.changes:
            side = change.side_of(*seen.frames)
            if side >= 0 and change.holds_at(seen.boxes[0], *size):
                low = change.start
            if side <= 0 and change.holds_at(seen.boxes[1], *size):
                high = change.end
                break
        return low, high


class Seen(NamedTuple):
    """First and last frame in which somebody is seen, and the boxes there, (4,) pixels each."""

    frames: tuple[int, int]
    boxes: tuple[NDArray[np.float64], NDArray[np.float64]]


def _best(boxes: list[NDArray[np.float64]], box: NDArray[np.float64]) -> int | None:
    if not boxes:
        return None
    overlap = iou(np.array(boxes, np.float32), box[None].astype(np.float32))[:, 0]
    best = int(overlap.argmax())
    return best if overlap[best] >= SAME_IOU else None
