"""Smoothing removes trembling, adds no lag, and never cuts into an observed box."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from framework.resolve.smooth import envelope, gaussian, smooth_boxes


def _trembling(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    time_s = np.arange(n) / 25
    x = 100 + 60 * np.sin(time_s)
    clean = np.stack([x, x * 0 + 50, x + 80, x * 0 + 130], axis=1)
    return time_s, clean, clean + rng.normal(0, 2, clean.shape)


def test_the_gaussian_has_no_lag() -> None:
    time_s, clean, noisy = _trembling(200)
    smooth = gaussian(time_s, noisy, 0.12)
    shifts = range(-5, 6)
    errors = [float(np.abs(smooth[10:190, 0] - clean[10 + s : 190 + s, 0]).mean()) for s in shifts]
    assert shifts[int(np.argmin(errors))] == 0
    assert np.abs(smooth - clean)[10:190].mean() < 0.5 * np.abs(noisy - clean)[10:190].mean()


def test_boxes_tremble_less_and_grow_little() -> None:
    time_s, clean, noisy = _trembling(200)
    smooth = smooth_boxes(time_s, noisy, 0.12)
    jitter = np.abs(np.diff(smooth - clean, axis=0)).mean()
    assert jitter < 0.35 * np.abs(np.diff(noisy - clean, axis=0)).mean()
    size = (smooth[:, 2] - smooth[:, 0]).mean()
    assert size < 1.15 * 80


def test_no_smoothing_leaves_boxes_as_they_are() -> None:
    time_s, _, noisy = _trembling(20)
    np.testing.assert_array_equal(smooth_boxes(time_s, noisy, 0.0), noisy)


def test_missing_values_neither_spread_nor_appear() -> None:
    values = np.array([1.0, np.nan, 3.0, 3.0])[:, None]
    smooth = gaussian(np.arange(4) / 25, values, 0.1)
    assert np.isnan(smooth[:, 0]).tolist() == [False, True, False, False]
    assert (smooth[[0, 2, 3]] >= 1).all()


@settings(max_examples=60, deadline=None)
@given(
    steps=st.lists(st.sampled_from([0.0, 0.001, 0.04, 0.3, 5.0]), min_size=1, max_size=40),
    sigma=st.sampled_from([0.0, 0.05, 0.12, 1.0]),
    data=st.data(),
)
def test_a_smoothed_box_contains_the_observed_one(
    steps: list[float], sigma: float, data: st.DataObject
) -> None:
    n = len(steps)
    corners = data.draw(arrays(np.float64, (n, 2), elements=st.floats(-500, 2000, width=32)))
    sizes = data.draw(arrays(np.float64, (n, 2), elements=st.floats(0, 900, width=32)))
    boxes = np.concatenate([corners, corners + sizes], axis=1)
    smooth = smooth_boxes(np.cumsum(steps), boxes, sigma)
    assert (smooth[:, :2] <= boxes[:, :2]).all()
    assert (smooth[:, 2:] >= boxes[:, 2:]).all()


@given(
    excess=arrays(np.float64, st.tuples(st.integers(1, 30), st.just(2)), elements=st.floats(0, 9)),
    half=st.integers(0, 6),
)
def test_the_envelope_is_never_below(excess: np.ndarray, half: int) -> None:
    over = envelope(excess, half)
    assert (over >= excess).all()
    assert over.max() <= excess.max() + 1e-9
