"""The sound of an output file: taken over from the source, or made from samples."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import numpy as np
from av import AudioFrame, Packet
from av.audio.stream import AudioStream
from av.container import InputContainer, OutputContainer
from numpy.typing import NDArray

from framework.media.audio import read_audio
from framework.media.container import open_container
from framework.media.sound_clock import SoundClock

# Codecs whose packets carry nothing but sound. Others (Vorbis, FLAC, ...) keep comments in their
# headers, and are encoded anew.
_COPY = {
    ".mp4": frozenset({"aac", "mp3", "ac3", "opus"}),
    ".m4v": frozenset({"aac", "mp3", "ac3"}),
    ".mov": frozenset({"aac", "mp3", "ac3"}),
    ".mkv": frozenset({"aac", "mp3", "ac3", "opus"}),
    ".webm": frozenset({"opus"}),
    ".avi": frozenset({"mp3", "ac3"}),
}
_ENCODER = {".webm": "libopus", ".avi": "libmp3lame"}
_RATES = frozenset({16000, 22050, 24000, 32000, 44100, 48000})
_AHEAD_S = 0.5


class AudioTrack(ABC):
    """One audio stream of an output, written in step with the pictures."""

    @abstractmethod
    def write_until(self, time_s: float) -> None:
        """Write the sound up to a little beyond this time."""

    @abstractmethod
    def finish(self, end_s: float) -> None:
        """Write the rest, but nothing that starts after ``end_s``."""

    def close(self) -> None:  # noqa: B027  # most tracks hold nothing open
        """Release the source."""


class CopiedAudio(AudioTrack):
    """Takes the packets of the source's first audio stream as they are."""

    def __init__(
        self,
        output: OutputContainer,
        path: Path,
        source: InputContainer,
        stream: AudioStream,
        start_s: float,
    ) -> None:
        self._output = output
        self._source = source
        self._target = output.add_stream_from_template(stream)
        self._target.metadata.clear()
        self._base = stream.time_base or Fraction(1, 48000)
        self._packets = self._read(SoundClock(path, source, start_s).packets(stream))
        self._next = next(self._packets, None)

    @classmethod
    def open(
        cls, output: OutputContainer, suffix: str, source: Path, start_s: float
    ) -> AudioTrack | None:
        """Copy the source's sound, encode it anew where it cannot be copied, or None without any.

        Args:
            output: the file it goes into, before its header is written.
            suffix: of the output.
            source: the recording.
            start_s: time of its first picture on its own clock.
        """
        container = open_container(source)
        streams = [s for s in container.streams.audio if s.codec_context is not None]
        if streams and streams[0].codec_context.codec.canonical_name in _COPY[suffix]:
            return cls(output, source, container, streams[0], start_s)
        rate = streams[0].codec_context.sample_rate if streams else 0
        container.close()
        if not streams:
            return None
        rate = 48000 if suffix == ".webm" else (rate if 8000 <= rate <= 48000 else 48000)
        return EncodedAudio(output, suffix, read_audio(source, rate, start_s=start_s), rate)

    def _read(
        self, packets: Iterator[tuple[Packet[AudioStream], float]]
    ) -> Generator[Packet[AudioStream]]:
        last = -1
        for packet, origin_s in packets:
            if packet.dts is None or packet.pts is None:
                continue
            shift = round(Fraction(origin_s) / self._base)
            packet.pts -= shift
            packet.dts -= shift
            # Sound from before the first picture would move the pictures in the output.
            if packet.pts < 0 or packet.dts < 0 or packet.dts <= last:
                continue
            last = packet.dts
            packet.stream = self._target
            yield packet

    def write_until(self, time_s: float) -> None:
        limit = round(Fraction(time_s + _AHEAD_S) / self._base)
        while self._next is not None and (self._next.pts or 0) <= limit:
            self._output.mux_one(self._next)
            self._next = next(self._packets, None)

    def finish(self, end_s: float) -> None:
        self.write_until(end_s - _AHEAD_S)
        self.close()

    def close(self) -> None:
        self._packets.close()
        self._source.close()


class EncodedAudio(AudioTrack):
    """Encodes mono samples: AAC, Opus in WebM, MP3 in AVI."""

    BIT_RATE = 96_000

    def __init__(
        self,
        output: OutputContainer,
        suffix: str,
        samples: Iterable[NDArray[np.float32]],
        rate: int,
    ) -> None:
        self._output = output
        self._rate = rate
        self._samples: Iterator[NDArray[np.float32]] = iter(samples)
        self._position = 0
        encoded_rate = rate if rate in _RATES and suffix != ".webm" else 48000
        stream = output.add_stream(
            _ENCODER.get(suffix, "aac"), rate=encoded_rate, options={"flags": "+bitexact"}
        )
        assert isinstance(stream, AudioStream)
        self._stream = stream
        self._stream.codec_context.layout = "mono"
        self._stream.codec_context.bit_rate = self.BIT_RATE
        self._exhausted = False

    def write_until(self, time_s: float) -> None:
        self._write(round((time_s + _AHEAD_S) * self._rate), None)

    def finish(self, end_s: float) -> None:
        self._write(round(end_s * self._rate), round(end_s * self._rate))
        self._mux(None)
        self.close()

    def close(self) -> None:
        if isinstance(self._samples, Generator):
            self._samples.close()

    def _write(self, until: int, limit: int | None) -> None:
        """Encode blocks until ``until`` samples are written, and none beyond ``limit``."""
        while not self._exhausted and self._position < until:
            block = next(self._samples, None)
            if block is None:
                self._exhausted = True
                return
            if limit is not None:
                block = block[: limit - self._position]
            if not len(block):
                continue
            samples = np.ascontiguousarray(np.clip(block, -1.0, 1.0), np.float32).reshape(1, -1)
            frame = AudioFrame.from_ndarray(samples, format="flt", layout="mono")
            frame.sample_rate = self._rate
            frame.pts = self._position
            frame.time_base = Fraction(1, self._rate)
            self._position += samples.shape[1]
            self._mux(frame)

    def _mux(self, frame: AudioFrame | None) -> None:
        for packet in self._stream.encode(frame):
            self._output.mux_one(packet)
