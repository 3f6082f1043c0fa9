"""Which encoder and settings stand behind a codec's name, and which container takes it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from fractions import Fraction

from framework.errors import MediaError


class Quality(StrEnum):
    """How much of the picture is kept."""

    SMALL = "small"  # small files; artefacts show
    STANDARD = "standard"  # no artefact at a normal viewing distance
    HIGH = "high"  # for further analysis


@dataclass(frozen=True, slots=True)
class Encoder:
    """How a codec is written.

    Attributes:
        name: FFmpeg's name of the encoder.
        suffixes: containers it goes into.
        levels: options of each quality.
        options: options of every quality.
        pixel_format: what it is given.
        even: whether both sides of the picture must be even.
        full_range: whether luma uses 0 to 255 (and the matrix is BT.601, as in JPEG).
        max_time_base: largest denominator of a time base it takes.
        time_base: the only unit of time it knows, seconds; None if it takes any.
        tag: FourCC that players expect in MP4 and MOV.
    """

    name: str
    suffixes: frozenset[str]
    levels: Mapping[Quality, Mapping[str, str]]
    options: Mapping[str, str] = field(default_factory=dict)
    pixel_format: str = "yuv420p"
    even: bool = True
    full_range: bool = False
    max_time_base: int = 2**31 - 1
    time_base: Fraction | None = None
    tag: str = ""


def _levels(option: str, small: int, standard: int, high: int) -> dict[Quality, dict[str, str]]:
    return {
        Quality.SMALL: {option: str(small)},
        Quality.STANDARD: {option: str(standard)},
        Quality.HIGH: {option: str(high)},
    }


_MP4 = frozenset({".mp4", ".m4v", ".mov"})
_ALL = _MP4 | {".mkv", ".avi"}

# No B-frames in H.264 and HEVC: with them a picture's decoding time differs from its presentation
# time, and neither MP4's track length nor AVI's frame slots keep variable durations exactly. They
# do not pay at these presets either: 100 frames of 1280x720 animation at "superfast" are 1389 kB of
# 44.6 dB in 6.2 ms a frame without, and 1604 kB of 43.6 dB in 8.5 ms with them.
ENCODERS: Mapping[str, Encoder] = {
    "h264": Encoder(
        "libx264",
        _ALL,
        {
            Quality.SMALL: {"preset": "veryfast", "crf": "26"},
            Quality.STANDARD: {"preset": "superfast", "crf": "21"},
            Quality.HIGH: {"preset": "veryfast", "crf": "16"},
        },
        {"bf": "0"},
    ),
    "hevc": Encoder(
        "libx265",
        _MP4 | {".mkv"},
        _levels("crf", 28, 22, 18),
        {"preset": "superfast", "x265-params": "log-level=none:bframes=0:info=0"},
        tag="hvc1",
    ),
    "av1": Encoder(
        "libsvtav1",
        frozenset({".mp4", ".mkv", ".webm"}),
        _levels("crf", 40, 30, 22),
        {"preset": "8"},
    ),
    "vp9": Encoder(
        "libvpx-vp9",
        frozenset({".webm", ".mkv", ".mp4"}),
        _levels("crf", 38, 30, 22),
        {"deadline": "realtime", "cpu-used": "8", "row-mt": "1", "tile-columns": "2", "b": "0"},
    ),
    "mpeg4": Encoder(
        "mpeg4",
        _ALL,
        {q: {"qmin": v, "qmax": v} for q, v in zip(Quality, ("6", "3", "2"), strict=True)},
        max_time_base=65535,
    ),
    "mjpeg": Encoder(
        "mjpeg",
        frozenset({".mov", ".mkv", ".avi"}),
        {q: {"qmin": v, "qmax": v} for q, v in zip(Quality, ("8", "3", "2"), strict=True)},
        pixel_format="yuvj420p",
        full_range=True,
    ),
    "ffv1": Encoder(
        "ffv1",
        frozenset({".mkv", ".avi"}),
        {q: {} for q in Quality},  # lossless
        {"level": "3", "slicecrc": "1"},
        pixel_format="bgr0",
        even=False,
    ),
    "gif": Encoder(
        "gif",
        frozenset({".gif"}),
        {q: {} for q in Quality},
        pixel_format="pal8",
        even=False,
        time_base=Fraction(1, 100),
    ),
    "apng": Encoder(
        "apng",
        frozenset({".apng"}),
        {q: {} for q in Quality},  # lossless
        {"pred": "mixed"},
        pixel_format="rgb24",
        even=False,
        time_base=Fraction(1, 1000),
    ),
}

_USUAL = {".webm": "vp9", ".gif": "gif", ".apng": "apng"}


def choose_encoder(suffix: str, codec: str | None) -> Encoder:
    """The encoder for a container.

    Args:
        suffix: of the output, lower case, for instance ``.mp4``.
        codec: a key of :data:`ENCODERS`, or None for the container's usual one: VP9 in WebM, H.264
            in the other video containers.

    Raises:
        MediaError: no such codec, or the container does not take it.
    """
    if codec is None:
        codec = _USUAL.get(suffix, "h264")
    encoder = ENCODERS.get(codec)
    if encoder is None:
        raise MediaError(f"codec {codec}: expected one of {', '.join(ENCODERS)}")
    if suffix not in encoder.suffixes:
        fits = [name for name, e in ENCODERS.items() if suffix in e.suffixes]
        raise MediaError(f"codec {codec}: does not go into {suffix}; expected {', '.join(fits)}")
    return encoder
