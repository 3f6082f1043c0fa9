"""What a container crops from its pictures: Matroska's PixelCrop and MP4's clean aperture.

Players show the rest only, and FFmpeg's decoders give everything. What an author cropped away may
be what nobody was to see.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor
from pathlib import Path
from typing import BinaryIO

from framework.media.truncation import vint
from framework.types import Image

_SEGMENT, _TRACKS, _ENTRY, _TYPE, _VIDEO = 0x18538067, 0x1654AE6B, 0xAE, 0x83, 0xE0
_VIDEO_TRACK = 1
_EDGES = {0x54CC: "left", 0x54BB: "top", 0x54DD: "right", 0x54AA: "bottom"}
_ELEMENTS = 1_000_000
"""Elements of a file that are looked at before the search is given up."""
_BOXES = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl"})
_SAMPLE_ENTRY = 86
"""Bytes of a video sample entry before the boxes in it (ISO/IEC 14496-12, 12.1.3)."""
_LARGEST = 2**20
"""Bytes of a header that is read into memory."""


@dataclass(frozen=True, slots=True)
class Crop:
    """What is cut off at each edge of the stored picture, pixels. They may be fractions."""

    left: float = 0
    top: float = 0
    right: float = 0
    bottom: float = 0

    def __bool__(self) -> bool:
        return any((self.left, self.top, self.right, self.bottom))

    def fits(self, width: int, height: int) -> bool:
        """Whether something is left of a picture of this size."""
        edges = (self.left, self.top, self.right, self.bottom)
        inside = self.left + self.right <= width - 1 and self.top + self.bottom <= height - 1
        return min(edges) >= 0 and inside

    def apply(self, image: Image, stored: tuple[int, int]) -> Image:
        """Cut a picture that was scaled from its stored (width, height); never less than asked."""
        height, width = image.shape[:2]
        x, y = width / stored[0], height / stored[1]
        top, bottom = ceil(self.top * y), floor(height - self.bottom * y)
        left, right = ceil(self.left * x), floor(width - self.right * x)
        return image[top : max(bottom, top + 1), left : max(right, left + 1)].copy()


def container_crop(path: Path, container: str, position: int) -> Crop:
    """What the container crops from one stream; nothing where it does not say so.

    Args:
        container: FFmpeg's name of the format.
        position: of the stream among the video streams.
    """
    crops: list[Crop] = []
    try:
        with path.open("rb") as file:
            if "matroska" in container:
                _matroska(file, path.stat().st_size, crops)
            elif "mov" in container:
                _mp4(file, path.stat().st_size, crops)
    except (OSError, struct.error, ValueError, ZeroDivisionError):
        pass  # damaged, which is found while decoding
    return crops[position] if position < len(crops) else Crop()


def _matroska(file: BinaryIO, size: int, crops: list[Crop]) -> None:
    """PixelCrop of every video track (RFC 9559, 5.1.4.1.28)."""
    seen = 0
    while file.tell() < size and seen < _ELEMENTS:
        seen += 1
        name, length = vint(file, keep_marker=True), vint(file, keep_marker=False)
        if name == _SEGMENT:
            continue
        if length is None:  # a live recording: its clusters follow, and the tracks came before
            break
        if name == _TRACKS:
            for entry, body in _children(file.read(min(length, _LARGEST))):
                crop = _track(body) if entry == _ENTRY else None
                if crop is not None:
                    crops.append(crop)
            return
        file.seek(length, 1)


def _track(body: bytes) -> Crop | None:
    """What a track entry crops; None if it is no video."""
    video, edges = False, {}
    for name, content in _children(body):
        if name == _TYPE:
            video = int.from_bytes(content, "big") == _VIDEO_TRACK
        elif name == _VIDEO:
            for inner, value in _children(content):
                if inner in _EDGES:
                    edges[_EDGES[inner]] = float(int.from_bytes(value, "big"))
    return Crop(**edges) if video else None


def _children(body: bytes) -> list[tuple[int, bytes]]:
    """Identifier and content of each element in the body of another."""
    from io import BytesIO

    found = []
    file = BytesIO(body)
    while file.tell() < len(body):
        name, length = vint(file, keep_marker=True), vint(file, keep_marker=False)
        if name is None or length is None:
            break
        found.append((name, file.read(length)))
    return found


def _mp4(file: BinaryIO, size: int, crops: list[Crop]) -> None:
    """Clean aperture of every video track (ISO/IEC 14496-12, 12.1.4)."""
    video = False
    seen = 0
    while file.tell() + 8 <= size and seen < _ELEMENTS:
        seen += 1
        start = file.tell()
        length, name = struct.unpack(">I4s", file.read(8))
        if length == 1:
            (length,) = struct.unpack(">Q", file.read(8))
        if name in _BOXES:
            continue  # go into it
        if length < 8:
            break
        if name == b"hdlr":
            handler = file.read(12)[8:]
            # QuickTime has a second one, of the data, inside the media.
            video = handler == b"vide" if handler not in (b"url ", b"alis", b"cios") else video
        elif name == b"stsd" and video:
            crops.append(_clean_aperture(file.read(min(length - 8, _LARGEST))))
        file.seek(start + length)


def _clean_aperture(body: bytes) -> Crop:
    at = 8
    while at + _SAMPLE_ENTRY <= len(body):
        (length,) = struct.unpack_from(">I", body, at)
        width, height = struct.unpack_from(">HH", body, at + 32)
        inner = at + _SAMPLE_ENTRY
        while inner + 8 <= min(at + length, len(body)):
            size, name = struct.unpack_from(">I4s", body, inner)
            if name == b"clap" and size >= 40:
                numbers = struct.unpack_from(">IIIIiIiI", body, inner + 8)
                wide, high, right, down = (
                    Fraction(numbers[i], numbers[i + 1]) for i in range(0, 8, 2)
                )
                return Crop(
                    float(max(Fraction(0), (width - wide) / 2 + right)),
                    float(max(Fraction(0), (height - high) / 2 + down)),
                    float(max(Fraction(0), (width - wide) / 2 - right)),
                    float(max(Fraction(0), (height - high) / 2 - down)),
                )
            if size < 8:
                break
            inner += size
        if length < 8:
            break
        at += length
    return Crop()
