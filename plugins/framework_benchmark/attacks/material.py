"""How attackers compare what they have in hand (:class:`framework.harness.Material`)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from framework.harness import Scores, Template


def compare(
    probes: Sequence[NDArray[np.float32] | None], gallery: Sequence[NDArray[np.float32] | None]
) -> Scores:
    """Cosine similarity of every pair; None becomes a row of NaN or a column of -inf."""
    scores = np.full((len(probes), len(gallery)), np.nan)
    columns = [g for g, vector in enumerate(gallery) if vector is not None]
    rows = [p for p, vector in enumerate(probes) if vector is not None]
    if rows and columns:
        a = np.stack([probes[p] for p in rows]).astype(np.float64)  # type: ignore[misc]
        b = np.stack([gallery[g] for g in columns]).astype(np.float64)  # type: ignore[misc]
        scores[np.ix_(rows, columns)] = unit(a) @ unit(b).T
    empty = np.setdiff1d(np.arange(len(gallery)), columns)
    scores[np.ix_(rows, empty.tolist())] = -np.inf
    return scores


def unit(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows at length 1; a row of zeros stays."""
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.where(length > 0, length, 1.0))


def vectors(templates: Sequence[Template | None]) -> list[NDArray[np.float32] | None]:
    """The best frame's embedding of each."""
    return [None if t is None else t.vector for t in templates]
