"""The square around a head: where it lies, and cutting it out without shift or aliasing."""

from __future__ import annotations

import numpy as np
import pytest
from framework_fomm.crop import Square, extract, square_of_box
from hypothesis import given, settings
from hypothesis import strategies as st

coordinate = st.floats(-200, 2000)
length = st.floats(1, 800)


@given(coordinate, coordinate, length, length)
def test_square_holds_the_box(left: float, top: float, width: float, height: float) -> None:
    square = square_of_box(np.array([left, top, left + width, top + height]))
    half = square.side / 2
    slack = 1e-6 * (1 + abs(left) + abs(top))
    assert square.x - half <= left + slack and square.x + half >= left + width - slack
    assert square.y - half <= top + slack and square.y + half >= top + height - slack


@given(st.floats(60, 340), st.floats(60, 240), st.floats(30, 400), st.sampled_from([16, 64, 128]))
@settings(max_examples=40, deadline=None)
def test_extract_keeps_positions(x: float, y: float, side: float, size: int) -> None:
    """A ramp comes out as the same ramp, at any position, scale and shrinking factor."""
    columns, rows = np.meshgrid(np.arange(400), np.arange(300))
    picture = np.stack([columns / 2, rows / 2, 0 * rows], -1)
    square = Square(x, y, side)
    crop = extract(np.round(picture).astype(np.uint8), square, size).astype(float)
    matrix = square.matrix(size)
    index = np.arange(size)
    u = (index - matrix[0, 2]) / matrix[0, 0]
    v = (index - matrix[1, 2]) / matrix[1, 1]
    shrink = max(1, int(side / size))
    inside_x = (u > 2 * shrink) & (u < 399 - 3 * shrink)
    inside_y = (v > 2 * shrink) & (v < 299 - 3 * shrink)
    assert np.abs(crop[..., 0][:, inside_x] - u[inside_x] / 2).max(initial=0) <= 1.1
    assert np.abs(crop[..., 1][inside_y] - v[inside_y, None] / 2).max(initial=0) <= 1.1


@pytest.mark.parametrize(
    "square", [Square(-500, -500, 100), Square(5, 5, 4000), Square(5000, 2, 10), Square(0, 0, 1)]
)
@pytest.mark.parametrize("shape", [(1, 1), (3, 300), (120, 160)])
def test_extract_never_fails(square: Square, shape: tuple[int, int]) -> None:
    picture = np.full((*shape, 3), 77, np.uint8)
    crop = extract(picture, square, 32)
    assert crop.shape == (32, 32, 3) and (crop == 77).all()


def test_shrinking_does_not_alias() -> None:
    checks = (np.indices((512, 512)).sum(0) % 2 * 255).astype(np.uint8)
    crop = extract(np.dstack([checks] * 3), Square(256, 256, 512), 64)
    assert crop[4:-4, 4:-4].std() < 8
