"""RetinaFace's anchors, and the decoding of its heads (Deng et al. 2020; SSD parametrisation).

Everything is in pixels of the network's input. Anchors depend on the input size alone and are
cached.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

STRIDES: tuple[int, ...] = (8, 16, 32)
SIZES: tuple[tuple[int, int], ...] = ((16, 32), (64, 128), (256, 512))
"""Sides of the two square anchors at each position of each level, pixels."""

CENTRE_VARIANCE = 0.1
SIZE_VARIANCE = 0.2


@lru_cache(maxsize=16)
def anchors(height: int, width: int) -> NDArray[np.float32]:
    """All anchors of an input of this size, in the order of the network's outputs.

    Returns:
        (n, 3) float32, read-only: centre x, centre y, side.
    """
    levels = []
    for stride, sizes in zip(STRIDES, SIZES, strict=True):
        rows, columns = -(-height // stride), -(-width // stride)
        y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
        centres = (np.stack([x, y], axis=-1) + 0.5) * stride
        level = np.empty((rows, columns, len(sizes), 3), np.float32)
        level[..., :2] = centres[:, :, None]
        level[..., 2] = sizes
        levels.append(level.reshape(-1, 3))
    table = np.concatenate(levels)
    table.flags.writeable = False
    return table


def decode_boxes(offsets: NDArray[np.float32], anchor: NDArray[np.float32]) -> NDArray[np.float32]:
    """Boxes from the location head.

    Args:
        offsets: (k, 4), the head's values: centre shift, logarithm of the size ratio.
        anchor: (k, 3), the anchors they belong to.

    Returns:
        (k, 4) float32 pixels: left, top, right, bottom.
    """
    side = anchor[:, 2:]
    centre = anchor[:, :2] + side * offsets[:, :2] * CENTRE_VARIANCE
    half = side * np.exp(offsets[:, 2:] * SIZE_VARIANCE) / 2
    return np.concatenate([centre - half, centre + half], axis=1)


def decode_landmarks(
    offsets: NDArray[np.float32], anchor: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Landmarks from the landmark head: (k, 10) values to (k, 5, 2) float32 pixels."""
    shift = offsets.reshape(-1, 5, 2) * (anchor[:, None, 2:] * CENTRE_VARIANCE)
    return anchor[:, None, :2] + shift
