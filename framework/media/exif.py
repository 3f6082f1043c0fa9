"""The two facts needed from a still image's bytes: its EXIF orientation, and whether it is whole.

FFmpeg applies neither: its decoders attach EXIF without mirroring, and a JPEG that stops in the
middle is filled with grey without a word. Nothing else is read from the metadata.
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
    try:
        scan = next((start for marker, start, _ in _jpeg_segments(data) if marker == 0xDA), None)
    except (struct.error, IndexError):
        return True
    return scan is None or data.find(b"\xff\xd9", scan) < 0


def _orientation_value(data: bytes) -> int:
    if data.startswith(b"\xff\xd8"):
        for marker, start, end in _jpeg_segments(data):
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


def _jpeg_segments(data: bytes) -> list[tuple[int, int, int]]:
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
    order = {b"II": "<", b"MM": ">"}.get(block[:2])
    if order is None:
        return 1
    (directory,) = struct.unpack_from(f"{order}I", block, 4)
    (entries,) = struct.unpack_from(f"{order}H", block, directory)
    for i in range(entries):
        tag, kind, _count, value = struct.unpack_from(f"{order}HHIH", block, directory + 2 + 12 * i)
        if tag == _ORIENTATION_TAG and kind == _SHORT:
            return int(value)
    return 1
