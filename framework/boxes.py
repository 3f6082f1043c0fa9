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


def common_area(a: NDArray[np.floating], b: NDArray[np.floating]) -> NDArray[np.float64]:
    """Area that two boxes share, row by row: (n, 4) and (n, 4) give (n,) square pixels."""
    low, high = np.maximum(a[:, :2], b[:, :2]), np.minimum(a[:, 2:], b[:, 2:])
    return np.asarray(np.maximum(high - low, 0).prod(axis=1), np.float64)


def covered_share(box: NDArray[np.floating], others: NDArray[np.floating]) -> float:
    """The share of ``box`` that the union of ``others`` covers, 0 to 1, exactly.

    The edges of all boxes cut the plane into a grid whose cells are covered entirely or not at all.

    Args:
        box: (4,) pixels.
        others: (n, 4) pixels.
    """
    whole = float(np.clip(box[2:] - box[:2], 0, None).prod())
    if whole <= 0.0:
        return 1.0
    lower = np.clip(others[:, :2], box[:2], box[2:])
    upper = np.clip(others[:, 2:], box[:2], box[2:])
    x = np.unique(np.concatenate([lower[:, 0], upper[:, 0], box[[0, 2]]]).astype(np.float64))
    y = np.unique(np.concatenate([lower[:, 1], upper[:, 1], box[[1, 3]]]).astype(np.float64))
    middle_x, middle_y = (x[1:] + x[:-1]) / 2, (y[1:] + y[:-1]) / 2
    in_x = (lower[:, :1] < middle_x) & (middle_x < upper[:, :1])
    in_y = (lower[:, 1:] < middle_y) & (middle_y < upper[:, 1:])
    covered = (in_y[:, :, None] & in_x[:, None, :]).any(axis=0)
    cells = np.diff(y)[:, None] * np.diff(x)[None]
    return float(cells[covered].sum() / whole)
