"""Labels of the picture are legible wherever the points lie."""

from __future__ import annotations

from itertools import pairwise

from framework_benchmark.outputs.pareto import BOTTOM, HEIGHT, TOP, _spread
from hypothesis import given
from hypothesis import strategies as st

GAP = 18.0
HEIGHTS = st.floats(TOP, HEIGHT - BOTTOM)


@given(st.lists(HEIGHTS, min_size=1, max_size=15))
def test_labels_do_not_overlap_and_stay_inside(heights: list[float]) -> None:
    placed = _spread([(y, str(i)) for i, y in enumerate(heights)], GAP)
    found = sorted(placed.values())
    assert len(found) == len(heights)
    assert found[0] >= TOP - 1e-6 and found[-1] <= HEIGHT - BOTTOM + 1e-6
    assert all(b - a >= GAP - 1e-6 for a, b in pairwise(found))


def test_labels_that_have_room_stay_at_their_points() -> None:
    bottom = float(HEIGHT - BOTTOM)
    wanted = [(TOP + 0.0, "none"), (TOP + 40.0, "swap"), *((bottom, n) for n in "abcd")]
    placed = _spread(wanted, GAP)
    assert placed["none"] == TOP and placed["swap"] == TOP + 40
    assert [placed[n] for n in "abcd"] == [bottom - 3 * GAP, bottom - 2 * GAP, bottom - GAP, bottom]
