"""Looking again: when it happens, and what becomes of what it says."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from framework.resolve import ObservationLog, PictureWatch, Resolution, ResolveOptions, resolve
from framework.resolve.second_look import SecondLooks
from framework.types import Detections, Frame, Tracks

RATE = 25
WEAK = (40.0, 30.0, 70.0, 70.0)
PICTURE = np.zeros((90, 160, 3), np.uint8)


def _found(*boxes: Sequence[float], score: float = 0.9) -> Detections:
    return Detections(
        xyxy=np.array(boxes, np.float32).reshape(-1, 4), score=np.full(len(boxes), score)
    )


class Closer:
    """A detector that answers second looks as it is told."""

    def __init__(
        self, closer: Callable[[int], float], larger: Callable[[int], Detections] | None = None
    ) -> None:
        self.closer, self.larger = closer, larger
        self.looked: list[int] = []
        self.large: list[int] = []

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        raise AssertionError("the usual look is not asked for")

    def detect_closer(self, frame: Frame, xyxy: NDArray[np.float32]) -> Detections:
        self.looked.append(frame.index)
        return _found(xyxy, score=self.closer(frame.index))

    def detect_larger(self, frame: Frame) -> Detections:
        self.large.append(frame.index)
        return Detections.empty() if self.larger is None else self.larger(frame.index)


def _run(detector: Closer, score: float, frames: int = 50) -> Resolution:
    """Somebody who is surely seen, and one detection that is always this strong."""
    options = ResolveOptions()
    log, watch = ObservationLog(), PictureWatch(options, detector)
    for index in range(frames):
        frame = Frame(PICTURE, index, index / RATE)
        seen = Detections(
            xyxy=np.array([(100, 20, 130, 60), WEAK], np.float32), score=[0.95, score]
        )
        seen = watch.look(frame, seen)
        ids = np.arange(1, len(seen) + 1)
        log.append(frame, Tracks(xyxy=seen.xyxy, score=seen.score, track_id=ids), seen)
        watch.add(frame, seen)
    return resolve(log, 160, 90, frames / RATE, options, sightings=watch.finish())


def test_doubtful_detection_that_no_second_look_confirms_is_dropped_and_counted() -> None:
    result = _run(Closer(lambda _: 0.05), 0.4)
    assert result.table.track_ids() == [1]
    assert len(result.refused) == 50
    assert set(result.refused) <= set(result.dismissed)


def test_doubtful_detection_stays_when_the_second_looks_see_a_face() -> None:
    result = _run(Closer(lambda _: 0.97), 0.4)
    assert result.table.track_ids() == [1, 2]
    assert len(result.refused) == 0


def test_one_second_look_that_sees_a_face_outweighs_the_others() -> None:
    result = _run(Closer(lambda index: 0.9 if index == 0 else 0.05), 0.4)
    assert result.table.track_ids() == [1, 2]


def test_strong_detection_is_never_dropped() -> None:
    detector = Closer(lambda _: 0.0)
    assert _run(detector, 0.7).table.track_ids() == [1, 2]
    assert detector.looked == []


def test_place_is_looked_at_again_after_a_while_and_not_in_every_frame() -> None:
    detector = Closer(lambda _: 0.05)
    _run(detector, 0.4)
    assert detector.looked == [0, 26]


def test_large_looks_come_every_second_while_they_find_faces() -> None:
    detector = Closer(lambda _: 1.0, lambda _: _found((5, 5, 15, 17)))
    _run(detector, 0.9, frames=101)
    assert detector.large == [0, 25, 50, 75, 100]


def test_large_looks_get_rare_while_they_find_nothing() -> None:
    detector = Closer(lambda _: 1.0)
    _run(detector, 0.9, frames=400)
    assert detector.large == [0, 25, 75, 175, 275, 375]


def test_no_large_look_if_it_is_switched_off() -> None:
    detector = Closer(lambda _: 1.0)
    looks = SecondLooks(detector, ResolveOptions(large_look_s=0))
    looks.large(Frame(PICTURE, 0, 0.0), _found(), new_shot=True)
    assert detector.large == []


def test_large_look_adds_small_faces_only_and_leaves_known_boxes_as_they_are() -> None:
    known = _found((100, 20, 130, 60))
    detector = Closer(
        lambda _: 1.0, lambda _: _found((102, 22, 131, 61), (5, 5, 15, 17), (20, 10, 80, 80))
    )
    looks = SecondLooks(detector, ResolveOptions())
    after = looks.large(Frame(PICTURE, 0, 0.0), known, new_shot=True)
    np.testing.assert_array_equal(after.xyxy, [(100, 20, 130, 60), (5, 5, 15, 17)])


def test_detector_that_cannot_look_closer_is_asked_for_nothing() -> None:
    class Plain:
        def detect(self, frames: Sequence[Frame]) -> list[Detections]:
            raise AssertionError

    seen = _found(WEAK, score=0.3)
    assert PictureWatch(ResolveOptions(), Plain()).look(Frame(PICTURE, 0, 0.0), seen) is seen
