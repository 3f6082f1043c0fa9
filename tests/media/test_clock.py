"""The time line never runs back, whatever the container says."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framework.media.clock import PresentationClock

BASE = Fraction(1, 1000)
stamps = st.lists(st.one_of(st.none(), st.integers(-(2**40), 2**40)), min_size=1, max_size=50)


@given(stamps, st.lists(st.one_of(st.none(), st.integers(-10, 10**6)), min_size=50, max_size=50))
def test_every_frame_is_later_than_the_one_before(pts, durations):
    clock = PresentationClock(BASE, 25)
    placed = [clock.place(p, d) for p, d in zip(pts, durations, strict=False)]
    assert placed[0] == 0
    assert all(b > a for a, b in pairwise(placed))
    seconds = [clock.seconds(p) for p in placed]
    assert all(b > a for a, b in pairwise(seconds))


@given(st.integers(-(10**12), 10**12), st.lists(st.integers(1, 3_600_000), max_size=50))
def test_good_timestamps_survive_exactly(start, steps):
    clock = PresentationClock(BASE)
    pts = [start]
    for step in steps:
        pts.append(pts[-1] + step)
    assert [clock.place(p, 40) for p in pts] == [p - start for p in pts]
    assert clock.repaired == 0


def test_missing_timestamp_follows_from_the_duration():
    clock = PresentationClock(BASE, 25)
    assert [clock.place(100, 33), clock.place(None, 20), clock.place(None), clock.place(200)] == [
        0,
        33,
        53,
        100,
    ]
    assert clock.repaired == 2


def test_repeated_timestamp_moves_one_unit_and_the_next_stays():
    clock = PresentationClock(BASE, 25)
    assert [clock.place(p) for p in (0, 40, 40, 80)] == [0, 40, 41, 80]


@pytest.mark.parametrize("jump", [-50_000, 4 * 3_600_000])
def test_joined_recordings_continue_directly(jump):
    clock = PresentationClock(BASE, 25)
    pts = [0, 40, 80, 80 + jump, 120 + jump]
    assert [clock.place(p, 40) for p in pts] == [0, 40, 80, 120, 160]


def test_first_timestamps_missing():
    clock = PresentationClock(BASE, 25)
    assert [clock.place(None, 40), clock.place(None, 40), clock.place(5080)] == [0, 40, 80]


def test_time_base_must_be_positive():
    with pytest.raises(ValueError, match="time_base"):
        PresentationClock(Fraction(0))
