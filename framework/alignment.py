"""Upright square face crops from five landmarks.

A similarity transform (rotation, scale, translation; Umeyama 1991, least squares) maps the
landmarks onto the template that ArcFace (Deng et al. 2019) made common, so that a classifier sees
each face at the same place, size and angle.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from framework.types import Image

TEMPLATE_SIZE = 112
TEMPLATE: NDArray[np.float32] = np.array(
    [
        [38.2946, 51.6963],
        [73.5318, 51.5014],
        [56.0252, 71.7366],
        [41.5493, 92.3655],
        [70.7299, 92.2041],
    ],
    dtype=np.float32,
)
"""Positions of the five landmarks in a 112 x 112 crop, pixels."""


def template(size: int, scale: float = 1.0) -> NDArray[np.float32]:
    """The template for a crop of ``size`` pixels that shows ``scale`` times the surroundings.

    Returns:
        (5, 2) float32 pixels. The centre of the crop stays the centre of the template's square.
    """
    centre = TEMPLATE_SIZE / 2
    return ((TEMPLATE - centre) / (scale * TEMPLATE_SIZE) + 0.5).astype(np.float32) * size


def similarity(source: NDArray[np.float32], target: NDArray[np.float32]) -> NDArray[np.float32]:
    """The 2 x 3 similarity that maps ``source`` points onto ``target`` in the least-squares sense.

    Solved in closed form over (a, b) with the matrix [[a, -b, tx], [b, a, ty]]: in the plane the
    optimum of Umeyama (1991) without reflection is linear in these four numbers.

    Args:
        source: (k, 2) points, k >= 2.
        target: (k, 2) points that they are laid on.

    Raises:
        ValueError: the source points coincide, so that no scale is defined.
    """
    src = np.asarray(source, np.float64)
    dst = np.asarray(target, np.float64)
    src_mean, dst_mean = src.mean(axis=0), dst.mean(axis=0)
    p, q = src - src_mean, dst - dst_mean
    spread = float((p**2).sum())
    if not np.isfinite(spread) or spread < 1e-12:
        raise ValueError("similarity: expected at least two distinct finite points")
    a = float((p * q).sum()) / spread
    b = float((p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0]).sum()) / spread
    linear = np.array([[a, -b], [b, a]])
    shift = dst_mean - linear @ src_mean
    return np.column_stack([linear, shift]).astype(np.float32)


def landmarks_from_box(xyxy: NDArray[np.float32]) -> NDArray[np.float32]:
    """Where the five landmarks of an upright frontal face would be in these boxes.

    For detectors without landmarks, and rows where they are not known. The proportions are the mean
    of RetinaFace's landmarks relative to its boxes.

    Args:
        xyxy: (n, 4) pixels.

    Returns:
        (n, 5, 2) pixels.
    """
    relative = np.array(
        [[0.31, 0.40], [0.69, 0.40], [0.50, 0.58], [0.34, 0.76], [0.66, 0.76]], np.float32
    )
    boxes = np.asarray(xyxy, np.float32).reshape(-1, 4)
    size = boxes[:, 2:] - boxes[:, :2]
    return boxes[:, None, :2] + relative[None] * size[:, None, :]


def align(image: Image, landmarks: NDArray[np.float32], size: int, scale: float = 1.0) -> Image:
    """An upright square crop of one face.

    Args:
        image: (h, w, 3) BGR.
        landmarks: (5, 2) pixels.
        size: side of the crop, pixels.
        scale: how much wider than the template the crop is.

    Returns:
        (size, size, 3) uint8, the border replicated where the crop reaches past the picture.
    """
    import cv2

    matrix = similarity(landmarks, template(size, scale))
    # Shrinking without a low-pass would alias, and a classifier reads aliasing as texture.
    shrink = float(np.hypot(matrix[0, 0], matrix[1, 0]))
    if shrink < 0.5:
        image, matrix = _presample(image, landmarks, matrix, size)
    crop = cv2.warpAffine(
        image, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(crop, np.uint8)


def _presample(
    image: Image, landmarks: NDArray[np.float32], matrix: NDArray[np.float32], size: int
) -> tuple[Image, NDArray[np.float32]]:
    """Cut out the crop's neighbourhood and shrink it by area averaging to about twice ``size``."""
    import cv2

    inverse = cv2.invertAffineTransform(matrix)
    corners = np.array([[0, 0], [size, 0], [0, size], [size, size]], np.float32)
    mapped = corners @ inverse[:, :2].T + inverse[:, 2]
    height, width = image.shape[:2]
    left, top = np.clip(np.floor(mapped.min(axis=0)) - 2, 0, [width - 1, height - 1]).astype(int)
    right, bottom = np.clip(np.ceil(mapped.max(axis=0)) + 2, [left + 1, top + 1], [width, height])
    cut = image[top : int(bottom), left : int(right)]
    factor = 2.0 * float(np.hypot(matrix[0, 0], matrix[1, 0]))
    new_size = (max(1, round(cut.shape[1] * factor)), max(1, round(cut.shape[0] * factor)))
    small = cv2.resize(cut, new_size, interpolation=cv2.INTER_AREA)
    ratio = np.array([new_size[0] / cut.shape[1], new_size[1] / cut.shape[0]], np.float32)
    moved = (np.asarray(landmarks, np.float32) - np.array([left, top], np.float32)) * ratio
    return np.asarray(small, np.uint8), similarity(moved, template_like(matrix, landmarks))


def template_like(
    matrix: NDArray[np.float32], landmarks: NDArray[np.float32]
) -> NDArray[np.float32]:
    """Where ``matrix`` sends ``landmarks``: the target that keeps the residual of the first fit."""
    points = np.asarray(landmarks, np.float32) @ matrix[:, :2].T + matrix[:, 2]
    return np.asarray(points, np.float32)
