"""The square around a head: where it lies, and cutting it out without shift or aliasing."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from framework_fomm.crop import Square, extract, lean, square_of_box
from framework_fomm.scene import place
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


@given(st.floats(-1.2, 1.2), st.floats(40, 300), st.sampled_from([32, 64]))
@settings(max_examples=40, deadline=None)
def test_a_leaning_square_keeps_positions(angle: float, side: float, size: int) -> None:
    """A ramp comes out as the same ramp, turned, at any angle and shrinking factor."""
    columns, rows = np.meshgrid(np.arange(500), np.arange(500))
    picture = np.round(np.stack([columns / 2, rows / 2, 0 * rows], -1)).astype(np.uint8)
    square = Square(250, 240, side, angle)
    crop = extract(picture, square, size).astype(float)
    matrix = square.matrix(size)
    places = np.stack(np.meshgrid(np.arange(size), np.arange(size)), -1) - matrix[:, 2]
    places = places @ np.linalg.inv(matrix[:, :2]).T
    assert np.abs(crop[..., :2] - places / 2).max() <= 1.1
    assert np.abs(places - [250, 240]).max() <= square.reach + 1e-6


@pytest.mark.parametrize("angle", [0.0, 0.5, -0.9])
def test_what_was_cut_out_goes_back_to_where_it_was(angle: float) -> None:
    rng = np.random.default_rng(3)
    coarse = rng.integers(0, 200, (12, 16, 3), dtype=np.uint8)
    picture = np.asarray(cv2.resize(coarse, (320, 240), interpolation=cv2.INTER_CUBIC), np.uint8)
    square = Square(150.3, 118.7, 120.0, angle)
    crop = extract(picture, square, 120)
    empty = np.zeros_like(picture)
    place(empty, crop, np.full((120, 120), 255, np.uint8), square, np.ones(3, np.float32))
    matrix = square.matrix(120)
    there = np.stack(np.meshgrid(np.arange(320), np.arange(240)), -1) @ matrix[:, :2].T
    inside = (np.abs(there + matrix[:, 2] - 59.5) < 50).all(-1)
    assert np.abs(empty[inside].astype(float) - picture[inside]).mean() < 2


@given(st.floats(-1.3, 1.3))
def test_the_network_sees_heads_that_lean_no_further_than_it_knows(roll: float) -> None:
    left = roll - lean(roll)
    assert abs(left) <= math.radians(12) + 1e-9 and left * roll >= 0 and lean(-roll) == -lean(roll)
