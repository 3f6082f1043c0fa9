"""How much of a box others cover, where :mod:`framework.boxes` (every pair) does not fit."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def common_area(a: NDArray[np.floating], b: NDArray[np.floating]) -> NDArray[np.float64]:
    """Area that two boxes share, row by row: (n, 4) and (n, 4) give (n,) square pixels."""
    lower = np.maximum(a[:, :2], b[:, :2])
    upper = np.minimum(a[:, 2:], b[:, 2:])
    return np.asarray(np.clip(upper - lower, 0, None).prod(axis=1), np.float64)


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
