"""Reading sound."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from os import PathLike
from pathlib import Path

import av
import numpy as np
from av import AudioFrame, Packet
from av.audio.resampler import AudioResampler
from av.audio.stream import AudioStream
from numpy.typing import NDArray

from framework.errors import MediaError
from framework.media.container import open_container
from framework.media.sound_clock import SoundClock

_DRIFT_S = 0.02
"""Deviation from the timestamps above which samples are left out or silence is put in."""


def read_audio(
    path: str | PathLike[str], rate: int = 48000, *, start_s: float = 0.0
) -> Generator[NDArray[np.float32]]:
    """Decode the first audio stream of a recording, block by block.

    The first sample belongs to the first picture: sound before it is left out, and silence stands
    where the recording has a gap, so that sample k is always at time k / rate. Where a recording
    was joined from several, sound stays beside its pictures (:class:`SoundClock`).

    Args:
        path: the recording.
        rate: samples a second to deliver.
        start_s: time of the first picture on the recording's clock (``Reader.start_s``).

    Yields:
        (n,) float32, mono, in [-1, 1] (a loud recording may go a little beyond).

    Raises:
        MediaError: the file does not open, or has no sound that can be decoded.
    """
    where = Path(path)
    with open_container(where) as container:
        if not container.streams.audio or container.streams.audio[0].codec_context is None:
            raise MediaError(f"{where}: no audio stream that can be decoded")
        stream = container.streams.audio[0]
        resampler = AudioResampler(format="flt", layout="mono", rate=rate)
        position = 0
        for frame, origin_s in _decode(SoundClock(where, container, start_s).packets(stream)):
            time_s = frame.time
            frame.pts = None  # the resampler must not invent samples of its own for gaps
            for block in _samples(resampler.resample(frame)):
                target = position
                if time_s is not None:
                    target = round((time_s - origin_s) * rate)
                    time_s = None
                if abs(target - position) <= _DRIFT_S * rate:
                    target = position
                if target > position:
                    yield from _silence(target - position, rate)
                    position = target
                block = block[position - target :]
                if block.size:
                    yield block
                    position += block.size
        yield from _samples(resampler.resample(None))


def _decode(
    packets: Iterator[tuple[Packet[AudioStream], float]],
) -> Generator[tuple[AudioFrame, float]]:
    """Frames of everything that decodes; damaged packets leave a gap, which becomes silence."""
    for packet, origin_s in packets:
        try:
            for frame in packet.decode():
                yield frame, origin_s
        except av.FFmpegError:
            continue


def _samples(frames: list[AudioFrame]) -> Generator[NDArray[np.float32]]:
    for frame in frames:
        yield frame.to_ndarray().reshape(-1).astype(np.float32)


def _silence(count: int, rate: int) -> Generator[NDArray[np.float32]]:
    while count > 0:
        size = min(count, rate)
        yield np.zeros(size, np.float32)
        count -= size
