"""Where a picture file's blocks are: what a decoder skips is what a release must not hold."""

from __future__ import annotations

import struct


def jpeg_end(data: bytes) -> int | None:
    """Where a JPEG's picture ends, as an offset; None if it has no end marker (ITU-T T.81, B.1)."""
    try:
        scan = next((start for marker, start, _ in jpeg_segments(data) if marker == 0xDA), None)
    except (struct.error, IndexError):
        return None
    # In the coded data every 0xFF byte is escaped, so that the first end marker is the end.
    found = -1 if scan is None else data.find(b"\xff\xd9", scan)
    return found + 2 if found >= 0 else None


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
