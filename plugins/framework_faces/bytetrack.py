"""The tracker ``bytetrack`` (Zhang et al., ByteTrack, ECCV 2022), with time in seconds.

The paper's point is kept: weak detections take part in the association, because a weak box where a
face is expected is a turned or covered face and not a false alarm. Four things differ.

* The paper associates strong detections first and weak ones with the tracks that are left. Where
  two people pass each other, a strong detection of one then takes the other's track in a frame in
  which the other is weak. Here both take part in one assignment, in which a weak one pays extra.
* A weak detection may begin a track, and may find a lost track again: a missed face is worse here
  than a blurred wall. The offline resolution drops those that nothing supports.
* A track reports the detector's own box while it is seen, so that no filter lag uncovers a face.
* Boxes are enlarged before their overlap is measured: faces are small and move fast.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from framework.boxes import iou
from framework.spec import BuildContext
from framework.types import Detections, Frame, Tracks
from framework_faces.association import associate
from framework_faces.config import ByteTrackOptions
from framework_faces.kalman import BoxFilter

WEAK_COST = 0.3
"""What a weak detection pays in the association, in units of overlap."""

DUPLICATE_IOU = 0.6
"""A lost track that lies on a seen one by more than this was the same face."""


def build(config: ByteTrackOptions, context: BuildContext) -> ByteTrack:
    """Make the tracker. It needs nothing from the context."""
    return ByteTrack(config)


class ByteTrack:
    """Links detections over time. One instance for each stream, frames in order."""

    def __init__(self, config: ByteTrackOptions) -> None:
        self._config = config
        self.reset()

    def reset(self) -> None:
        """Forget everything; ids start at 1 again."""
        self._filter = BoxFilter.start(np.zeros((0, 4)))
        self._source = np.zeros(0, np.intp)  # each track's detection in the last frame, or -1
        self._id = np.zeros(0, np.int64)
        self._seen_s = np.zeros(0)
        self._score = np.zeros(0, np.float32)
        self._points = np.zeros((0, 5, 2))  # relative to the box: 0 left/top edge, 1 right/bottom
        self._next_id = 1
        self._time_s: float | None = None

    def update(self, frame: Frame, detections: Detections) -> Tracks:
        """The tracks of this frame, those without a detection predicted (``observed`` False).

        Args:
            frame: only its time is used.
            detections: what the detector found in it.
        """
        config = self._config
        since = 0.0 if self._time_s is None else frame.time_s - self._time_s
        self._filter.predict(since, lost=self._source < 0)
        self._time_s = frame.time_s

        source = self._match(detections)  # the detection of each track, or -1
        free = np.ones(len(detections), bool)
        free[source[source >= 0]] = False
        born = np.flatnonzero(free & (detections.score >= config.birth))
        self._correct(source, detections)
        source = self._begin(source, detections, born)
        self._forget(source, frame)
        return self._report(detections)

    def _match(self, detections: Detections) -> NDArray[np.intp]:
        """The detection of each track, -1 where there is none."""
        config = self._config
        source = np.full(len(self._id), -1, np.intp)
        rows = np.flatnonzero(detections.score >= config.low)
        surcharge = np.where(detections.score[rows] >= config.high, 0.0, WEAK_COST)
        track, found = associate(
            self._filter.xyxy().astype(np.float32),
            detections.xyxy[rows],
            surcharge.astype(np.float32),
            config.match,
            config.buffer,
        )
        source[track] = rows[found]
        return source

    def _correct(self, source: NDArray[np.intp], detections: Detections) -> None:
        rows = np.flatnonzero(source >= 0)
        found = source[rows]
        self._filter.correct(rows, detections.xyxy[found])
        self._score[rows] = detections.score[found]
        self._points[rows] = _relative(detections, found)
        assert self._time_s is not None
        self._seen_s[rows] = self._time_s

    def _begin(
        self, source: NDArray[np.intp], detections: Detections, born: NDArray[np.intp]
    ) -> NDArray[np.intp]:
        n = len(born)
        self._filter = self._filter.join(BoxFilter.start(detections.xyxy[born]))
        self._id = np.append(self._id, np.arange(self._next_id, self._next_id + n))
        self._next_id += n
        self._seen_s = np.append(self._seen_s, np.full(n, self._time_s))
        self._score = np.append(self._score, detections.score[born])
        self._points = np.concatenate([self._points, _relative(detections, born)])
        return np.append(source, born)

    def _forget(self, source: NDArray[np.intp], frame: Frame) -> None:
        """Drop tracks that are lost for too long, have left the image, or double a seen one."""
        boxes = self._filter.xyxy()
        seen = source >= 0
        centre = (boxes[:, :2] + boxes[:, 2:]) / 2
        inside = ((centre >= 0) & (centre <= [frame.width, frame.height])).all(axis=1)
        recent = frame.time_s - self._seen_s <= self._config.lost_s
        overlap = iou(boxes.astype(np.float32), boxes[seen].astype(np.float32))
        double = (overlap > DUPLICATE_IOU).any(axis=1)
        keep = seen | (recent & inside & ~double)
        self._source = source[keep]
        self._filter = self._filter.take(keep)
        self._id, self._seen_s = self._id[keep], self._seen_s[keep]
        self._score, self._points = self._score[keep], self._points[keep]

    def _report(self, detections: Detections) -> Tracks:
        seen = self._source >= 0
        boxes = self._filter.xyxy().astype(np.float32)
        points = boxes[:, None, :2] + self._points * (boxes[:, None, 2:] - boxes[:, None, :2])
        found = self._source[seen]
        boxes[seen] = detections.xyxy[found]
        if detections.landmarks is not None:
            points[seen] = detections.landmarks[found]
        return Tracks(
            xyxy=boxes,
            score=np.where(seen, self._score, 0.0),
            landmarks=points,
            track_id=self._id,
            observed=seen,
        )


def _relative(detections: Detections, rows: NDArray[np.intp]) -> NDArray[np.float64]:
    """Landmarks of these detections in units of their boxes, (k, 5, 2); NaN where unknown."""
    if detections.landmarks is None:
        return np.full((len(rows), 5, 2), np.nan)
    boxes = detections.xyxy[rows].astype(np.float64)
    size = np.maximum(boxes[:, None, 2:] - boxes[:, None, :2], 1e-6)
    return (detections.landmarks[rows] - boxes[:, None, :2]) / size
