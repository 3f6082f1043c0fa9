"""What part of a face picture the networks see, and how its pixels become numbers.

Two framings exist. *Tight* is the framing of FER2013: a detector's box around the face, from the
forehead to the chin, the eyes at about 37 % and the mouth at 79 % of the height. *Aligned* is the
square of :mod:`framework.alignment` (ArcFace's template), which shows more forehead. The networks
are trained on the tight framing, so a fixed window of the aligned square is cut out; it was chosen
so that eyes and mouth of the template fall on the mean eyes and mouth of FER2013's training faces.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.errors import UserError
from framework.types import Image

INPUT_SIZE = 112
"""Side of the aligned crops the classifiers ask for, pixels."""

CROP_SCALE = 1.0
"""The classifiers want ArcFace's template as it is, see :func:`framework.alignment.align`."""

WINDOW = (8 / 112, 16 / 112, 104 / 112, 1.0)
"""Left, top, right, bottom of the tight framing inside an aligned crop, as shares of its side."""

CONTRAST_FLOOR = 16.0
"""Least standard deviation by which a face is divided, grey levels: noise is not blown up."""

CONTRAST_SCALE = 0.25
"""Standard deviation of a normalised face. Near that of pixels divided by 256, for which the
initial weights were trained."""


class Framing(StrEnum):
    """How a face picture was cut, see the module's description."""

    TIGHT = "tight"
    ALIGNED = "aligned"


def as_grey(face: Any, position: int = 0) -> NDArray[np.uint8]:
    """The luminance of one face, whatever picture it came as.

    Args:
        face: (h, w), (h, w, 1), (h, w, 3) BGR or (h, w, 4) BGRA; uint8, or floating point with
            values from 0 to 1 or from 0 to 255.
        position: its place in the batch, for the message.

    Returns:
        (h, w) uint8.

    Raises:
        UserError: no pixels, another shape or dtype, or values that are not finite.
    """
    import cv2

    picture = np.asarray(face)
    wanted = "expected a picture (h, w), (h, w, 1), (h, w, 3) BGR or (h, w, 4) BGRA"
    if picture.ndim not in (2, 3) or (picture.ndim == 3 and picture.shape[2] not in (1, 3, 4)):
        raise UserError(f"face {position}: {wanted}, got shape {picture.shape}")
    if picture.size == 0:
        raise UserError(f"face {position}: {wanted} with at least one pixel, got {picture.shape}")
    if picture.dtype != np.uint8:
        picture = _to_uint8(picture, position)
    if picture.ndim == 2:
        return np.ascontiguousarray(picture)
    if picture.shape[2] == 1:
        return np.ascontiguousarray(picture[:, :, 0])
    code = cv2.COLOR_BGR2GRAY if picture.shape[2] == 3 else cv2.COLOR_BGRA2GRAY
    return np.asarray(cv2.cvtColor(np.ascontiguousarray(picture), code), np.uint8)


def _to_uint8(picture: NDArray[Any], position: int) -> NDArray[np.uint8]:
    """Floating point pixels as uint8; anything else is refused with a message."""
    if not np.issubdtype(picture.dtype, np.floating):
        raise UserError(
            f"face {position}: expected uint8 pixels, got {picture.dtype}; convert with "
            f"picture.astype(numpy.uint8)"
        )
    if not np.isfinite(picture).all():
        raise UserError(f"face {position}: expected finite pixels, got NaN or infinity")
    low, high = float(picture.min()), float(picture.max())
    if low < 0 or high > 255:
        raise UserError(
            f"face {position}: expected pixels from 0 to 1 or from 0 to 255, "
            f"got {low:.3g} to {high:.3g}"
        )
    scale = 255.0 if high <= 1.0 else 1.0
    return np.asarray(np.rint(picture * scale), np.uint8)


def resized(grey: NDArray[np.uint8], side: int, framing: Framing) -> NDArray[np.uint8]:
    """The tight framing of a grey face at ``side`` x ``side`` pixels."""
    import cv2

    if framing is Framing.ALIGNED:
        height, width = grey.shape
        left, top = round(WINDOW[0] * width), round(WINDOW[1] * height)
        right, bottom = round(WINDOW[2] * width), round(WINDOW[3] * height)
        grey = grey[top : max(bottom, top + 1), left : max(right, left + 1)]
    if grey.shape == (side, side):
        return grey
    shrinks = min(grey.shape) > side
    how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(grey, (side, side), interpolation=how), np.uint8)


def normalised(greys: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Each face with mean 0 and a fixed contrast, so that light and exposure matter less.

    Args:
        greys: (n, side, side) uint8.

    Returns:
        (n, 1, side, side) float32.
    """
    pixels = greys.astype(np.float32)
    mean = pixels.mean(axis=(1, 2), keepdims=True)
    spread = pixels.std(axis=(1, 2), keepdims=True)
    scaled = (pixels - mean) * (CONTRAST_SCALE / np.maximum(spread, CONTRAST_FLOOR))
    return np.asarray(scaled[:, None], np.float32)


def network_input(
    faces: Sequence[Image] | NDArray[np.uint8], side: int, framing: Framing
) -> NDArray[np.float32]:
    """What a network is fed for these faces.

    Args:
        faces: n pictures, see :func:`as_grey`.
        side: side of the network's input, pixels.
        framing: how the pictures were cut.

    Returns:
        (n, 1, side, side) float32.

    Raises:
        UserError: a picture that is none, see :func:`as_grey`.
    """
    greys = [resized(as_grey(face, i), side, framing) for i, face in enumerate(faces)]
    if not greys:
        return np.zeros((0, 1, side, side), np.float32)
    return normalised(np.stack(greys))
