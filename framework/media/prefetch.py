"""Run a producer in a thread of its own, a few items ahead of its consumer."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Generator, Iterable
from typing import TypeVar

T = TypeVar("T")


def prefetch(items: Iterable[T], depth: int = 8) -> Generator[T]:
    """Yield the items in order, produced up to ``depth`` ahead in a background thread.

    Pays off where the producer releases the interpreter lock, as decoders do. An exception of the
    producer is raised at its place in the order. When the consumer stops, by leaving its loop,
    raising, or closing the generator, the producer is stopped before its next item, closed if it
    can be (generators and readers' iterations), and the thread joined. A reader may be closed while
    it is read here: the iteration then ends after the frames that are ready.

    Args:
        items: the producer; iterated in the background thread only.
        depth: items kept at most, in addition to the one being produced; at least 1.
    """
    if depth < 1:
        raise ValueError(f"depth: expected at least 1, got {depth}")
    return _consume(items, _Shelf(depth))


class _Shelf:
    """What producer and consumer share, under one condition."""

    def __init__(self, depth: int) -> None:
        self.depth = depth
        self.ready: deque[object] = deque()
        self.changed = threading.Condition()
        self.finished = False
        self.stopped = False
        self.error: BaseException | None = None


def _consume(items: Iterable[T], shelf: _Shelf) -> Generator[T]:
    worker = threading.Thread(target=_produce, args=(items, shelf), name="prefetch", daemon=True)
    worker.start()
    try:
        while True:
            with shelf.changed:
                shelf.changed.wait_for(lambda: shelf.ready or shelf.finished)
                if not shelf.ready:
                    break
                item = shelf.ready.popleft()
                shelf.changed.notify_all()
            yield item  # type: ignore[misc]  # the shelf holds what ``items`` gave
            del item  # a frame is large: do not keep it while waiting for the next
    finally:
        with shelf.changed:
            shelf.stopped = True
            shelf.ready.clear()
            shelf.changed.notify_all()
        worker.join()
    if shelf.error is not None:
        raise shelf.error


def _produce(items: Iterable[T], shelf: _Shelf) -> None:
    iterator = None
    try:
        iterator = iter(items)
        for item in iterator:
            with shelf.changed:
                shelf.changed.wait_for(lambda: shelf.stopped or len(shelf.ready) < shelf.depth)
                if shelf.stopped:
                    return
                shelf.ready.append(item)
                shelf.changed.notify_all()
    except BaseException as error:
        shelf.error = error
    finally:
        close = getattr(iterator, "close", None)
        if callable(close):
            close()
        with shelf.changed:
            shelf.finished = True
            shelf.changed.notify_all()
