"""Two series on one regular grid, with what is missing left missing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.errors import UserError

LONGEST_GAP = 2.5
"""Samples further apart than this many intervals leave a hole; closer ones are joined by a line."""
SHORTEST_S = 10.0
"""Less common time than this cannot show how two people move together."""

Series = NDArray[np.float64]


@dataclass(frozen=True)
class Pair:
    """Two series at the same times.

    Attributes:
        time_s: (n,) on the shared clock, equally spaced.
        first, second: (n,); NaN where the person could not be read.
        rate_hz: samples a second.
    """

    time_s: Series
    first: Series
    second: Series
    rate_hz: float

    @property
    def readable(self) -> float:
        """Share of the times at which both are known, 0 to 1."""
        return float((np.isfinite(self.first) & np.isfinite(self.second)).mean())

    def between(self, start_s: float, end_s: float) -> Pair:
        """The part with ``start_s <= time < end_s``."""
        inside = (self.time_s >= start_s) & (self.time_s < end_s)
        return Pair(self.time_s[inside], self.first[inside], self.second[inside], self.rate_hz)


def on_common_grid(
    first_time_s: Series,
    first: Series,
    second_time_s: Series,
    second: Series,
    *,
    rate_hz: float | None = None,
) -> Pair:
    """Put two series with times of their own on one regular grid over their common time.

    Values between two samples lie on the line through them if the samples are no more than
    :data:`LONGEST_GAP` of that series' intervals apart, and are missing (NaN) otherwise.

    Args:
        first_time_s, second_time_s: (n,) and (m,) seconds, ascending, on one clock.
        first, second: (n,) and (m,) values; NaN is no sample.
        rate_hz: of the grid. None: the slower of the two series, because nothing faster is known.

    Raises:
        UserError: the series do not overlap for :data:`SHORTEST_S` seconds, or hold no samples.
    """
    a_time, a = _samples(first_time_s, first, "first")
    b_time, b = _samples(second_time_s, second, "second")
    start, end = max(a_time[0], b_time[0]), min(a_time[-1], b_time[-1])
    if end - start < SHORTEST_S:
        raise UserError(
            f"the two series have {max(0.0, end - start):.1f} s in common, expected at least "
            f"{SHORTEST_S:.0f} s; check that both belong to the same encounter and clock"
        )
    a_step, b_step = _interval(a_time), _interval(b_time)
    rate = rate_hz if rate_hz is not None else 1.0 / max(a_step, b_step)
    count = int(np.floor((end - start) * rate + 1e-9)) + 1
    grid = start + np.arange(count) / rate
    return Pair(grid, _at(grid, a_time, a, a_step), _at(grid, b_time, b, b_step), rate)


def _samples(time_s: Series, values: Series, name: str) -> tuple[Series, Series]:
    time_s, values = np.asarray(time_s, np.float64), np.asarray(values, np.float64)
    if time_s.shape != values.shape or time_s.ndim != 1:
        raise UserError(
            f"the {name} series: expected one time for each value, got {time_s.shape} times and "
            f"{values.shape} values"
        )
    known = np.isfinite(values) & np.isfinite(time_s)
    if known.sum() < 2:
        raise UserError(
            f"the {name} series has {int(known.sum())} known values, expected 2 or more"
        )
    time_s, values = time_s[known], values[known]
    if (np.diff(time_s) <= 0).any():
        raise UserError(f"the {name} series: expected ascending times; sort them by time")
    return time_s, values


def _interval(time_s: Series) -> float:
    return float(np.median(np.diff(time_s)))


def _at(grid: Series, time_s: Series, values: Series, step: float) -> Series:
    after = np.clip(np.searchsorted(time_s, grid, side="left"), 1, len(time_s) - 1)
    gap = time_s[after] - time_s[after - 1]
    value = np.interp(grid, time_s, values)
    on_sample = np.isclose(grid, time_s[after]) | np.isclose(grid, time_s[after - 1])
    value[(gap > LONGEST_GAP * step) & ~on_sample] = np.nan
    return value


def require_variation(values: Series, name: str) -> None:
    """Refuse a series that says nothing.

    Raises:
        UserError: fewer than two known values, or all the same.
    """
    known = values[np.isfinite(values)]
    if len(known) < 2:
        raise UserError(f"the {name} series has {len(known)} known values in the common time")
    if float(np.ptp(known)) <= 1e-12 * max(1.0, float(np.abs(known).max())):
        raise UserError(
            f"the {name} series is constant at {known[0]:.3g}: it cannot go together with anything"
        )
