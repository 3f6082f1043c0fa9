"""Windowed cross-correlation with peak picking (Boker, Rotondo, Xu and King 2002).

The association of two people changes from moment to moment, and so does who leads. One correlation
over a whole conversation assumes that neither does; a correlation in each of many short windows and
at each of many lags does not.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from framework.errors import UserError
from framework_encounter.dyad.series import Series, require_variation

FEWEST_SHARE = 0.5
"""A window needs this share of its samples known in both series, or its correlation is missing."""


@dataclass(frozen=True)
class Peaks:
    """The peak of each window nearest to lag 0.

    Attributes:
        lag_s: (w,) seconds; positive: the first series leads. NaN: the window has no peak.
        r: (w,) the correlation there.
    """

    lag_s: Series
    r: Series

    @property
    def found(self) -> float:
        """Share of the windows that have a peak, 0 to 1."""
        return float(np.isfinite(self.lag_s).mean()) if len(self.lag_s) else float("nan")

    def first_leads(self, tolerance_s: float) -> float:
        """Share of the peaks with a lag above ``tolerance_s``, 0 to 1; NaN without a peak."""
        return _share(self.lag_s, lambda lag: lag > tolerance_s)

    def second_leads(self, tolerance_s: float) -> float:
        """Share of the peaks with a lag below ``-tolerance_s``, 0 to 1; NaN without a peak."""
        return _share(self.lag_s, lambda lag: lag < -tolerance_s)


@dataclass(frozen=True)
class WindowedCorrelation:
    """Correlations by window and lag.

    Attributes:
        start_s: (w,) start of each window, seconds after the first sample.
        lag_s: (k,) seconds; positive: the first series leads.
        r: (w, k) in [-1, 1]; NaN where fewer than half of the samples are known, or one of the two
            does not change within the window.
        window_s: length of a window, seconds.
    """

    start_s: Series
    lag_s: Series
    r: Series
    window_s: float

    def peaks(self, *, smooth: int = 3, neighbours: int = 2, near: float = 0.8) -> Peaks:
        """The peak nearest to lag 0 in each window (Boker et al. 2002, appendix).

        The correlations of a window are smoothed over lags. A peak is a positive value that is the
        largest among its ``neighbours`` on either side. Of several that are nearly as high as the
        highest, the one nearest to lag 0 counts, because two people rarely answer each other late
        when they could have answered early. Lower ones are ripples of the estimate: in short
        windows there is one every few lags.

        Args:
            smooth: width of the moving average over lags, lags; odd.
            neighbours: how many lags on each side a peak has to exceed.
            near: how high a peak must be to count, as a share of the highest.
        """
        rows = len(self.r)
        lag, height = np.full(rows, np.nan), np.full(rows, np.nan)
        wide = 2 * neighbours + 1
        if self.r.shape[1] < wide:
            return Peaks(lag, height)
        smoothed = _smoothed(self.r, smooth)
        inner = smoothed[:, neighbours:-neighbours] if neighbours else smoothed
        # A missing neighbour makes the largest value missing: no peak is seen beside a hole.
        peak = (inner > 0) & (inner >= sliding_window_view(smoothed, wide, axis=1).max(axis=-1))
        tops = np.where(peak, inner, -np.inf)
        peak &= inner >= near * tops.max(axis=1, keepdims=True)
        lags = self.lag_s[neighbours : len(self.lag_s) - neighbours]
        distance = np.where(peak, np.abs(lags), np.inf)
        best, found = distance.argmin(axis=1), peak.any(axis=1)
        lag[found] = lags[best[found]]
        height[found] = self.r[found, best[found] + neighbours]
        return Peaks(lag, height)


def windowed_correlation(
    first: Series,
    second: Series,
    *,
    rate_hz: float,
    window_s: float = 10.0,
    step_s: float = 2.0,
    max_lag_s: float = 3.0,
) -> WindowedCorrelation:
    """Correlate a window of one series with the window of the other that lies a lag later.

    Boker et al. (2002): for a lag ``tau >= 0`` the windows are ``first[i : i + w]`` and
    ``second[i + tau : i + tau + w]``; for ``tau < 0`` they are ``first[i - tau : i - tau + w]`` and
    ``second[i : i + w]``. Each value is Pearson's r of the samples that are known in both.

    Args:
        first, second: (n,) at equal times; NaN is missing.
        rate_hz: samples a second.
        window_s, step_s, max_lag_s: length of a window, distance of the windows, and largest lag.

    Raises:
        UserError: the series differ in length or do not vary, the lag is longer than the window, or
            there is not enough for one window.
    """
    first, second = np.asarray(first, np.float64), np.asarray(second, np.float64)
    if first.shape != second.shape or first.ndim != 1:
        raise UserError(
            f"expected two series of one length, got {first.shape} and {second.shape}; put them on "
            f"one grid first"
        )
    window, step, lag = (round(rate_hz * s) for s in (window_s, step_s, max_lag_s))
    if lag >= window:
        raise UserError(
            f"the largest lag ({max_lag_s:g} s) must be shorter than the window ({window_s:g} s)"
        )
    if window < 3:
        raise UserError(
            f"a window of {window_s:g} s holds {window} samples at {rate_hz:g} a second, expected "
            f"3 or more; choose a longer window"
        )
    require_variation(first, "first")
    require_variation(second, "second")
    rows = (len(first) - window - lag) // max(step, 1) + 1
    if len(first) < window + lag or rows < 1:
        raise UserError(
            f"{len(first) / rate_hz:.1f} s are too short for one window of {window_s:g} s with a "
            f"lag of {max_lag_s:g} s"
        )
    start = np.arange(rows) * max(step, 1)
    first_windows = sliding_window_view(first, window)
    second_windows = sliding_window_view(second, window)
    lags = np.arange(-lag, lag + 1)
    r = np.empty((rows, len(lags)))
    for k, tau in enumerate(range(-lag, lag + 1)):
        r[:, k] = pearson(first_windows[start + max(-tau, 0)], second_windows[start + max(tau, 0)])
    return WindowedCorrelation(start / rate_hz, lags / rate_hz, r, window / rate_hz)


def pearson(x: Series, y: Series) -> Series:
    """Pearson's r of each row over the samples known in both.

    Args:
        x, y: (w, n).

    Returns:
        (w,); NaN with fewer than :data:`FEWEST_SHARE` of the samples, or where a row is constant.
    """
    known = np.isfinite(x) & np.isfinite(y)
    n = known.sum(axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        x = np.where(known, x, 0.0)
        y = np.where(known, y, 0.0)
        x = np.where(known, x - (x.sum(axis=1) / n)[:, None], 0.0)
        y = np.where(known, y - (y.sum(axis=1) / n)[:, None], 0.0)
        xx, yy = (x * x).sum(axis=1), (y * y).sum(axis=1)
        r = (x * y).sum(axis=1) / np.sqrt(xx * yy)
    flat = (xx < 1e-18) | (yy < 1e-18)
    r[flat | (n < max(3, FEWEST_SHARE * x.shape[1]))] = np.nan
    clipped: Series = np.clip(r, -1.0, 1.0)
    return clipped


def _smoothed(r: Series, width: int) -> Series:
    if width <= 1 or r.shape[1] < width:
        return r
    half = width // 2
    padded = np.pad(r, ((0, 0), (half, half)), mode="edge")
    smooth: NDArray[np.float64] = sliding_window_view(padded, width, axis=1).mean(axis=-1)
    return smooth


def _share(lag: Series, test: Callable[[Series], NDArray[np.bool_]]) -> float:
    known = lag[np.isfinite(lag)]
    return float(np.mean(test(known))) if len(known) else float("nan")
