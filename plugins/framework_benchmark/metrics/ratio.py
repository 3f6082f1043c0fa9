"""A figure as the quotient of two sums, so that it can be added up over items and resampled.

Every rate of the benchmark is kept as one numerator and one denominator for each person. A person
who is drawn twice by the bootstrap counts twice in both sums.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Weights = NDArray[np.float64]
"""(b, n): how often each of n persons is drawn in each of b resamples."""


@dataclass(frozen=True, slots=True, eq=False)
class Ratio:
    """Components of one figure.

    Attributes:
        numerator, denominator: (n,) float64, one value a person.
    """

    numerator: NDArray[np.float64]
    denominator: NDArray[np.float64]

    def __post_init__(self) -> None:
        if self.numerator.shape != self.denominator.shape or self.numerator.ndim != 1:
            raise ValueError(
                f"Ratio: expected two vectors of one length, got {self.numerator.shape} and "
                f"{self.denominator.shape}"
            )

    @classmethod
    def by_person(cls, person: Sequence[str], values: NDArray[np.float64]) -> Ratio:
        """Sum ``values`` (one an item) and the number of items for each person, sorted by name."""
        names, index = np.unique(np.asarray(person, dtype=str), return_inverse=True)
        count = np.bincount(index, minlength=len(names))
        total = np.bincount(index, weights=np.asarray(values, np.float64), minlength=len(names))
        return cls(total.astype(np.float64), count.astype(np.float64))

    def __add__(self, other: Ratio) -> Ratio:
        """The figure over the persons of both, who must not overlap."""
        return Ratio(
            np.concatenate([self.numerator, other.numerator]),
            np.concatenate([self.denominator, other.denominator]),
        )

    def __len__(self) -> int:
        return len(self.numerator)

    @property
    def value(self) -> float | None:
        """The figure; None without observations."""
        below = float(self.denominator.sum())
        return float(self.numerator.sum()) / below if below > 0 else None

    def __call__(self, weights: Weights) -> NDArray[np.float64]:
        """The figure of each resample, (b,); NaN where a resample holds no observation."""
        below = weights @ self.denominator
        above = weights @ self.numerator
        empty = np.full(len(below), np.nan)
        return np.asarray(np.divide(above, below, out=empty, where=below > 0))
