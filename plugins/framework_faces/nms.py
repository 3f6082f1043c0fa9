"""Greedy non-maximum suppression."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from framework.boxes import iou


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
    above = iou(xyxy[order], xyxy[order]) > overlap
    alive = np.ones(len(order), bool)
    for row in range(len(order)):
        if alive[row]:
            alive[row + 1 :] &= ~above[row, row + 1 :]
    return order[alive]
