"""Which faces are classified, and when: a fixed number a second and person, in batches.

Samples are taken on a grid in time (not every k-th frame), so that a recording with a variable
frame rate is sampled evenly. Crops wait in memory until a batch is full and are then forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from framework.alignment import align, landmarks_from_box
from framework.boxes import iou
from framework.errors import ContractError
from framework.pipeline.failures import Failure
from framework.protocols import EmotionClassifier
from framework.quality import face_quality
from framework.table import EmotionSamples, TrackTable
from framework.types import EMOTIONS, Frame, Image, Role, Tracks

BATCH = 32
"""Crops a call: large enough to pay, small enough that they stay under 2 MB."""

EVERY_FRAME_RATE = 240.0

MATCH_IOU = 0.3
"""Overlap a sample's box must have with a row of the resolved table to belong to it."""


@dataclass
class _Pending:
    crop: Image
    frame: int
    time_s: float
    track_id: int
    quality: float
    xyxy: NDArray[np.float32]


@dataclass
class EmotionSampler:
    """Collects faces frame by frame and classifies them.

    Attributes:
        classifier: what names the expressions.
        rate: samples a second and person; :data:`EVERY_FRAME_RATE` or more takes every frame.
    """

    classifier: EmotionClassifier
    rate: float
    failures: list[Failure] = field(default_factory=list)
    _pending: list[_Pending] = field(default_factory=list)
    _due: dict[int, int] = field(default_factory=dict)
    _frames: list[int] = field(default_factory=list)
    _ids: list[int] = field(default_factory=list)
    _qualities: list[float] = field(default_factory=list)
    _boxes: list[NDArray[np.float32]] = field(default_factory=list)
    _probabilities: list[NDArray[np.float32]] = field(default_factory=list)

    @property
    def interval_s(self) -> float:
        return 0.0 if self.rate >= EVERY_FRAME_RATE else 1.0 / self.rate

    def wants(self, time_s: float, track_id: int) -> bool:
        """Whether this person is due: the first time seen in each cell of the time grid."""
        if self.interval_s == 0.0:
            return True
        # A hair of tolerance: 0.2 * 3 is 0.6000000000000001, and a frame at 0.6 belongs to cell 3.
        cell = int(np.floor(time_s / self.interval_s + 1e-6))
        if self._due.get(track_id, -1) >= cell:
            return False
        self._due[track_id] = cell
        return True

    def add(self, frame: Frame, tracks: Tracks) -> None:
        """Take the observed faces of this frame that are due. Bystanders are never looked at."""
        for one in tracks:
            assert one.observed is not None
            track_id = int(one.track_id[0])
            if not one.observed[0] or one.role[0] is Role.BYSTANDER:
                continue
            if not self.wants(frame.time_s, track_id):
                continue
            points = _landmarks(one)
            try:
                crop = align(
                    frame.bgr, points, self.classifier.input_size, self.classifier.crop_scale
                )
            except ValueError:  # landmarks that coincide: there is no face to read
                continue
            quality = face_quality(crop, points, self.classifier.crop_scale).overall
            self._pending.append(
                _Pending(crop, frame.index, frame.time_s, track_id, quality, one.xyxy[0])
            )
        if len(self._pending) >= BATCH:
            self.flush()

    def flush(self) -> None:
        """Classify what waits. A classifier that fails costs its samples, never the run."""
        if not self._pending:
            return
        batch, self._pending = self._pending, []
        try:
            rows = self._classify([p.crop for p in batch])
        except BaseException as error:
            self.failures.append(Failure.of("fer", error, batch[0].frame, batch[0].time_s))
            return
        self._frames += [p.frame for p in batch]
        self._ids += [p.track_id for p in batch]
        self._qualities += [p.quality for p in batch]
        self._boxes += [p.xyxy for p in batch]
        self._probabilities.append(rows)

    def _classify(self, crops: list[Image]) -> NDArray[np.float32]:
        labels = self.classifier.labels
        given = np.asarray(self.classifier.classify(crops), np.float32)
        if given.shape != (len(crops), len(labels)):
            raise ContractError(
                f"classify: expected shape {(len(crops), len(labels))}, got {given.shape}"
            )
        if not np.isfinite(given).all() or not np.allclose(given.sum(axis=1), 1, atol=1e-3):
            raise ContractError("classify: expected finite rows that sum to 1")
        rows = np.zeros((len(crops), len(EMOTIONS)), np.float32)
        for column, label in enumerate(labels):
            rows[:, EMOTIONS.index(label)] = given[:, column]
        return rows

    def samples(self) -> EmotionSamples:
        """Everything classified so far, in the order it was seen."""
        self.flush()
        if not self._frames:
            return EmotionSamples.empty()
        return EmotionSamples(
            frame=np.array(self._frames, np.int64),
            track_id=np.array(self._ids, np.int64),
            probabilities=np.concatenate(self._probabilities),
            quality=np.array(self._qualities, np.float32),
            interval_s=self.interval_s,
        )

    def drain(self) -> EmotionSamples:
        """What was classified since the last call; a live stream must not remember everything."""
        found = self.samples()
        for column in (self._frames, self._ids, self._qualities, self._boxes, self._probabilities):
            column.clear()
        return found

    def resolved(self, table: TrackTable) -> EmotionSamples:
        """The samples under the ids of the resolved table.

        Resolution renames, joins and drops tracks, so each sample is given to the row of its frame
        that its box overlaps most. Samples of bystanders, and of what the table no longer holds,
        are left out.
        """
        samples = self.samples()
        owner = np.full(len(samples), -1, np.int64)
        for i in range(len(samples)):
            rows = table.rows_of_frame(int(samples.frame[i]))
            overlap = iou(self._boxes[i][None], table.xyxy[rows])[0]
            if len(overlap) and overlap.max() >= MATCH_IOU:
                track_id = int(table.track_id[rows][int(overlap.argmax())])
                if table.role_of(track_id) is not Role.BYSTANDER:
                    owner[i] = track_id
        keep = owner >= 0
        return replace(
            samples,
            frame=samples.frame[keep],
            track_id=owner[keep],
            probabilities=samples.probabilities[keep],
            quality=samples.quality[keep],
        )


def _landmarks(one: Tracks) -> NDArray[np.float32]:
    """The landmarks of a single track, guessed from its box where the detector gave none."""
    if one.landmarks is not None and np.isfinite(one.landmarks[0]).all():
        return np.asarray(one.landmarks[0], np.float32)
    return np.asarray(landmarks_from_box(one.xyxy)[0], np.float32)
