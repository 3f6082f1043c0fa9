"""What a file carries beside its pictures: metadata, sound, further streams."""

from __future__ import annotations

import struct
from pathlib import Path

from framework.media import MediaKind, SourceInfo
from framework.media.container import open_container
from framework_verify.blocks import jpeg_segments, tiff_entries

HARMLESS = frozenset(
    {
        "major_brand",
        "minor_version",
        "compatible_brands",
        "encoder",
        "handler_name",
        "vendor_id",
        "language",
        "duration",
        "rotate",
        "number_of_frames",
        "number_of_bytes",
        "bps",
        "loop",
    }
)
"""Tags that writers set on their own and that say nothing about a recording's origin. A handler's
name is harmless only where it is a writer's default, see :data:`DEFAULT_HANDLERS`."""

DEFAULT_HANDLERS = frozenset(
    {"", "videohandler", "soundhandler", "core media video", "mainconcept"}
)
_JPEG_META = {
    (0xE1, b"Exif\x00"): "Exif",
    (0xE1, b"http://ns.adobe.com/xap"): "XMP",
    (0xED, b"Photoshop 3.0"): "Photoshop",
    (0xFE, b""): "comment",
}
_PNG_META = (b"tEXt", b"zTXt", b"iTXt", b"eXIf", b"tIME")
_TIFF_META = {
    270: "ImageDescription",
    271: "Make",
    272: "Model",
    306: "DateTime",
    315: "Artist",
    316: "HostComputer",
    700: "XMP",
    33432: "Copyright",
    33723: "IPTC",
    34377: "Photoshop",
    34665: "Exif",
    34853: "GPS",
}


def metadata_left(path: Path, info: SourceInfo) -> list[str]:
    """Names (never values) of tags, chapters and streams that a released file should not have."""
    if info.kind is MediaKind.FOLDER:
        found = {name for file in sorted(path.iterdir()) for name in _in_image(file)}
        return sorted(found)
    if info.kind is MediaKind.IMAGE:
        return sorted(_in_image(path))
    found = set()
    if info.kind is MediaKind.ANIMATION:
        found |= _in_image(path)  # an animated PNG keeps its texts as a still one does
    with open_container(path) as container:
        found |= _names(container.metadata)
        for stream in container.streams:
            found |= _names(stream.metadata)
            if stream.type not in ("video", "audio"):
                found.add(f"{stream.type} stream")
        if container.chapters():
            found.add("chapters")
    return sorted(found)


def _names(metadata: object) -> set[str]:
    tags = dict(metadata) if isinstance(metadata, dict) else {}
    left = set()
    for key, value in tags.items():
        name = str(key).lower()
        plain, _, language = name.partition("-")  # Matroska: "duration-eng"
        name = plain if len(language) == 3 else name
        if plain not in HARMLESS and not plain.startswith("_statistics"):
            left.add(name)
        if plain == "handler_name" and str(value).strip().lower() not in DEFAULT_HANDLERS:
            left.add(name)
    return left


def _in_image(path: Path) -> set[str]:
    """Metadata blocks of a JPEG, PNG, WebP or TIFF, by their names."""
    try:
        data = path.read_bytes()
    except OSError:
        return set()
    found = set()
    if data[:2] == b"\xff\xd8":
        found = {
            name
            for marker, start, _ in _segments(data)
            for (wanted, head), name in _JPEG_META.items()
            if marker == wanted and data.startswith(head, start)
        }
    elif data[:8] == b"\x89PNG\r\n\x1a\n":
        found = {name.decode("ascii") for name in _png_chunks(data) if name in _PNG_META}
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        found = {n.decode("ascii").strip() for n in (b"EXIF", b"XMP ") if n in data}
    elif data[:4] in (b"II*\0", b"MM\0*"):
        found = {_TIFF_META[tag] for tag in _tags(data) if tag in _TIFF_META}
    return {f"picture metadata {name}" for name in found}


def _segments(data: bytes) -> list[tuple[int, int, int]]:
    try:
        return jpeg_segments(data)
    except (struct.error, IndexError):
        return []


def _tags(data: bytes) -> list[int]:
    try:
        return [tag for tag, _, _ in tiff_entries(data)]
    except struct.error:
        return []


def _png_chunks(data: bytes) -> set[bytes]:
    names, at = set(), 8
    while at + 8 <= len(data):
        names.add(data[at + 4 : at + 8])
        at += 12 + int.from_bytes(data[at : at + 4], "big")
    return names
