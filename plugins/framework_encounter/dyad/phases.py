"""Does a figure change from one part of a conversation to another?

Seconds resemble their neighbours, so single seconds must not be resampled. A figure here is the
mean of values over segments (of the synchrony, or of blocks of seconds), and whole segments are
drawn in the bootstrap.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from framework.errors import UserError
from framework_encounter.dyad.series import Series

FEWEST = 3
"""A part with fewer segments has no mean worth comparing."""
RESAMPLES = 2000


@dataclass(frozen=True)
class PhaseChange:
    """The difference between two parts.

    Attributes:
        first, second: names of the parts.
        first_mean, second_mean: of the figure.
        change: second less first.
        interval: 95 %, by resampling segments within each part.
        segments: how many there are in the first and second part.
    """

    first: str
    second: str
    first_mean: float
    second_mean: float
    change: float
    interval: tuple[float, float]
    segments: tuple[int, int]


def halves(duration_s: float) -> dict[str, tuple[float, float]]:
    """First and second half."""
    return {"first half": (0.0, duration_s / 2), "second half": (duration_s / 2, duration_s)}


def thirds(duration_s: float) -> dict[str, tuple[float, float]]:
    """Opening, middle and closing third."""
    third = duration_s / 3
    return {
        "opening": (0.0, third),
        "middle": (third, 2 * third),
        "closing": (2 * third, duration_s),
    }


def compare_spans(
    start_s: Series,
    value: Series,
    spans: Mapping[str, tuple[float, float]],
    *,
    length_s: float = 0.0,
    seed: int = 0,
) -> list[PhaseChange]:
    """Compare each part with the one before it.

    Args:
        start_s: (s,) when each segment begins.
        value: (s,) the figure of each segment; NaN is left out.
        spans: name -> (start, end) in seconds, in order of time. A segment belongs to the part that
            holds its middle.
        length_s: of a segment.
        seed: of the resampling.

    Raises:
        UserError: fewer than two parts, or a part with fewer than three readable segments.
    """
    if len(spans) < 2:
        raise UserError(f"expected two parts or more to compare, got {len(spans)}")
    middle = np.asarray(start_s, np.float64) + length_s / 2
    parts = {}
    for name, (low, high) in spans.items():
        inside = value[(middle >= low) & (middle < high)]
        parts[name] = inside[np.isfinite(inside)]
        if len(parts[name]) < FEWEST:
            raise UserError(
                f"the part '{name}' has {len(parts[name])} readable segments, expected {FEWEST} or "
                f"more; choose longer parts or shorter segments"
            )
    generator = np.random.default_rng(seed)
    names = list(parts)
    found = []
    for first, second in pairwise(names):
        a, b = parts[first], parts[second]
        drawn = _resampled(b, generator) - _resampled(a, generator)
        low, high = np.percentile(drawn, [2.5, 97.5])
        found.append(
            PhaseChange(
                first,
                second,
                float(a.mean()),
                float(b.mean()),
                float(b.mean() - a.mean()),
                (float(low), float(high)),
                (len(a), len(b)),
            )
        )
    return found


def _resampled(values: Series, generator: np.random.Generator) -> Series:
    means: Series = values[generator.integers(0, len(values), (RESAMPLES, len(values)))].mean(
        axis=1
    )
    return means
