"""What a still image's own bytes say: its EXIF orientation, where it ends, which blocks it has.

FFmpeg applies neither: its decoders attach EXIF without mirroring, and a JPEG that stops in the
middle is filled with grey without a word. No other value is read from the metadata.
"""

from __future__ import annotations

import struct

from framework.media.orientation import Orientation

_ORIENTATION_TAG = 0x0112
_SHORT = 3


def image_orientation(data: bytes) -> Orientation:
    """How to turn a JPEG, PNG, WebP or TIFF file upright; upright if it says nothing valid."""
    try:
        return Orientation.from_exif(_orientation_value(data))
    except (struct.error, IndexError, ValueError):
        return Orientation()


def jpeg_is_cut_off(data: bytes) -> bool:
    """Whether this is a JPEG file whose picture data has no end marker."""
    if not data.startswith(b"\xff\xd8"):
        return False
    return jpeg_end(data) is None


def jpeg_end(data: bytes) -> int | None:
    """Where a JPEG's picture ends, as an offset; None if it has no end marker (ITU-T T.81, B.1)."""
    try:
        scan = next((start for marker, start, _ in jpeg_segments(data) if marker == 0xDA), None)
    except (struct.error, IndexError):
        return None
    # In the coded data every 0xFF byte is escaped, so that the first end marker is the end.
    found = -1 if scan is None else data.find(b"\xff\xd9", scan)
    return found + 2 if found >= 0 else None


def _orientation_value(data: bytes) -> int:
    if data.startswith(b"\xff\xd8"):
        for marker, start, end in jpeg_segments(data):
            if marker == 0xE1 and data[start : start + 6] == b"Exif\0\0":
                return _tiff_orientation(data[start + 6 : end])
    elif data.startswith(b"\x89PNG\r\n\x1a\n"):
        start = 8
        while start + 8 <= len(data):
            length, name = struct.unpack_from(">I4s", data, start)
            if name == b"eXIf":
                return _tiff_orientation(data[start + 8 : start + 8 + length])
            start += 12 + length
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        start = 12
        while start + 8 <= len(data):
            name, length = struct.unpack_from("<4sI", data, start)
            if name == b"EXIF":
                block = data[start + 8 : start + 8 + length]
                return _tiff_orientation(block.removeprefix(b"Exif\0\0"))
            start += 8 + length + length % 2
    elif data[:4] in (b"II*\0", b"MM\0*"):
        return _tiff_orientation(data)
    return 1


def jpeg_segments(data: bytes) -> list[tuple[int, int, int]]:
    """Marker, first and last+1 byte of the payload of each segment up to the picture data."""
    found = []
    position = 2
    while True:
        while data[position] != 0xFF:
            position += 1
        while data[position] == 0xFF:
            position += 1
        marker = data[position]
        length = struct.unpack_from(">H", data, position + 1)[0]
        start, end = position + 3, position + 1 + length
        found.append((marker, start, end))
        if marker in (0xDA, 0xD9):
            return found
        position = end


def _tiff_orientation(block: bytes) -> int:
    entries = tiff_entries(block)
    return next((v for tag, kind, v in entries if (tag, kind) == (_ORIENTATION_TAG, _SHORT)), 1)


def tiff_entries(block: bytes) -> list[tuple[int, int, int]]:
    """Tag, type and value (if it is a short one) of everything in the first directory (TIFF 6.0).

    Raises:
        struct.error: it ends before its directory does.
    """
    order = {b"II": "<", b"MM": ">"}.get(block[:2])
    if order is None:
        return []
    (directory,) = struct.unpack_from(f"{order}I", block, 4)
    (count,) = struct.unpack_from(f"{order}H", block, directory)
    found = []
    for i in range(count):
        tag, kind, _count, value = struct.unpack_from(f"{order}HHIH", block, directory + 2 + 12 * i)
        found.append((tag, kind, value))
    return found
