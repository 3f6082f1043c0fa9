"""Frames in batches, for components that are faster on several at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from framework.types import Frame

MOST = 8
"""Frames a batch holds at most."""
PIXELS = MOST * 1920 * 1080
"""A batch holds about this many pixels, so that memory stays bounded at 4K."""


def fitting(frame: Frame) -> int:
    """How many frames of this size make a batch for a detector."""
    return max(1, min(MOST, PIXELS // (frame.width * frame.height)))


def one_at_a_time(frame: Frame) -> int:
    """For pictures that may differ in size."""
    del frame
    return 1


def in_batches(
    frames: Iterable[Frame], size: Callable[[Frame], int] = fitting
) -> Iterator[list[Frame]]:
    """The frames in their order, in lists that are never empty.

    Args:
        size: how many a batch may hold, by its latest frame.
    """
    batch: list[Frame] = []
    for frame in frames:
        batch.append(frame)
        if len(batch) >= size(frame):
            yield batch
            batch = []
    if batch:
        yield batch
