"""Which detection belongs to which track."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from framework.boxes import iou


def enlarge(xyxy: NDArray[np.float32], share: float) -> NDArray[np.float32]:
    """Boxes grown on each side by ``share`` of their size (buffered IoU, Yang et al. 2023)."""
    margin = (xyxy[:, 2:] - xyxy[:, :2]) * share
    return np.concatenate([xyxy[:, :2] - margin, xyxy[:, 2:] + margin], axis=1)


def associate(
    tracks: NDArray[np.float32],
    detections: NDArray[np.float32],
    surcharge: NDArray[np.float32],
    least: float,
    buffer: float,
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The assignment of least total cost, 1 - IoU + surcharge, among pairs that overlap enough.

    Args:
        tracks: (n, 4) predicted boxes, pixels.
        detections: (m, 4) boxes, pixels.
        surcharge: (m,) what taking a detection costs beside its distance, >= 0.
        least: smallest IoU of the enlarged boxes.
        buffer: enlargement on each side, in box sizes.

    Returns:
        Rows of ``tracks`` and rows of ``detections`` that belong together.
    """
    if not len(tracks) or not len(detections):
        return np.zeros(0, np.intp), np.zeros(0, np.intp)
    overlap = iou(enlarge(tracks, buffer), enlarge(detections, buffer)).astype(np.float64)
    # A forbidden pair costs as much as the worst allowed one and no more. Were it dearer, the
    # assignment would rather cross two good pairs into two poor ones than leave a newcomer alone.
    forbidden = 1.0 - least + float(surcharge.max())
    cost = np.where(overlap >= least, 1.0 - overlap + surcharge, forbidden)
    row, column = linear_sum_assignment(cost)
    allowed = overlap[row, column] >= least
    return row[allowed], column[allowed]
