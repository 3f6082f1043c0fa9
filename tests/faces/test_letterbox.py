"""Coordinates survive turning, scaling and padding."""

from __future__ import annotations

import numpy as np
import pytest
from framework_faces.letterbox import fit
from hypothesis import given, settings
from hypothesis import strategies as st


@settings(max_examples=40, deadline=None)
@given(
    width=st.integers(2, 300),
    height=st.integers(2, 300),
    size=st.integers(16, 320),
    turns=st.integers(0, 3),
    x=st.floats(0, 1),
    y=st.floats(0, 1),
)
def test_a_point_comes_back(
    width: int, height: int, size: int, turns: int, x: float, y: float
) -> None:
    image = np.zeros((height, width, 3), np.uint8)
    picture, place = fit(image, size, turns, 32, (0, 0, 0))
    assert picture.shape[0] % 32 == 0
    assert picture.shape[1] % 32 == 0
    assert max(picture.shape) <= -(-max(size, 1) // 32) * 32
    # Where this point of the turned picture is in the input, computed from the picture's own turn.
    px, py = x * width, y * height
    turned = {
        0: (px, py),
        1: (height - py, px),
        2: (width - px, height - py),
        3: (py, width - px),
    }[turns]
    at = np.array([turned[0] * place.scale_x, turned[1] * place.scale_y], np.float32)
    np.testing.assert_allclose(place.points(at), [px, py], atol=0.05)


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
def test_a_bright_spot_is_found_where_it_was(turns: int) -> None:
    image = np.zeros((90, 160, 3), np.uint8)
    image[20:24, 100:104] = 255
    picture, place = fit(image, 320, turns, 32, (0, 0, 0))
    rows, columns = np.nonzero(picture[..., 0] > 128)
    spot = np.array([[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]], np.float32)
    np.testing.assert_allclose(place.boxes(spot)[0], [100, 20, 104, 24], atol=1.0)


def test_padding_has_the_given_colour() -> None:
    picture, _ = fit(np.zeros((10, 64, 3), np.uint8), 64, 0, 32, (104.0, 117.0, 123.0))
    assert picture.shape == (32, 64, 3)
    assert picture[31, 0].tolist() == [104, 117, 123]
