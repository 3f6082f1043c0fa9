"""How fast a face moves where its track ends, and where it may have gone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

WINDOW_S = 0.4
"""The velocity is fitted over this much of a track's end."""

FEWEST = 3
"""Observations that a velocity needs; with fewer the face is taken to stand still."""

FASTEST = 4.0
"""Face sizes per second; a fit beyond it is noise."""

DECAY_S = 0.5
"""A face that is not seen goes on for about this long, then stops: heads turn and come back."""


def centre(xyxy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Centres (..., 2) of boxes (..., 4)."""
    return np.asarray((xyxy[..., :2] + xyxy[..., 2:]) / 2)


def size(xyxy: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sizes (...) of boxes (..., 4): the geometric mean of width and height, at least one pixel."""
    sides = np.maximum(xyxy[..., 2:] - xyxy[..., :2], 1.0)
    return np.asarray(np.sqrt(sides[..., 0] * sides[..., 1]))


def end_velocity(
    time_s: NDArray[np.float64], xyxy: NDArray[np.float64], at_end: bool
) -> NDArray[np.float64]:
    """Velocity of a track's centre at its end or at its start, by least squares.

    Args:
        time_s: (n,) ascending, seconds.
        xyxy: (n, 4) pixels.
        at_end: at the last observation; otherwise at the first.

    Returns:
        (2,) pixels per second.
    """
    near = time_s >= time_s[-1] - WINDOW_S if at_end else time_s <= time_s[0] + WINDOW_S
    if near.sum() < FEWEST:
        return np.zeros(2)
    t = time_s[near] - time_s[near].mean()
    spread = float((t**2).sum())
    if spread <= 0.0:
        return np.zeros(2)
    path = centre(xyxy[near])
    velocity = (t[:, None] * (path - path.mean(axis=0))).sum(axis=0) / spread
    speed = float(np.hypot(*velocity))
    limit = FASTEST * float(size(xyxy[-1 if at_end else 0]))
    return np.asarray(velocity * min(1.0, limit / speed) if speed > 0 else velocity)


def coast(velocity: NDArray[np.float64], seconds: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far a face has gone after these times if its speed decays exponentially.

    Args:
        velocity: (2,) pixels per second, or (n, 2), one for each time.
        seconds: (n,) >= 0.

    Returns:
        (n, 2) pixels.
    """
    return velocity * (DECAY_S * -np.expm1(-np.asarray(seconds) / DECAY_S))[:, None]
