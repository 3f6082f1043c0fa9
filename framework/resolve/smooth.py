"""Smoothing without lag, and without ever cutting into what was observed."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

REACH = 3.0
"""The Gaussian is cut off after this many standard deviations."""


def gaussian(
    time_s: NDArray[np.float64], values: NDArray[np.float64], sigma_s: float
) -> NDArray[np.float64]:
    """Weighted mean over time, symmetrical in it, for samples at irregular times.

    Args:
        time_s: (n,) ascending, seconds.
        values: (n, ...); NaN values count as missing.
        sigma_s: standard deviation, seconds; 0 returns the values.

    Returns:
        (n, ...) float64; NaN where the value itself is NaN.
    """
    data = np.asarray(values, np.float64)
    if sigma_s <= 0 or len(data) < 2:
        return data.copy()
    shape = (-1,) + (1,) * (data.ndim - 1)
    known = ~np.isnan(data)
    filled = np.where(known, data, 0.0)
    total, weight = filled.copy(), known.astype(np.float64)
    for step in range(1, reach(time_s, sigma_s) + 1):
        w = np.exp(-0.5 * ((time_s[step:] - time_s[:-step]) / sigma_s) ** 2).reshape(shape)
        total[step:] += w * filled[:-step]
        weight[step:] += w * known[:-step]
        total[:-step] += w * filled[step:]
        weight[:-step] += w * known[step:]
    return np.where(known, total / np.maximum(weight, 1e-12), np.nan)


def reach(time_s: NDArray[np.float64], sigma_s: float) -> int:
    """How many neighbours on each side lie within the Gaussian, at most."""
    if len(time_s) < 2 or sigma_s <= 0:
        return 0
    within = np.searchsorted(time_s, time_s + REACH * sigma_s, side="right")
    return int((within - np.arange(len(time_s)) - 1).max())


def envelope(excess: NDArray[np.float64], half: int) -> NDArray[np.float64]:
    """A smooth curve that is nowhere below ``excess``.

    A sliding maximum followed by a sliding mean over the same window: each value that enters the
    mean at a place is a maximum over a window that contains this place, so none is below its
    excess.

    Args:
        excess: (n, k) >= 0.
        half: neighbours on each side; 0 returns the values.
    """
    if half < 1 or len(excess) < 2:
        return excess.copy()
    from numpy.lib.stride_tricks import sliding_window_view

    width = 2 * half + 1
    padded = np.pad(excess, ((half, half), (0, 0)))
    highest = sliding_window_view(padded, width, axis=0).max(axis=-1)
    padded = np.pad(highest, ((half, half), (0, 0)), mode="edge")
    mean = sliding_window_view(padded, width, axis=0).mean(axis=-1)
    return np.asarray(np.maximum(mean, excess))


def smooth_boxes(
    time_s: NDArray[np.float64], xyxy: NDArray[np.float64], sigma_s: float
) -> NDArray[np.float64]:
    """Boxes smoothed over time, each of which contains the box it came from.

    Args:
        time_s: (n,) ascending, seconds.
        xyxy: (n, 4) pixels.
        sigma_s: standard deviation of the Gaussian, seconds.
    """
    smooth = gaussian(time_s, xyxy, sigma_s)
    outward = np.array([-1.0, -1.0, 1.0, 1.0])
    excess = np.maximum((xyxy - smooth) * outward, 0.0)
    half = max(1, round(reach(time_s, sigma_s) / REACH))
    grown = smooth + envelope(excess, half) * outward
    # Exactly, whatever the rounding of the sums above.
    safe = np.where(outward > 0, np.maximum(grown, xyxy), np.minimum(grown, xyxy))
    return np.asarray(safe)
