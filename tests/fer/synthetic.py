"""Faces that are none: seven patterns, each picture with a different background."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from framework.types import EMOTIONS


def patterns(n: int, side: int = 48, seed: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """``x`` (n, side, side) and ``y`` (n,): waves, one frequency a class."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % len(EMOTIONS)
    row, column = np.mgrid[:side, :side] / side
    pictures = []
    for label in labels:
        phase = rng.uniform(0, 2 * np.pi)
        wave = np.sin(2 * np.pi * (label + 1) * (row if label % 2 else column) + phase)
        # Coarse clouds: without them two pictures of a class would count as one photograph.
        clouds = cv2.resize(rng.normal(0, 40, (6, 6)), (side, side))
        pictures.append(128 + 50 * wave + clouds + rng.normal(0, 6, (side, side)))
    return np.clip(pictures, 0, 255).astype(np.uint8), labels.astype(np.uint8)


def save(path: Path, n: int = 70, seed: int = 0) -> Path:
    """An ``.npz`` of patterns."""
    x, y = patterns(n, seed=seed)
    np.savez(path, x=x, y=y)
    return path
