"""Pictures in a released file that are not among its frames, so that no other check sees them.

A cover picture, a second stream, or what a phone appends to a photograph shows the face as it was.
"""

from __future__ import annotations

from pathlib import Path

from av.stream import Disposition

from framework.media import MediaKind, SourceInfo
from framework.media.container import open_container
from framework.media.still import list_images
from framework_verify.blocks import jpeg_end


def unseen_pictures(path: Path, info: SourceInfo) -> list[str]:
    """What holds, or may hold, further pictures; in words, never by name."""
    if info.kind is MediaKind.FOLDER:
        return _in_folder(path)
    if info.kind is MediaKind.IMAGE:
        return [_APPENDED] if appended_bytes(path.read_bytes()) else []
    with open_container(path) as container:
        videos = container.streams.video
        covers = sum(bool(s.disposition & Disposition.attached_pic) for s in videos)
        further = len(videos) - covers - 1
    found = []
    if covers:
        found.append("a cover picture" if covers == 1 else f"{covers} cover pictures")
    if further > 0:
        found.append("a further video stream" if further == 1 else f"{further} further streams")
    return found


_APPENDED = "data behind the picture"


def _in_folder(folder: Path) -> list[str]:
    images = list_images(folder)
    others = sum(1 for _ in folder.iterdir()) - len(images)
    found = [f"{others} files or folders that are not its pictures"] if others else []
    if any(appended_bytes(image.read_bytes()) for image in images):
        found.append(_APPENDED)
    return found


def appended_bytes(data: bytes) -> int:
    """How many bytes follow the end of a JPEG, PNG or WebP picture; 0 for other formats."""
    end: int | None = None
    if data.startswith(b"\xff\xd8"):
        end = jpeg_end(data)
    elif data.startswith(b"\x89PNG\r\n\x1a\n"):
        end = data.find(b"IEND") + 8
    elif data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        size = int.from_bytes(data[4:8], "little")
        end = 8 + size + size % 2
    return 0 if end is None else max(0, len(data) - end)
