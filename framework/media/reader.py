"""What every reader has in common: frames in order, damage, duration."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from framework.media.source import Damage, SourceInfo
from framework.types import Frame


class Iteration(Iterator[Frame]):
    """One way through the frames, which may be closed from another thread than it is read in.

    A generator that is running cannot be closed; this waits until it has given the frame it is
    decoding. After that the iteration is at its end.
    """

    def __init__(self, frames: Generator[Frame], when_done: Callable[[Iteration], object]) -> None:
        self._frames = frames
        self._when_done = when_done
        # Reentrant: a signal may close the reader in the middle of a frame.
        self._lock = threading.RLock()
        self._stopped = False  # or a reader in a hurry would take the lock again and again

    def __next__(self) -> Frame:
        with self._lock:
            if self._stopped:
                raise StopIteration
            try:
                return next(self._frames)
            except BaseException:
                self._when_done(self)
                raise

    def close(self) -> None:
        """Stop and release the file; more than once does no harm."""
        self._stopped = True
        with self._lock:
            self._frames.close()
            self._when_done(self)


class Reader(ABC):
    """The frames of a recording, in presentation order, one at a time.

    A reader can be iterated as often as you like; each time starts at the first frame. Frames are
    new arrays, so a consumer may keep or change them. Memory does not grow with the length.

    Attributes:
        info: the description of the source.
        damage: what could not be read as it was meant, in the latest iteration, up to the frame
            delivered last. A frame's own damage is listed before the frame is delivered.
        damaged_frames: indices of delivered frames whose picture may be wrong: those decoded with
            errors, and those that were predicted from what is missing. Do not trust a detector on
            them.
        notes: what a user should know, one sentence each; complete after an iteration.
    """

    def __init__(self, info: SourceInfo) -> None:
        self.info = info
        self.damage: list[Damage] = []
        self.damaged_frames: set[int] = set()
        self.notes: list[str] = list(info.notes)
        self._end_s: float | None = None
        self._running: set[Iteration] = set()

    @property
    def start_s(self) -> float:
        """Time of the first frame on the container's clock, seconds; frames start at 0."""
        return self.info.start_s

    @property
    def duration_s(self) -> float:
        """Seconds to the end of the last frame, its own duration included.

        Exact once the reader was iterated to the end; before that what the container declares,
        or 0 if it declares nothing.
        """
        if self._end_s is not None:
            return self._end_s
        return self.info.duration_s or 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stop iterations that are under way, in whatever thread, and release their files."""
        for frames in list(self._running):
            frames.close()
        self._running.clear()

    def __iter__(self) -> Iteration:
        self.damage = []
        self.damaged_frames = set()
        self.notes = list(self.info.notes)
        return self._track(self._read())

    def frames(
        self, indices: Iterable[int], times: Sequence[float] | NDArray[np.float64] = ()
    ) -> Iteration:
        """The frames with these indices, in ascending order, each once.

        Args:
            indices: in any order; those beyond the recording are left out.
            times: ``time_s`` of every frame of the recording, as an earlier iteration gave them
                (``TrackTable.time_s``). With it, stretches without a wanted frame are skipped by
                seeking; each frame is checked against its time, and where that does not fit, or
                without it, everything up to the last wanted frame is decoded.
        """
        wanted = sorted({int(i) for i in indices if i >= 0})
        return self._track(self._pick(wanted, [float(t) for t in times]))

    def _pick(self, wanted: list[int], times: Sequence[float]) -> Generator[Frame]:
        if not wanted:
            return
        chosen = set(wanted)
        for frame in self._read(record=False):
            if frame.index in chosen:
                yield frame
            if frame.index >= wanted[-1]:
                return

    def _track(self, frames: Generator[Frame]) -> Iteration:
        iteration = Iteration(frames, self._running.discard)
        self._running.add(iteration)
        return iteration

    @abstractmethod
    def _read(self, *, record: bool = True) -> Generator[Frame]:
        """Decode from the start. ``record``: whether to fill damage, notes and duration."""
