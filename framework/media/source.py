"""What is known about a recording: the description, and the damage found while reading it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from pathlib import Path

VIDEO_SUFFIXES = frozenset({".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi"})
"""Containers that can be written. Reading knows more; see ``framework.media.container``."""

ANIMATION_SUFFIXES = frozenset({".gif", ".apng"})
IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"})


class MediaKind(StrEnum):
    """How a recording is stored."""

    VIDEO = "video"
    ANIMATION = "animation"  # animated GIF, PNG or WebP
    IMAGE = "image"
    FOLDER = "folder"  # a folder of images


@dataclass(frozen=True, slots=True)
class SourceInfo:
    """A recording, without anything that names it.

    Attributes:
        kind: how it is stored.
        width, height: of the upright picture with square pixels, in pixels: rotation metadata and
            pixel aspect ratio are applied already, as in every frame the reader gives.
        frame_rate: average frames a second; 0 where there is none (a still image).
        duration_s: seconds the container declares from the first frame to the end of the last
            one; None where it declares nothing.
        frame_count: frames the container declares; None where it declares nothing. What the
            decoder delivers counts, not this.
        container, codec, pixel_format: FFmpeg's names, for instance ``mp4``, ``h264``,
            ``yuv420p10le``.
        bit_depth: bits of each colour channel as stored; frames always have 8.
        has_audio, audio_codec: the first audio stream; ``audio_codec`` is "" without one.
        rotation_deg: clockwise turn that was applied to make the picture upright: 0, 90, 180, 270.
        mirrored: whether the picture was mirrored, before that turn.
        pixel_aspect: width of a stored pixel over its height; 1 for square pixels.
        start_s: time of the first frame on the container's clock, seconds.
        time_base: unit of the container's timestamps, seconds.
        notes: what a user should know, one sentence each.
        independent: whether the frames are pictures with nothing to do with one another: a folder
            of stills, one a second, that may differ in size. ``width`` and ``height`` are then the
            largest of each.
    """

    kind: MediaKind
    width: int
    height: int
    frame_rate: float
    duration_s: float | None
    frame_count: int | None
    container: str
    codec: str
    pixel_format: str = "bgr24"
    bit_depth: int = 8
    has_audio: bool = False
    audio_codec: str = ""
    rotation_deg: int = 0
    mirrored: bool = False
    pixel_aspect: Fraction = Fraction(1)
    start_s: float = 0.0
    time_base: Fraction = Fraction(1, 90000)
    notes: tuple[str, ...] = ()
    independent: bool = False


@dataclass(frozen=True, slots=True)
class Damage:
    """A place where a recording could not be read as it was meant.

    Attributes:
        time_s: where, in seconds from the first frame.
        what: what happened, in a few words.
        frame: index of the frame that was delivered although its picture is damaged; None if
            nothing was delivered for this place.
    """

    time_s: float
    what: str
    frame: int | None = None


def default_suffix(info: SourceInfo) -> str:
    """The suffix of an output of the same kind; "" for a folder.

    Video goes to ``.mp4`` whatever it came in, because H.264 in MP4 plays everywhere.
    """
    if info.kind is MediaKind.VIDEO:
        return ".mp4"
    if info.kind is MediaKind.ANIMATION:
        return ".apng" if info.container in ("apng", "webp") else ".gif"
    if info.kind is MediaKind.FOLDER:
        return ""
    by_codec = {"mjpeg": ".jpg", "webp": ".webp", "bmp": ".bmp", "tiff": ".tiff"}
    return by_codec.get(info.codec, ".png")


def is_image_path(path: Path) -> bool:
    """Whether the suffix is one of a still image."""
    return path.suffix.lower() in IMAGE_SUFFIXES
