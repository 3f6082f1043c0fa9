"""The writer of video files and animations."""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from fractions import Fraction
from os import PathLike
from pathlib import Path

import av
import cv2
import numpy as np
from av import Packet, VideoFrame
from av.container import OutputContainer
from av.video.reformatter import ColorRange
from av.video.stream import VideoStream
from numpy.typing import NDArray

from framework.media.audio_track import AudioTrack, CopiedAudio, EncodedAudio
from framework.media.encoders import Quality, choose_encoder
from framework.media.frame_maker import FrameMaker, PaletteMaker
from framework.media.source import SourceInfo
from framework.media.staging import Staging
from framework.media.writer import Writer
from framework.types import Image

_BT709, _BT601 = 1, 6  # ITU-T H.273

_FORMATS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska", ".webm": "webm"}

# Matroska counts milliseconds whatever is asked.
_MILLISECONDS = frozenset({".mkv", ".webm"})


class VideoWriter(Writer):
    """Writes MP4, MOV, Matroska, WebM, AVI, animated GIF or animated PNG.

    Every picture keeps its own time, in the source's unit where the container can (AVI knows only
    a fixed frame rate, Matroska milliseconds, GIF hundredths). Colours are
    converted to BT.709 and tagged so. No metadata is written, not even a date.

    Args:
        path: the output; its suffix chooses the container.
        like: the source, for its frame rate and time base.
        codec: key of ``ENCODERS``, or None for the container's usual one.
        quality: how much of the picture is kept.
        duration_s: see :class:`Writer`.
        threads: encoder threads; 0 lets the encoder choose.
    """

    def __init__(
        self,
        path: Path,
        like: SourceInfo,
        codec: str | None,
        quality: Quality,
        duration_s: float | None,
        threads: int,
    ) -> None:
        self._suffix = path.suffix.lower()
        self._encoder = choose_encoder(self._suffix, codec)
        super().__init__(Staging(path), duration_s)
        self._rate = nominal_rate(like.frame_rate)
        self._time_base = self._choose_time_base(like)
        self._quality = quality
        self._threads = threads
        self._maker: FrameMaker | None = None
        self._container: OutputContainer | None = None
        self._stream: VideoStream | None = None
        self._audio: AudioTrack | None = None
        self._audio_source: tuple[Path, float] | None = None
        self._audio_samples: tuple[Iterable[NDArray[np.float32]], int] | None = None
        self._pending: VideoFrame | None = None
        self._step = max(1, round(1 / (self._rate * self._time_base)))
        self._durations: dict[int, int] = {}
        self._moved = 0.0

    def copy_audio(self, source: str | PathLike[str], start_s: float = 0.0) -> None:
        self._audio_source = (Path(source), start_s)

    def add_audio(self, samples: Iterable[NDArray[np.float32]], rate: int) -> None:
        self._audio_samples = (samples, rate)

    def _choose_time_base(self, like: SourceInfo) -> Fraction:
        if self._suffix == ".avi":
            self.notes.append(
                f"AVI has a fixed frame rate ({float(self._rate):g}); times were rounded to it"
            )
            return 1 / self._rate
        if self._encoder.time_base is not None:
            return self._encoder.time_base
        if self._suffix in _MILLISECONDS:
            return Fraction(1, 1000)
        base = like.time_base
        limit = self._encoder.max_time_base
        if Fraction(1, 1_000_000) <= base <= Fraction(1, 1000) and base.denominator <= limit:
            return base
        return Fraction(1, min(90000, 60000 if limit < 90000 else 90000))

    def _open(self, width: int, height: int) -> VideoStream:
        encoder = self._encoder
        options = {"fflags": "+bitexact"}
        if self._suffix in (".mp4", ".m4v", ".mov"):
            options["movflags"] = "+faststart"
        if self._suffix == ".avi":
            # An encoder's lead-in would move the pictures, by a part of a slot, into wrong slots.
            options["avoid_negative_ts"] = "disabled"
        if encoder.name == "libsvtav1":
            os.environ.setdefault("SVT_LOG", "1")  # otherwise it prints its settings
        container = av.open(
            f"file:{self._staging.path}",
            "w",
            format=_FORMATS.get(self._suffix, self._suffix[1:]),
            container_options=options,
        )
        self._container = container
        stream = container.add_stream(
            encoder.name,
            rate=self._rate,
            options={"flags": "+bitexact", **encoder.options, **encoder.levels[self._quality]},
        )
        assert isinstance(stream, VideoStream)
        stream.time_base = self._time_base
        context = stream.codec_context
        context.time_base = self._time_base
        context.width, context.height = width, height
        context.pix_fmt = encoder.pixel_format
        context.thread_count = self._threads
        self._tag_colours(stream)
        if encoder.tag and self._suffix in (".mp4", ".m4v", ".mov"):
            context.codec_tag = encoder.tag
        if self._audio_source is not None:
            self._audio = CopiedAudio.open(container, self._suffix, *self._audio_source)
            if self._audio is None:
                self.notes.append("the source has no sound to keep")
        elif self._audio_samples is not None:
            self._audio = EncodedAudio(container, self._suffix, *self._audio_samples)
        return stream

    def _tag_colours(self, stream: VideoStream) -> None:
        context = stream.codec_context
        if not self._encoder.pixel_format.startswith("yuv"):
            return
        context.color_range = ColorRange.JPEG if self._encoder.full_range else ColorRange.MPEG
        context.colorspace = _BT601 if self._encoder.full_range else _BT709
        context.color_primaries = _BT709
        context.color_trc = _BT709

    def _add(self, bgr: Image, time_s: float) -> None:
        picture = self._even(bgr)
        if self._stream is None:
            self._stream = self._open(picture.shape[1], picture.shape[0])
        if self._maker is None:
            self._maker = self._make_maker(picture)
        frame = self._maker.make(picture)
        pts = round(time_s / float(self._time_base))
        if self._pending is not None and self._pending.pts is not None:
            pts = max(pts, self._pending.pts + 1)
            self._step = pts - self._pending.pts
            self._encode(self._pending, self._step)
        self._moved = max(self._moved, abs(float(pts * self._time_base) - time_s))
        frame.pts = pts
        frame.time_base = self._time_base
        self._pending = frame

    def _make_maker(self, picture: Image) -> FrameMaker:
        if self._encoder.pixel_format == "pal8":
            return PaletteMaker(picture.shape[1], picture.shape[0])
        return FrameMaker(self._encoder.pixel_format, jpeg=self._encoder.full_range)

    def _even(self, bgr: Image) -> Image:
        height, width = bgr.shape[:2]
        if not self._encoder.even or (width % 2 == 0 and height % 2 == 0):
            return bgr
        if not self.frames_written:
            self.notes.append(
                f"padded from {width}x{height} to {width + width % 2}x{height + height % 2}, "
                "because the codec needs even sides; the last row or column is repeated"
            )
        padded = cv2.copyMakeBorder(bgr, 0, height % 2, 0, width % 2, cv2.BORDER_REPLICATE)
        return np.asarray(padded, np.uint8)

    def _encode(self, frame: VideoFrame | None, duration: int = 0) -> None:
        assert self._stream is not None and self._container is not None
        if frame is not None and frame.pts is not None:
            frame.duration = duration
            self._durations[frame.pts] = duration
        for packet in self._stream.encode(frame):
            self._mux(packet)

    def _mux(self, packet: Packet[VideoStream]) -> None:
        assert self._container is not None
        # Encoders replace durations by the nominal one.
        if packet.pts is not None:
            packet.duration = self._durations.pop(packet.pts, packet.duration or 0)
            if self._audio is not None:
                self._audio.write_until(float(packet.pts * self._time_base))
        self._container.mux_one(packet)

    def _finish(self) -> None:
        assert self._container is not None and self._pending is not None
        pts = self._pending.pts or 0
        end = pts + self._step
        if self.duration_s is not None:
            end = max(pts + 1, round(self.duration_s / float(self._time_base)))
        self._encode(self._pending, end - pts)
        self._pending = None
        self._encode(None)
        if self._audio is not None:
            self._audio.finish(float(end * self._time_base))
        self._container.close()
        self._container = None
        if self._suffix != ".avi" and self._moved > 0.0011:
            self.notes.append(f"times moved by up to {self._moved * 1000:.1f} ms")

    def _close(self) -> None:
        if self._audio is not None:
            self._audio.close()
        if self._container is not None:
            with suppress(av.FFmpegError, OSError):  # the file is thrown away
                self._container.close()
            self._container = None


def nominal_rate(frame_rate: float) -> Fraction:
    """The frame rate as a fraction an encoder takes; 25 if there is none.

    >>> nominal_rate(29.97002997), nominal_rate(25.0), nominal_rate(0)
    (Fraction(30000, 1001), Fraction(25, 1), Fraction(25, 1))
    """
    if not 0.01 <= frame_rate <= 1000:
        return Fraction(25)
    for denominator in (1, 1001):
        candidate = Fraction(round(frame_rate * denominator), denominator)
        if abs(float(candidate) - frame_rate) < 1e-4 * frame_rate:
            return candidate
    return Fraction(frame_rate).limit_denominator(1000)
