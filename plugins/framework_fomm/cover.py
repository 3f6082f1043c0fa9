"""What lies under the donor: the person's head replaced by its surroundings.

The pixels of the head region aren't blurred, they are left out: what is put there is extrapolated
from the picture around all covered heads (push-pull interpolation, Gortler et al. 1996: known
pixels are averaged into ever coarser levels, and holes are filled from the finest level that knows
something). So nothing of the original can shine through a donor's soft edge.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from framework.regions import Rect, Region
from framework.types import Image

_WORK_SIDE = 96  # the fill is smooth: a hundred pixels across hold it
_UNKNOWN = 128.0  # grey, if a head fills the whole picture


def covered_mask(regions: Sequence[Region], frame_size: tuple[int, int]) -> NDArray[np.uint8]:
    """(h, w): 255 in every region, the soft borders not included."""
    width, height = frame_size
    mask = np.zeros((height, width), np.uint8)
    for region in regions:
        rect, part = region.raster()
        view = mask[rect.slices]
        np.maximum(view, part, out=view)
    return mask


def cover_heads(
    image: Image,
    regions: Sequence[Region],
    mask: NDArray[np.uint8],
    feather: float = 0.06,
) -> None:
    """Replace every region of ``image``, in place, by what surrounds all of them.

    Args:
        image: (h, w, 3).
        regions: made for pictures of this size; may overlap, and reach past the picture.
        mask: (h, w) of :func:`covered_mask` for these and any other regions to leave out.
        feather: width of the soft border outside a region, as a share of the face.
    """
    fills = [_fill(image, mask, region, feather) for region in regions]
    for rect, fill, weight in fills:  # all have read the original before the first is written
        if rect.empty:
            continue
        view = image[rect.slices]
        blend = weight[..., None].astype(np.float32) / 255
        view[:] = np.round(view + (fill - view) * blend).astype(np.uint8)


def _fill(
    image: Image, mask: NDArray[np.uint8], region: Region, feather: float
) -> tuple[Rect, NDArray[np.float32], NDArray[np.uint8]]:
    """Rectangle of a region and its border, extrapolated colours and the weight in it."""
    import cv2

    rect, weight = region.raster(feather * region.face_px)
    if rect.empty:
        return rect, np.zeros((0, 0, 3), np.float32), weight
    height, width = image.shape[:2]
    around = rect.grown(round(0.35 * region.face_px), (width, height))
    scale = min(1.0, _WORK_SIDE / max(around.width, around.height))
    size = (max(2, round(around.width * scale)), max(2, round(around.height * scale)))
    known = (mask[around.slices] == 0).astype(np.float32)
    seen = image[around.slices].astype(np.float32) * known[..., None]
    total = cv2.resize(known, size, interpolation=cv2.INTER_AREA)
    colour = cv2.resize(seen, size, interpolation=cv2.INTER_AREA)
    filled = push_pull(np.asarray(colour, np.float32), np.asarray(total, np.float32))
    wide = cv2.resize(filled, (around.width, around.height), interpolation=cv2.INTER_CUBIC)
    top, left = rect.top - around.top, rect.left - around.left
    fill = np.clip(wide[top : top + rect.height, left : left + rect.width], 0, 255)
    return rect, np.asarray(fill, np.float32), weight


def push_pull(colour: NDArray[np.float32], weight: NDArray[np.float32]) -> NDArray[np.float32]:
    """Fill the holes of a picture.

    Args:
        colour: (h, w, 3), multiplied by ``weight``.
        weight: (h, w) in [0, 1]; 0 is a hole.

    Returns:
        (h, w, 3) without holes; grey if there is nothing to fill from.
    """
    import cv2

    height, width = weight.shape
    value = colour / np.maximum(weight, 1e-6)[..., None]
    if max(height, width) <= 2:
        total = float(weight.sum())
        mean = colour.sum(axis=(0, 1)) / total if total > 1e-4 else np.full(3, _UNKNOWN, np.float32)
        return np.asarray(np.where(weight[..., None] > 1e-4, value, mean), np.float32)
    half = ((width + 1) // 2, (height + 1) // 2)
    # blurred before halving: without, the pixel grid shows in the fill
    soft_weight = cv2.GaussianBlur(weight, (5, 5), 1.0)
    soft_colour = cv2.GaussianBlur(colour, (5, 5), 1.0)
    low_weight = np.asarray(cv2.resize(soft_weight, half, interpolation=cv2.INTER_AREA), np.float32)
    low_colour = np.asarray(cv2.resize(soft_colour, half, interpolation=cv2.INTER_AREA), np.float32)
    # a coarse pixel that saw a few known ones counts as known: saturate, don't average away
    gain = np.minimum(1.0, 4 * low_weight) / np.maximum(low_weight, 1e-6)
    below = push_pull(
        (low_colour * gain[..., None]).astype(np.float32), (low_weight * gain).astype(np.float32)
    )
    up = cv2.resize(below, (width, height), interpolation=cv2.INTER_LINEAR)
    share = np.clip(weight, 0, 1)[..., None]
    return np.asarray(share * value + (1 - share) * up, np.float32)
