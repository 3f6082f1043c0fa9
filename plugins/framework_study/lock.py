"""One run at a time works on a study."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import filelock

from framework.errors import ConfigError
from framework_study.layout import Layout


@contextlib.contextmanager
def locked(layout: Layout) -> Iterator[None]:
    """Hold the study's lock; the system releases it when the process ends, however it ends.

    Raises:
        ConfigError: somebody else holds it.
    """
    lock = filelock.FileLock(layout.lock)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise ConfigError(
            f"{layout.root}: another run is at work in this study; look with: framework study "
            f"status {layout.root}"
        ) from None
    try:
        yield
    finally:
        lock.release()


def is_locked(layout: Layout) -> bool:
    """Whether a run is at work now."""
    if not layout.lock.exists():
        return False
    lock = filelock.FileLock(layout.lock)
    try:
        lock.acquire(timeout=0)
    except filelock.Timeout:
        return True
    lock.release()
    return False
