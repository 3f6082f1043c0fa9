"""Detector and tracker, guarded: a frame in which one of them fails has no known faces."""

from __future__ import annotations

from dataclasses import dataclass, field

from framework.errors import ContractError
from framework.pipeline.failures import Failure
from framework.protocols import Detector, Tracker
from framework.resolve import PictureWatch
from framework.types import Detections, Frame, Tracks


@dataclass
class Finder:
    """Finds and follows faces, frame by frame.

    Attributes:
        detector, tracker: what does it.
        failures: exceptions of the two, in the order in which they happened.
    """

    detector: Detector
    tracker: Tracker
    failures: list[Failure] = field(default_factory=list)

    def detect(self, batch: list[Frame]) -> list[Detections | None]:
        """Detections of each frame; None where the detector failed even on the frame alone."""
        try:
            return [*_checked(self.detector.detect(batch), len(batch))]
        except BaseException as error:
            failure = Failure.of("detector", error, batch[0].index, batch[0].time_s)
        if len(batch) == 1:
            self.failures.append(failure)
            return [None]
        return [self.detect([frame])[0] for frame in batch]

    def look_again(
        self, watch: PictureWatch, frame: Frame, detections: Detections | None
    ) -> Detections | None:
        """The detections with what a second look adds to them; as they are where that fails."""
        if detections is None:
            return None
        try:
            return watch.look(frame, detections)
        except BaseException as error:
            self.failures.append(Failure.of("detector", error, frame.index, frame.time_s))
            return detections

    def track(self, frame: Frame, detections: Detections | None) -> Tracks | None:
        """Tracks of this frame; None where they could not be established."""
        if detections is None:
            return None
        try:
            tracks = self.tracker.update(frame, detections)
            if not isinstance(tracks, Tracks):
                raise ContractError(f"update: expected Tracks, got {type(tracks).__name__}")
        except BaseException as error:
            self.failures.append(Failure.of("tracker", error, frame.index, frame.time_s))
            return None
        return tracks


def _checked(found: list[Detections], count: int) -> list[Detections]:
    if len(found) != count or not all(isinstance(d, Detections) for d in found):
        raise ContractError(f"detect: expected {count} Detections, got {len(found)} items")
    return found
