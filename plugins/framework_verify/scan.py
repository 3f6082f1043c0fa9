"""Goes through the covered file frame by frame, beside the original."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from framework.alignment import landmarks_from_box
from framework.boxes import iou
from framework.detail import FEWEST, PASSES, detail_correlation
from framework.media import open_reader, prefetch
from framework.pipeline.batches import MOST, in_batches
from framework.progress import Progress, silent
from framework.protocols import Detector, Recognizer
from framework.recognition import crop_of_row, embed
from framework.table import TrackTable
from framework.types import Detections, Frame, Image
from framework_verify.recognition import (
    Enrolment,
    crops_of_detections,
    frames_to_enrol,
)
from framework_verify.restoration import best_restored, rows_to_try
from framework_verify.transforms import undone

FEWEST_POOLED = 5
"""Faces of a track from which their mean says more than each of them."""
SAME_PLACE_IOU = 0.3
SAME_ASPECT = 0.02
"""Relative difference of aspect ratios up to which the covered picture is taken as scaled."""


@dataclass
class Scan:
    """What was seen.

    Attributes:
        frames: frames of the covered file.
        duration_s: of the covered file.
        faces: faces that a detector finds in it.
        recognised: (time in seconds, track id, score) of every face that was recognised.
        pooled: by track, the score of the mean of all faces found where its face was, and whom it
            resembles.
        open: (time in seconds, track id, correlation) where detail came through.
        detail: by track, sum and number of the correlations of all its frames.
        closest: by track, the highest score of any face.
        untried: rows of the table by frame that are still to be restored.
        undone: by track and change, correlations of the frames in which changes that somebody could
            undo were tried, with their times in seconds.
        restored: (time in seconds, track id, score) of every face tried after undoing a blur.
        compared: whether places could be compared (same picture geometry).
        damaged: places of the covered file that do not decode as they should.
    """

    frames: int = 0
    duration_s: float = 0.0
    faces: int = 0
    recognised: list[tuple[float, int, float]] = field(default_factory=list)
    open: list[tuple[float, int, float]] = field(default_factory=list)
    detail: dict[int, tuple[float, int]] = field(default_factory=dict)
    closest: dict[int, float] = field(default_factory=dict)
    pooled: dict[int, tuple[float, int]] = field(default_factory=dict)
    restored: list[tuple[float, int, float]] = field(default_factory=list)
    undone: dict[tuple[int, str], list[tuple[float, float]]] = field(default_factory=dict)
    compared: bool = True
    untried: dict[int, list[int]] = field(default_factory=dict)
    damaged: int = 0
    _sums: dict[int, tuple[NDArray[np.float64], int]] = field(default_factory=dict)

    def mean_detail(self, track_id: int) -> float | None:
        """Mean correlation over the frames of a track; None for too few."""
        total, count = self.detail.get(track_id, (0.0, 0))
        return total / count if count >= FEWEST else None

    def pool(self, track_id: int, row: NDArray[np.float32]) -> None:
        """Add a face to the mean of a track."""
        total, count = self._sums.get(track_id, (np.zeros(len(row)), 0))
        self._sums[track_id] = (total + row, count + 1)

    def compare_pooled(self, enrolment: Enrolment) -> None:
        """Compare the means: what is doubtful in each frame may be plain in all of them."""
        for track_id, (total, count) in self._sums.items():
            length = float(np.linalg.norm(total))
            if count >= FEWEST_POOLED and length > 0:
                score, who = enrolment.best((total / length).astype(np.float32)[None])
                self.pooled[track_id] = (float(score[0]), enrolment.track_id[int(who[0])])


def enrolment_crops(
    original: Path, table: TrackTable, recognizer: Recognizer, threads: int
) -> dict[int, list[Image]]:
    """Aligned faces of the original, by track, in order of time."""
    rows = frames_to_enrol(table)
    by_frame: dict[int, list[tuple[int, int]]] = {}
    for track_id, own in rows.items():
        for row in own:
            by_frame.setdefault(int(table.frame[row]), []).append((track_id, row))
    found: dict[int, list[Image]] = {track_id: [] for track_id in rows}
    with open_reader(original, threads=threads) as reader:
        for frame in reader.frames(by_frame, table.time_s.tolist()):
            for track_id, row in by_frame[frame.index]:
                crop = crop_of_row(frame.bgr, table, row, recognizer)
                if crop is not None:
                    found[track_id].append(crop)
    return found


def scan(
    covered: Path,
    original: Path,
    table: TrackTable,
    detector: Detector,
    recognizer: Recognizer | None,
    enrolment: Enrolment | None,
    *,
    threads: int = 0,
    progress: Progress = silent,
) -> Scan:
    """Detect and recognise in every covered frame; compare detail at the original's faces."""
    result = Scan()
    with (
        open_reader(covered, threads=threads) as reader,
        open_reader(original, threads=threads) as source,
    ):
        info = reader.info
        aspect = (info.width / info.height) / (table.width / table.height)
        result.compared = abs(aspect - 1) <= SAME_ASPECT
        if result.compared:
            result.untried = rows_to_try(table)
        beside = _Beside(iter(source))
        for batch in in_batches(prefetch(reader, depth=MOST)):
            _scan(batch, table, detector, recognizer, enrolment, beside, result)
            progress("verify", result.frames, info.frame_count)
        result.duration_s = reader.duration_s
        result.damaged = len(reader.damage)
    if enrolment is not None:
        result.compare_pooled(enrolment)
    return result


class _Beside:
    """The original's frame at a time: the last one that has begun by then."""

    def __init__(self, frames: Iterator[Frame]) -> None:
        self._frames = frames
        self._now = next(frames, None)
        self._following = next(frames, None)

    def at(self, time_s: float) -> Frame | None:
        # Half a millisecond of tolerance: time bases differ between containers.
        while self._following is not None and self._following.time_s <= time_s + 5e-4:
            self._now, self._following = self._following, next(self._frames, None)
        return self._now


def _scan(
    frames: list[Frame],
    table: TrackTable,
    detector: Detector,
    recognizer: Recognizer | None,
    enrolment: Enrolment | None,
    beside: _Beside,
    result: Scan,
) -> None:
    for frame, detections in zip(frames, detector.detect(frames), strict=True):
        result.frames += 1
        result.faces += len(detections)
        original = beside.at(frame.time_s) if result.compared else None
        if recognizer is not None and enrolment is not None and len(detections):
            places = _places(frame, original, table, detections)
            _recognise(frame, detections, places, recognizer, enrolment, result)
        if original is not None:
            _compare(frame, original, table, result)
            for row in result.untried.pop(original.index, ()):
                _undo(frame, original, table, row, result)
                if recognizer is not None and enrolment is not None:
                    _restore(frame, row, table, recognizer, enrolment, result)


def _restore(
    frame: Frame,
    row: int,
    table: TrackTable,
    recognizer: Recognizer,
    enrolment: Enrolment,
    result: Scan,
) -> None:
    found = best_restored(frame, table, row, recognizer, enrolment)
    if found is not None:
        score, track_id = found
        result.restored.append((frame.time_s, track_id, score))


def _undo(frame: Frame, original: Frame, table: TrackTable, row: int, result: Scan) -> None:
    """Try the changes of colour and place that somebody could undo."""
    covered = _as_large(frame, original)
    track_id = int(table.track_id[row])
    for how, value in undone(original.bgr, covered, table.xyxy[row]).items():
        result.undone.setdefault((track_id, how), []).append((frame.time_s, value))


def _as_large(frame: Frame, original: Frame) -> Image:
    import cv2

    if frame.bgr.shape == original.bgr.shape:
        return frame.bgr
    size = (original.width, original.height)
    return np.asarray(cv2.resize(frame.bgr, size, interpolation=cv2.INTER_AREA), np.uint8)


def _places(
    frame: Frame, original: Frame | None, table: TrackTable, detections: Detections
) -> list[int | None]:
    """For each face the track of the original that was at its place."""
    rows = slice(0, 0) if original is None else table.rows_of_frame(original.index)
    if rows.start == rows.stop:
        return [None] * len(detections)
    scale = np.array([table.width / frame.width, table.height / frame.height] * 2, np.float32)
    overlap = iou(np.asarray(detections.xyxy) * scale, table.xyxy[rows])
    return [
        int(table.track_id[rows][int(own.argmax())]) if own.max() >= SAME_PLACE_IOU else None
        for own in overlap
    ]


def _recognise(
    frame: Frame,
    detections: Detections,
    places: list[int | None],
    recognizer: Recognizer,
    enrolment: Enrolment,
    result: Scan,
) -> None:
    cut = crops_of_detections(frame, _landmarks(detections), recognizer)
    found = [(p, c) for p, c in zip(places, cut, strict=True) if c is not None]
    if not found:
        return
    rows = embed(recognizer, [crop for _, crop in found])
    for (place, _), row in zip(found, rows, strict=True):
        if place is not None:
            result.pool(place, row)
    scores, who = enrolment.best(rows)
    for score, index in zip(scores.tolist(), who.tolist(), strict=True):
        track_id = enrolment.track_id[index]
        result.closest[track_id] = max(score, result.closest.get(track_id, -1.0))
        if score >= enrolment.threshold:
            result.recognised.append((frame.time_s, track_id, score))


def _landmarks(detections: Detections) -> list[NDArray[np.float32]]:
    guessed = landmarks_from_box(detections.xyxy)
    if detections.landmarks is None:
        return list(guessed)
    return [
        points if np.isfinite(points).all() else guess
        for points, guess in zip(detections.landmarks, guessed, strict=True)
    ]


def _compare(frame: Frame, original: Frame, table: TrackTable, result: Scan) -> None:
    rows = table.rows_of_frame(original.index)
    if rows.start == rows.stop:
        return
    covered = _as_large(frame, original)
    for row in range(rows.start, rows.stop):
        value = detail_correlation(original.bgr, covered, table.xyxy[row])
        if value is None:
            continue
        track_id = int(table.track_id[row])
        total, count = result.detail.get(track_id, (0.0, 0))
        result.detail[track_id] = (total + value, count + 1)
        if abs(value) >= PASSES:  # far below 0 it is a negative
            result.open.append((frame.time_s, track_id, value))
