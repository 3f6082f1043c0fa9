"""Sound on the time line of its pictures, also where a recording was joined from several."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av import Packet
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.video.stream import VideoStream

from framework.media.clock import PresentationClock
from framework.media.container import select_video
from framework.media.decoding import DecodingPass


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of a recording with one count of time.

    Attributes:
        begin_s: time of its first picture, on the repaired time line.
        origin_s: what is subtracted from its timestamps, seconds.
    """

    begin_s: float
    origin_s: float


def stretches_of(path: Path) -> list[Stretch]:
    """Where the count of a recording's timestamps starts anew; decodes it for that."""
    run = DecodingPass(path, 0)
    found = run.stretches()
    tick = run.clock.time_base
    return [Stretch(float((pts - origin) * tick), float(origin * tick)) for pts, origin in found]


class SoundClock:
    """Gives the packets of a stream of sound times on the pictures' time line.

    Pictures decide where a stretch begins (:class:`PresentationClock`). Sound belongs to the
    stretch whose pictures stand beside it in the file; what reaches beyond its own stretch, as the
    last blocks of a joined recording do, is left out.

    Args:
        path: the recording.
        container: it, opened for the sound.
        start_s: time of the first picture on the recording's clock.
    """

    def __init__(self, path: Path, container: InputContainer, start_s: float) -> None:
        self._path = path
        self._container = container
        self._stretches = [Stretch(0.0, start_s)]
        self._complete = False
        self._video = _video_of(container, path)
        self._at = 0  # the stretch of the sound
        self._seen: list[float] = []  # of each stretch the latest picture's raw time
        self._last_sound_s: float | None = None

    def packets(self, sound: AudioStream) -> Generator[tuple[Packet[AudioStream], float]]:
        """Packets with a time, in the order of the file, each with what is subtracted from it."""
        # The index of an MP4 finds sound without its pictures, and such files do not jump.
        indexed = "mov" in self._container.format.name
        watched = [sound] if self._video is None or indexed else [sound, self._video]
        for packet in _readable(self._container.demux(watched)):
            if packet.stream is not sound:
                self._see(packet)
                continue
            raw_s = _seconds(packet)
            if raw_s is None or packet.is_corrupt or not packet.size:
                continue
            stretch = self._place(raw_s)
            if self._belongs(raw_s - stretch.origin_s):
                yield packet, stretch.origin_s

    def _see(self, packet: Packet[Any]) -> None:
        raw_s = _seconds(packet)
        if raw_s is None:
            return
        if not self._seen or _jumps(self._seen[-1], raw_s):
            self._seen.append(raw_s)
        self._seen[-1] = raw_s

    def _place(self, raw_s: float) -> Stretch:
        last, self._last_sound_s = self._last_sound_s, raw_s
        pictures = len(self._seen) - 1
        if last is not None and _jumps(last, raw_s):
            self._move(self._at + 1)
        elif pictures > self._at:
            here, there = self._seen[self._at], self._seen[pictures]
            if abs(raw_s - there) < abs(raw_s - here):
                self._move(pictures)
        return self._stretches[self._at]

    def _move(self, stretch: int) -> None:
        if not self._complete:
            self._complete = True
            self._stretches = stretches_of(self._path) or self._stretches
        self._at = min(stretch, len(self._stretches) - 1)

    def _belongs(self, time_s: float) -> bool:
        """Whether this time on the repaired time line lies in the stretch of the sound."""
        if not self._complete:
            return True
        following = self._stretches[self._at + 1 :][:1]
        return self._stretches[self._at].begin_s <= time_s and (
            not following or time_s < following[0].begin_s
        )


def _video_of(container: InputContainer, path: Path) -> VideoStream | None:
    return select_video(container, path) if container.streams.video else None


def _jumps(before_s: float, now_s: float) -> bool:
    """Whether the pictures' clock would start a new stretch here."""
    step = now_s - before_s
    return step < -PresentationClock.BREAK_S or step > PresentationClock.GAP_S


def _seconds(packet: Packet[Any]) -> float | None:
    """When a packet is shown; its place in the file where it does not say."""
    ticks = packet.pts if packet.pts is not None else packet.dts
    return None if ticks is None else float(ticks * (packet.time_base or Fraction(0)))


def _readable(packets: Iterator[Packet[Any]]) -> Generator[Packet[Any]]:
    """Packets up to where the file can be read; the pictures report where it breaks off."""
    while True:
        try:
            packet = next(packets, None)
        except (av.FFmpegError, OSError, IndexError):
            return
        if packet is None:
            return
        yield packet
