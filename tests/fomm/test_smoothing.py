"""Jitter goes, blinks and speech stay, and a head is followed without delay."""

from __future__ import annotations

import math

import numpy as np
from framework_fomm.config import FommOptions
from framework_fomm.crop import Square
from framework_fomm.smoothing import OneEuro, SquareFilter, smooth_track


def run(signal: np.ndarray, fps: float = 25.0) -> np.ndarray:
    options = FommOptions()
    euro = OneEuro(options.smoothing, options.responsiveness)
    return np.array([euro(np.array([v, 0.0]), i / fps)[0] for i, v in enumerate(signal)])


def test_jitter_at_rest_is_removed() -> None:
    noise = 0.004 * np.random.default_rng(0).standard_normal(500)
    assert run(noise)[50:].std() < 0.5 * noise[50:].std()


def test_a_blink_and_a_syllable_pass() -> None:
    """A lid moves by about a tenth of the picture in 80 ms, lips at 4 Hz."""
    t = np.arange(200) / 25
    blink = 0.1 * np.exp(-0.5 * ((t - 4) / 0.05) ** 2)
    assert run(blink).max() > 0.7 * blink.max()
    speech = 0.05 * np.sin(2 * np.pi * 4 * t)
    assert run(speech)[50:].std() > 0.6 * speech[50:].std()


def test_constant_and_standing_time() -> None:
    euro = OneEuro(1.0, 1.0)
    assert euro(np.array([3.0, 4.0]), 0.0).tolist() == [3.0, 4.0]
    assert euro(np.array([3.0, 4.0]), 0.5).tolist() == [3.0, 4.0]
    assert euro(np.array([9.0, 9.0]), 0.5).tolist() == [3.0, 4.0]  # time did not advance
    euro.reset()
    assert euro(np.array([9.0, 9.0]), 0.6).tolist() == [9.0, 9.0]


def test_track_that_moves_steadily_is_not_held_back() -> None:
    time = np.cumsum(np.random.default_rng(0).uniform(0.02, 0.06, 100))
    squares = np.stack([100 + 50 * time, 80 - 20 * time, 90 + 5 * time, 0.1 * time], 1)
    assert np.allclose(smooth_track(squares, time), squares, atol=1e-6)


def test_track_loses_its_jitter() -> None:
    rng = np.random.default_rng(0)
    time = np.arange(200) / 25
    squares = np.tile([200.0, 100.0, 80.0, 0.0], (200, 1)) + rng.standard_normal((200, 4))
    smooth = smooth_track(squares, time)
    assert smooth[:, [0, 1, 3]].std(0).max() < 0.6 and smooth[:, 2].std() < 0.35


def test_short_and_broken_tracks() -> None:
    one = smooth_track(np.array([[5.0, 6.0, 7.0, 0.5]]), np.array([0.0]))
    assert one.tolist() == [[5.0, 6.0, 7.0, 0.5]]
    gap = smooth_track(np.array([[0.0, 0, 10, 0], [100.0, 0, 10, 0]]), np.array([0.0, 10.0]))
    assert np.allclose(gap, [[0, 0, 10, 0], [100, 0, 10, 0]])


def test_live_square_follows() -> None:
    steady = SquareFilter()
    for i in range(100):
        square = steady(Square(10.0 + 4 * i, 50.0, 80.0), i / 25)
    assert abs(square.x - (10 + 4 * 99)) < 12 and abs(square.side - 80) < 1e-6
    steady.reset()
    again = steady(Square(1.0, 2.0, 3.0), 0.0)
    assert np.allclose([again.x, again.y, again.side], [1.0, 2.0, 3.0])


def test_a_live_angle_follows_and_is_kept_while_it_is_not_known() -> None:
    steady = SquareFilter()
    for i in range(100):
        square = steady(Square(10.0, 50.0, 80.0, 0.5 if i < 50 else math.nan), i / 25)
    assert abs(square.angle - 0.5) < 0.01
    steady.reset()
    assert steady(Square(10.0, 50.0, 80.0, math.nan), 0.0).angle == 0.0
