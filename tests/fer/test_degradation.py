"""Degradations: same shape, really worse, and repeatable."""

from __future__ import annotations

from dataclasses import fields

import cv2
import numpy as np
import pytest
from framework_training.fer.augment import Augmentation, plain_view
from framework_training.fer.datasets import whole_picture
from framework_training.fer.degradation import DEGRADATIONS, at_size
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fer.synthetic import patterns

FACE = patterns(2, side=96)[0][1]


@pytest.mark.parametrize("name", DEGRADATIONS)
@pytest.mark.parametrize("severity", [0.0, 0.5, 1.0])
def test_shape_and_repetition(name: str, severity: float) -> None:
    before = FACE.copy()
    one = DEGRADATIONS[name](FACE, severity, np.random.default_rng(4))
    again = DEGRADATIONS[name](FACE, severity, np.random.default_rng(4))
    assert one.shape == FACE.shape
    assert one.dtype == np.uint8
    assert np.array_equal(one, again)
    assert np.array_equal(FACE, before)
    assert not np.array_equal(one, FACE)


@pytest.mark.parametrize("name", ["gaussian-blur", "compression", "low-light", "low-resolution"])
def test_more_severity_is_further_from_the_face(name: str) -> None:
    def distance(severity: float) -> float:
        worse = DEGRADATIONS[name](FACE, severity, np.random.default_rng(1))
        return float(np.abs(worse.astype(int) - FACE).mean())

    assert distance(1.0) > distance(0.0)


@settings(max_examples=30, deadline=None)
@given(side=st.integers(1, 150))
def test_a_face_of_any_size_comes_back_at_its_own(side: int) -> None:
    out = at_size(FACE, side)
    assert out.shape == FACE.shape
    if side >= 96:
        assert np.array_equal(out, FACE)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), side=st.sampled_from([32, 48, 96]))
def test_every_random_view_is_a_picture_of_the_size(seed: int, side: int) -> None:
    strong = Augmentation(degradation=1.0, erase=1.0, light=1.0)
    out = strong.view(FACE, whole_picture(FACE.shape), side, np.random.default_rng(seed))
    assert out.shape == (side, side)
    assert out.dtype == np.uint8


def test_without_randomness_the_view_is_the_face_or_its_mirror() -> None:
    still = Augmentation(*[0] * len(fields(Augmentation)))
    views = [
        still.view(FACE, whole_picture(FACE.shape), 96, np.random.default_rng(i)) for i in range(12)
    ]
    mirrored = cv2.flip(FACE, 1)
    kinds = {
        "face" if np.array_equal(v, FACE) else "mirror" if np.array_equal(v, mirrored) else "other"
        for v in views
    }
    assert kinds == {"face", "mirror"}
    assert np.array_equal(plain_view(FACE, whole_picture(FACE.shape), 96), FACE)
