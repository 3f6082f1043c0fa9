"""``pixelate``: a fixed number of coloured squares over each face.

The grid is anchored to the middle of the face and scales with it, so that a square stays on the
same part of the face while it moves, and colours do not flicker. Its remaining jitter gives nothing
away: the squares are samples of a patch that holds no detail finer than a square
(:mod:`framework_redact.lowpass`), hence a shifted grid samples the same few numbers again, unlike a
plain average over squares, which lets fine detail alias in and can be undone from many frames.
"""

from __future__ import annotations

import math

import numpy as np

from framework.regions import Region, regions_of
from framework.spec import BuildContext
from framework.types import Frame, Image, Tracks
from framework_redact.config import PixelateOptions
from framework_redact.lowpass import band_limit


class Pixelate:
    """Pixelates each track. Stateless, deterministic."""

    def __init__(self, options: PixelateOptions) -> None:
        self.options = options

    def anonymize(self, frame: Frame, tracks: Tracks) -> Image:
        """A copy of the frame with squares over each track's region, the largest face first."""
        options = self.options
        out = frame.bgr.copy()
        size = (frame.width, frame.height)
        for region in regions_of(tracks, size, shape=options.shape, margin=options.margin):
            pixelate_region(out, region, options.cells)
        return out

    def reset(self) -> None:
        """Nothing is kept between frames."""


def pixelate_region(image: Image, region: Region, cells: int) -> None:
    """Pixelate one region of ``image`` in place.

    Args:
        image: (h, w, 3) uint8.
        region: made for a frame of this size.
        cells: squares over the longer side of the face.
    """
    import cv2

    rect, mask = region.raster()
    if rect.empty:
        return
    cell = region.face_px / cells
    patch = band_limit(image, rect, cell)
    # Square number k reaches from anchor + k * cell to anchor + (k + 1) * cell.
    anchor_x, anchor_y = region.centre[0] - cell / 2, region.centre[1] - cell / 2
    first_x = math.floor((rect.left - anchor_x) / cell)
    first_y = math.floor((rect.top - anchor_y) / cell)
    last_x = math.floor((rect.right - 1 - anchor_x) / cell)
    last_y = math.floor((rect.bottom - 1 - anchor_y) / cell)
    xs = anchor_x + (np.arange(first_x, last_x + 1) + 0.5) * cell
    ys = anchor_y + (np.arange(first_y, last_y + 1) + 0.5) * cell
    colours = patch.at(xs, ys)
    # From pixels of the rectangle to squares; the nearest one is the one the pixel lies in.
    left = xs[0] - rect.left
    top = ys[0] - rect.top
    matrix = np.array([[1 / cell, 0, -left / cell], [0, 1 / cell, -top / cell]])
    cover = cv2.warpAffine(
        colours,
        matrix,
        (rect.width, rect.height),
        flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    view = image[rect.slices]
    cv2.copyTo(cover, mask, view)


def build(options: PixelateOptions, context: BuildContext) -> Pixelate:
    """Factory named in the component's description."""
    return Pixelate(options)
