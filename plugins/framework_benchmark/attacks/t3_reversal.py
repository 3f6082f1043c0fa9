"""T3, reversal: tries to restore the face, then recognises what comes out.

Threat: somebody who covers faces of other people, learns the way back, and applies it.

* ``T3-learned``: what is missing in a covered crop is predicted from the crop by ridge regression,
  fitted on other people (linear reversals undid most of the methods in Todt et al., *Fantomas*).
  Two models are fitted, and the one that does better on people left out is used: one for the whole
  picture, which can undo what moves pixels about, and one for each place from its surroundings,
  which needs far fewer examples (position-patch hallucination, Ma et al. 2010).
* ``T3-deconvolved``: Wiener deconvolution with Gaussian kernels of several widths. The width is
  used with which the recogniser recognises other people best. Aimed at blur.

Both predict a correction of the covered crop, so that a face that was not covered comes out as it
went in, and an attacker who restores is never weaker than one who does not by much.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from framework_faceset.deconvolution import WIDTHS, deconvolved
from numpy.typing import NDArray

from framework.harness import CropPair, Material, Scores
from framework.spec import BuildContext
from framework.types import Image
from framework_benchmark.attacks.component import FunctionAttack, NoOptions
from framework_benchmark.attacks.material import compare, vectors
from framework_benchmark.attacks.ridge import fit_ridge

CROP = 72
"""Side of the crops that attackers learn from."""
PATCHES = 6
"""Patches a side for the model by place; each is predicted from itself and its neighbours."""
FEWEST_PAIRS = 4
TRIED_ON = 16
"""Other people's crops on which the widths are tried."""
Floats = NDArray[np.float64]


def attack(material: Material) -> dict[str, Scores]:
    """Up to two variants; none without other people or without crops."""
    if len(material.fit_crops) < FEWEST_PAIRS or material.embed is None:
        return {}
    present = [i for i, crop in enumerate(material.probe_crops) if crop is not None]
    covered = [crop for crop in material.probe_crops if crop is not None]
    if not covered:
        return {}
    width = _best_width(material)
    restored = {
        "T3-learned": _learned(material.fit_crops, covered),
        "T3-deconvolved": [deconvolved(crop, width) for crop in covered],
    }
    result: dict[str, Scores] = {}
    for name, crops in restored.items():
        probes: list[NDArray[np.float32] | None] = [None] * len(material.probe_crops)
        for i, vector in zip(present, _embedded(crops, material), strict=True):
            probes[i] = vector
        result[name] = compare(probes, vectors(material.clear))
    return result


def _embedded(crops: Sequence[Image], material: Material) -> NDArray[np.float32]:
    import cv2

    assert material.embed is not None
    size = (material.size, material.size)
    large = [
        np.asarray(cv2.resize(c, size, interpolation=cv2.INTER_CUBIC), np.uint8) for c in crops
    ]
    return material.embed(large)


# -- learned ---------------------------------------------------------------------------------------


def _learned(pairs: Sequence[CropPair], covered: Sequence[Image]) -> list[Image]:
    x = np.stack([p.covered for p in pairs]).astype(np.float64)
    missing = np.stack([p.clear for p in pairs]).astype(np.float64) - x
    given = np.stack(covered).astype(np.float64)
    (error, whole), (local_error, local) = _whole(x, missing, given), _by_place(x, missing, given)
    found = given + (whole if error <= local_error else local)
    return [np.asarray(crop, np.uint8) for crop in np.clip(np.round(found), 0, 255)]


def _whole(x: Floats, missing: Floats, given: Floats) -> tuple[float, Floats]:
    """Leave-one-out error, and what is missing in the given crops, all pixels at once."""
    model = fit_ridge(x.reshape(len(x), -1), missing.reshape(len(x), -1))
    return model.error, model(given.reshape(len(given), -1)).reshape(given.shape)


def _by_place(x: Floats, missing: Floats, given: Floats) -> tuple[float, Floats]:
    """The same, each patch from its surroundings of three patches by three."""
    side = x.shape[1]
    edges = np.linspace(0, side, PATCHES + 1).round().astype(int)
    found, errors = np.zeros_like(given), []
    for top, bottom in pairwise(edges):
        for left, right in pairwise(edges):
            rows, columns = _around(top, bottom, side), _around(left, right, side)
            y = missing[:, top:bottom, left:right]
            model = fit_ridge(x[:, rows, columns].reshape(len(x), -1), y.reshape(len(x), -1))
            patch = model(given[:, rows, columns].reshape(len(given), -1))
            found[:, top:bottom, left:right] = patch.reshape(len(given), *y.shape[1:])
            errors.append(model.error)
    return float(np.mean(errors)), found


def _around(low: int, high: int, side: int) -> slice:
    """A patch with as much again on either side, inside the picture."""
    width = high - low
    return slice(max(0, low - width), min(side, high + width))


# -- deconvolution ---------------------------------------------------------------------------------


def _best_width(material: Material) -> float:
    """The width after which other people are most like themselves, seen by the recogniser."""
    pairs = material.fit_crops[:: max(1, len(material.fit_crops) // TRIED_ON)][:TRIED_ON]
    clear = np.stack([p.vector for p in pairs])

    def likeness(width: float) -> float:
        rows = _embedded([deconvolved(p.covered, width) for p in pairs], material)
        return float((rows * clear).sum(axis=1).mean())

    return max(WIDTHS, key=likeness)


def build(config: NoOptions, context: BuildContext) -> FunctionAttack:
    """Factory of ``t3``."""
    return FunctionAttack(attack, frozenset({"crops", "fit-crops"}))
