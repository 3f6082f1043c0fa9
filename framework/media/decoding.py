"""One pass over a video file: decode, make upright, place in time, and go on after damage."""

from __future__ import annotations

from bisect import bisect_left
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av import Packet, VideoFrame
from av.container import InputContainer
from av.video.stream import VideoStream

from framework.media.bitstream import is_hidden, may_code_fields
from framework.media.clock import PresentationClock
from framework.media.container import open_container, reason, select_video
from framework.media.cropping import Crop
from framework.media.opacity import opacity_decoder
from framework.media.orientation import UPRIGHT, Orientation
from framework.media.picture import PictureConverter
from framework.media.source import Damage
from framework.types import Frame, Image

# How far ahead the next wanted frame must be before seeking beats decoding, seconds; and how far
# before it the seek aims, because an index is in order of decoding and not of presentation.
_SEEK_AHEAD_S = 3.0
_SEEK_MARGIN_S = 1.0

# Damage often begins a little before the first packet that the decoder rejects, and shows in
# pictures it delivers without complaint. So many are held back until the next ones proved good.
_HELD = 3

# Pictures that a decoder with many threads may deliver after it reported an error further on.
_DECODER_DELAY = 16

# More bytes than this between two packets are a part of the file that the demuxer skipped; an
# empty slot of an AVI file takes so many itself.
_SKIPPED_BYTES = 256
_EMPTY_SLOT = 16


# Codecs of which each packet with a time gives a picture. Some decoders drop one without an error.
_ONE_TO_ONE = frozenset({"h264", "hevc", "av1", "vp8", "vp9"})


class SeekError(Exception):
    """Seeking did not land where it should; decode from the start instead."""


@dataclass(slots=True)
class _Held:
    picture: VideoFrame
    index: int
    time_s: float
    doubtful: bool


class DecodingPass:
    """Decodes a file once.

    Attributes:
        damage: everything that went wrong so far.
        count, last_s, end_s, step_s: frames met, time of the last one, its end, and the distance to
            the one before.
        broke_off: why reading stopped before the end of the file; "" if it did not.
        resized: whether the stored pictures changed their size.
        skipped_at: times in an AVI file where a part was skipped.
        clock: the time line, made when decoding starts.
    """

    def __init__(
        self,
        path: Path,
        threads: int,
        pixel_aspect: Fraction = Fraction(1),
        orientation: Orientation = UPRIGHT,
        crop: Crop | None = None,
        *,
        transparent: bool = False,
    ) -> None:
        self._path = path
        self._threads = threads
        self._converter = PictureConverter(pixel_aspect, orientation, crop=crop)
        self._transparent = transparent
        self.damage: list[Damage] = []
        self.count = 0
        self.last_s = 0.0
        self.end_s = 0.0
        self.step_s = 0.0
        self.broke_off = ""
        self.resized = False
        self.skipped_at: list[float] = []
        self.clock = PresentationClock(Fraction(1, 90000))
        self._held: deque[_Held] = deque()
        self._awaited: set[int] = set()
        self._shortest_step = 0.0
        self._last_pts: int | None = None
        self._suspect_from: int | None = None
        self._recovers_at = 0
        self._skipped = False
        self._stored_size: tuple[int, int] | None = None

    def frames(self) -> Generator[tuple[Frame, bool]]:
        """Every frame, and whether its picture may be wrong."""
        with open_container(self._path) as container:
            stream = self._prepare(container)
            for picture in self._pictures(container, stream):
                if picture.pts is not None:
                    self._awaited.discard(picture.pts)
                    self._accept_second_field(picture)
                self._held.append(self._place(picture))
                if len(self._held) > _HELD:
                    yield self._release()
            while self._held:
                yield self._release()

    def stretches(self) -> list[tuple[int, int]]:
        """Decode for the time line only; see ``PresentationClock.stretches``."""
        with open_container(self._path) as container:
            for picture in self._pictures(container, self._prepare(container)):
                self.clock.place(picture.pts, picture.duration)
        return self.clock.stretches

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
            picture = next(pictures, None)
            if picture is None or picture.pts is None:
                raise SeekError
            origin, at = picture.pts, 0
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
        # With threads for whole frames, FFmpeg calls pictures that are coded as fields damaged.
        stream.thread_type = "SLICE" if may_code_fields(stream) else "AUTO"
        stream.codec_context.thread_count = self._threads
        rate = stream.average_rate or stream.guessed_rate or Fraction(0)
        self.clock = PresentationClock(stream.time_base or Fraction(1, 90000), rate)
        return stream

    def _packets(
        self, container: InputContainer, stream: VideoStream
    ) -> Generator[Packet[VideoStream]]:
        """The packets of the stream, up to where the file can be read."""
        # The demuxers of Matroska and AVI skip garbage without a word. All packets are looked at
        # there, because only then a gap between one's end and the next one's start says something.
        avi = container.format.name == "avi"
        counts_bytes = avi or "matroska" in container.format.name
        wanted = list(container.streams) if counts_bytes else [stream]
        packets: Iterator[Packet[Any]] = container.demux(wanted)
        end: int | None = None
        slot = 0
        while True:
            try:
                packet: Packet[Any] | None = next(packets, None)
            except (av.FFmpegError, OSError) as error:
                self.broke_off = reason(error)
                return
            except IndexError:  # PyAV trips, at the end, over streams that damage seems to add
                return
            if packet is None:
                return
            if counts_bytes and packet.pos is not None and packet.pos >= 0 and packet.size:
                slots = max(0, (packet.dts or 0) - slot) if avi else 0
                if end is not None and packet.pos - end > _SKIPPED_BYTES + _EMPTY_SLOT * slots:
                    self._skip(packet, leaves_hole=not avi)
                end, slot = packet.pos + packet.size, packet.dts or 0
            # Not packet.stream_index: the empty packets at the end, one a stream, all have 0 there.
            if packet.stream.index == stream.index:
                yield packet

    def _skip(self, packet: Packet[Any], *, leaves_hole: bool) -> None:
        """A part of the file was skipped. It counts as damage if pictures are missing for it."""
        self._skipped = leaves_hole
        if leaves_hole:
            return
        # AVI counts frames instead of keeping times: the number missing shows only at the end.
        self.skipped_at.append(self.end_s)
        for held in self._held:
            held.doubtful = True
        pts = packet.pts if packet.pts is not None else packet.dts
        if pts is not None:
            self._suspect(pts, pts)

    def _pictures(self, container: InputContainer, stream: VideoStream) -> Generator[VideoFrame]:
        """Decoded pictures; damage on the way is put down and skipped."""
        codec = stream.codec_context.codec.canonical_name
        awaits = codec in _ONE_TO_ONE
        decoder = stream.codec_context
        if self._transparent:
            decoder = opacity_decoder(stream, self._threads)
        for packet in self._packets(container, stream):
            shown = packet.size and not packet.is_discard and not is_hidden(packet, codec)
            if packet.pts is not None and awaits and shown:
                self._awaited.add(packet.pts)
            if packet.is_corrupt:
                self._lost(packet, "a part of the recording is unreadable")
            if not packet.size and decoder is not stream.codec_context:
                continue  # it is flushed below
            try:
                pictures = decoder.decode(packet)
            except av.EOFError:
                break
            except av.FFmpegError as error:
                self._lost(packet, f"a picture does not decode ({reason(error)})")
                continue
            yield from pictures
        try:
            yield from decoder.decode(None)
        except av.FFmpegError:
            return  # already flushed, or damaged up to the end: everything that decodes is out

    def _accept_second_field(self, picture: VideoFrame) -> None:
        """Do not wait for a picture of the second field of this one.

        Where each field has a packet and a time of its own, the second lies between this picture
        and the next. Pictures come at least ``_shortest_step`` apart, as far as was seen.
        """
        pts = picture.pts
        assert pts is not None
        if self._last_pts is not None and pts > self._last_pts:
            step = pts - self._last_pts
            self._shortest_step = min(self._shortest_step or step, step)
        self._last_pts = pts
        if not picture.interlaced_frame or not self._awaited:
            return
        limit = pts + 0.75 * (self._shortest_step or 1 / (25 * self.clock.time_base))
        between = [p for p in self._awaited if pts < p < limit]
        if between:
            self._awaited.discard(min(between))

    def _place(self, picture: VideoFrame) -> _Held:
        ticks = self.clock.place(picture.pts, picture.duration)
        time_s = self.clock.seconds(ticks)
        if self._skipped:
            self._check_hole(picture, time_s)
        doubtful = self._is_doubtful(picture, time_s)
        self.step_s = time_s - self.last_s if self.count else 0.0
        self.last_s = time_s
        self.end_s = time_s + self._length_s(picture)
        held = _Held(picture, self.count, time_s, doubtful)
        self.count += 1
        return held

    def _release(self) -> tuple[Frame, bool]:
        held = self._held.popleft()
        self._check_missing(held)
        return Frame(self._convert(held.picture), held.index, held.time_s), held.doubtful

    def _check_missing(self, held: _Held) -> None:
        """Put down packets whose picture should have come before this one and did not."""
        pts = held.picture.pts
        if pts is None:
            return
        # Not those from far before: where two recordings were joined the count starts anew.
        near = pts - round(1 / self.clock.time_base)
        missing = [p for p in self._awaited if near < p < pts]
        self._awaited.difference_update(missing)
        missing = [p for p in missing if self.clock.seconds_of_pts(p) > 0]
        if missing:
            time_s = min(held.time_s, self.clock.seconds_of_pts(min(missing)))
            some = "1 picture" if len(missing) == 1 else f"{len(missing)} pictures"
            self.damage.append(Damage(time_s, f"{some} did not decode"))

    def _lost(self, packet: Packet[VideoStream], what: str) -> None:
        """Put down that a packet gives no picture. What is predicted from it is doubtful."""
        for held in self._held:
            held.doubtful = True
        pts = packet.pts if packet.pts is not None else packet.dts
        if packet.pts is not None:
            self._awaited.discard(packet.pts)
        time_s = self.end_s
        if pts is not None:
            time_s = max(self.last_s, self.clock.seconds_of_pts(pts))
            delay = round(_DECODER_DELAY * max(self.step_s, 0.001) / self.clock.time_base)
            self._suspect(pts - delay, pts + 1)
        self.damage.append(Damage(time_s, what))

    def _is_doubtful(self, picture: VideoFrame, time_s: float) -> bool:
        if picture.is_corrupt:
            self.damage.append(Damage(time_s, "a picture decodes with errors", self.count))
            if picture.pts is not None:
                self._suspect(picture.pts, picture.pts + 1)
            return True
        if self._suspect_from is None or picture.pts is None or picture.pts < self._suspect_from:
            return False
        if picture.key_frame and picture.pts >= self._recovers_at:
            self._suspect_from = None
            return False
        return True

    def _suspect(self, start: int, recovers_at: int) -> None:
        """Pictures from ``start`` on are doubtful, up to a key frame from ``recovers_at`` on."""
        if self._suspect_from is None:
            self._suspect_from, self._recovers_at = start, recovers_at
        else:
            self._suspect_from = min(self._suspect_from, start)
            self._recovers_at = max(self._recovers_at, recovers_at)

    def _check_hole(self, picture: VideoFrame, time_s: float) -> None:
        """Put down the stretch that is missing since the demuxer skipped a part of the file."""
        usual = self.last_s / (self.count - 1) if self.count > 1 else self.clock.nominal_s
        hole = time_s - self.end_s
        if self.count == 0 or hole < 0.6 * usual:
            return
        self._skipped = False
        self.damage.append(Damage(self.end_s, f"no picture for {hole:.2f} s, data is unreadable"))
        for held in self._held:
            held.doubtful = True
        if picture.pts is not None:
            self._suspect(picture.pts, picture.pts)

    def _length_s(self, picture: VideoFrame) -> float:
        if picture.duration and self.clock.is_duration(picture.duration):
            return self.clock.seconds(picture.duration)
        return self.step_s or self.clock.nominal_s

    def _convert(self, picture: VideoFrame) -> Image:
        size = (picture.width, picture.height)
        if self._stored_size is None:
            self._stored_size = size
        elif size != self._stored_size:
            self.resized = True
        return self._converter.convert(picture)
