"""Looking again: at doubtful detections, and at the whole picture for faces that are too small.

A hand or a poster's pattern that scores a little in the picture as a whole scores nearly nothing
when it is looked at alone and larger; a face scores more. A look costs about a third of a
detection; a place is looked at every ``AGAIN_S``, and not at all while a face is surely seen there.

The whole picture is looked at in twice the usual size at the beginning of every shot and then once
a second while that finds faces that the usual size misses; while it does not, more and more seldom,
down to once in ``SELDOM_S``. What it finds is followed in the picture until the next such look.
"""

from __future__ import annotations

from collections import deque

import numpy as np
from numpy.typing import NDArray

from framework.boxes import common_area, iou
from framework.protocols import CloserDetector
from framework.resolve.options import ResolveOptions
from framework.resolve.sightings import Look
from framework.types import Detections, Frame

AGAIN_S = 1.0
"""A place is looked at again after this time, seconds."""

AT_ONCE = 3
"""Places that are looked at in one frame at most, the strongest first."""

SAME_IOU = 0.3
"""Overlap from which two boxes are one place."""

SMALL = 0.1
"""Side, in long sides of the picture, up to which a face may be too small for the usual look; what
is larger and was not seen in it is no face."""

SELDOM_S = 4.0
"""Longest time between two large looks, seconds."""

INSIDE = 0.5
"""Share of a box inside one that is known already, from which it is no other face."""


class SecondLooks:
    """Decides when a detector looks again, and asks it.

    Args:
        detector: that can look closer.
        options: which detections are doubtful, and how often large looks are due.
    """

    def __init__(self, detector: CloserDetector, options: ResolveOptions) -> None:
        self._detector = detector
        self._options = options
        self._places: deque[tuple[float, NDArray[np.float32]]] = deque()
        self._large_s: float | None = None
        self._interval = options.large_look_s

    def large(self, frame: Frame, detections: Detections, new_shot: bool) -> Detections:
        """The detections, and the faces that only a large look finds, if one is due.

        Args:
            new_shot: the frame may be the first one of a new shot.
        """
        first = self._options.large_look_s
        if first <= 0:
            return detections
        due = self._large_s is None or frame.time_s - self._large_s >= self._interval - 1e-3
        if not due and not new_shot:
            return detections
        self._large_s = frame.time_s
        more = _others(self._detector.detect_larger(frame), detections)
        sides = (more.xyxy[:, 2:] - more.xyxy[:, :2]).max(axis=1, initial=0)
        more = more[sides <= SMALL * max(frame.width, frame.height)]
        if new_shot or len(more):
            self._interval = first
        else:
            self._interval = min(2 * self._interval, max(first, SELDOM_S))
        return _joined(detections, more)

    def doubtful(self, frame: Frame, detections: Detections) -> list[Look]:
        """Second looks at the detections of this frame that need one."""
        while self._places and frame.time_s - self._places[0][0] > AGAIN_S:
            self._places.popleft()
        weak = detections.score < self._options.keep_score
        sure = detections.xyxy[~weak]
        self._places.extend((frame.time_s, box) for box in sure)
        known = np.array([box for _, box in self._places], np.float32).reshape(-1, 4)
        rows = np.flatnonzero(weak)
        if len(rows) and len(known):
            rows = rows[(iou(detections.xyxy[rows], known) < SAME_IOU).all(axis=1)]
        rows = rows[np.argsort(-detections.score[rows], kind="stable")][:AT_ONCE]
        looks = []
        for row in rows.tolist():
            box = detections.xyxy[row]
            self._places.append((frame.time_s, box))
            found = self._detector.detect_closer(frame, box)
            same = iou(found.xyxy, box[None])[:, 0] >= SAME_IOU
            score = float(found.score[same].max(initial=0.0))
            looks.append(Look(frame.index, box.astype(np.float64), score))
        return looks


def _others(found: Detections, known: Detections) -> Detections:
    """Those that are none of the known faces and no part of one."""
    if not len(found) or not len(known):
        return found
    pairs = len(found), len(known)
    one = np.repeat(found.xyxy, pairs[1], axis=0)
    other = np.tile(known.xyxy, (pairs[0], 1))
    shared = common_area(one, other)
    own = np.minimum(common_area(one, one), common_area(other, other))
    return found[(shared < INSIDE * np.maximum(own, 1e-9)).reshape(pairs).all(axis=1)]


def _joined(one: Detections, other: Detections) -> Detections:
    if not len(other):
        return one

    def points(d: Detections) -> NDArray[np.float32]:
        return np.full((len(d), 5, 2), np.nan, np.float32) if d.landmarks is None else d.landmarks

    return Detections(
        xyxy=np.concatenate([one.xyxy, other.xyxy]),
        score=np.concatenate([one.score, other.score]),
        landmarks=np.concatenate([points(one), points(other)]),
    )
