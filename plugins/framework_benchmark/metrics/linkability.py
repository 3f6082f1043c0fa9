"""D_sys: how far two protected samples can be linked (Gomez-Barrero et al. 2018).

For a score s, the likelihood ratio LR(s) of "same person" to "different persons" gives the local
linkability D(s) = 2 LR w / (1 + LR w) - 1 where LR w > 1, else 0, with w the ratio of priors. D_sys
is its mean over the scores of the same person. 0: no score tells anything; 1: every score decides.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

MOST_BINS = 100
MATED_PER_BIN = 10


def d_sys(
    mated: NDArray[np.float64], non_mated: NDArray[np.float64], omega: float = 1.0
) -> float | None:
    """Global linkability from histograms with common bins.

    As in the authors' implementation there is one bin for ten mated scores, 100 at most. Unlike
    there, comparisons that could not be made (not finite) are kept: they fill a bin of their own,
    in which both sides are equally frequent if failing says nothing about the person.

    Args:
        mated, non_mated: similarity scores of the same and of different persons.
        omega: prior odds of "same person"; 1 as customary.

    Returns:
        0 to 1; None if one side is empty.
    """
    if not len(mated) or not len(non_mated):
        return None
    bins = int(np.clip(len(mated) // MATED_PER_BIN, 2, MOST_BINS))
    p, q = _shares(mated, non_mated, bins)
    with np.errstate(divide="ignore", invalid="ignore"):
        local = np.where(q > 0, 2 * omega * p / (omega * p + q) - 1, 1.0)
    local = np.where(p > 0, np.clip(local, 0.0, 1.0), 0.0)
    return float((local * p).sum())


def _shares(
    mated: NDArray[np.float64], non_mated: NDArray[np.float64], bins: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Share of each side in every bin, the last one for comparisons that could not be made."""
    known = [side[np.isfinite(side)] for side in (mated, non_mated)]
    both = np.concatenate(known)
    edges = np.linspace(both.min(), both.max(), bins + 1) if len(both) else np.array([0.0, 1.0])
    if edges[0] == edges[-1]:
        edges = np.array([edges[0] - 0.5, edges[0] + 0.5])
    shares = []
    for side, finite in zip((mated, non_mated), known, strict=True):
        counts = np.histogram(finite, edges)[0].astype(np.float64)
        shares.append(np.append(counts, len(side) - len(finite)) / len(side))
    return shares[0], shares[1]
