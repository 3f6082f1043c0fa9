"""Measures every face of the first pass, in batches; crops are forgotten as soon as measured."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from framework.alignment import align, landmarks_from_box, similarity, template
from framework.boxes import iou
from framework.errors import ContractError
from framework.measurement import Measurements
from framework.pipeline.failures import Failure
from framework.pipeline.sampler import BATCH, MATCH_IOU
from framework.protocols import Measurer
from framework.table import TrackTable
from framework.types import Frame, Image, Role, Tracks

ROLL = "pose_roll"
"""A measure of this name is relative to the crop; the crop's own lean is added to it."""


@dataclass
class MeasureSampler:
    """Collects the faces of every frame and measures them.

    Attributes:
        measurer: what measures.
        failures: what it could not do; a failure costs its faces, never the run.
    """

    measurer: Measurer
    failures: list[Failure] = field(default_factory=list)
    _crops: list[Image] = field(default_factory=list)
    _when: list[tuple[int, float]] = field(default_factory=list)  # frame, time of what waits
    _lean: list[float] = field(default_factory=list)  # degrees
    _waiting: list[NDArray[np.float32]] = field(default_factory=list)  # boxes of what waits
    _frames: list[int] = field(default_factory=list)
    _boxes: list[NDArray[np.float32]] = field(default_factory=list)
    _values: list[NDArray[np.float32]] = field(default_factory=list)

    def add(self, frame: Frame, tracks: Tracks) -> None:
        """Take the observed faces of this frame. Bystanders are never looked at."""
        for one in tracks:
            assert one.observed is not None
            if not one.observed[0] or one.role[0] is Role.BYSTANDER:
                continue
            points = one.landmarks[0] if one.landmarks is not None else None
            if points is None or not np.isfinite(points).all():
                points = landmarks_from_box(one.xyxy)[0]
            size, scale = self.measurer.input_size, self.measurer.crop_scale
            try:
                crop = align(frame.bgr, points, size, scale)
                matrix = similarity(points, template(size, scale))
            except ValueError:  # landmarks that coincide: there is no face to measure
                continue
            self._crops.append(crop)
            self._when.append((frame.index, frame.time_s))
            self._lean.append(-float(np.degrees(np.arctan2(matrix[1, 0], matrix[0, 0]))))
            self._waiting.append(one.xyxy[0])
        if len(self._crops) >= BATCH:
            self.flush()

    def flush(self) -> None:
        """Measure what waits."""
        if not self._crops:
            return
        crops, when, lean, boxes = self._crops, self._when, self._lean, self._waiting
        self._crops, self._when, self._lean, self._waiting = [], [], [], []
        try:
            rows = self._measure(crops, lean)
        except Exception as error:
            self.failures.append(Failure.of("measures", error, *when[0]))
            return
        self._frames += [index for index, _ in when]
        self._boxes += boxes
        self._values.append(rows)

    def _measure(self, crops: list[Image], lean: list[float]) -> NDArray[np.float32]:
        names = [one.name for one in self.measurer.measures]
        rows = np.array(self.measurer.measure(crops), np.float32)
        if rows.shape != (len(crops), len(names)) or np.isinf(rows).any():
            raise ContractError(
                f"measure: expected finite or nan, shape {(len(crops), len(names))}, got "
                f"{rows.shape}"
            )
        if ROLL in names:
            column = names.index(ROLL)
            rows[:, column] = (rows[:, column] + np.array(lean) + 180) % 360 - 180
        return rows

    def resolved(self, table: TrackTable) -> Measurements:
        """The measurements under the ids of the resolved table, without bystanders.

        Resolution renames, joins and drops tracks, so each face is given to the row of its frame
        that its box overlaps most.
        """
        self.flush()
        values = (
            np.concatenate(self._values)
            if self._values
            else np.zeros((0, len(self.measurer.measures)), np.float32)
        )
        frames = np.array(self._frames, np.int64)
        owner = np.full(len(values), -1, np.int64)
        for i, frame in enumerate(self._frames):
            rows = table.rows_of_frame(frame)
            overlap = iou(self._boxes[i][None], table.xyxy[rows])[0]
            if len(overlap) and overlap.max() >= MATCH_IOU:
                track_id = int(table.track_id[rows][int(overlap.argmax())])
                if table.role_of(track_id) is not Role.BYSTANDER:
                    owner[i] = track_id
        keep = owner >= 0
        return Measurements(tuple(self.measurer.measures), frames[keep], owner[keep], values[keep])
