"""Files that a user hands us: read within limits, and why one cannot be read, in plain words."""

from __future__ import annotations

import errno
import os
import select
import stat
import time
from pathlib import Path

_KNOWN = {
    errno.ENOENT: "no such file; check the path",
    errno.EISDIR: "it is a folder; give a file in it",
    errno.ENOTDIR: "a part of its path is a file, not a folder; check the path",
    errno.EACCES: "no permission to read it; ask its owner, or copy it",
    errno.EPERM: "no permission to read it; ask its owner, or copy it",
    errno.ENAMETOOLONG: "its name is too long; check the path",
}
_PIPE_S = 10.0
"""How long a pipe may keep us waiting."""


class UnfitFile(OSError):  # noqa: N818 - callers catch it with every other reason not to read
    """A file that is too large, or no file at all. The message is a few words."""


def why_unreadable(error: OSError | UnicodeDecodeError) -> str:
    """What is wrong and what to do, without the path that the system's own message carries."""
    if isinstance(error, UnicodeDecodeError):
        return "it is no text in UTF-8; check that it is the right file"
    if isinstance(error, UnfitFile):
        return str(error)
    number = error.errno if error.errno is not None else 0
    return _KNOWN.get(number, os.strerror(number) if number else "reading failed")


def check_file(path: Path, limit: int) -> None:
    """Look at a file before it is opened.

    Raises:
        OSError: it is missing, no file, or larger than ``limit`` bytes.
    """
    try:
        status = path.stat()
    except ValueError:
        raise UnfitFile("its name has a zero byte; check the path") from None
    if stat.S_ISDIR(status.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(status.st_mode):
        raise UnfitFile("it is a pipe or a device; give a file")
    if status.st_size > limit:
        raise UnfitFile(f"it is larger than {_size(limit)}; check that it is the right file")


def read_limited(path: Path, limit: int) -> bytes:
    """All of a small file. A pipe, as shells make one of ``<(command)``, may take its time.

    Raises:
        OSError: it cannot be read, is a device, is larger than ``limit`` bytes, or is a pipe into
            which nobody writes.
    """
    try:
        is_pipe = stat.S_ISFIFO(path.stat().st_mode)
    except ValueError:
        raise UnfitFile("its name has a zero byte; check the path") from None
    if is_pipe:
        data = _read_pipe(path, limit)
    else:
        check_file(path, limit)
        with path.open("rb") as file:
            data = file.read(limit + 1)
    if len(data) > limit:
        raise UnfitFile(f"it is larger than {_size(limit)}; check that it is the right file")
    return data


def _read_pipe(path: Path, limit: int) -> bytes:
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    deadline = time.monotonic() + _PIPE_S
    data = b""
    try:
        while len(data) <= limit:
            ready, _, _ = select.select([handle], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise UnfitFile("it is a pipe into which nobody writes; give a file")
            block = os.read(handle, 65536)
            if not block:
                break
            data += block
    finally:
        os.close(handle)
    return data


def _size(limit: int) -> str:
    for unit, bytes_ in (("GiB", 2**30), ("MiB", 2**20)):
        if limit >= bytes_:
            return f"{limit / bytes_:g} {unit}"
    return f"{limit / 1024:g} KiB"
