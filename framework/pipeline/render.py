"""Second pass: cover every face of the table in every frame, and let nothing else out."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from framework.errors import CheckError, ContractError, MediaError
from framework.media import Damage, Reader, SourceInfo, Writer, open_reader, prefetch
from framework.pipeline.batches import in_batches
from framework.pipeline.cover_check import uncovered, whole_frame_cover
from framework.pipeline.failures import Failure
from framework.progress import Progress, silent
from framework.protocols import (
    Anonymizer,
    BatchAnonymizer,
    PreparedAnonymizer,
    ReportingAnonymizer,
)
from framework.table import TrackTable
from framework.types import ComponentEvent, Frame, Image, Tracks

BATCH = 8
"""Frames a call for anonymizers that take batches."""
TIME_TOLERANCE_S = 2e-3
"""A table on disk keeps times to the microsecond; a larger difference is another recording."""
QUEUE = 4
"""Covered frames that may wait for the encoder."""


@dataclass
class Rendering:
    """What the second pass did.

    Attributes:
        frames_in, frames_out: decoded and written frames.
        whole: indices of frames that were covered whole.
        dropped: indices of frames that were left out.
        failures: exceptions of the anonymizer; their frames were covered whole.
        events: what the anonymizer itself reported.
        damage: where the recording could not be decoded this time.
        notes: what the writer had to change, for instance an odd size.
    """

    frames_in: int = 0
    frames_out: int = 0
    whole: list[int] = field(default_factory=list)
    dropped: list[int] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    events: list[ComponentEvent] = field(default_factory=list)
    damage: list[Damage] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class RecordingView:
    """A recording as an anonymizer may look at it before rendering (``ClipView``)."""

    table: TrackTable
    reader: Reader

    def frames(self, indices: Iterable[int]) -> Iterator[Frame]:
        return self.reader.frames(indices, self.table.time_s.tolist())


class _Cover:
    """Covers one frame after the other, and covers the whole frame when in doubt."""

    def __init__(
        self, table: TrackTable, anonymizer: Anonymizer, on_miss: str, result: Rendering
    ) -> None:
        self.table, self.anonymizer, self.on_miss, self.result = table, anonymizer, on_miss, result

    def tracks(self, frame: Frame) -> Tracks | None:
        """The faces of this frame; None if they could not be established."""
        # Frames beyond the table were not analysed: nothing is known about them.
        if frame.index >= self.table.frame_count or frame.index in self.table.misses:
            return None
        if abs(frame.time_s - self.table.time_s[frame.index]) > TIME_TOLERANCE_S:
            raise MediaError(
                f"the track table has frame {frame.index} at {self.table.time_s[frame.index]:.3f} "
                f"s, the recording at {frame.time_s:.3f} s; render the recording that was analysed"
            )
        return self.table.tracks_at(frame.index)

    def batch(self, frames: list[Frame]) -> list[tuple[Frame, Image | None]]:
        """Covered pictures; None for a frame that is dropped."""
        tracks = [self.tracks(frame) for frame in frames]
        known = [(f, t) for f, t in zip(frames, tracks, strict=True) if t is not None]
        covered = iter(self._anonymize([f for f, _ in known], [t for _, t in known]))
        return [
            (frame, self._miss(frame) if found is None else next(covered))
            for frame, found in zip(frames, tracks, strict=True)
        ]

    def _miss(self, frame: Frame) -> Image | None:
        if self.on_miss == "abort":
            reason = self.table.misses.get(frame.index, "not analysed")
            raise CheckError(
                f"faces could not be established at {frame.time_s:.2f} s ({reason}); "
                f"nothing was written (--on-miss abort)"
            )
        if self.on_miss == "drop":
            self.result.dropped.append(frame.index)
            return None
        return self._whole(frame)

    def _whole(self, frame: Frame) -> Image:
        self.result.whole.append(frame.index)
        return whole_frame_cover(frame)

    def _anonymize(self, frames: list[Frame], tracks: list[Tracks]) -> list[Image]:
        if isinstance(self.anonymizer, BatchAnonymizer) and len(frames) > 1:
            try:
                images = self.anonymizer.anonymize_batch(frames, tracks)
                if len(images) != len(frames):
                    raise ContractError(
                        f"anonymize_batch: expected {len(frames)} images, got {len(images)}"
                    )
            except Exception as error:
                return [self._failed(frame, error) for frame in frames]
            return [self._checked(*x) for x in zip(frames, images, tracks, strict=True)]
        return [self._single(frame, found) for frame, found in zip(frames, tracks, strict=True)]

    def _single(self, frame: Frame, tracks: Tracks) -> Image:
        try:
            image = self.anonymizer.anonymize(frame, tracks)
        except Exception as error:
            return self._failed(frame, error)
        return self._checked(frame, image, tracks)

    def _checked(self, frame: Frame, image: Image, tracks: Tracks) -> Image:
        try:
            left_open = uncovered(frame, image, tracks)
        except Exception as error:
            return self._failed(frame, error)
        if left_open:
            return self._failed(frame, UncoveredFace())
        return image

    def _failed(self, frame: Frame, error: Exception) -> Image:
        self.result.failures.append(Failure.of("anonymizer", error, frame.index, frame.time_s))
        return self._whole(frame)


class UncoveredFace(Exception):  # noqa: N818 - its name is what the audit shows
    """An anonymizer gave a face back as it was."""


class EncoderThread:
    """Encodes in a thread of its own, so that encoding overlaps decoding and covering.

    Use as a context manager. Leaving it normally waits for the encoder; an exception of the encoder
    is raised in the caller's thread.
    """

    def __init__(self, write: Callable[[NDArray[np.uint8], float], None]) -> None:
        self._write = write
        self._queue: queue.Queue[tuple[Image, float] | None] = queue.Queue(QUEUE)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, name="encoder", daemon=True)

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            if self._error is None:
                try:
                    self._write(*item)
                except BaseException as error:
                    self._error = error

    def put(self, image: Image, time_s: float) -> None:
        """Queue a picture; blocks while the encoder is behind."""
        if self._error is not None:
            raise self._error
        self._queue.put((image, time_s))

    def __enter__(self) -> EncoderThread:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._queue.put(None)
        self._thread.join()
        if error is None and self._error is not None:
            raise self._error


def render_recording(
    source: Path,
    table: TrackTable,
    anonymizer: Anonymizer,
    writer_for: Callable[[SourceInfo], Writer],
    *,
    on_miss: str = "cover",
    threads: int = 0,
    progress: Progress = silent,
) -> Rendering:
    """Write the covered recording.

    Args:
        source: the recording the table was made from.
        table: its resolved tracks.
        anonymizer: covers the faces.
        writer_for: opens the output for a source of this kind.
        on_miss: ``cover``, ``drop`` or ``abort``, for frames whose faces are not established.

    Raises:
        MediaError: source or output cannot be used, or the table belongs to another recording.
        CheckError: a frame could not be established and ``on_miss`` is ``abort``.
    """
    result = Rendering()
    anonymizer.reset()
    with open_reader(source, threads=threads) as reader:
        _check_fits(table, reader.info)
        if isinstance(anonymizer, PreparedAnonymizer):
            with open_reader(source, threads=threads) as second:
                anonymizer.prepare(RecordingView(table, second))
        cover = _Cover(table, anonymizer, on_miss, result)
        batch_size = BATCH if isinstance(anonymizer, BatchAnonymizer) else 1
        with writer_for(reader.info) as writer, EncoderThread(writer.write) as encoder:
            for batch in in_batches(prefetch(reader, depth=QUEUE), lambda _: batch_size):
                for frame, image in cover.batch(batch):
                    result.frames_in += 1
                    if image is not None:
                        encoder.put(image, frame.time_s)
                        result.frames_out += 1
                progress("render", batch[-1].index + 1, table.frame_count)
        result.notes += writer.notes
        result.damage += reader.damage
    if isinstance(anonymizer, ReportingAnonymizer):
        result.events += anonymizer.drain_events()
    return result


def _check_fits(table: TrackTable, info: SourceInfo) -> None:
    if (table.width, table.height) != (info.width, info.height):
        raise MediaError(
            f"the track table is for {table.width}x{table.height} pixels, the recording has "
            f"{info.width}x{info.height}; render the recording that was analysed"
        )
