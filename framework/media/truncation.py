"""Whether a file stops before its own structure says it should.

FFmpeg reads a file that was cut off to where it ends and then reports a normal end. Containers
write down how long their parts are, so the cut shows without decoding anything.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

_SEGMENT = 0x18538067


def is_cut_off(path: Path) -> bool:
    """True if an MP4, MOV, Matroska, WebM, AVI or GIF file ends before its last part does.

    False for other formats, and where a length was never written (a live recording).
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(12)
            file.seek(0)
            if head[:4] == b"\x1aE\xdf\xa3":
                return _matroska_end(file) > size
            if head[:4] == b"RIFF" and head[8:12] == b"AVI ":
                return _riff_end(file, size) > size
            if head[:4] == b"GIF8":
                return not _gif_is_whole(file)
            if head[4:8] in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"):
                return _mp4_end(file, size) > size
    except struct.error:
        return True  # it ends in the middle of a field
    except OSError:
        pass
    return False


def _mp4_end(file: BinaryIO, size: int) -> int:
    """Where the last top-level box ends (ISO/IEC 14496-12, 4.2)."""
    position = 0
    while position + 8 <= size:
        file.seek(position)
        length, _name = struct.unpack(">I4s", file.read(8))
        if length == 1:
            (length,) = struct.unpack(">Q", file.read(8))
        if length == 0:  # up to the end of the file
            return size
        if length < 8:  # not a box: garbage behind the recording
            return size
        position += length
    return position


def _riff_end(file: BinaryIO, size: int) -> int:
    position = 0
    while position + 8 <= size:
        file.seek(position)
        name, length = struct.unpack("<4sI", file.read(8))
        if name != b"RIFF" or length == 0:
            return size
        position += 8 + length
    return position


def _gif_is_whole(file: BinaryIO) -> bool:
    """Whether the blocks lead to the trailer (GIF89a specification, sections 17 to 27)."""
    file.seek(10)
    flags, _background, _aspect = struct.unpack("3B", file.read(3))
    _skip_colours(file, flags)
    while True:
        (kind,) = struct.unpack("B", file.read(1))
        if kind == 0x3B:
            return True
        if kind == 0x21:  # an extension: its label
            file.seek(1, 1)
        elif kind == 0x2C:  # an image: position and size, its colours, the code size
            file.seek(8, 1)
            _skip_colours(file, struct.unpack("B", file.read(1))[0])
            file.seek(1, 1)
        else:
            return False
        while length := struct.unpack("B", file.read(1))[0]:
            file.seek(length, 1)


def _skip_colours(file: BinaryIO, flags: int) -> None:
    """Jump over a colour table, if these flags announce one."""
    if flags & 0x80:
        file.seek(3 * 2 ** ((flags & 7) + 1), 1)


def _matroska_end(file: BinaryIO) -> int:
    """Where the segment ends (RFC 8794, RFC 9559); 0 if its length is not known."""
    for _ in range(4):
        identifier = vint(file, keep_marker=True)
        length = vint(file, keep_marker=False)
        if identifier == _SEGMENT:
            return 0 if length is None else file.tell() + length
        if length is None:
            return 0
        file.seek(length, 1)
    return 0


def vint(file: BinaryIO, *, keep_marker: bool) -> int | None:
    """A variable-length integer; None for the reserved value "unknown"."""
    (first,) = struct.unpack("B", file.read(1))
    length = 9 - first.bit_length()
    if length > 8:  # not a variable-length integer: damaged, but not by being cut off
        return None
    rest = file.read(length - 1)
    if len(rest) < length - 1:
        raise struct.error("file ends in a variable-length integer")
    value = int.from_bytes(bytes([first]) + rest, "big")
    if keep_marker:
        return value
    value &= (1 << (7 * length)) - 1
    return None if value == (1 << (7 * length)) - 1 else value
