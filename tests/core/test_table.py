from __future__ import annotations

import numpy as np
import pytest

from framework.errors import ContractError
from framework.table import RowState, TrackTable
from framework.types import Role


def make(frame: list[int], track: list[int]) -> TrackTable:
    m = len(frame)
    return TrackTable(
        width=100,
        height=80,
        time_s=np.array([0.0, 0.1, 0.4]),
        duration_s=0.5,
        frame=np.array(frame, np.int64),
        track_id=np.array(track, np.int64),
        xyxy=np.tile(np.array([1, 2, 3, 4], np.float32), (m, 1)),
        score=np.ones(m, np.float32),
        landmarks=np.full((m, 5, 2), np.nan, np.float32),
        state=np.full(m, RowState.DETECTED, np.int8),
        roles={1: Role.PATIENT},
    )


def test_the_tracks_of_a_frame_are_its_rows() -> None:
    table = make([0, 0, 2], [1, 2, 2])
    assert table.tracks_at(0).track_id.tolist() == [1, 2]
    assert table.tracks_at(0).role == (Role.PATIENT, Role.UNKNOWN)
    assert len(table.tracks_at(1)) == 0
    assert table.tracks_at(2).track_id.tolist() == [2]
    assert len(table.tracks_at(3)) == 0
    assert len(table.tracks_at(-1)) == 0


def test_frames_last_until_the_next_one_and_sum_to_the_duration() -> None:
    np.testing.assert_allclose(make([], []).frame_duration_s, [0.1, 0.3, 0.1])


def test_rows_must_be_sorted_and_inside() -> None:
    with pytest.raises(ContractError, match="sorted"):
        make([1, 0], [1, 1])
    with pytest.raises(ContractError, match=r"indices in \[0, 3\), got 0 to 3"):
        make([0, 3], [1, 1])
