"""One figure, and everything a reader needs to judge it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from framework_benchmark.statistics.bootstrap import Interval


class Axis(StrEnum):
    """What a figure is about."""

    PRIVACY = "privacy"
    UTILITY = "utility"
    TIME = "time"
    COST = "cost"


@dataclass(frozen=True)
class Cell:
    """One figure of one method.

    Attributes:
        method: the anonymizer with its options.
        axis: privacy, utility, time (quality over time) or cost.
        metric: for instance ``rank-1``.
        attack: variant of the attack, for instance ``T4-best1``; "" where there is none.
        component: recogniser or emotion classifier; "" where there is none.
        gallery: number of persons in the gallery; 0 where there is none.
        interval: value, limits, number of persons.
        items: number of items in the denominator.
        failures: items among them that failed or showed no face.
        contamination: ``no``, ``yes`` or ``unknown`` (counts as yes).
        note: what to know about this figure.
        persons: value by person, where methods are compared person by person.
    """

    method: str
    axis: Axis
    metric: str
    interval: Interval
    attack: str = ""
    component: str = ""
    gallery: int = 0
    items: int = 0
    failures: int = 0
    contamination: str = "unknown"
    note: str = ""
    persons: Mapping[str, float] = field(default_factory=dict)

    @property
    def value(self) -> float | None:
        return self.interval.value
