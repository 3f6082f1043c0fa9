"""T3, reversal: tries to restore the face, then recognises what comes out.

Threat: somebody who covers faces of other people, learns the way back, and applies it.

* ``T3-learned``: a linear map from covered to clear crops, fitted on other people (ridge regression
  in dual form; linear reversals undid most of the methods in Todt et al., *Fantomas*).
* ``T3-deconvolved``: Wiener deconvolution with Gaussian kernels of several widths; the width that
  brings other people's faces nearest to their clear ones is used. Aimed at blur.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from framework.benchmark.attacks.material import CropPair, Material, Scores, compare, vectors
from framework.benchmark.attacks.ridge import fit_ridge
from framework.types import Image

CROP = 48
"""Side of the crops the reversal works on. Finer detail than this cannot come from a linear map of
a few hundred examples."""
FEWEST_PAIRS = 4
WIDTHS = (0.03, 0.06, 0.12)
"""Standard deviations of the blurs that are tried, as shares of the crop."""
NOISE = 1e-2
"""Noise to signal ratio of the Wiener filter."""


def attack(material: Material) -> dict[str, Scores]:
    """Up to two variants; none without other people or without crops."""
    if len(material.fit_crops) < FEWEST_PAIRS or material.embed is None:
        return {}
    present = [i for i, crop in enumerate(material.probe_crops) if crop is not None]
    covered = [crop for crop in material.probe_crops if crop is not None]
    result: dict[str, Scores] = {}
    restored = {
        "T3-learned": _learned(material.fit_crops, covered),
        "T3-deconvolved": _deconvolved(material.fit_crops, covered),
    }
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
    return material.embed(large) if large else np.zeros((0, 1), np.float32)


def _learned(pairs: Sequence[CropPair], covered: Sequence[Image]) -> list[Image]:
    x = np.stack([p.covered.ravel() for p in pairs]).astype(np.float64)
    y = np.stack([p.clear.ravel() for p in pairs]).astype(np.float64)
    restore = fit_ridge(x, y)
    if not covered:
        return []
    rows = restore(np.stack([c.ravel() for c in covered]).astype(np.float64))
    shape = covered[0].shape
    return [np.clip(row, 0, 255).astype(np.uint8).reshape(shape) for row in rows]


def _deconvolved(pairs: Sequence[CropPair], covered: Sequence[Image]) -> list[Image]:
    def distance(width: float) -> float:
        differences = [
            _wiener(p.covered, width).astype(np.float64) - p.clear.astype(np.float64) for p in pairs
        ]
        return float(np.mean([np.abs(d).mean() for d in differences]))

    best = min(WIDTHS, key=distance)
    return [_wiener(crop, best) for crop in covered]


def _wiener(crop: Image, width: float) -> Image:
    """Undo a Gaussian blur of standard deviation ``width`` (share of the side)."""
    side = crop.shape[0]
    frequency = np.fft.fftfreq(2 * side)
    transfer = np.exp(-2 * (np.pi * width * side * frequency) ** 2)
    kernel = transfer[:, None] * transfer[None, :]
    gain = kernel / (kernel**2 + NOISE)
    # Mirrored at the borders, so that the periodic transform sees no edge there.
    mirrored = np.pad(crop, ((0, side), (0, side), (0, 0)), mode="symmetric").astype(np.float64)
    restored = np.fft.ifft2(np.fft.fft2(mirrored, axes=(0, 1)) * gain[..., None], axes=(0, 1)).real
    return np.clip(restored[:side, :side], 0, 255).astype(np.uint8)
