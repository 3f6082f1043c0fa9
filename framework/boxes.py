"""Arithmetic on boxes (left, top, right, bottom), vectorised."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def area(xyxy: NDArray[np.float32]) -> NDArray[np.float32]:
    """Areas of (n, 4) boxes in square pixels; boxes turned inside out have none."""
    size = np.maximum(xyxy[:, 2:] - xyxy[:, :2], 0)
    return np.asarray(size[:, 0] * size[:, 1], np.float32)


def intersection(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """Common areas of every pair: (n, 4) and (m, 4) boxes give (n, m) square pixels."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum(a[:, None, 2:], b[None, :, 2:])
    size = np.maximum(high - low, 0)
    return np.asarray(size[..., 0] * size[..., 1], np.float32)


def iou(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """Intersection over union of every pair, (n, m), 0 to 1. Two empty boxes have 0."""
    common = intersection(a, b)
    union = area(a)[:, None] + area(b)[None, :] - common
    return np.asarray(np.divide(common, union, out=np.zeros_like(common), where=union > 0))
