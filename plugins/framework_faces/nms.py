"""Overlap of boxes, and greedy non-maximum suppression."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def iou_matrix(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """Intersection over union of every box of ``a`` with every box of ``b``.

    Args:
        a, b: (n, 4), (m, 4) pixels: left, top, right, bottom. A box without area overlaps nothing.

    Returns:
        (n, m) float32, 0 to 1.
    """
    lower = np.maximum(a[:, None, :2], b[None, :, :2])
    upper = np.minimum(a[:, None, 2:], b[None, :, 2:])
    overlap = np.prod(np.clip(upper - lower, 0, None), axis=2)
    area_a = np.prod(np.clip(a[:, 2:] - a[:, :2], 0, None), axis=1)
    area_b = np.prod(np.clip(b[:, 2:] - b[:, :2], 0, None), axis=1)
    union = area_a[:, None] + area_b[None] - overlap
    return np.divide(overlap, union, out=np.zeros_like(overlap), where=union > 0)


def nms(xyxy: NDArray[np.float32], score: NDArray[np.float32], overlap: float) -> NDArray[np.intp]:
    """Greedy non-maximum suppression.

    Args:
        xyxy: (n, 4) pixels.
        score: (n,).
        overlap: a box that overlaps a better one by more than this (IoU) is dropped.

    Returns:
        Rows that stay, best score first. Equal scores: the earlier row wins.
    """
    order = np.argsort(-score, kind="stable")
    # The order is fixed, so the matrix can be computed once; a few hundred rows at most.
    above = iou_matrix(xyxy[order], xyxy[order]) > overlap
    alive = np.ones(len(order), bool)
    for row in range(len(order)):
        if alive[row]:
            alive[row + 1 :] &= ~above[row, row + 1 :]
    return order[alive]
