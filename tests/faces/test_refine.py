"""Turned heads: how the angle is read, and cutting out at the border."""

from __future__ import annotations

import numpy as np
import pytest
from framework_faces.refine import _cut_out, roll_degrees

UPRIGHT = np.array([[38, 52], [74, 52], [56, 72], [42, 92], [71, 92]], np.float32)


@pytest.mark.parametrize("degrees", [0, 20, 45, 90, 135, 180, -90])
def test_the_angle_of_a_turned_face(degrees: float) -> None:
    a = np.radians(degrees)
    turn = np.array([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    assert roll_degrees((UPRIGHT @ turn.T)[None])[0] == pytest.approx(abs(degrees), abs=2)


@pytest.mark.parametrize(
    "box", [(10, 10, 20, 24), (-5, -5, 8, 8), (95, 55, 130, 90), (-40, 10, -20, 30), (0, 0, 400, 9)]
)
def test_the_cut_shows_the_picture_where_it_says(box: tuple[int, int, int, int]) -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (60, 100, 3)).astype(np.uint8)
    cut, origin = _cut_out(image, np.array(box, np.float32))
    left, top = origin.astype(int)
    for y in range(60):
        for x in (0, 33, 99):
            if 0 <= y - top < cut.shape[0] and 0 <= x - left < cut.shape[1]:
                np.testing.assert_array_equal(cut[y - top, x - left], image[y, x])
