"""Quality over time, each as two sums whose quotient compares the covered clip with the original.

A value of 1 means "as steady as the original"; a ratio needs no reference picture, so that it does
not punish privacy as PSNR or SSIM to the original would.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from framework.types import Image


def flow_warp_error(
    original: Sequence[Image], covered: Sequence[Image], boxes: NDArray[np.float32]
) -> tuple[float, float]:
    """Mean absolute warp error inside the face, of the covered and of the original clip.

    Dense optical flow (DIS, Kroeger et al. 2016) of the *original* moves each previous picture onto
    the present one; what remains inside the face's box is flicker (and, in the original, what flow
    cannot explain). Lai et al. 2018.

    Args:
        original, covered: n frames of one size.
        boxes: (n, 4) face boxes in pixels; NaN where there is no face.

    Returns:
        Sums over frames of the mean error (0 to 255) of (covered, original).
    """
    import cv2

    flow_of = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST)
    total = np.zeros(2)
    greys = [cv2.cvtColor(image, cv2.COLOR_BGR2GRAY) for image in original]
    height, width = greys[0].shape if greys else (0, 0)
    grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).astype(np.float32)
    for t in range(1, len(greys)):
        area = _pixels(boxes[t], width, height)
        if area is None:
            continue
        # Backward flow: where in t - 1 does each pixel of t come from?
        start = np.zeros((height, width, 2), np.float32)
        flow = np.asarray(flow_of.calc(greys[t], greys[t - 1], start), np.float32)
        for k, clip in enumerate((covered, original)):
            source = grid[area] + flow[area]
            warped = cv2.remap(
                clip[t - 1],
                np.ascontiguousarray(source[..., 0]),
                np.ascontiguousarray(source[..., 1]),
                cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REPLICATE,
            )
            total[k] += float(np.abs(warped.astype(np.float32) - clip[t][area]).mean())
    return float(total[0]), float(total[1])


def _pixels(box: NDArray[np.float32], width: int, height: int) -> tuple[slice, slice] | None:
    if not np.isfinite(box).all():
        return None
    left, top = np.maximum(np.floor(box[:2]), 0).astype(int)
    right, bottom = np.minimum(np.ceil(box[2:]), [width, height]).astype(int)
    if right - left < 2 or bottom - top < 2:
        return None
    return slice(int(top), int(bottom)), slice(int(left), int(right))


def landmark_jerk(points: NDArray[np.float32], time_s: NDArray[np.float64]) -> tuple[float, int]:
    """Sum of third differences of the landmarks over inter-ocular distance, and their number.

    Args:
        points: (n, 5, 2) pixels, NaN where no face was found.
        time_s: (n,) seconds; differences are taken over frames that follow each other.

    Returns:
        Sum of mean landmark jerk in inter-ocular distances per second cubed, count of terms.
    """
    if len(points) < 4:
        return 0.0, 0
    eyes = np.linalg.norm(points[:, 1] - points[:, 0], axis=1)
    step = float(np.median(np.diff(time_s)))
    if step <= 0:
        return 0.0, 0
    third = np.diff(points.astype(np.float64), n=3, axis=0)
    scale = eyes[:-3, None]
    size = np.linalg.norm(third, axis=2) / np.maximum(scale, 1e-6) / step**3
    mean = size.mean(axis=1)
    known = np.isfinite(mean)
    return float(mean[known].sum()), int(known.sum())


def steps(vectors: NDArray[np.float32], known: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Cosine similarity of each frame's embedding with the one before.

    Args:
        vectors: (n, d) unit length.
        known: (n,) whether a face was found in the frame.

    Returns:
        (n - 1,) in [-1, 1], NaN where one of the two frames has no face.
    """
    if len(vectors) < 2:
        return np.zeros(0)
    value = np.einsum("nd,nd->n", vectors[1:].astype(np.float64), vectors[:-1].astype(np.float64))
    value[~(known[1:] & known[:-1])] = np.nan
    return np.asarray(value)
