"""Gaps, beginnings and ends."""

from __future__ import annotations

import numpy as np
import pytest

from framework.resolve import Resolution, ResolveOptions, resolve
from framework.table import RowState
from tests.resolve.trajectories import HEIGHT, RATE, WIDTH, Seen, box, log_of, path


def _resolve(faces: list[list[Seen]], **options: float) -> Resolution:
    duration = len(faces) / RATE
    return resolve(log_of(faces), WIDTH, HEIGHT, duration, ResolveOptions(**options))


def _only_between(first: int, last: int, score: float = 0.9) -> list[list[Seen]]:
    return path(200, lambda i: (1, 300.0, 180.0, 60.0, score) if first <= i <= last else None)


def test_a_face_is_covered_before_it_is_first_seen_and_after_it_is_last_seen() -> None:
    table = _resolve(_only_between(100, 120), carry_s=1.0).table
    assert table.frame.tolist() == list(range(75, 146))
    assert (table.state[25:46] == RowState.DETECTED).all()
    assert (table.state[:25] == RowState.CARRIED).all()


def test_carrying_counts_in_seconds() -> None:
    times = np.cumsum(np.tile([0.01, 0.05, 0.2], 40))
    times -= times[0]
    faces = path(120, lambda i: (1, 300.0, 180.0, 60.0, 0.9) if i < 30 else None)
    log = log_of(faces, times.tolist())
    table = resolve(log, WIDTH, HEIGHT, float(times[-1]), ResolveOptions(carry_s=1.0)).table
    last = times[table.frame[-1]] - times[29]
    assert 0.8 <= last <= 1.0


def test_a_carried_box_covers_where_it_was_and_where_it_goes() -> None:
    faces = path(100, lambda i: (1, 100.0 + 4 * i, 180.0, 60.0, 0.9) if i < 50 else None)
    table = _resolve(faces).table
    for ahead in (1, 3, 5):
        left, top, right, bottom = table.tracks_at(49 + ahead).xyxy[0]
        seen = box(100.0 + 4 * 49, 180.0, 60.0)
        there = box(100.0 + 4 * (49 + ahead), 180.0, 60.0)
        assert left <= seen[0]
        assert right >= there[2] - 4
        assert (top, bottom) <= (seen[1], bottom)


def test_somebody_who_walks_out_is_not_carried_beyond_the_border() -> None:
    leaving = _resolve(
        path(100, lambda i: (1, 160.0 - 6 * i, 180.0, 60.0, 0.9) if i < 30 else None)
    )
    staying = _resolve(path(100, lambda i: (1, 160.0, 180.0, 60.0, 0.9) if i < 30 else None))
    assert leaving.table.frame[-1] < staying.table.frame[-1]
    assert leaving.table.frame[-1] >= 29


def test_the_box_grows_in_the_middle_of_a_gap_and_not_without_bound() -> None:
    faces = path(300, lambda i: (1, 300.0, 180.0, 60.0, 0.9) if not 50 <= i < 250 else None)
    table = _resolve(faces, growth=0.3, max_growth=0.5).table
    width = table.xyxy[:, 2] - table.xyxy[:, 0]
    assert width[20] == pytest.approx(60, abs=1)
    assert width[75] > width[52] > 60
    assert width[150] == pytest.approx(120, abs=1)
    assert width.max() <= 121


def test_a_weak_detection_that_stands_alone_is_dismissed_and_counted() -> None:
    faces = path(
        100,
        lambda i: (1, 300.0, 180.0, 60.0, 0.9),
        lambda i: (2, 80.0, 60.0, 30.0, 0.4) if i == 40 else None,
    )
    result = _resolve(faces)
    assert result.table.track_ids() == [1]
    assert len(result.dismissed) == 1
    assert result.dismissed_seconds == pytest.approx(1 / RATE)


def test_a_strong_detection_that_stands_alone_is_kept() -> None:
    faces = path(
        100,
        lambda i: (1, 300.0, 180.0, 60.0, 0.9),
        lambda i: (2, 80.0, 60.0, 30.0, 0.7) if i == 40 else None,
    )
    result = _resolve(faces)
    assert result.table.track_ids() == [1, 2]
    assert len(result.dismissed) == 0


@pytest.mark.parametrize(("other", "kept"), [(41, True), (60, True), (95, False)])
def test_a_weak_detection_is_supported_by_another_within_a_second(other: int, kept: bool) -> None:
    faces = path(100, lambda i: (i + 1, 80.0, 60.0, 30.0, 0.4) if i in (40, other) else None)
    result = _resolve(faces)
    assert (len(result.dismissed) == 0) == kept
    assert bool(len(result.table)) == kept


def test_detections_that_no_track_took_are_covered_too() -> None:
    faces = path(100, lambda i: (0, 300.0, 180.0, 60.0, 0.4))
    result = _resolve(faces)
    assert len(result.dismissed) == 0
    assert result.table.frame.tolist() == list(range(100))
    assert result.table.track_ids() == [1]


def test_frames_without_any_face_are_misses() -> None:
    result = _resolve(_only_between(100, 120), carry_s=1.0)
    assert sorted(result.table.misses) == [*range(75), *range(146, 200)]
    assert set(result.table.misses.values()) == {"no face found"}


def test_empty_frames_are_no_misses_if_so_asked() -> None:
    log = log_of(_only_between(100, 120))
    assert resolve(log, WIDTH, HEIGHT, 8.0, empty_is_miss=False).table.misses == {}


def test_a_frame_whose_detection_failed_is_a_miss_even_if_a_face_is_carried_over_it() -> None:
    faces = path(50, lambda i: (1, 300.0, 180.0, 60.0, 0.9) if i != 20 else None)
    log = log_of(faces, failures={20: "the detector failed"})
    table = resolve(log, WIDTH, HEIGHT, 2.0, empty_is_miss=False).table
    assert table.misses == {20: "the detector failed"}
    assert table.frame.tolist() == list(range(50))


def test_an_empty_recording_has_an_empty_table() -> None:
    table = resolve(log_of([]), WIDTH, HEIGHT, 0.0).table
    assert len(table) == 0
    assert table.misses == {}


def test_landmarks_go_along() -> None:
    faces = path(60, lambda i: (1, 200.0 + 2 * i, 180.0, 60.0, 0.9) if not 20 <= i < 30 else None)
    table = _resolve(faces).table
    nose = table.landmarks[table.rows_of_track(1), 2, 0]
    np.testing.assert_allclose(nose[2:58], 200.0 + 2 * np.arange(2, 58), atol=1.0)


def test_unknown_landmarks_stay_unknown() -> None:
    from framework.resolve import ObservationLog
    from framework.types import Detections, Frame, Tracks
    from tests.resolve.trajectories import PICTURE

    log = ObservationLog()
    for i in range(10):
        plain = {"xyxy": [box(300, 180, 60)], "score": [0.9]}
        log.append(
            Frame(PICTURE, i, i / RATE),
            Tracks(**plain, track_id=np.array([1])),
            Detections(**plain),
        )
    table = resolve(log, WIDTH, HEIGHT, 0.4).table
    assert np.isnan(table.landmarks).all()
    assert len(table) == 10
