"""Filters over time: the One Euro filter for keypoints, and zero-phase smoothing of the square.

A keypoint detector jitters by a fraction of a pixel from frame to frame; on a face at rest that is
seen as a tremor. A fixed low-pass strong enough against it would smear blinks. The One Euro filter
(Casiez, Roussel and Vogel, CHI 2012) raises its cut-off with the speed of the signal.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from framework_fomm.crop import Square

# Of the low-pass on the speed itself. The paper has 1 Hz, at which the speed of speech, to and fro
# four times a second, averages out and the filter never opens.
_SPEED_CUTOFF_HZ = 4.0


def _weight(cutoff_hz: NDArray[np.float64] | float, dt: float) -> NDArray[np.float64]:
    """Of the new sample in an exponential mean with this cut-off."""
    tau = 1.0 / (2 * math.pi * np.asarray(cutoff_hz, np.float64))
    return np.asarray(1.0 / (1.0 + tau / dt), np.float64)


class OneEuro:
    """One Euro filter of an array; the speed is that of each point (last axis: coordinates).

    Args:
        min_cutoff_hz: cut-off at rest.
        beta: how much the cut-off rises with the speed, Hz for one unit a second.
    """

    def __init__(self, min_cutoff_hz: float, beta: float) -> None:
        self.min_cutoff_hz = min_cutoff_hz
        self.beta = beta
        self.reset()

    def reset(self) -> None:
        """Forget the past; the next sample passes as it is."""
        self._time: float | None = None
        self._value: NDArray[np.float64] = np.zeros(0)
        self._speed: NDArray[np.float64] = np.zeros(0)

    def __call__(
        self, value: NDArray[np.floating], time_s: float, unit: float = 1.0
    ) -> NDArray[np.float64]:
        """The filtered sample. A time that doesn't advance gives the last result again.

        ``unit``: the length in which speed is measured, in the units of ``value``.
        """
        sample = np.asarray(value, np.float64)
        if self._time is None:
            self._time, self._value, self._speed = time_s, sample, np.zeros_like(sample)
            return sample
        dt = time_s - self._time
        if dt <= 0:
            return self._value
        self._time = time_s
        raw = (sample - self._value) / dt
        self._speed = self._speed + _weight(_SPEED_CUTOFF_HZ, dt) * (raw - self._speed)
        pace = np.linalg.norm(self._speed, axis=-1, keepdims=True) / unit
        weight = _weight(self.min_cutoff_hz + self.beta * pace, dt)
        self._value = self._value + weight * (sample - self._value)
        return self._value


class SquareFilter:
    """Steadies the square of a head while a stream runs: the past alone is known."""

    def __init__(self) -> None:
        self._centre = OneEuro(min_cutoff_hz=0.8, beta=6.0)
        self._log_side = OneEuro(min_cutoff_hz=0.3, beta=1.0)
        self._angle = OneEuro(min_cutoff_hz=0.8, beta=2.0)
        self._last_angle = 0.0

    def __call__(self, square: Square, time_s: float) -> Square:
        """The square to cut out at this time; an angle that isn't known (nan) stays as it was."""
        # speed in sides a second, so that a near and a far head are treated alike
        x, y = self._centre(np.array([square.x, square.y]), time_s, unit=square.side)
        (log_side,) = self._log_side(np.array([math.log(square.side)]), time_s)
        if math.isfinite(square.angle):
            self._last_angle = square.angle
        (angle,) = self._angle(np.array([self._last_angle]), time_s)
        return Square(float(x), float(y), math.exp(log_side), float(angle))

    def reset(self) -> None:
        """Forget the past."""
        self._centre.reset()
        self._log_side.reset()
        self._angle.reset()
        self._last_angle = 0.0


def smooth_track(
    squares: NDArray[np.float64],
    time_s: NDArray[np.float64],
    centre_sigma_s: float = 0.10,
    side_sigma_s: float = 0.40,
) -> NDArray[np.float64]:
    """Zero-phase Gaussian smoothing of a whole track of squares (n, 4): x, y, side, angle.

    The side is smoothed more than the centre: a mouth that opens makes a detector's box taller, and
    the head must not seem to grow with it. Gaps are respected: a weight falls with distance in
    time, not in samples.
    """
    n = len(squares)
    result = np.array(squares, np.float64)
    for column, sigma in (([0, 1, 3], centre_sigma_s), ([2], side_sigma_s)):
        low = np.searchsorted(time_s, time_s - 3 * sigma)
        high = np.searchsorted(time_s, time_s + 3 * sigma, side="right")
        for i in range(n):
            window = slice(int(low[i]), int(high[i]))
            weight = np.exp(-0.5 * ((time_s[window] - time_s[i]) / sigma) ** 2)
            values = squares[window, column]
            # a local line, not a mean: a head that moves steadily isn't held back at the ends
            x = time_s[window] - time_s[i]
            mean_x = np.average(x, weights=weight)
            spread = np.average((x - mean_x) ** 2, weights=weight)
            mean = np.average(values, axis=0, weights=weight)
            slope = 0.0
            if spread > 1e-12:
                moved = (x - mean_x)[:, None] * (values - mean)
                slope = np.average(moved, axis=0, weights=weight) / spread
            result[i, column] = mean - slope * mean_x
    return result
