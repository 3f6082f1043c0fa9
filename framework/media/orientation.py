"""Which way up a picture is, and how to turn it upright.

Cameras store what the sensor saw and say in metadata how to turn it: videos in a display matrix,
images in EXIF. Both are one of eight orientations: an optional transposition, then optional flips.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from framework.types import Image


@dataclass(frozen=True, slots=True)
class Orientation:
    """Transpose, then mirror left to right (``flip_x``), then top to bottom (``flip_y``)."""

    transpose: bool = False
    flip_x: bool = False
    flip_y: bool = False

    @classmethod
    def from_exif(cls, value: int) -> Orientation:
        """From the EXIF tag 0x0112, 1 to 8 (TIFF 6.0, "Orientation"); others count as upright."""
        return _EXIF.get(value, cls())

    @classmethod
    def from_display_matrix(cls, matrix: Sequence[int]) -> Orientation:
        """From the nine numbers of a display matrix (ISO/IEC 14496-12, 8.2.2), row by row.

        A point (x, y) of the stored picture is shown at (a x + c y, b x + d y), where
        ``matrix = (a, b, u, c, d, v, x, y, w)``. Turns other than by a right angle count as the
        nearest one.
        """
        a, b, c, d = matrix[0], matrix[1], matrix[3], matrix[4]
        if abs(b) + abs(c) > abs(a) + abs(d):
            return cls(transpose=True, flip_x=c < 0, flip_y=b < 0)
        return cls(flip_x=a < 0, flip_y=d < 0)

    @classmethod
    def from_rotation(cls, counterclockwise_deg: float) -> Orientation:
        """From an angle, as FFmpeg reports it; the nearest right angle counts."""
        return _QUARTERS[round(counterclockwise_deg / 90) % 4]

    @property
    def is_upright(self) -> bool:
        return not (self.transpose or self.flip_x or self.flip_y)

    @property
    def mirrored(self) -> bool:
        """Whether left and right change places, apart from any turn."""
        return (self.transpose + self.flip_x + self.flip_y) % 2 == 1

    @property
    def clockwise_deg(self) -> int:
        """The turn in degrees, applied after mirroring left to right if :attr:`mirrored`."""
        if self.transpose:
            return 270 if self.flip_y != self.mirrored else 90
        return 180 if self.flip_y else 0

    def apply(self, image: Image) -> Image:
        """The picture upright; the same array if nothing has to be done."""
        if self.is_upright:
            return image
        if self.transpose:
            image = np.asarray(cv2.transpose(image), np.uint8)
        if self.flip_x or self.flip_y:
            code = -1 if self.flip_x and self.flip_y else (1 if self.flip_x else 0)
            image = np.asarray(cv2.flip(image, code), np.uint8)
        return image


UPRIGHT = Orientation()

_EXIF = {
    1: UPRIGHT,
    2: Orientation(flip_x=True),
    3: Orientation(flip_x=True, flip_y=True),
    4: Orientation(flip_y=True),
    5: Orientation(transpose=True),
    6: Orientation(transpose=True, flip_x=True),
    7: Orientation(transpose=True, flip_x=True, flip_y=True),
    8: Orientation(transpose=True, flip_y=True),
}

_QUARTERS = (
    UPRIGHT,
    Orientation(transpose=True, flip_y=True),
    Orientation(flip_x=True, flip_y=True),
    Orientation(transpose=True, flip_x=True),
)
