"""Recordings with known contents, made on the spot. Each picture carries its number.

The left half of a picture is a code of 8 blocks (4 x 2, most significant first): light for 1, dark
for 0. The right half is coloured. Lossy codecs at 64x48 leave that readable.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation
from numpy.typing import NDArray

Picture = NDArray[np.uint8]

WIDTH, HEIGHT = 64, 48
RATE = 25


def numbered(number: int, width: int = WIDTH, height: int = HEIGHT) -> Picture:
    """A picture that says which it is, 0 to 255."""
    picture = np.empty((height, width, 3), np.uint8)
    picture[:] = (60, 120, 180)
    half_h, step = height // 2, width // 8
    for bit in range(8):
        row, column = divmod(bit, 4)
        value = 220 if number >> (7 - bit) & 1 else 30
        y, x = row * half_h, column * step
        picture[y : y + half_h, x : x + step] = value
    return picture


def number_of(picture: Picture) -> int:
    """The number of a picture, at whatever size."""
    height, width = picture.shape[:2]
    number = 0
    for bit in range(8):
        row, column = divmod(bit, 4)
        y, x = int((row + 0.5) * height / 2), int((column + 0.5) * width / 8)
        number = number << 1 | int(picture[y, x].mean() > 125)
    return number


def corners(width: int = WIDTH, height: int = HEIGHT) -> Picture:
    """Red, green / blue, white quarters: no two orientations look the same."""
    picture = np.zeros((height, width, 3), np.uint8)
    h, w = height // 2, width // 2
    picture[:h, :w] = (0, 0, 255)
    picture[:h, w:] = (0, 255, 0)
    picture[h:, :w] = (255, 0, 0)
    picture[h:, w:] = 255
    return picture


def corner_names(picture: Picture) -> str:
    """The colours of top left, top right, bottom left, bottom right: ``RGBW`` when upright."""
    h, w = picture.shape[:2]
    names = ""
    for y, x in ((h // 4, w // 4), (h // 4, 3 * w // 4), (3 * h // 4, w // 4), (-h // 4, -w // 4)):
        b, g, r = (int(v) > 127 for v in picture[y, x])
        names += {(0, 0, 1): "R", (0, 1, 0): "G", (1, 0, 0): "B", (1, 1, 1): "W"}[(b, g, r)]
    return names


def make_video(
    path: Path,
    pictures: Iterable[Picture] | int = 10,
    *,
    times: Sequence[float] | None = None,
    end: float | None = None,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
    time_base: Fraction = Fraction(1, 12800),
    aspect: Fraction | None = None,
    matrix: tuple[float, bool, bool] | None = None,
    metadata: dict[str, str] | None = None,
    stream_metadata: dict[str, str] | None = None,
    colour: tuple[int, int] | None = (1, 1),
    audio_s: float = 0.0,
    audio_codec: str = "aac",
    audio_start: float = 0.0,
    key_interval: int = 10,
) -> Path:
    """Encode pictures (or so many numbered ones).

    Args:
        times: presentation times, seconds; 25 a second by default.
        end: end of the last picture.
        matrix: rotation counterclockwise in degrees, flip left-right, flip top-bottom.
        colour: colour matrix and range (H.273), tagged and used; None uses BT.601 without a tag.
        audio_s: length of a 440 Hz tone, 0 for no sound.
    """
    images = [numbered(i) for i in range(pictures)] if isinstance(pictures, int) else [*pictures]
    times = [i / RATE for i in range(len(images))] if times is None else times
    end = times[-1] + 1 / RATE if end is None else end
    height, width = images[0].shape[:2]
    with av.open(str(path), "w", container_options=container_options or {}) as output:
        output.metadata.update(metadata or {})
        if codec == "libx264":
            options = {"preset": "ultrafast", "crf": "14", "bf": "0", **(options or {})}
        stream = output.add_stream(codec, rate=RATE, options=options or {})
        stream.metadata.update(stream_metadata or {})
        stream.width, stream.height, stream.pix_fmt = width, height, pixel_format
        stream.codec_context.gop_size = key_interval
        stream.codec_context.time_base = stream.time_base = time_base
        if aspect is not None:
            stream.codec_context.sample_aspect_ratio = aspect
        if matrix is not None:
            stream.set_display_rotation(matrix[0], hflip=matrix[1], vflip=matrix[2])
        if colour is not None:
            stream.codec_context.colorspace, stream.codec_context.color_range = colour
        sound = None
        if audio_s:
            sound = output.add_stream(audio_codec, rate=48000)
            sound.codec_context.layout = "mono"
            sound.metadata.update(stream_metadata or {})
        for i, image in enumerate(images):
            frame = to_frame(image, pixel_format, colour)
            frame.pts = round(times[i] / time_base)
            frame.time_base = time_base
            following = times[i + 1] if i + 1 < len(times) else end
            for packet in stream.encode(frame):
                packet.duration = round((following - times[i]) / time_base)
                output.mux(packet)
        for packet in stream.encode(None):
            index = next(k for k, t in enumerate(times) if round(t / time_base) == packet.pts)
            following = times[index + 1] if index + 1 < len(times) else end
            packet.duration = round((following - times[index]) / time_base)
            output.mux(packet)
        if sound is not None:
            _add_tone(output, sound, audio_s, audio_start)
    return path


def to_frame(
    image: Picture, pixel_format: str, colour: tuple[int, int] | None = None
) -> av.VideoFrame:
    """A frame in this pixel format; a picture with 4 channels is BGRA."""
    source = av.VideoFrame.from_ndarray(
        np.ascontiguousarray(image), "bgra" if image.shape[2] == 4 else "bgr24"
    )
    matrix, scale = colour or (Colorspace.ITU601, ColorRange.MPEG)
    return source.reformat(
        format=pixel_format,
        dst_colorspace=Colorspace(5 if matrix in (5, 6) else matrix),
        dst_color_range=ColorRange(scale),
        interpolation=Interpolation.BICUBIC | Interpolation.ACCURATE_RND,
    )


def tone(seconds: float, rate: int = 48000) -> NDArray[np.float32]:
    """A 440 Hz tone, mono."""
    t = np.arange(round(seconds * rate)) / rate
    return (0.3 * np.sin(2 * np.pi * 440 * t)).astype(np.float32)


def _add_tone(output, sound, seconds: float, start: float) -> None:  # type: ignore[no-untyped-def]
    samples = tone(seconds)
    for first in range(0, len(samples), 1024):
        block = samples[first : first + 1024]
        frame = av.AudioFrame.from_ndarray(block.reshape(1, -1), format="flt", layout="mono")
        frame.sample_rate, frame.time_base = 48000, Fraction(1, 48000)
        frame.pts = first + round(start * 48000)
        output.mux(sound.encode(frame))
    output.mux(sound.encode(None))


def jpeg_with_exif(picture: Picture, orientation: int, secret: bytes = b"") -> bytes:
    """A JPEG with an EXIF block: the orientation and, if given, a camera name."""
    data = cv2.imencode(".jpg", picture, [int(cv2.IMWRITE_JPEG_QUALITY), 100])[1].tobytes()
    block = b"Exif\0\0" + exif_block(orientation, secret)
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + data[2:]


def exif_block(orientation: int, secret: bytes = b"", order: str = "<") -> bytes:
    """A TIFF header with one directory."""
    entries = [struct.pack(f"{order}HHIHH", 0x0112, 3, 1, orientation, 0)]
    tail = b""
    if secret:
        offset = 8 + 2 + 2 * 12 + 4
        entries.insert(0, struct.pack(f"{order}HHII", 0x0110, 2, len(secret) + 1, offset))
        tail = secret + b"\0"
    head = {"<": b"II*\0", ">": b"MM\0*"}[order]
    count = struct.pack(f"{order}H", len(entries))
    return head + struct.pack(f"{order}I", 8) + count + b"".join(entries) + b"\0" * 4 + tail
