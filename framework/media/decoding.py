"""One pass over a video file: decode, make upright, place in time, and go on after damage."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Generator, Sequence
from fractions import Fraction
from pathlib import Path

import av
from av import Packet, VideoFrame
from av.container import InputContainer
from av.video.stream import VideoStream

from framework.media.clock import PresentationClock
from framework.media.container import open_container, reason, select_video
from framework.media.orientation import Orientation
from framework.media.picture import PictureConverter
from framework.media.source import Damage
from framework.types import Frame, Image

# How far ahead the next wanted frame must be before seeking beats decoding, seconds; and how far
# before it the seek aims, because an index is in order of decoding and not of presentation.
_SEEK_AHEAD_S = 3.0
_SEEK_MARGIN_S = 1.0

# Pictures a decoder may still hold back when it reports an error.
_DECODER_DELAY = 16

# Containers whose demuxer skips garbage without a word: there a hole in time that ends in a key
# frame is the only trace.
_SILENT_FORMATS = frozenset({"matroska", "webm", "mpegts"})


class SeekError(Exception):
    """Seeking did not land where it should; decode from the start instead."""


class DecodingPass:
    """Decodes a file once.

    Attributes:
        damage: everything that went wrong so far.
        count, last_s, end_s, step_s: frames delivered, time of the last one, its end, and the
            distance to the one before.
        broke_off: why reading stopped before the end of the file; "" if it did not.
        resized: whether the stored pictures changed their size.
        clock: the time line, made when decoding starts.
    """

    def __init__(
        self, path: Path, threads: int, pixel_aspect: Fraction, orientation: Orientation
    ) -> None:
        self._path = path
        self._threads = threads
        self._converter = PictureConverter(pixel_aspect, orientation)
        self.damage: list[Damage] = []
        self.count = 0
        self.last_s = 0.0
        self.end_s = 0.0
        self.step_s = 0.0
        self.broke_off = ""
        self.resized = False
        self.clock = PresentationClock(Fraction(1, 90000))
        self._suspect_from: int | None = None
        self._stored_size: tuple[int, int] | None = None

    def frames(self) -> Generator[tuple[Frame, bool]]:
        """Every frame, and whether its picture may be wrong."""
        with open_container(self._path) as container:
            stream = self._prepare(container)
            keys = 0
            for picture in self._pictures(container, stream):
                ticks = self.clock.place(picture.pts, picture.duration)
                time_s = self.clock.seconds(ticks)
                keys += picture.key_frame
                sparse_keys = keys < 0.5 * (self.count + 1)
                if picture.key_frame and sparse_keys:
                    self._check_hole(container, time_s)
                doubtful = self._is_doubtful(picture, time_s)
                self.step_s = time_s - self.last_s if self.count else 0.0
                self.last_s = time_s
                self.end_s = time_s + self._length_s(picture)
                frame = Frame(self._convert(picture), self.count, time_s)
                self.count += 1
                yield frame, doubtful

    def pick(self, wanted: Sequence[int], times: Sequence[float]) -> Generator[Frame]:
        """The wanted frames of a recording whose time line is known and exact.

        Args:
            wanted: indices, ascending, all below ``len(times)``.
            times: ``time_s`` of every frame.

        Raises:
            SeekError: the file does not seek exactly.
        """
        with open_container(self._path) as container:
            stream = self._prepare(container)
            pictures = self._pictures(container, stream)
            first = next(pictures, None)
            if first is None or first.pts is None:
                raise SeekError
            origin, at = first.pts, 0
            picture: VideoFrame | None = first
            for index in wanted:
                if times[index] - times[at] > _SEEK_AHEAD_S:
                    aim = max(0.0, times[index] - _SEEK_MARGIN_S)
                    pictures.close()
                    container.seek(origin + round(aim / self.clock.time_base), stream=stream)
                    pictures = self._pictures(container, stream)
                    picture = next(pictures, None)
                    if picture is not None and self._index_of(picture, origin, times) > index:
                        raise SeekError
                while picture is not None:
                    at = self._index_of(picture, origin, times)
                    if at >= index:
                        break
                    picture = next(pictures, None)
                if picture is None or at != index or picture.is_corrupt:
                    raise SeekError
                yield Frame(self._convert(picture), index, times[index])

    def _index_of(self, picture: VideoFrame, origin: int, times: Sequence[float]) -> int:
        if picture.pts is None:
            raise SeekError
        tick = float(self.clock.time_base)
        time_s = self.clock.seconds(picture.pts - origin)
        index = bisect_left(times, time_s - tick / 2)
        if index == len(times) or abs(times[index] - time_s) > tick / 2:
            raise SeekError
        return index

    def _prepare(self, container: InputContainer) -> VideoStream:
        stream = select_video(container, self._path)
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = self._threads
        rate = stream.average_rate or stream.guessed_rate or Fraction(0)
        self.clock = PresentationClock(stream.time_base or Fraction(1, 90000), rate)
        return stream

    def _pictures(self, container: InputContainer, stream: VideoStream) -> Generator[VideoFrame]:
        """Decoded pictures; damage on the way is put down and skipped."""
        packets = container.demux(stream)
        while True:
            try:
                packet = next(packets, None)
            except (av.FFmpegError, OSError) as error:
                self.broke_off = reason(error)
                packet = None
            if packet is None:
                break
            if packet.is_corrupt:
                self._lost(packet, "a part of the recording is cut off")
            try:
                pictures = packet.decode()
            except av.EOFError:
                break
            except av.FFmpegError as error:
                self._lost(packet, f"a picture does not decode ({reason(error)})")
                continue
            yield from pictures
        try:
            yield from stream.codec_context.decode(None)
        except av.FFmpegError:
            return  # already flushed, or damaged up to the end: everything that decodes is out

    def _lost(self, packet: Packet[VideoStream], what: str) -> None:
        base = self.clock.time_base
        pts = packet.pts if packet.pts is not None else packet.dts
        time_s = self.end_s
        if pts is not None:
            time_s = max(self.last_s, self.clock.seconds_of_pts(pts))
            delay = round(_DECODER_DELAY * max(self.step_s, 0.001) / base)
            start = pts - delay
            if self._suspect_from is None or start < self._suspect_from:
                self._suspect_from = start
        self.damage.append(Damage(time_s, what))

    def _is_doubtful(self, picture: VideoFrame, time_s: float) -> bool:
        if picture.is_corrupt:
            self.damage.append(Damage(time_s, "a picture decodes with errors", self.count))
            if self._suspect_from is None and picture.pts is not None:
                self._suspect_from = picture.pts
            return True
        if self._suspect_from is None:
            return False
        if picture.pts is None or picture.pts < self._suspect_from:
            return False
        if picture.key_frame and picture.pts > self._suspect_from:
            self._suspect_from = None
            return False
        return True

    def _check_hole(self, container: InputContainer, time_s: float) -> None:
        """Put down a stretch that a demuxer skipped silently."""
        if self.count < 2 or not _SILENT_FORMATS & set(container.format.name.split(",")):
            return
        hole = time_s - self.end_s
        usual = self.last_s / (self.count - 1)
        if hole > max(0.4, 4 * usual):
            self.damage.append(Damage(self.end_s, f"no picture for {hole:.1f} s"))

    def _length_s(self, picture: VideoFrame) -> float:
        if picture.duration:
            return self.clock.seconds(picture.duration)
        return self.step_s or self.clock.nominal_s

    def _convert(self, picture: VideoFrame) -> Image:
        size = (picture.width, picture.height)
        if self._stored_size is None:
            self._stored_size = size
        elif size != self._stored_size:
            self.resized = True
        return self._converter.convert(picture)
