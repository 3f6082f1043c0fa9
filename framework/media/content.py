"""What a file is, by what is in it. A name says nothing: cameras, mailers and people change it."""

from __future__ import annotations

import os
import stat
import struct
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from framework.errors import MediaError

_HEIF_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"mif1", b"avif"})
_CHUNKS = 10_000
"""Chunks of a picture that are looked at before the search for a marker is given up."""


class Content(StrEnum):
    """A picture, an animation, or something that FFmpeg may know."""

    JPEG = "jpeg"
    PNG = "png"
    APNG = "apng"
    WEBP = "webp"
    ANIMATED_WEBP = "animated webp"
    BMP = "bmp"
    TIFF = "tiff"
    HEIF = "heif"
    OTHER = "other"


STILLS = frozenset({Content.JPEG, Content.PNG, Content.WEBP, Content.BMP, Content.TIFF})


def content_of(path: Path) -> Content:
    """What kind of file this is.

    Raises:
        MediaError: it is missing, empty, a folder, a pipe or a device, or may not be read.
    """
    check_readable(path)
    try:
        with path.open("rb") as file:
            return _content(file)
    except OSError as error:
        raise MediaError(f"{path}: cannot be read ({why(error)})") from None


def _content(file: BinaryIO) -> Content:
    head = file.read(32)
    if head.startswith(b"\xff\xd8\xff"):
        return Content.JPEG
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return Content.APNG if _png_is_animated(file) else Content.PNG
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return Content.ANIMATED_WEBP if _webp_is_animated(file) else Content.WEBP
    if head.startswith(b"BM"):
        return Content.BMP
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return Content.TIFF
    if head[4:8] == b"ftyp" and head[8:12] in _HEIF_BRANDS:
        return Content.HEIF
    return Content.OTHER


def _png_is_animated(file: BinaryIO) -> bool:
    """Whether an ``acTL`` chunk stands before the picture data (PNG, third edition, 11.3.6)."""
    file.seek(8)
    for _ in range(_CHUNKS):
        head = file.read(8)
        if len(head) < 8:
            return False
        length, name = struct.unpack(">I4s", head)
        if name in (b"acTL", b"IDAT"):
            return bytes(name) == b"acTL"
        file.seek(length + 4, os.SEEK_CUR)
    return False


def _webp_is_animated(file: BinaryIO) -> bool:
    """Whether the extended header says so, or a frame chunk follows it (RFC 9649, 2.7)."""
    file.seek(12)
    for _ in range(_CHUNKS):
        head = file.read(8)
        if len(head) < 8:
            return False
        name, length = struct.unpack("<4sI", head)
        if name in (b"ANIM", b"ANMF"):
            return True
        if name in (b"VP8 ", b"VP8L"):
            return False
        if name == b"VP8X":
            flags = file.read(1)
            if flags and flags[0] & 0x02:
                return True
            file.seek(-len(flags), os.SEEK_CUR)
        file.seek(length + length % 2, os.SEEK_CUR)
    return False


def is_folder(path: Path) -> bool:
    """Whether this is a folder; False for a name that no file can have."""
    try:
        return path.is_dir()
    except (OSError, ValueError):
        return False


def check_readable(path: Path) -> None:
    """Raise :class:`MediaError` unless this is a file with something in it that may be read."""
    try:
        status = path.stat()
    except FileNotFoundError:
        raise MediaError(f"{_short(path)}: no such file; check the path") from None
    except ValueError:
        raise MediaError("the path contains a zero byte; check it") from None
    except OSError as error:
        raise MediaError(f"{_short(path)}: cannot be read ({why(error)})") from None
    if stat.S_ISDIR(status.st_mode):
        raise MediaError(f"{path}: is a folder; expected a video or image file")
    if not stat.S_ISREG(status.st_mode):
        raise MediaError(
            f"{path}: is a pipe or a device, and a recording is read twice; save it as a file first"
        )
    if status.st_size == 0:
        raise MediaError(f"{path}: is empty (0 bytes); expected a video or image file")
    try:
        with path.open("rb"):
            pass
    except OSError as error:
        raise MediaError(f"{path}: cannot be read ({why(error)})") from None


def why(error: OSError) -> str:
    """A system error in a few words, without the path that its own message carries."""
    text = error.strerror or "input or output failed"
    return text[0].lower() + text[1:]


def _short(path: Path) -> str:
    """A path for a message; the middle of a very long one is left out."""
    text = str(path)
    return text if len(text) <= 200 else f"{text[:100]}...{text[-60:]}"
