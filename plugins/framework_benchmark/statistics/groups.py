"""The same figure by group, with small groups left out, and the gap between best and worst."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from framework_benchmark.metrics.ratio import Ratio
from framework_benchmark.statistics.bootstrap import Interval, interval

SMALLEST_GROUP = 10
"""Persons. A figure of fewer says little about a group and much about its members."""


@dataclass(frozen=True, slots=True)
class GroupTable:
    """One figure by the values of one attribute.

    Attributes:
        attribute: for instance ``sex``.
        rows: interval by value of the attribute; groups under ten persons are not in it.
        suppressed: number of persons in groups that were left out.
        worst: the group of the highest value (for privacy figures, the one least protected).
        gap: highest minus lowest; None with fewer than two groups.
    """

    attribute: str
    rows: Mapping[str, Interval]
    suppressed: int
    worst: str | None
    gap: float | None


def by_group(
    attribute: str, group_of: Sequence[str], figure: Ratio, *, seed: int = 0
) -> GroupTable:
    """Split a figure by group.

    Args:
        group_of: (n,) the group of each person of ``figure``; "" if it is not known.
    """
    names = np.asarray(group_of, dtype=str)
    rows: dict[str, Interval] = {}
    suppressed = 0
    for name in sorted(set(names.tolist()) - {""}):
        chosen = names == name
        if chosen.sum() < SMALLEST_GROUP:
            suppressed += int(chosen.sum())
            continue
        part = Ratio(figure.numerator[chosen], figure.denominator[chosen])
        rows[name] = interval(part, len(part), seed=seed, proportion=True)
    values = {name: row.value for name, row in rows.items() if row.value is not None}
    worst = max(values, key=lambda name: values[name]) if values else None
    gap = max(values.values()) - min(values.values()) if len(values) > 1 else None
    return GroupTable(attribute, rows, suppressed, worst, gap)
