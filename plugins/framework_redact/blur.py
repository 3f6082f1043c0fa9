"""``blur``: what is left of a face is a few smooth blobs of colour.

The strength binds to the face, not to the image: see :mod:`framework_redact.lowpass` for the
bound on what survives and why it holds at any resolution and over many frames.
"""

from __future__ import annotations

from framework.regions import Region, regions_of
from framework.spec import BuildContext
from framework.types import Frame, Image, Tracks
from framework_redact.config import BlurOptions
from framework_redact.lowpass import band_limit


class Blur:
    """Blurs each track. Stateless, deterministic."""

    def __init__(self, options: BlurOptions) -> None:
        self.options = options

    def anonymize(self, frame: Frame, tracks: Tracks) -> Image:
        """A copy of the frame with each track's region blurred.

        Regions are taken from the largest face to the smallest, each reading the image as the
        ones before left it: a small face in front of a large one is then blurred from pixels that
        carry no detail of the large face.
        """
        options = self.options
        out = frame.bgr.copy()
        size = (frame.width, frame.height)
        for region in regions_of(tracks, size, shape=options.shape, margin=options.margin):
            blur_region(out, region, options.cells, options.feather * region.face_px)
        return out

    def reset(self) -> None:
        """Nothing is kept between frames."""


def blur_region(image: Image, region: Region, cells: int, feather_px: float) -> None:
    """Blur one region of ``image`` in place.

    Args:
        image: (h, w, 3) uint8.
        region: made for a frame of this size.
        cells: samples left over the longer side of the face.
        feather_px: width of the soft border outside the region, pixels.
    """
    import cv2

    rect, mask = region.raster(feather_px)
    if rect.empty:
        return
    patch = band_limit(image, rect, region.face_px / cells)
    source = patch.source
    smooth = cv2.resize(
        patch.samples, (source.width, source.height), interpolation=cv2.INTER_LINEAR
    )
    left, top = rect.left - source.left, rect.top - source.top
    cover = smooth[top : top + rect.height, left : left + rect.width]
    view = image[rect.slices]
    # In 8 bit the product with 255 / 255 is exact, so that inside the region nothing shines
    # through.
    weight = cv2.merge((mask, mask, mask))
    blended = cv2.multiply(cover, weight, scale=1 / 255)
    rest = cv2.multiply(view, cv2.bitwise_not(weight), scale=1 / 255)
    cv2.add(blended, rest, view)


def build(options: BlurOptions, context: BuildContext) -> Blur:
    """Factory named in the component's description."""
    return Blur(options)
