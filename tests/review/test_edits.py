"""Corrections of a track table, each alone and many in a row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from framework_review.edits import apply, new_track, parse_edit
from hypothesis import given, settings
from hypothesis import strategies as st

from framework.errors import ConfigError
from framework.table import RowState, TrackTable
from framework.types import Role
from tests.review.conftest import FRAMES, make_table

BOX = [10.0, 20.0, 60.0, 90.0]


def edited(value: dict[str, Any], table: TrackTable | None = None) -> TrackTable:
    return apply(table or make_table(), parse_edit(value))


def box_of(table: TrackTable, track: int, frame: int) -> list[float] | None:
    rows = np.flatnonzero((table.track_id == track) & (table.frame == frame))
    return table.xyxy[rows[0]].tolist() if len(rows) else None


def test_a_box_that_is_set_is_marked_as_edited_and_its_measured_landmarks_go() -> None:
    table = edited({"kind": "set-box", "track": 1, "frame": 10, "box": BOX})
    assert box_of(table, 1, 10) == BOX
    row = np.flatnonzero((table.track_id == 1) & (table.frame == 10))[0]
    assert table.state[row] == RowState.EDITED and np.isnan(table.landmarks[row]).all()
    assert box_of(table, 1, 9) == box_of(make_table(), 1, 9)  # detected neighbours stay


def test_carried_rows_follow_on_a_line_to_the_box_that_is_set() -> None:
    table = edited({"kind": "set-box", "track": 1, "frame": 27, "box": BOX})
    before, after = box_of(table, 1, 19), box_of(table, 1, 34)
    assert before is not None and after is not None
    middle = box_of(table, 1, 23)
    assert middle == pytest.approx([b + (x - b) * 4 / 8 for b, x in zip(before, BOX, strict=True)])
    later = box_of(table, 1, 30)
    assert later == pytest.approx([x + (a - x) * 3 / 7 for a, x in zip(after, BOX, strict=True)])


def test_interpolation_replaces_what_was_detected_between_two_boxes() -> None:
    table = edited({"kind": "set-box", "track": 1, "frame": 0, "box": [0, 0, 10, 10]})
    table = edited({"kind": "set-box", "track": 1, "frame": 10, "box": [100, 0, 110, 10]}, table)
    table = edited({"kind": "interpolate", "track": 1, "start": 0, "end": 10}, table)
    assert box_of(table, 1, 5) == pytest.approx([50, 0, 60, 10])


def test_an_area_is_a_track_over_its_span_clipped_to_the_image() -> None:
    value = {"kind": "add", "track": 9, "start": 2, "end": 4, "box": [-50, -50, 40, 40]}
    table = edited(value)
    assert [box_of(table, 9, f) for f in (1, 2, 4, 5)] == [
        None,
        [0, 0, 40, 40],
        [0, 0, 40, 40],
        None,
    ]
    assert table.role_of(9) == Role.BYSTANDER


def test_split_join_and_swap_move_rows_and_keep_their_number() -> None:
    split = edited({"kind": "split", "track": 1, "frame": 30, "new": 7})
    assert split.rows_of_track(1).size == 30 and split.rows_of_track(7).size == 30
    assert split.role_of(7) == Role.PATIENT
    joined = edited({"kind": "join", "track": 1, "other": 7}, split)
    original = make_table()
    assert np.array_equal(joined.xyxy, original.xyxy)
    assert np.array_equal(joined.track_id, original.track_id)
    swapped = edited({"kind": "swap", "track": 1, "other": 2, "frame": 45})
    assert box_of(swapped, 2, 50) == box_of(original, 1, 50)
    assert box_of(swapped, 2, 40) == box_of(original, 2, 40)


def test_where_two_tracks_have_a_box_joining_keeps_the_first() -> None:
    joined = edited({"kind": "join", "track": 2, "other": 1})
    assert box_of(joined, 2, 50) == box_of(make_table(), 2, 50)
    assert box_of(joined, 2, 10) == box_of(make_table(), 1, 10)
    assert joined.track_ids() == [2]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"kind": "set-box", "track": 4, "frame": 1, "box": BOX}, "no track 4"),
        ({"kind": "set-box", "track": 1, "frame": 99, "box": BOX}, "frame 99"),
        ({"kind": "set-box", "track": 1, "frame": 1, "box": [5, 5, 5.5, 90]}, "at least 2 pixels"),
        ({"kind": "set-box", "track": 1, "frame": 1, "box": [500, 5, 600, 90]}, "outside"),
        ({"kind": "set-box", "track": 1, "frame": 1, "box": [float("nan")] * 4}, "box"),
        ({"kind": "add", "track": 1, "start": 0, "end": 1, "box": BOX}, "there already"),
        ({"kind": "add", "track": 5, "start": 4, "end": 1, "box": BOX}, "ends before"),
        ({"kind": "split", "track": 1, "frame": 0, "new": 7}, "nothing to split"),
        ({"kind": "join", "track": 1, "other": 1}, "itself"),
        ({"kind": "delete", "track": 2, "start": 0, "end": 3}, "no box"),
        ({"kind": "interpolate", "track": 2, "start": 0, "end": 40}, "needs a box"),
        ({"kind": "rm -rf"}, "edit"),
        ("nonsense", "edit"),
    ],
)
def test_a_correction_that_does_not_fit_is_refused_in_one_line(value: Any, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        edited(value)
    assert "\n" not in str(caught.value)


EDITS = st.one_of(
    st.builds(
        lambda t, f, x, y: {
            "kind": "set-box",
            "track": t,
            "frame": f,
            "box": [x, y, x + 30, y + 30],
        },
        st.integers(1, 3),
        st.integers(0, FRAMES),
        st.floats(-20, 300),
        st.floats(-20, 220),
    ),
    st.builds(
        lambda t, a, n: {"kind": "delete", "track": t, "start": a, "end": a + n},
        st.integers(1, 3),
        st.integers(0, FRAMES),
        st.integers(0, 20),
    ),
    st.builds(
        lambda t, f, n: {"kind": "split", "track": t, "frame": f, "new": n},
        st.integers(1, 3),
        st.integers(0, FRAMES),
        st.integers(3, 5),
    ),
    st.builds(
        lambda a, b: {"kind": "join", "track": a, "other": b}, st.integers(1, 3), st.integers(1, 3)
    ),
    st.builds(
        lambda a, b, f: {"kind": "swap", "track": a, "other": b, "frame": f},
        st.integers(1, 3),
        st.integers(1, 3),
        st.integers(0, FRAMES),
    ),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(EDITS, max_size=8))
def test_any_row_of_corrections_leaves_a_valid_table(values: list[dict[str, Any]]) -> None:
    """The constructor checks shapes, order and frames; here: boxes lie in the image."""
    table = make_table()
    for value in values:
        try:
            table = edited(value, table)
        except ConfigError:
            continue
    assert (table.xyxy[:, :2] >= 0).all() and (table.xyxy[:, 2] <= table.width).all()
    keys = set(zip(table.frame.tolist(), table.track_id.tolist(), strict=True))
    assert len(keys) == len(table)
    assert new_track(table) not in table.track_ids()
