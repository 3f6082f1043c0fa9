"""Under the donor there is nothing of the original."""

from __future__ import annotations

import numpy as np
import pytest
from framework_fomm.cover import cover_heads, covered_mask, push_pull
from hypothesis import given, settings
from hypothesis import strategies as st

from framework.regions import Region, face_region

from .conftest import scene

SIZE = (320, 180)


def regions(*boxes: tuple[float, float, float, float]) -> list[Region]:
    return [face_region(np.array(box, np.float32), SIZE, margin=0.35) for box in boxes]


def covered(picture: np.ndarray, heads: list[Region]) -> tuple[np.ndarray, np.ndarray]:
    image = picture.copy()
    mask = covered_mask(heads, SIZE)
    cover_heads(image, heads, mask)
    return image, mask


box = st.tuples(st.floats(-60, 320), st.floats(-60, 180), st.floats(4, 200), st.floats(4, 200)).map(
    lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
)


@given(st.lists(box, min_size=1, max_size=3))
@settings(max_examples=40, deadline=None)
def test_result_does_not_depend_on_covered_pixels(
    boxes: list[tuple[float, float, float, float]],
) -> None:
    heads = regions(*boxes)
    picture = scene(1)
    first, mask = covered(picture, heads)
    other = picture.copy()
    other[mask == 255] = 255 - other[mask == 255]
    second, _ = covered(other, heads)
    assert np.array_equal(first, second)


def test_far_away_nothing_changes() -> None:
    picture = scene(2)
    image, mask = covered(picture, regions((100, 60, 140, 110)))
    assert np.array_equal(image[:, 220:], picture[:, 220:])
    assert (mask[60:110, 100:140] == 255).all()


def test_even_surroundings_give_an_even_fill() -> None:
    picture = np.full((180, 320, 3), (90, 120, 150), np.uint8)
    noise = scene(3)
    heads = regions((100, 60, 150, 120))
    inside = covered_mask(heads, SIZE) == 255
    picture[inside] = noise[inside]
    image, _ = covered(picture, heads)
    assert np.abs(image.astype(int) - (90, 120, 150)).max() <= 1


def test_boxes_beside_the_picture_and_without_size_do_no_harm() -> None:
    picture = scene(5)
    beside = regions((-900, 20, -800, 90), (400, 400, 500, 500), (50, 50, 50, 50), (90, 80, 70, 60))
    image, mask = covered(picture, beside)
    assert np.array_equal(image[:, 250:], picture[:, 250:]) and mask[50, 50] == 255


def test_a_head_that_fills_the_picture_is_grey() -> None:
    image, mask = covered(scene(4), regions((-400, -400, 800, 800)))
    assert (mask == 255).all() and np.ptp(image) <= 1


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (64, 3), (33, 50)])
def test_push_pull_keeps_known_pixels(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    known = (rng.random(shape) < 0.3).astype(np.float32)
    colour = rng.uniform(0, 255, (*shape, 3)).astype(np.float32) * known[..., None]
    filled = push_pull(colour, known)
    assert filled.shape == (*shape, 3) and np.isfinite(filled).all()
    assert np.allclose(filled[known == 1], colour[known == 1], atol=1e-2)
    if known.any():
        low, high = colour[known == 1].min(axis=0), colour[known == 1].max(axis=0)
        assert (filled >= low - 0.1).all() and (filled <= high + 0.1).all()
