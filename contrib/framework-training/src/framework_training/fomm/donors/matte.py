"""The head before an even background: alpha from the difference to the wall."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def wall_distance(bgr: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(h, w): how far each pixel is from the wall behind the sitter, in units of CIE Lab.

    The wall is a quadratic surface fitted to the picture's top and side borders.
    """
    import cv2

    lab = cv2.cvtColor(bgr.astype(np.float32) / 255, cv2.COLOR_BGR2LAB)
    h, w = lab.shape[:2]
    y, x = np.mgrid[:h, :w] / max(h, w)
    basis = np.stack([np.ones_like(x), x, y, x * x, y * y, x * y], -1).reshape(-1, 6)
    border = np.zeros((h, w), bool)
    border[: h // 40] = True
    border[: h // 2, : w // 25] = True
    border[: h // 2, -(w // 25) :] = True
    flat = lab.reshape(-1, 3)
    use = border.reshape(-1)
    for _ in range(4):  # least squares, then again without what turned out to be hair
        fit = np.linalg.lstsq(basis[use], flat[use], rcond=None)[0]
        residual = np.linalg.norm(flat - basis @ fit, axis=1)
        use = border.reshape(-1) & (residual < max(2.5, 2 * float(np.median(residual[use]))))
    return np.asarray(residual.reshape(h, w), np.float32)


def background_matte(distance: NDArray[np.float32]) -> NDArray[np.float32]:
    """(h, w) in [0, 1]: 1 where the head is, by :func:`wall_distance`; small holes are filled."""
    import cv2

    h, w = distance.shape
    soft = np.clip((distance - 5.0) / 9.0, 0, 1)
    solid = (soft > 0.5).astype(np.uint8)
    solid = cv2.morphologyEx(solid, cv2.MORPH_CLOSE, np.ones((3, 3), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(solid)
    largest = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA])) if count > 1 else 0
    head = (labels == largest).astype(np.uint8)
    # small holes are highlights on skin and hair; large ones are background between strands
    count, labels, stats, _ = cv2.connectedComponentsWithStats(1 - head)
    for hole in range(1, count):
        if stats[hole, cv2.CC_STAT_AREA] < h * w // 2000:
            head[labels == hole] = 1
    inner = cv2.erode(head, np.ones((5, 5), np.uint8))
    near = cv2.dilate(head, np.ones((5, 5), np.uint8))
    return np.asarray(np.maximum(inner, soft * near), np.float32)
