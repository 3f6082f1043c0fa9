"""Animated WebP, which FFmpeg does not decode."""

from __future__ import annotations

from collections.abc import Generator
from fractions import Fraction
from pathlib import Path

from PIL import Image as Pillow

from framework.errors import MediaError
from framework.media.pillow import opened, to_bgr
from framework.media.reader import Reader
from framework.media.source import Damage, MediaKind, SourceInfo
from framework.types import Frame

_SHORTEST_MS = 10
"""Browsers show a picture at least so long."""
_MOST_PICTURES = 1_000_000


def probe_animated_webp(path: Path) -> SourceInfo:
    """Describe an animated WebP; its first picture is decoded for that.

    Raises:
        MediaError: it is damaged.
    """
    with opened(path) as picture:
        count = _count(picture, path)
        first, notes = to_bgr(picture)
        length_s = max(_SHORTEST_MS, int(picture.info.get("duration") or 0)) / 1000
    return SourceInfo(
        kind=MediaKind.ANIMATION,
        width=first.shape[1],
        height=first.shape[0],
        frame_rate=1 / length_s,
        duration_s=None,
        frame_count=count,
        container="webp",
        codec="webp",
        pixel_format="rgb24",
        time_base=Fraction(1, 1000),
        notes=tuple(notes),
    )


def _count(picture: Pillow.Image, path: Path) -> int:
    count = int(getattr(picture, "n_frames", 1))
    if not 1 <= count <= _MOST_PICTURES:
        raise MediaError(f"{path}: an animation of {count} pictures; it is damaged")
    return count


class AnimatedWebpReader(Reader):
    """Reads an animated WebP picture by picture.

    Raises:
        MediaError: it is damaged.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(probe_animated_webp(path))
        self._path = path

    def _read(self, *, record: bool = True) -> Generator[Frame]:
        at_ms = 0
        index = 0
        try:
            with opened(self._path) as picture:
                for index in range(_count(picture, self._path)):
                    picture.seek(index)
                    bgr, _ = to_bgr(picture.copy())
                    length = max(_SHORTEST_MS, int(picture.info.get("duration") or 0))
                    yield Frame(bgr, index, at_ms / 1000)
                    at_ms += length
        except MediaError:
            if not index:
                raise
            if record:
                self.damage.append(Damage(at_ms / 1000, "the animation breaks off"))
        if record:
            self._end_s = at_ms / 1000
