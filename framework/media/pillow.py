"""From a picture as Pillow opened it to an upright BGR picture in sRGB."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageChops, ImageCms, ImageOps

from framework.errors import MediaError
from framework.media.container import MAX_PIXELS
from framework.types import Image

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF")
"""What Pillow may take a file for. Its other readers never see a file of a user."""
ORIENTATION = 0x0112
_SAME = 2
"""Levels by which a profile that is sRGB may change a picture."""
_SIXTEEN_BITS = ("I;16", "I;16L", "I;16B", "I;16N")


@contextmanager
def opened(path: Path) -> Iterator[Pillow.Image]:
    """Open a picture; its pixels are not decoded yet.

    Raises:
        MediaError: it is damaged or larger than ``MAX_PIXELS``; also for what goes wrong inside the
            ``with`` block.
    """
    try:
        with warnings.catch_warnings(), path.open("rb") as file:
            warnings.simplefilter("ignore")  # about metadata, and sizes that are checked here
            with Pillow.open(file, formats=FORMATS) as picture:
                width, height = picture.size
                if width * height > MAX_PIXELS:
                    raise MediaError(
                        f"{path}: a picture of {width}x{height} pixels; at most "
                        f"{MAX_PIXELS // 10**6} million are read, make it smaller first"
                    )
                yield picture
    except MediaError:
        raise
    except Pillow.DecompressionBombError:
        raise MediaError(
            f"{path}: the picture is too large; at most {MAX_PIXELS // 10**6} million pixels are "
            "read, make it smaller first"
        ) from None
    except Exception as error:  # Pillow raises nearly anything on a damaged file
        words = " ".join(str(error).split())
        why = words if words and str(path) not in words and "BytesIO" not in words else "unreadable"
        raise MediaError(f"{path}: the image is damaged ({why[:120]})") from error


def check_picture(path: Path) -> None:
    """Look at a picture's size before it is decoded by something else.

    Raises:
        MediaError: it has more than ``MAX_PIXELS``. Whoever decodes it tells of other faults.
    """
    try:
        with opened(path):
            pass
    except MediaError as error:
        if error.__cause__ is None:  # a limit, and no fault that Pillow found
            raise


def to_bgr(picture: Pillow.Image) -> tuple[Image, list[str]]:
    """Decode a picture: turned by its EXIF orientation, in sRGB, transparent parts over black.

    Returns:
        The picture (h, w, 3) and what a user should know.
    """
    notes: list[str] = []
    if picture.getexif().get(ORIENTATION, 1) in range(2, 9):
        notes.append("the EXIF orientation was applied")
    picture.load()  # a TIFF turns itself here
    profile = picture.info.get("icc_profile")
    picture = ImageOps.exif_transpose(picture)
    if picture.mode in _SIXTEEN_BITS or picture.mode == "I":
        picture = Pillow.fromarray(_eight_bits(np.asarray(picture)))
    elif picture.mode == "F":
        raise ValueError("floating-point pixels are not read; save it with 8 or 16 bits")
    alpha: NDArray[np.uint8] | None = None
    if picture.has_transparency_data:
        picture = picture.convert("RGBA")
        alpha = np.asarray(picture.getchannel("A"))
        picture = picture.convert("RGB")
        notes.append("transparent areas are shown over black")
    if profile:
        picture = _to_srgb(picture, profile, notes)
    rgb = np.asarray(picture if picture.mode == "RGB" else picture.convert("RGB"))
    bgr = np.asarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR), np.uint8)
    if alpha is not None:
        weight = np.repeat(alpha[:, :, None], 3, axis=2)
        bgr = np.asarray(cv2.multiply(bgr, weight, scale=1 / 255), np.uint8)
    return bgr, notes


def bit_depth(picture: Pillow.Image) -> int:
    """Bits of each channel as stored. Call it before the pixels are decoded."""
    stored = "".join(str(tile) for tile in getattr(picture, "tile", ()))
    wide = picture.mode == "I" or picture.mode in _SIXTEEN_BITS or ";16" in stored
    return 16 if wide else 8


def _eight_bits(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Grey with 16 bits as grey with 8."""
    wide = np.clip(values, 0, 65535).astype(np.uint32)
    return np.asarray((wide + 128) // 257, np.uint8)


def _to_srgb(picture: Pillow.Image, profile: bytes, notes: list[str]) -> Pillow.Image:
    """The picture's colours in sRGB; as they are, with a note, where its profile is unreadable."""
    try:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        space = source.profile.xcolor_space.strip()
        wanted = {"RGB": "RGB", "GRAY": "L", "CMYK": "CMYK", "Lab": "LAB"}.get(space)
        if wanted is None or (wanted == "CMYK") != (picture.mode == "CMYK"):
            raise ImageCms.PyCMSError("the profile is for another kind of picture")
        converted = ImageCms.profileToProfile(
            picture if picture.mode == wanted else picture.convert(wanted),
            source,
            ImageCms.createProfile("sRGB"),
            outputMode="RGB",
        )
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        notes.append("its colour profile cannot be read; colours may be off")
        return picture
    assert converted is not None
    plain = picture.convert("RGB")
    # By what a profile does, not by its name: there are others that call themselves sRGB.
    if np.asarray(ImageChops.difference(plain, converted)).max() <= _SAME:
        return plain
    notes.append("colours were converted from its profile to sRGB")
    return converted
