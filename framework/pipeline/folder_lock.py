"""One run at a time in an output folder."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from pathlib import Path

from framework.errors import MediaError

_FILE = ".framework-lock"


class FolderLock:
    """Held by a run as long as it works in a folder. The system frees it when the process ends.

    Args:
        out: the folder.

    Raises:
        MediaError: another run holds it.
        OSError: the folder cannot be opened.
    """

    def __init__(self, out: Path) -> None:
        self._file = out / _FILE
        windows = sys.platform == "win32"
        self._handle = os.open(self._file, os.O_RDWR | os.O_CREAT) if windows else os.open(out, 0)
        try:
            if not _take(self._handle):
                raise MediaError(
                    "another run is writing into this output folder; wait until it is done, or "
                    "choose another folder (--out)"
                )
        except BaseException:
            os.close(self._handle)
            raise

    def release(self) -> None:
        """Let others in."""
        os.close(self._handle)
        if sys.platform == "win32":
            with contextlib.suppress(OSError):
                self._file.unlink()


def _take(handle: int) -> bool:
    """Lock without waiting; True as well where the file system has no locks."""
    busy = (errno.EWOULDBLOCK, errno.EAGAIN, errno.EACCES, errno.EDEADLK)
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in busy
    return True
