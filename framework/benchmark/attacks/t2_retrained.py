"""T2, retrained: adapts the recogniser to covered faces with the help of other people.

Threat: somebody who can cover a collection of faces with the method and train on it. The
recogniser's network stays, its head is fitted anew:

* ``T2-clear``: ridge regression from embeddings of covered to embeddings of clear faces; then a
  comparison with clear pictures.
* ``T2-covered``: within-class covariance normalisation of the embeddings of covered faces (Hatch et
  al. 2006); then a comparison with covered pictures. Needs persons with two items.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from framework.benchmark.attacks.material import Material, Scores, Template, compare, vectors
from framework.benchmark.attacks.ridge import fit_ridge

FEWEST_PAIRS = 4
"""Pairs below which nothing can be learnt."""


def attack(material: Material) -> dict[str, Scores]:
    """Up to two variants; none with too few other people."""
    result: dict[str, Scores] = {}
    if len(material.fit) >= FEWEST_PAIRS:
        covered = np.stack([b.vector for _, b in material.fit]).astype(np.float64)
        clear = np.stack([a.vector for a, _ in material.fit]).astype(np.float64)
        head = fit_ridge(covered, clear)
        probes = [None if t is None else _apply(head, t) for t in material.probes]
        result["T2-clear"] = compare(probes, vectors(material.clear))
        whitening = _within_class(covered, material.fit_persons)
        if whitening is not None:
            result["T2-covered"] = compare(
                [None if t is None else _whiten(whitening, t) for t in material.probes],
                [None if t is None else _whiten(whitening, t) for t in material.covered],
            )
    return result


def _apply(head: object, template: Template) -> NDArray[np.float32]:
    return np.asarray(head(template.vector[None].astype(np.float64))[0], np.float32)  # type: ignore[operator]


def _within_class(
    rows: NDArray[np.float64], persons: object
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Mean and the square root of the inverse within-class covariance, shrunk towards its trace."""
    names = np.asarray(persons, dtype=str)
    several = [n for n in np.unique(names) if (names == n).sum() > 1]
    if len(several) < FEWEST_PAIRS:
        return None
    residuals = np.concatenate([rows[names == n] - rows[names == n].mean(axis=0) for n in several])
    covariance = residuals.T @ residuals / max(1, len(residuals) - len(several))
    d = len(covariance)
    scale = float(np.trace(covariance)) / d
    if scale <= 1e-12:
        return None  # every cover looks the same: there is nothing to normalise
    # With fewer residuals than dimensions the estimate is singular; shrink accordingly.
    share = d / (d + len(residuals))
    covariance = (1 - share) * covariance + share * scale * np.eye(d)
    values, axes = np.linalg.eigh(covariance)
    return rows.mean(axis=0), axes @ np.diag(values**-0.5) @ axes.T


def _whiten(
    whitening: tuple[NDArray[np.float64], NDArray[np.float64]], template: Template
) -> NDArray[np.float32]:
    mean, root = whitening
    return np.asarray((template.vector - mean) @ root, np.float32)
