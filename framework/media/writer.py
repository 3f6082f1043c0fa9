"""Writing: what every writer has in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable
from os import PathLike
from types import TracebackType
from typing import Self

import av
import numpy as np
from numpy.typing import NDArray

from framework.errors import ContractError, MediaError
from framework.media.container import reason
from framework.media.staging import Staging
from framework.types import Image


class Writer(ABC):
    """Writes pictures with their times. Use it as a context manager.

    The output appears under its name when the ``with`` block ends well. If it ends in an exception,
    an interrupt included, everything written is removed.

    Attributes:
        notes: what a user should know about the output, one sentence each.
        duration_s: seconds from the first frame to the end of the last one; None gives the last
            frame the length of the one before. May be set until the block ends, because a reader
            knows it only at its end.
        frames_written: how many pictures were accepted.
    """

    def __init__(self, staging: Staging, duration_s: float | None) -> None:
        self.duration_s = duration_s
        self.notes: list[str] = []
        self.frames_written = 0
        self._staging = staging
        self._size: tuple[int, int] | None = None
        self._one_size = True
        self._last_s = -1.0

    def write(self, bgr: Image, time_s: float) -> None:
        """Add a picture.

        Args:
            bgr: (h, w, 3) uint8, the same size each time unless each is a picture of its own. It is
                copied.
            time_s: presentation time, seconds; greater than the one before.

        Raises:
            MediaError: the output cannot be written, for instance because the disk is full.
            ContractError: the picture or the time is not as described.
        """
        if bgr.ndim != 3 or bgr.shape[2] != 3 or bgr.dtype != np.uint8:
            raise ContractError(f"bgr: expected (h, w, 3) uint8, got {bgr.shape} {bgr.dtype}")
        size = (bgr.shape[1], bgr.shape[0])
        if self._size is None or not self._one_size:
            self._size = size
        elif size != self._size:
            raise ContractError(f"bgr: expected {self._size} (width, height), got {size}")
        if not time_s > self._last_s:
            raise ContractError(f"time_s: expected more than {self._last_s}, got {time_s}")
        self._last_s = time_s
        try:
            self._add(bgr, time_s)
        except (av.FFmpegError, OSError) as error:
            raise self._cannot(error) from error
        self.frames_written += 1

    def copy_audio(self, source: str | PathLike[str], start_s: float = 0.0) -> None:
        """Take over the sound of a recording. Call it before the first picture.

        Args:
            source: the recording.
            start_s: time of its first picture on its own clock (``Reader.start_s``); sound before
                it is left out, so that sound and picture stay together.

        Raises:
            MediaError: this kind of output has no sound.
        """
        raise MediaError(f"{self._staging.target}: this kind of output has no sound")

    def add_audio(self, samples: Iterable[NDArray[np.float32]], rate: int) -> None:
        """Add sound made elsewhere. Call it before the first picture.

        Args:
            samples: blocks of mono samples in [-1, 1], of any length; the first sample belongs to
                time 0. They are taken as the pictures are written, never far ahead.
            rate: samples a second.

        Raises:
            MediaError: this kind of output has no sound.
        """
        raise MediaError(f"{self._staging.target}: this kind of output has no sound")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is not None:
            self._abandon()
            return
        try:
            if not self.frames_written:
                raise MediaError(f"{self._staging.target}: nothing to write, no frame was given")
            self._finish()
        except (av.FFmpegError, OSError) as failure:
            self._abandon()
            raise self._cannot(failure) from failure
        except BaseException:
            self._abandon()
            raise
        self._staging.commit()

    def _cannot(self, error: BaseException) -> MediaError:
        return MediaError(
            f"{self._staging.target}: cannot be written ({reason(error)}); "
            "check the free space and the permissions of its folder"
        )

    def _abandon(self) -> None:
        try:
            self._close()
        finally:
            self._staging.discard()

    @abstractmethod
    def _add(self, bgr: Image, time_s: float) -> None:
        """Encode one picture."""

    @abstractmethod
    def _finish(self) -> None:
        """Write the rest and close."""

    def _close(self) -> None:  # noqa: B027  # most writers hold nothing open
        """Release everything after a failure; must not raise FFmpeg or system errors."""
