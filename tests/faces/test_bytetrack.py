"""Golden tracking numbers on made-up paths, and what the tracker promises."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest
from framework_faces.bytetrack import ByteTrack, build
from framework_faces.config import ByteTrackOptions
from hypothesis import given, settings
from hypothesis import strategies as st

from framework.spec import BuildContext
from framework.types import Detections, Frame, Tracks

PICTURE = np.zeros((720, 1280, 3), np.uint8)
Face = tuple[float, float, float, float]  # centre x, centre y, size, score


def _tracker(**options: float) -> ByteTrack:
    return build(ByteTrackOptions(**options), BuildContext())


def _detections(faces: Iterable[Face]) -> Detections:
    rows = list(faces)
    boxes = [(x - s / 2, y - s / 2, x + s / 2, y + s / 2) for x, y, s, _ in rows]
    points = [[(x, y)] * 5 for x, y, _, _ in rows]
    return Detections(xyxy=boxes, score=[f[3] for f in rows], landmarks=points)


def _follow(
    tracker: ByteTrack, faces: list[list[Face]], times: Iterable[float] | None = None
) -> list[Tracks]:
    clock = [i / 25 for i in range(len(faces))] if times is None else list(times)
    return [
        tracker.update(Frame(PICTURE, i, t), _detections(f))
        for i, (t, f) in enumerate(zip(clock, faces, strict=True))
    ]


def _ids(result: Tracks) -> list[int]:
    assert result.observed is not None
    return sorted(result.track_id[result.observed].tolist())


def test_one_face_keeps_one_id_and_the_detectors_own_box() -> None:
    faces = [[(200.0 + 4 * i, 300.0, 80.0, 0.9)] for i in range(50)]
    for tracks, seen in zip(_follow(_tracker(), faces), faces, strict=True):
        assert tracks.track_id.tolist() == [1]
        np.testing.assert_array_equal(tracks.xyxy, _detections(seen).xyxy)
        np.testing.assert_array_equal(tracks.landmarks, _detections(seen).landmarks)


def test_crossing_paths_do_not_swap() -> None:
    rng = np.random.default_rng(3)
    swaps = 0
    for _ in range(20):
        speed = rng.uniform(3, 8)
        lane = rng.uniform(40, 80)
        faces = []
        for i in range(200):
            a, b = 640 + speed * (i - 100), 640 - speed * (i - 100)
            noise = rng.normal(0, 1.5, 4)
            faces.append(
                [
                    (a + noise[0], 300 + noise[1], 80.0, rng.uniform(0.4, 1.0)),
                    (b + noise[2], 300 + lane + noise[3], 80.0, rng.uniform(0.4, 1.0)),
                ]
            )
        result = _follow(_tracker(), faces)
        assert all(len(_ids(tracks)) == 2 for tracks in result)
        first, last = result[0], result[-1]
        upper = first.track_id[first.xyxy[:, 1].argmin()]
        swaps += int(upper != last.track_id[last.xyxy[:, 1].argmin()])
    assert swaps <= 1


def test_a_weak_detection_is_not_pushed_off_its_track_by_a_strong_neighbour() -> None:
    """In two strict rounds the newcomer at 330 would take track 1 in the last frame."""
    faces: list[list[Face]] = [[(300.0, 300.0, 80.0, 0.9)] for _ in range(20)]
    faces.append([(300.0, 300.0, 80.0, 0.4), (340.0, 310.0, 80.0, 0.9)])
    last = _follow(_tracker(), faces)[-1]
    old = last.track_id[np.abs(last.xyxy[:, 0] - 260).argmin()]
    assert old == 1
    assert _ids(last) == [1, 2]


def test_an_occluded_face_is_predicted_and_found_again() -> None:
    faces = [[(200.0 + 4 * i, 300.0, 80.0, 0.9)] if not 30 <= i < 45 else [] for i in range(80)]
    result = _follow(_tracker(), faces)
    for i in range(30, 45):
        assert result[i].track_id.tolist() == [1]
        assert result[i].observed is not None
        assert not result[i].observed[0]
        assert result[i].score[0] == 0
        left = result[i].xyxy[0, 0]
        assert abs(left - (160 + 4 * i)) < 25
    assert all(t.track_id.tolist() == [1] for t in result)


def test_weak_boxes_of_a_turned_face_stay_with_it() -> None:
    faces = [[(300.0, 300.0, 80.0, 0.9 if not 20 <= i < 60 else 0.15)] for i in range(80)]
    assert all(_ids(t) == [1] for t in _follow(_tracker(), faces))


def test_a_lost_track_ends_after_its_time_not_after_a_number_of_frames() -> None:
    for rate in (5, 30, 120):
        faces: list[list[Face]] = [[(300.0, 300.0, 80.0, 0.9)] for _ in range(rate)]
        faces += [[] for _ in range(3 * rate)]
        result = _follow(_tracker(lost_s=1.0), faces, (i / rate for i in range(len(faces))))
        alive = sum(len(t) for t in result[rate:]) / rate
        assert alive == pytest.approx(1.0, abs=1.5 / rate)


def test_variable_frame_rate_is_followed() -> None:
    rng = np.random.default_rng(1)
    times = np.cumsum(rng.choice([0.01, 0.04, 0.15, 0.3], 120))
    faces = [[(100.0 + 120 * t, 300.0, 90.0, 0.9)] for t in times - times[0]]
    faces = [f if f[0][0] < 1200 else [] for f in faces]
    seen = [t for t, f in zip(_follow(_tracker(), faces, times), faces, strict=True) if f]
    assert {i for t in seen for i in _ids(t)} == {1}


def test_leaving_the_picture_ends_the_track() -> None:
    faces = [[(60.0 - 6 * i, 300.0, 80.0, 0.9)] if 60 - 6 * i > 0 else [] for i in range(30)]
    result = _follow(_tracker(lost_s=10.0), faces)
    assert len(result[-1]) == 0


def test_reset_starts_anew() -> None:
    tracker = _tracker()
    _follow(tracker, [[(300.0, 300.0, 80.0, 0.9)]] * 3)
    tracker.reset()
    result = tracker.update(Frame(PICTURE, 0, 0.0), _detections([(900.0, 300.0, 80.0, 0.9)]))
    assert result.track_id.tolist() == [1]


def test_detections_without_landmarks_are_followed_too() -> None:
    tracker = _tracker()
    plain = Detections(xyxy=[[10, 10, 60, 60]], score=[0.9])
    result = tracker.update(Frame(PICTURE, 0, 0.0), plain)
    assert result.landmarks is not None
    assert np.isnan(result.landmarks).all()
    assert len(tracker.update(Frame(PICTURE, 1, 0.04), Detections.empty())) == 1


def test_low_above_high_is_refused() -> None:
    with pytest.raises(ValueError, match="low"):
        ByteTrackOptions(low=0.8, high=0.5)


faces_of_a_frame = st.lists(
    st.tuples(st.floats(0, 1280), st.floats(0, 720), st.floats(0.5, 400), st.floats(0.0, 1.0)),
    max_size=5,
)


@settings(max_examples=40, deadline=None)
@given(
    frames=st.lists(faces_of_a_frame, max_size=12),
    steps=st.lists(st.sampled_from([0.0, 0.04, 0.5, 3.0]), min_size=12, max_size=12),
)
def test_whatever_comes_every_detection_above_birth_is_reported_once(
    frames: list[list[Face]], steps: list[float]
) -> None:
    tracker = _tracker(birth=0.3)
    times = np.cumsum(steps)[: len(frames)]
    for tracks, faces in zip(_follow(tracker, frames, times), frames, strict=True):
        detections = _detections(faces)
        assert tracks.observed is not None
        assert np.isfinite(tracks.xyxy).all()
        for box in detections.xyxy[detections.score >= 0.3]:
            assert (tracks.xyxy[tracks.observed] == box).all(axis=1).any()
