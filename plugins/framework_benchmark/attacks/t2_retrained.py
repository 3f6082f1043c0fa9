"""T2, retrained: adapts recognition to covered faces with the help of other people.

Threat: somebody who can cover a collection of faces with the method and train on it. Two kinds of
features are tried: the recogniser's embedding, whose head is fitted anew, and the covered pixels
themselves, because a network for faces may look past the few colours that a cover leaves.

* ``T2-clear``, ``T2-pixels-clear``: ridge regression from the features of covered faces to the
  embeddings of clear ones; then a comparison with clear pictures.
* ``T2-covered``, ``T2-pixels-covered``: within-class covariance normalisation of the features
  (Hatch et al. 2006); then a comparison with covered pictures. Needs persons with two items.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.harness import Material, Scores
from framework.spec import BuildContext
from framework.types import Image
from framework_benchmark.attacks.component import FunctionAttack, NoOptions
from framework_benchmark.attacks.material import compare, vectors
from framework_benchmark.attacks.ridge import fit_ridge

FEWEST_PAIRS = 4
"""Pairs below which nothing can be learnt."""
PIXELS = 12
"""Side of the picture whose pixels are features."""

Rows = list[NDArray[np.float32] | None]


def attack(material: Material) -> dict[str, Scores]:
    """Up to four variants; none with too few other people."""
    result: dict[str, Scores] = {}
    if len(material.fit) >= FEWEST_PAIRS:
        result |= _variants(
            material,
            "T2",
            np.stack([covered.vector for _, covered in material.fit]),
            np.stack([clear.vector for clear, _ in material.fit]),
            material.fit_persons,
            vectors(material.probes),
            vectors(material.covered),
        )
    if len(material.fit_crops) >= FEWEST_PAIRS:
        result |= _variants(
            material,
            "T2-pixels",
            np.stack([_pixels(pair.covered) for pair in material.fit_crops]),
            np.stack([pair.vector for pair in material.fit_crops]),
            [pair.person for pair in material.fit_crops],
            [None if c is None else _pixels(c) for c in material.probe_crops],
            [None if c is None else _pixels(c) for c in material.covered_crops],
        )
    return result


def _variants(
    material: Material,
    name: str,
    covered: NDArray[np.float32],
    clear: NDArray[np.float32],
    persons: Sequence[str],
    probes: Rows,
    gallery: Rows,
) -> dict[str, Scores]:
    """Both comparisons with one kind of features."""
    features = covered.astype(np.float64)
    head = fit_ridge(features, clear.astype(np.float64))
    mapped: Rows = [
        None if p is None else np.asarray(head(p[None].astype(np.float64))[0], np.float32)
        for p in probes
    ]
    result = {f"{name}-clear": compare(mapped, vectors(material.clear))}
    whitening = _within_class(features, persons)
    if whitening is not None and any(row is not None for row in gallery):
        result[f"{name}-covered"] = compare(
            [whitening(row) for row in probes], [whitening(row) for row in gallery]
        )
    return result


def _pixels(crop: Image) -> NDArray[np.float32]:
    """(PIXELS * PIXELS * 3,) colours of a small picture, 0 to 1."""
    import cv2

    small = cv2.resize(crop, (PIXELS, PIXELS), interpolation=cv2.INTER_AREA)
    return np.asarray(small.ravel() / 255, np.float32)


def _within_class(rows: NDArray[np.float64], persons: Sequence[str]) -> Whitening | None:
    """Fit on (n, d) rows; None with fewer than four persons who have two."""
    names = np.asarray(persons, dtype=str)
    several = [n for n in np.unique(names) if (names == n).sum() > 1]
    if len(several) < FEWEST_PAIRS:
        return None
    residuals = np.concatenate([rows[names == n] - rows[names == n].mean(axis=0) for n in several])
    degrees, d = max(1, len(residuals) - len(several)), rows.shape[1]
    scale = float((residuals**2).sum()) / degrees / d
    if scale <= 1e-12:
        return None  # every cover looks the same: there is nothing to normalise
    # With fewer residuals than dimensions the estimate is singular; shrink accordingly.
    share = d / (d + len(residuals))
    # There are fewer residuals than dimensions (5,782 of lbp): their span, and the rest alike.
    _, singular, axes = np.linalg.svd(residuals, full_matrices=False)
    rest = share * scale
    inside = (1 - share) * singular**2 / degrees + rest
    return Whitening(rows.mean(axis=0), axes, inside**-0.5, rest**-0.5)


@dataclass(frozen=True, eq=False)
class Whitening:
    """The square root of the inverse within-class covariance, shrunk towards its trace.

    Attributes:
        mean: (d,).
        axes: (k, d) orthonormal directions in which items of one person differ.
        inside: (k,) factor along each of them.
        outside: factor along all others.
    """

    mean: NDArray[np.float64]
    axes: NDArray[np.float64]
    inside: NDArray[np.float64]
    outside: float

    def __call__(self, row: NDArray[np.float32] | None) -> NDArray[np.float32] | None:
        if row is None:
            return None
        centred = row - self.mean
        along = self.axes @ centred
        whole = self.outside * centred + ((self.inside - self.outside) * along) @ self.axes
        return np.asarray(whole, np.float32)


def build(config: NoOptions, context: BuildContext) -> FunctionAttack:
    """Factory of ``t2``."""
    return FunctionAttack(
        attack, frozenset({"crops", "gallery-crops", "fit-crops"}), own_threshold=True
    )
