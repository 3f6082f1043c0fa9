"""A low-pass filter that bounds what is left of a face, whatever the resolution and number of
frames.

Two ways are known to get a face back from a blurred or pixelated video, and both are closed here by
how much survives, not by how it looks:

* *Deconvolution.* A Gaussian of fixed width in pixels loses little on a large face. Here the width
  is one cell, and a cell is a fixed share of the face. The gain of a Gaussian of standard deviation
  s at frequency f is exp(-2 pi^2 s^2 f^2). With s = 1 cell, the largest amplitude an 8-bit image
  can hold (127.5) falls below half a grey level at f = 0.53 cycles a cell and is rounded away. A
  signal with no content above f needs 2 f samples a unit of length (Nyquist), so what remains of a
  face is 1.06 samples a cell and direction: about ``cells`` along its longer side, whether it is 40
  or 1000 pixels long.
* *Super-resolution over time.* Averaging over squares alone lets frequencies above the Nyquist
  limit of the grid alias into it (the side lobes of the sinc), and a face that moves against the
  grid shows another mixture in each frame, from which detail can be solved for. The Gaussian comes
  before the sampling, so that there is nothing left to alias. Rounding acts as dither when a face
  moves; n independent frames lower the half grey level by sqrt(n), which moves the limit to 0.72
  cycles a cell for n = 10,000, i.e. 1.4 samples a cell instead of 1.06.

For speed the Gaussian works on averages over about an eighth of a cell, a sixth at worst. Stripes
as fine as these blocks, 30 or more over a face, alias with a gain of up to 1.6 percent, where a
Gaussian on pixels would leave nothing: from black to white they leave 2 grey levels.

At the border of the patch the image is continued as its mirror image, where the Gaussian is in
effect half as wide. That is outside the covered region, except where a face is cut by the frame.

What this does not claim: a classifier that is trained on faces covered in the same way may still
tell a few people apart from so many samples (McPherson et al. 2016, Defeating Image Obfuscation
with Deep Learning). Against that only ``mask`` helps, or a swap.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.regions import Rect
from framework.types import Image

SAMPLES_PER_CELL = 8
"""The patch is averaged to about this many samples a cell before the Gaussian."""

CONTEXT_CELLS = 1
"""Read around the rectangle, so that the border of the patch lies outside the covered region."""


@dataclass(frozen=True, slots=True, eq=False)
class BandLimited:
    """A part of a frame without any detail smaller than a cell.

    Attributes:
        samples: (rows, columns, 3) uint8, BGR.
        source: the rectangle of the frame that the samples cover evenly.
    """

    samples: Image
    source: Rect

    def at(self, xs: NDArray[np.floating[Any]], ys: NDArray[np.floating[Any]]) -> Image:
        """Values at the points of the grid ``ys`` x ``xs`` (frame pixels), bilinear.

        Returns:
            (len(ys), len(xs), 3) uint8.
        """
        import cv2

        rows, columns = self.samples.shape[:2]
        u = (xs - self.source.left) * (columns / self.source.width) - 0.5
        v = (ys - self.source.top) * (rows / self.source.height) - 0.5
        map_x, map_y = np.meshgrid(u.astype(np.float32), v.astype(np.float32))
        out = cv2.remap(
            self.samples, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return np.asarray(out, np.uint8)


def band_limit(image: Image, rect: Rect, cell_px: float) -> BandLimited:
    """Remove from ``rect`` every detail smaller than a cell.

    Averages over an eighth of a cell, then a Gaussian of one cell over these: the cost is one pass
    over the rectangle and does not grow with the width of the blur.

    Args:
        image: (h, w, 3) uint8.
        rect: not empty, inside the image. One cell around it is read too.
        cell_px: pixels a cell, more than 0.
    """
    import cv2

    height, width = image.shape[:2]
    block = max(1, round(cell_px / SAMPLES_PER_CELL))
    around = rect.grown(math.ceil(CONTEXT_CELLS * cell_px), (width, height))
    left, right = _whole_blocks(around.left, around.right, rect.left, rect.right, block)
    top, bottom = _whole_blocks(around.top, around.bottom, rect.top, rect.bottom, block)
    source = Rect(left, top, right, bottom)
    columns, rows = max(1, source.width // block), max(1, source.height // block)
    small = cv2.resize(image[source.slices], (columns, rows), interpolation=cv2.INTER_AREA)
    # One cell, in samples.
    sigma_x = cell_px * columns / source.width
    sigma_y = cell_px * rows / source.height
    kernel_x, kernel_y = _gaussian(sigma_x), _gaussian(sigma_y)
    # In floating point: the 8-bit filter rounds its weights, which lets high frequencies back in.
    smooth = cv2.sepFilter2D(
        small.astype(np.float32), cv2.CV_32F, kernel_x, kernel_y, borderType=cv2.BORDER_REFLECT
    )
    samples = np.rint(smooth).astype(np.uint8).reshape(rows, columns, 3)
    return BandLimited(samples, source)


def _whole_blocks(
    low: int, high: int, inner_low: int, inner_high: int, block: int
) -> tuple[int, int]:
    """Shorten [low, high) to a multiple of ``block`` without cutting into the inner interval.

    Averaging over whole blocks is three times faster. Where the frame leaves no room for it (a
    region that spans the frame), the interval stays as it is, and blocks come out a little larger.
    """
    excess = (high - low) % block
    from_high = min(excess, high - inner_high)
    from_low = min(excess - from_high, inner_low - low)
    if from_high + from_low < excess:
        return low, high
    return low + from_low, high - from_high


def _gaussian(sigma: float) -> NDArray[np.float32]:
    """Weights of a Gaussian out to 4 sigma, where its truncation is below the rounding to 8 bit."""
    radius = math.ceil(4 * sigma)
    taps = np.exp(-0.5 * (np.arange(-radius, radius + 1) / sigma) ** 2)
    return np.asarray(taps / taps.sum(), np.float32)
