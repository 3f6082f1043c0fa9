"""Still images: one file, or a folder of them."""

from __future__ import annotations

import re
from contextlib import suppress
from fractions import Fraction
from pathlib import Path

from PIL import Image as Pillow

from framework.errors import MediaError
from framework.media.container import reason
from framework.media.content import STILLS, Content, content_of
from framework.media.orientation import Orientation
from framework.media.pillow import ORIENTATION, bit_depth, opened, to_bgr
from framework.media.source import MediaKind, SourceInfo, is_image_path
from framework.types import Image

_ANIMATIONS = frozenset({Content.APNG, Content.ANIMATED_WEBP})
_CODECS = {Content.JPEG: "mjpeg"}
_SUBFILE_TYPE = 254
_MOST_PAGES = 1000

SEQUENCE_RATE = 25.0
"""Frames a second of an image sequence, which has no times of its own."""
SET_RATE = 1.0
"""Pictures a second of a folder of stills: what is known of a second is known of one picture."""


def probe_image(path: Path) -> SourceInfo:
    """Describe a still image; it is decoded for that. Raises as :func:`read_image`."""
    return read_image(path)[1]


def read_image(path: Path) -> tuple[Image, SourceInfo]:
    """Decode a still image, upright and in sRGB.

    Raises:
        MediaError: it cannot be read or decoded, is cut off, is too large, is an animation, or has
            several pages.
    """
    content = content_of(path)
    if content not in STILLS:
        kind = "an animation" if content in _ANIMATIONS else "no still picture that is read"
        raise MediaError(f"{path}: {kind}; expected jpg, png, webp, bmp or tiff")
    with opened(path) as picture:
        notes = _refuse_pages(picture, path)
        bits, mode = bit_depth(picture), picture.mode
        orientation = Orientation.from_exif(int(picture.getexif().get(ORIENTATION, 1)))
        bgr, more = to_bgr(picture)
    if bits > 8:
        notes.append(f"{bits}-bit colour was reduced to 8 bits")
    return bgr, SourceInfo(
        kind=MediaKind.IMAGE,
        width=bgr.shape[1],
        height=bgr.shape[0],
        frame_rate=0.0,
        duration_s=None,
        frame_count=1,
        container=content.value,
        codec=_CODECS.get(content, content.value),
        pixel_format=mode.lower(),
        bit_depth=bits,
        rotation_deg=orientation.clockwise_deg,
        mirrored=orientation.mirrored,
        time_base=Fraction(1, 1000),
        notes=(*notes, *more),
    )


def _refuse_pages(picture: Pillow.Image, path: Path) -> list[str]:
    """Notes about further pictures in the file.

    Raises:
        MediaError: it is a TIFF of several pages. Smaller copies of the first do not count.
    """
    if picture.format == "MPO" and getattr(picture, "n_frames", 1) > 1:
        return ["only the main picture of the file is used; a phone put others behind it"]
    if picture.format != "TIFF":
        return []
    pages = 0
    for index in range(_MOST_PAGES):
        try:
            picture.seek(index)
        except EOFError:
            break
        pages += not int(getattr(picture, "tag_v2", {}).get(_SUBFILE_TYPE, 0)) & 1
    picture.seek(0)
    if pages > 1:
        raise MediaError(
            f"{path}: a TIFF of {pages} pages; save each page as a picture of its own, and give "
            "the folder"
        )
    return []


def list_images(folder: Path) -> list[Path]:
    """The images of a folder in natural order (``img2`` before ``img10``); hidden files not.

    Raises:
        MediaError: there is none, or the folder cannot be read.
    """
    try:
        paths = [
            p
            for p in folder.iterdir()
            if is_image_path(p) and not p.name.startswith(".") and p.is_file()
        ]
    except OSError as error:
        raise MediaError(f"{folder}: cannot be read ({reason(error)})") from None
    if not paths:
        raise MediaError(
            f"{folder}: a folder without images; expected jpg, png, webp, bmp or tiff files in it"
        )
    return sorted(paths, key=lambda p: (natural_key(p.name), p.name))


def natural_key(name: str) -> list[tuple[int, int | str]]:
    """Sort key under which numbers compare by value.

    >>> sorted(["b10", "b9", "a"], key=natural_key)
    ['a', 'b9', 'b10']
    """
    parts = re.split(r"([0-9]+)", name.casefold())
    return [(0, int(p)) if p.isdecimal() else (1, p) for p in parts if p]


def upright_size(path: Path) -> tuple[int, int]:
    """(width, height) of a still image once it is turned upright; its pixels are not decoded.

    Raises:
        MediaError: it cannot be read.
    """
    if content_of(path) not in STILLS:
        raise MediaError(
            f"{path}: no still picture that is read; expected jpg, png, webp, bmp or tiff"
        )
    with opened(path) as picture:
        width, height = picture.size
        turned = int(picture.getexif().get(ORIENTATION, 1)) >= 5
    return (height, width) if turned else (width, height)


def probe_folder(folder: Path, *, sequence: bool = False) -> SourceInfo:
    """Describe a folder of images.

    Args:
        sequence: its images are the frames of one recording, and not pictures of their own.
    """
    paths = list_images(folder)
    first = probe_image(paths[0])
    width, height, rate = first.width, first.height, SEQUENCE_RATE
    note = f"the images are shown as one recording, {SEQUENCE_RATE:g} a second"
    if not sequence:
        rate = SET_RATE
        note = "each image is a picture of its own; second k of the tables is image k"
        for path in paths[1:]:
            with suppress(MediaError):  # it is told when it is read
                size = upright_size(path)
                width, height = max(width, size[0]), max(height, size[1])
    return SourceInfo(
        kind=MediaKind.FOLDER,
        width=width,
        height=height,
        frame_rate=rate,
        duration_s=len(paths) / rate,
        frame_count=len(paths),
        container="folder",
        codec=first.codec,
        pixel_format=first.pixel_format,
        bit_depth=first.bit_depth,
        rotation_deg=first.rotation_deg,
        mirrored=first.mirrored,
        time_base=Fraction(1, round(rate)),
        notes=(*first.notes, note),
        independent=not sequence,
    )
