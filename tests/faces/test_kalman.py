"""The filter against the textbook's matrices, and what it does with lost boxes."""

from __future__ import annotations

import numpy as np
from framework_faces.kalman import (
    ACCELERATION_STD,
    INITIAL_SPEED_STD,
    MEASUREMENT_STD,
    BoxFilter,
)


def test_it_equals_the_filter_with_full_matrices() -> None:
    rng = np.random.default_rng(0)
    size = 50.0
    boxes = [
        np.array([[x, 0, x + size, size]]) for x in 10 + 3 * np.arange(30) + rng.normal(0, 1, 30)
    ]
    fast = BoxFilter.start(boxes[0])
    state = np.array([boxes[0][0, 0] + size / 2, 0.0])
    cov = np.diag([(MEASUREMENT_STD * size) ** 2, (INITIAL_SPEED_STD * size) ** 2])
    for step, box in enumerate(boxes[1:]):
        dt = (0.04, 0.1, 0.0)[step % 3]
        move = np.array([[1, dt], [0, 1]])
        q = (ACCELERATION_STD * size) ** 2
        noise = q * np.array([[dt**3 / 3, dt**2 / 2], [dt**2 / 2, dt]])
        state, cov = move @ state, move @ cov @ move.T + noise
        gain = cov[:, 0] / (cov[0, 0] + (MEASUREMENT_STD * size) ** 2)
        state = state + gain * (box[0, 0] + size / 2 - state[0])
        cov = (np.eye(2) - np.outer(gain, [1, 0])) @ cov
        fast.predict(dt, np.zeros(1, bool))
        fast.correct(np.array([0]), box)
        np.testing.assert_allclose(fast.position[0, 0], state[0], rtol=1e-9)
        np.testing.assert_allclose(fast.velocity[0, 0], state[1], rtol=1e-9)
        np.testing.assert_allclose(fast.covariance[0, 0], [cov[0, 0], cov[0, 1], cov[1, 1]])


def test_a_lost_box_keeps_its_size_and_comes_to_rest() -> None:
    moving = BoxFilter.start(np.array([[0.0, 0, 60, 60]]))
    for i in range(1, 20):
        moving.predict(0.04, np.zeros(1, bool))
        moving.correct(np.array([0]), np.array([[4.0 * i, i, 4.0 * i + 60 - i, 60 - i]]))
    size = moving.position[0, 2:].copy()
    for _ in range(100):
        moving.predict(0.04, np.ones(1, bool))
    np.testing.assert_array_equal(moving.position[0, 2:], size)
    assert abs(moving.velocity[0, 0]) < 3
