"""What of a face picture the network sees, and what happens to pictures that are none."""

from __future__ import annotations

import numpy as np
import pytest
from framework_fer.framing import (
    INPUT_SIZE,
    WINDOW,
    Framing,
    as_grey,
    network_input,
    normalised,
    resized,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from framework.alignment import TEMPLATE
from framework.errors import UserError


def picture(side: int = 60, channels: int = 3) -> np.ndarray:
    rng = np.random.default_rng(side + channels)
    shape = (side, side) if channels == 0 else (side, side, channels)
    return rng.integers(0, 256, shape, dtype=np.uint8)


@pytest.mark.parametrize(
    ("face", "said"),
    [
        (np.zeros((0, 10, 3), np.uint8), "at least one pixel"),
        (np.zeros((10, 0), np.uint8), "at least one pixel"),
        (np.zeros((10, 10, 2), np.uint8), "expected a picture"),
        (np.zeros((2, 10, 10, 3), np.uint8), "expected a picture"),
        (np.zeros(7, np.uint8), "expected a picture"),
        (np.zeros((10, 10, 3), np.int32), "expected uint8 pixels, got int32"),
        (np.zeros((10, 10, 3), bool), "expected uint8 pixels, got bool"),
        (np.full((10, 10, 3), np.nan, np.float32), "NaN"),
        (np.full((10, 10), np.inf, np.float64), "infinity"),
        (np.full((10, 10), -3.0), "from 0 to 1 or from 0 to 255"),
        (np.full((10, 10), 900.0), "from 0 to 1 or from 0 to 255"),
        (np.array([["a", "b"], ["c", "d"]]), "expected uint8 pixels"),
    ],
)
def test_what_is_no_picture_is_refused_with_what_was_expected(face: np.ndarray, said: str) -> None:
    with pytest.raises(UserError, match=said) as caught:
        as_grey(face, 4)
    assert str(caught.value).startswith("face 4: ")
    assert "\n" not in str(caught.value)


def test_one_three_and_four_channels_give_the_same_luminance() -> None:
    grey = picture(channels=0)
    bgr = np.repeat(grey[:, :, None], 3, axis=2)
    bgra = np.concatenate([bgr, np.full((*grey.shape, 1), 9, np.uint8)], axis=2)
    for face in (grey, grey[:, :, None], bgr, bgra, grey / 255.0, grey.astype(np.float32)):
        assert np.array_equal(as_grey(face), grey)


def test_eyes_and_mouth_of_the_template_land_on_those_of_fer2013() -> None:
    # Means of FER2013's training faces: eyes at 36.5 %, mouth at 79 % of the height.
    left, top, right, bottom = WINDOW
    points = TEMPLATE / INPUT_SIZE
    eyes = (points[:2, 1].mean() - top) / (bottom - top)
    mouth = (points[3:, 1].mean() - top) / (bottom - top)
    distance = (points[1, 0] - points[0, 0]) / (right - left)
    assert eyes == pytest.approx(0.365, abs=0.02)
    assert mouth == pytest.approx(0.79, abs=0.02)
    assert distance == pytest.approx(0.35, abs=0.03)


def test_the_aligned_window_is_cut_before_resizing() -> None:
    face = np.zeros((112, 112), np.uint8)
    face[16:, 8:104] = 200
    assert (resized(face, 96, Framing.ALIGNED) == 200).all()
    assert (resized(face, 96, Framing.TIGHT) == 0).any()


@pytest.mark.parametrize("side", [1, 2, 5, 24, 48, 500])
@pytest.mark.parametrize("framing", list(Framing))
def test_any_size_becomes_network_input(side: int, framing: Framing) -> None:
    out = network_input([picture(side)], 64, framing)
    assert out.shape == (1, 1, 64, 64)
    assert out.dtype == np.float32
    assert np.isfinite(out).all()


def test_no_face_gives_an_empty_batch() -> None:
    assert network_input([], 64, Framing.TIGHT).shape == (0, 1, 64, 64)


@settings(max_examples=40, deadline=None)
@given(gain=st.floats(0.5, 1.0), offset=st.floats(0.0, 40.0))
def test_brightness_and_contrast_do_not_matter(gain: float, offset: float) -> None:
    face = np.tile(np.linspace(0, 200, 32), (32, 1))
    plain = normalised(face[None].astype(np.uint8))
    changed = normalised((face * gain + offset)[None].astype(np.uint8))
    assert np.abs(plain - changed).max() < 0.02


def test_noise_on_an_empty_picture_is_not_blown_up() -> None:
    rng = np.random.default_rng(0)
    flat = np.clip(128 + rng.normal(0, 1, (1, 40, 40)), 0, 255).astype(np.uint8)
    assert normalised(flat).std() < 0.03
