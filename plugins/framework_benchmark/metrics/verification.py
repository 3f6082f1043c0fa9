"""Verification: do two pictures show the same person?

Genuine and impostor scores come with a weight each, so that the bootstrap can resample persons
without sorting again. Probes without a face keep their comparisons: all of them get the lowest
score there is, so that genuine and impostor ones of such a probe tie, and contribute exactly what
chance does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LOWEST = -np.inf
"""Score of a comparison that could not be made."""


@dataclass(frozen=True, eq=False)
class Comparisons:
    """Every comparison of a set of probes with a gallery, sorted by score, best first.

    Attributes:
        score: (m,) descending.
        genuine: (m,) bool.
        owner: (m,) index of the person whose probe it was; the unit that is resampled.
        persons: number of persons.
    """

    score: NDArray[np.float64]
    genuine: NDArray[np.bool_]
    owner: NDArray[np.int64]
    persons: int

    @classmethod
    def of(
        cls,
        scores: NDArray[np.float64],
        mate: NDArray[np.int64],
        owner: NDArray[np.int64],
        persons: int,
    ) -> Comparisons:
        """From a (p, g) matrix of similarities, the mate's column and the person of each probe."""
        columns = scores.shape[1]
        flat = np.nan_to_num(scores, nan=LOWEST, posinf=np.inf, neginf=LOWEST).ravel()
        genuine = (np.arange(columns)[None, :] == mate[:, None]).ravel()
        order = np.argsort(-flat, kind="stable")
        return cls(flat[order], genuine[order], np.repeat(owner, columns)[order], persons)

    def curve(
        self, weights: NDArray[np.float64] | None = None
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """False and true accept rates over falling thresholds, (t,) each, from (0, 0) to (1, 1).

        Args:
            weights: (persons,) how often each person counts; None: once.
        """
        weight = np.ones(len(self.score)) if weights is None else weights[self.owner]
        changes = self.score[1:] != self.score[:-1]
        last = np.append(np.flatnonzero(changes), len(self.score) - 1)
        with np.errstate(invalid="ignore"):
            tar = np.cumsum(weight * self.genuine)[last]
            far = np.cumsum(weight * ~self.genuine)[last]
            tar, far = tar / tar[-1], far / far[-1]
        return np.append(0.0, far), np.append(0.0, tar)


def auc(far: NDArray[np.float64], tar: NDArray[np.float64]) -> float:
    """Area under the ROC curve: the probability that a genuine score beats an impostor's."""
    return float(np.trapezoid(tar, far))


def eer(far: NDArray[np.float64], tar: NDArray[np.float64]) -> float:
    """Equal error rate: where false accepts equal false rejects, linearly between thresholds.

    0: genuine and impostor scores are apart; 0.5: they are the same. Above 0.5 the scores are worse
    than guessing, and are reported as such.
    """
    gap = far - (1.0 - tar)  # rises from -1 to 1
    if not np.isfinite(gap).all():
        return float("nan")
    k = int(np.argmax(gap >= 0))
    if k == 0:
        return float(far[0])
    share = -gap[k - 1] / (gap[k] - gap[k - 1])
    return float(far[k - 1] + share * (far[k] - far[k - 1]))


def threshold_at_far(impostor: NDArray[np.float64], far: float) -> float | None:
    """The lowest score that accepts at most ``far`` of these impostor comparisons.

    Args:
        impostor: scores of different people, of *clear* faces: the attacker sets the threshold
            before seeing anything anonymized.
        far: 0 < far < 1.

    Returns:
        The threshold (scores at or above it are accepted), or None if there are fewer than 1 / far
        comparisons, so that the rate cannot be observed.
    """
    clean = np.sort(impostor[np.isfinite(impostor)])[::-1]
    if len(clean) < 1.0 / far:
        return None
    allowed = int(np.floor(far * len(clean) + 1e-9))
    # Strictly above the first impostor that must be refused.
    return float(np.nextafter(clean[allowed], np.inf))


def accepted(genuine: NDArray[np.float64], threshold: float, far: float) -> NDArray[np.float64]:
    """Whether each genuine comparison is accepted, 0 or 1; ``far`` where no face was found (NaN),
    which is what a guess at this operating point achieves."""
    result = (genuine >= threshold).astype(np.float64)
    result[np.isnan(genuine)] = far
    return result
