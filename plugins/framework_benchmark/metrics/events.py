"""Event F1: would somebody who reads the covered recording find the same events?

Two events match if their starts and their ends each lie within a tolerance (event-based evaluation
with a collar, Mesaros et al. 2016), and for advice also their names agree. Each event matches once
at most; the assignment with the most matches is taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

TOLERANCE_S = 1.0


@dataclass(frozen=True, slots=True)
class Event:
    """Something with a name that lasts from ``start_s`` to ``end_s`` (seconds)."""

    name: str
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class EventCounts:
    """Summable components of an event F1."""

    matched: int
    before: int
    after: int

    def __add__(self, other: EventCounts) -> EventCounts:
        return EventCounts(
            self.matched + other.matched, self.before + other.before, self.after + other.after
        )

    @property
    def f1(self) -> float | None:
        """2 matched / (before + after); None if there was no event on either side."""
        total = self.before + self.after
        return 2 * self.matched / total if total else None


def match_events(
    before: Sequence[Event], after: Sequence[Event], tolerance_s: float = TOLERANCE_S
) -> EventCounts:
    """Count how many events of ``before`` are found again in ``after``."""
    from scipy.optimize import linear_sum_assignment

    matched = 0
    if before and after:
        fits = np.array(
            [
                [
                    a.name == b.name
                    and abs(a.start_s - b.start_s) <= tolerance_s + 1e-9
                    and abs(a.end_s - b.end_s) <= tolerance_s + 1e-9
                    for b in after
                ]
                for a in before
            ],
            np.float64,
        )
        rows, columns = linear_sum_assignment(-fits)
        matched = int(fits[rows, columns].sum())
    return EventCounts(matched, len(before), len(after))
