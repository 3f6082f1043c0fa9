"""From a decoded frame in whatever pixel format to an upright BGR picture with square pixels."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import av
import cv2
import numpy as np
from av import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from framework.errors import MediaError
from framework.media.cropping import Crop
from framework.media.orientation import UPRIGHT, Orientation
from framework.types import Image

# AVColorSpace values (ITU-T H.273, MatrixCoefficients).
_RGB, _BT709, _UNSPECIFIED, _BT601, _BT2020 = 0, 1, 2, 6, 9
_KNOWN = frozenset({_BT709, 4, 5, _BT601, 7, _BT2020})
_BT2020_LIKE = frozenset({10, 14, 15})  # constant luminance, ICtCp, IPT-C2: of BT.2020 and BT.2100
_PRIMARIES_BT2020 = 9

# Without ACCURATE_RND swscale truncates: every picture comes out 1 level too dark.
_QUALITY = int(Interpolation.BICUBIC | Interpolation.ACCURATE_RND)


class PictureConverter:
    """Converts the frames of one stream. Keeps its scaling context, so use one for each stream.

    The colour matrix and range are those the stream declares. A stream that declares no matrix
    gets BT.709 if it is HD (from 1280 wide or 720 high) and BT.601 otherwise, as players do.
    Planar RGB is the target because swscale's accurate conversion to it is vectorised: 1.7 ms for
    1280x720 where accurate packed BGR takes 3.7 ms.

    Args:
        pixel_aspect: width of a stored pixel over its height.
        orientation: how to turn the stored picture upright.
        size: (width, height) the stored pictures are scaled to; None takes it from the first
            frame, keeping all its pixels (the shorter side of a pixel is stretched).
        threads: threads of the scaler.
        crop: what is cut off the stored picture.
    """

    def __init__(
        self,
        pixel_aspect: Fraction = Fraction(1),
        orientation: Orientation = UPRIGHT,
        size: tuple[int, int] | None = None,
        threads: int = 1,
        crop: Crop | None = None,
    ) -> None:
        self.pixel_aspect = pixel_aspect
        self.crop = crop or Crop()
        self.orientation = orientation
        self.size = size
        self.threads = threads
        self._scaler = VideoReformatter()

    def convert(self, frame: VideoFrame) -> Image:
        """The upright picture, a new array (h, w, 3), BGR. Alpha is composited over black.

        Raises:
            MediaError: the pixels are in a form that cannot be converted.
        """
        if self.size is None:
            self.size = square_pixel_size(frame.width, frame.height, self.pixel_aspect)
        if not frame.format.is_rgb:
            frame.colorspace = nearest_matrix(frame)
        with_alpha = any(c.is_alpha for c in frame.format.components) or frame.format.has_palette
        width, height = self.size
        try:
            planar = self._scaler.reformat(
                frame,
                width=width,
                height=height,
                format="gbrap" if with_alpha else "gbrp",
                interpolation=_QUALITY,
                threads=self.threads,
            )
        except (av.FFmpegError, OSError, ValueError) as error:
            raise MediaError(
                f"pictures in the form {frame.format.name} (colour matrix {int(frame.colorspace)}) "
                "cannot be converted; convert the recording to H.264 first"
            ) from error
        green, blue, red, *alpha = (_plane(planar, i) for i in range(4 if with_alpha else 3))
        channels = [blue, green, red]
        if alpha and int(alpha[0].min()) < 255:
            channels = [
                np.asarray(cv2.multiply(c, alpha[0], scale=1 / 255), np.uint8) for c in channels
            ]
        picture = np.asarray(cv2.merge(channels), np.uint8)
        if self.crop:
            picture = self.crop.apply(picture, (frame.width, frame.height))
        return self.orientation.apply(picture)


def nearest_matrix(frame: VideoFrame) -> int:
    """The colour matrix that a YUV picture is read with, one that the scaler knows.

    Without a tag it is BT.709 for HD and BT.601 otherwise. A tag that is reserved, unknown or
    for another kind of conversion is read as the nearest one, see :func:`matrix_is_known`.
    """
    declared = int(frame.colorspace)
    if declared in _KNOWN:
        return declared
    if declared in _BT2020_LIKE or int(frame.color_primaries) == _PRIMARIES_BT2020:
        return _BT2020
    return _BT709 if frame.width >= 1280 or frame.height >= 720 else _BT601


def matrix_is_known(frame: VideoFrame) -> bool:
    """Whether a picture's colours are converted as its tag asks, or it has no tag."""
    declared = int(frame.colorspace)
    return frame.format.is_rgb or declared in _KNOWN | {_RGB, _UNSPECIFIED}


def square_pixel_size(width: int, height: int, pixel_aspect: Fraction) -> tuple[int, int]:
    """Size in square pixels. One side grows and none shrinks, so that no detail is lost.

    The side that grows becomes even, because it is resampled anyway and most codecs want that.
    """
    if pixel_aspect <= 0 or pixel_aspect == 1:
        return width, height
    if pixel_aspect > 1:
        return max(2, 2 * round(width * pixel_aspect / 2)), height
    return width, max(2, 2 * round(height / pixel_aspect / 2))


def frame_orientation(frame: VideoFrame) -> Orientation:
    """The orientation a video frame carries in its display matrix."""
    if not frame.rotation and not _has_side_data(frame):
        return UPRIGHT
    try:
        side_data: Any = frame.side_data  # the stub forgets this key
        matrix = np.frombuffer(bytes(side_data["DISPLAYMATRIX"]), np.int32)
    except (KeyError, ValueError):
        # PyAV cannot list side data of a kind it does not know; the angle it still gives.
        return Orientation.from_rotation(frame.rotation)
    return Orientation.from_display_matrix([int(v) for v in matrix[:9]])


def _has_side_data(frame: VideoFrame) -> bool:
    try:
        return len(frame.side_data) > 0
    except ValueError:
        return True


def _plane(frame: VideoFrame, index: int) -> NDArray[np.uint8]:
    plane: Any = frame.planes[index]  # the stub forgets that a plane is a buffer
    rows: NDArray[np.uint8] = np.frombuffer(plane, np.uint8).reshape(-1, plane.line_size)
    return rows[: frame.height, : frame.width]
