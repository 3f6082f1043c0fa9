"""What holds for every recording, however odd."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from framework.errors import ContractError
from framework.resolve import (
    ObservationLog,
    ResolveOptions,
    resolve,
    unprotected_detections,
)
from framework.table import RowState, TrackTable
from framework.types import Detections, Frame, Tracks
from tests.resolve.trajectories import HEIGHT, PICTURE, RATE, WIDTH, Seen, log_of

seen = st.tuples(
    st.integers(0, 4),
    st.floats(-20, 660, width=32),
    st.floats(-20, 380, width=32),
    st.floats(2, 200, width=32),
    st.floats(0, 1, width=32),
)


def _unique(frame: list[Seen]) -> list[Seen]:
    """One face for each track; those without a track stay."""
    known: dict[int, Seen] = {f[0]: f for f in frame if f[0]}
    return [*known.values(), *(f for f in frame if not f[0])]


recordings = st.lists(st.lists(seen, max_size=4).map(_unique), max_size=25)
clocks = st.lists(st.sampled_from([0.0, 0.04, 0.4, 4.0]), min_size=25, max_size=25)
options = st.builds(
    ResolveOptions,
    max_gap_s=st.sampled_from([0.0, 1.0, 10.0]),
    carry_s=st.sampled_from([0.0, 0.5, 3.0]),
    smooth_s=st.sampled_from([0.0, 0.12]),
)


def _log(faces: list[list[Seen]], steps: list[float]) -> tuple[ObservationLog, float]:
    times = np.cumsum(steps)[: len(faces)]
    times = times - times[0] if len(times) else times
    duration = float(times[-1]) + 0.04 if len(times) else 0.0
    return log_of(faces, times.tolist()), duration


@settings(max_examples=150, deadline=None)
@given(faces=recordings, steps=clocks, options=options)
def test_every_detection_is_covered_or_counted(
    faces: list[list[Seen]], steps: list[float], options: ResolveOptions
) -> None:
    log, duration = _log(faces, steps)
    result = resolve(log, WIDTH, HEIGHT, duration, options)
    open_ = unprotected_detections(log, result.table, cover=0.999, dismissed=result.dismissed)
    assert len(open_) == 0
    assert (log.rows().score[result.dismissed] < options.keep_score).all()


@settings(max_examples=100, deadline=None)
@given(faces=recordings, steps=clocks, options=options)
def test_the_table_is_sound(
    faces: list[list[Seen]], steps: list[float], options: ResolveOptions
) -> None:
    log, duration = _log(faces, steps)
    table = resolve(log, WIDTH, HEIGHT, duration, options).table  # checks order and shapes
    assert table.track_ids() == list(range(1, len(table.track_ids()) + 1))
    assert np.isfinite(table.xyxy).all()
    assert ((table.score > 0) <= (table.state == RowState.DETECTED)).all()
    for i in range(len(faces)):
        table.tracks_at(i)  # raises if an id appears twice
    empty = set(range(len(faces))) - set(table.frame.tolist())
    assert set(table.misses) == empty
    for track in table.track_ids():
        _no_hole_within(table, track, options.max_gap_s)


def _no_hole_within(table: TrackTable, track: int, max_gap_s: float) -> None:
    """Between two detections of one person no frame is open, unless they are far apart in time."""
    rows = table.rows_of_track(track)
    frames = table.frame[rows]
    observed = frames[table.state[rows] == RowState.DETECTED]
    sure = table.score[rows].max() >= ResolveOptions().keep_score
    limit = max_gap_s if sure else min(max_gap_s, ResolveOptions().support_s)
    present = set(frames.tolist())
    for a, b in itertools.pairwise(observed):
        if table.time_s[b] - table.time_s[a] <= limit:
            assert set(range(int(a), int(b))) <= present


@settings(max_examples=40, deadline=None)
@given(
    start=st.tuples(st.floats(100, 540), st.floats(80, 280)),
    speed=st.tuples(st.floats(-1, 1), st.floats(-1, 1)),
    present=st.lists(st.booleans(), min_size=20, max_size=60),
)
def test_resolving_what_was_resolved_changes_nobody(
    start: tuple[float, float], speed: tuple[float, float], present: list[bool]
) -> None:
    faces: list[list[Seen]] = [
        [(1, start[0] + speed[0] * i, start[1] + speed[1] * i, 60.0, 0.9)] if p else []
        for i, p in enumerate(present)
    ]
    duration = len(faces) / RATE
    first = resolve(log_of(faces), WIDTH, HEIGHT, duration).table
    log = ObservationLog()
    for i in range(len(faces)):
        tracks = first.tracks_at(i)
        assert tracks.observed is not None
        tracks = tracks[tracks.observed]
        detections = Detections(tracks.xyxy, tracks.score, tracks.landmarks)
        log.append(Frame(PICTURE, i, i / RATE), tracks, detections)
    second = resolve(log, WIDTH, HEIGHT, duration).table
    np.testing.assert_array_equal(second.frame, first.frame)
    np.testing.assert_array_equal(second.track_id, first.track_id)
    np.testing.assert_array_equal(second.state, first.state)
    if len(first):
        assert np.abs(second.xyxy - first.xyxy).max() < 0.5 * 60


def test_a_tracker_that_reports_filtered_boxes_loses_no_detection() -> None:
    log = ObservationLog()
    for i in range(30):
        seen_at = 200.0 + 6 * i
        detections = Detections(xyxy=[[seen_at, 100, seen_at + 60, 160]], score=[0.9])
        lagging = Tracks(
            xyxy=[[seen_at - 15, 100, seen_at + 45, 160]], score=[0.9], track_id=np.array([4])
        )
        log.append(Frame(PICTURE, i, i / RATE), lagging, detections)
    result = resolve(log, WIDTH, HEIGHT, 1.2)
    assert result.table.track_ids() == [1]
    assert len(unprotected_detections(log, result.table)) == 0


def test_a_row_takes_about_a_hundred_bytes() -> None:
    log = log_of([[(1, 300.0, 180.0, 60.0, 0.9)]] * 500)
    columns = (log._time, log._frame, log._id, log._kind, log._box, log._score, log._points)
    assert sum(len(c) * c.itemsize for c in columns) / len(log) <= 100
    assert len(log) == 500


def test_frames_must_come_in_order() -> None:
    log = log_of([[], []])
    with pytest.raises(ContractError, match="expected frame 2"):
        log.append(Frame(PICTURE, 5, 1.0), Tracks.empty(), Detections.empty())
    with pytest.raises(ContractError, match="expected a time"):
        log.append(Frame(PICTURE, 2, 0.0), Tracks.empty(), Detections.empty())


def test_a_picture_without_size_is_refused() -> None:
    with pytest.raises(ContractError, match="picture size"):
        resolve(log_of([]), 0, 10, 0.0)
