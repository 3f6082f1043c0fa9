"""Fitting an image into the network's input, and mapping coordinates back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from framework.types import Image

QUARTER_TURNS = (0, 1, 2, 3)


MAX_ENLARGEMENT = 3.0
"""Beyond this the network sees faces in the interpolated texture of a small image, and no more
real ones: on a clip of 193 x 144 pixels a fivefold enlargement tracked two that were not there."""


@dataclass(frozen=True, slots=True)
class Placement:
    """How one image was turned and scaled into the top left corner of the input.

    Attributes:
        turns: quarter turns clockwise, 0 to 3.
        scale_x, scale_y: input pixels per pixel of the turned image.
        width, height: of the image before it was turned, pixels.
    """

    turns: int
    scale_x: float
    scale_y: float
    width: int
    height: int

    def points(self, xy: NDArray[np.float32]) -> NDArray[np.float32]:
        """Input coordinates (..., 2) to coordinates of the image, pixels."""
        x, y = xy[..., 0] / self.scale_x, xy[..., 1] / self.scale_y
        if self.turns == 1:
            x, y = y, self.height - x
        elif self.turns == 2:
            x, y = self.width - x, self.height - y
        elif self.turns == 3:
            x, y = self.width - y, x
        return np.stack([x, y], axis=-1).astype(np.float32)

    def boxes(self, xyxy: NDArray[np.float32]) -> NDArray[np.float32]:
        """Input boxes (n, 4) to boxes of the image, pixels."""
        corners = self.points(xyxy.reshape(-1, 2, 2))
        return np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1)


def fit(
    image: Image, size: int, turns: int, multiple: int, fill: tuple[float, float, float]
) -> tuple[Image, Placement]:
    """Turn, scale and pad one image.

    Args:
        image: (h, w, 3) BGR.
        size: long side after scaling, pixels; less where that would enlarge too much.
        turns: quarter turns clockwise, 0 to 3.
        multiple: the result's sides are multiples of this; the rest is padding.
        fill: colour of the padding, BGR; the network's mean makes it look like the zeros that its
            convolutions pad with.

    Returns:
        The input image, padded at the right and at the bottom, and where it came from.
    """
    import cv2

    height, width = image.shape[:2]
    scale = min(size / max(height, width), MAX_ENLARGEMENT)
    new_w, new_h = max(1, round(width * scale)), max(1, round(height * scale))
    # Averaging while shrinking keeps small faces from dissolving into aliasing.
    method = cv2.INTER_AREA if scale < 0.5 else cv2.INTER_LINEAR
    scaled = cv2.resize(image, (new_w, new_h), interpolation=method)
    scale_x, scale_y = new_w / width, new_h / height
    if turns:
        code = (cv2.ROTATE_90_CLOCKWISE, cv2.ROTATE_180, cv2.ROTATE_90_COUNTERCLOCKWISE)[turns - 1]
        scaled = cv2.rotate(scaled, code)
    if turns % 2:
        scale_x, scale_y = scale_y, scale_x
    h, w = scaled.shape[:2]
    below, right = -h % multiple, -w % multiple
    padded = cv2.copyMakeBorder(scaled, 0, below, 0, right, cv2.BORDER_CONSTANT, value=fill)
    return np.asarray(padded, np.uint8), Placement(turns, scale_x, scale_y, width, height)
