"""A constant-velocity Kalman filter for many boxes at once, in seconds.

SORT and ByteTrack filter the eight numbers (centre x, centre y, width, height and their velocities)
with 8 x 8 matrices. Their noise is diagonal, so the filter falls apart into four independent ones
of two numbers, position and velocity, which are computed here in closed form for all tracks
together. Time is in seconds, so that a variable frame rate needs no special treatment.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MEASUREMENT_STD = 0.05
"""How much a detector's box trembles, in box sizes."""

ACCELERATION_STD = 4.0
"""How abruptly heads change their velocity, in box sizes per second and sqrt(second)."""

INITIAL_SPEED_STD = 1.5
"""How fast a face may move when it is first seen, in box sizes per second."""

LOST_DECAY_S = 1.0
"""After this time a face that is not seen has e times less of its speed."""

SIZE_DAMPING = 0.25
"""Sizes change more slowly than positions: their share of the noise above."""


def to_centre(xyxy: NDArray[np.floating]) -> NDArray[np.float64]:
    """(n, 4) left, top, right, bottom to (n, 4) centre x, centre y, width, height."""
    boxes = np.asarray(xyxy, np.float64)
    size = boxes[:, 2:] - boxes[:, :2]
    return np.concatenate([boxes[:, :2] + size / 2, size], axis=1)


def to_corners(centre: NDArray[np.float64]) -> NDArray[np.float64]:
    """The inverse of :func:`to_centre`; sizes below one pixel become one pixel."""
    half = np.maximum(centre[:, 2:], 1.0) / 2
    return np.concatenate([centre[:, :2] - half, centre[:, :2] + half], axis=1)


@dataclass(slots=True)
class BoxFilter:
    """State of n boxes.

    Attributes:
        position: (n, 4) centre x, centre y, width, height, pixels.
        velocity: (n, 4) pixels per second.
        covariance: (n, 4, 3): variance of the position, covariance, variance of the velocity.
    """

    position: NDArray[np.float64]
    velocity: NDArray[np.float64]
    covariance: NDArray[np.float64]

    @classmethod
    def start(cls, xyxy: NDArray[np.floating]) -> BoxFilter:
        """Boxes (n, 4) that were seen for the first time."""
        position = to_centre(xyxy)
        unit = _unit(position)
        covariance = np.zeros((len(position), 4, 3))
        covariance[..., 0] = (MEASUREMENT_STD * unit) ** 2
        covariance[..., 2] = (INITIAL_SPEED_STD * unit * _damping()) ** 2
        return cls(position, np.zeros_like(position), covariance)

    def __len__(self) -> int:
        return len(self.position)

    def predict(self, seconds: float, lost: NDArray[np.bool_]) -> None:
        """Move every box on by this time; white-noise acceleration (Bar-Shalom 2001).

        Args:
            seconds: since the last prediction, >= 0.
            lost: (n,) boxes that were not measured then. They keep their size, which shrank while
                the face went behind something, and slow down: heads turn and come back.
        """
        dt = max(seconds, 0.0)
        self.velocity[lost, 2:] = 0.0
        self.velocity[lost, :2] *= np.exp(-dt / LOST_DECAY_S)
        p, pv, v = (self.covariance[..., i] for i in range(3))
        noise = (ACCELERATION_STD * _unit(self.position) * _damping()) ** 2
        predicted = (
            p + 2 * dt * pv + dt**2 * v + noise * dt**3 / 3,
            pv + dt * v + noise * dt**2 / 2,
            v + noise * dt,
        )
        self.covariance = np.stack(predicted, axis=-1)
        self.position = self.position + self.velocity * dt
        # A shrinking box that is not seen must not turn inside out.
        self.position[:, 2:] = np.maximum(self.position[:, 2:], 1.0)

    def correct(self, rows: NDArray[np.intp], xyxy: NDArray[np.floating]) -> None:
        """Take in what was measured for these rows: boxes (k, 4)."""
        measured = to_centre(xyxy)
        noise = (MEASUREMENT_STD * _unit(measured)) ** 2
        p, pv, v = (self.covariance[rows, :, i] for i in range(3))
        gain_p, gain_v = p / (p + noise), pv / (p + noise)
        innovation = measured - self.position[rows]
        self.position[rows] += gain_p * innovation
        self.velocity[rows] += gain_v * innovation
        corrected = ((1 - gain_p) * p, (1 - gain_p) * pv, v - gain_v * pv)
        self.covariance[rows] = np.stack(corrected, axis=-1)

    def take(self, rows: NDArray[np.intp] | NDArray[np.bool_]) -> BoxFilter:
        """These rows alone."""
        return BoxFilter(self.position[rows], self.velocity[rows], self.covariance[rows])

    def join(self, other: BoxFilter) -> BoxFilter:
        """The rows of both, this one's first."""
        return BoxFilter(
            np.concatenate([self.position, other.position]),
            np.concatenate([self.velocity, other.velocity]),
            np.concatenate([self.covariance, other.covariance]),
        )

    def xyxy(self) -> NDArray[np.float64]:
        """(n, 4) boxes, pixels."""
        return to_corners(self.position)


def _unit(centre: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 1) the size that all noise is relative to: the geometric mean of width and height."""
    sides = np.maximum(centre[:, 2:], 1.0)
    return np.asarray(np.sqrt(sides.prod(axis=1))[:, None])


def _damping() -> NDArray[np.float64]:
    return np.array([1.0, 1.0, SIZE_DAMPING, SIZE_DAMPING])
