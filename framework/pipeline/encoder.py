"""Encoding in a thread of its own, so that it overlaps decoding and covering."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from framework.types import Image

QUEUE = 4
"""Covered frames that may wait for the encoder."""


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
