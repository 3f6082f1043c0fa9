"""Files that are either complete or not there."""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

from framework.errors import MediaError


@contextlib.contextmanager
def atomic_text(path: Path) -> Iterator[TextIO]:
    """Open a text file (UTF-8, line feeds) that appears under its name only when it is complete.

    It is written beside its destination under a hidden temporary name, flushed to the disk and
    renamed; on any exception the temporary file is removed and an older file of that name stays as
    it was. A missing folder is created.

    Raises:
        MediaError: the folder cannot be written, the disk is full, or a folder has the name.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("x", encoding="utf-8", newline="") as handle:
            yield handle
            handle.flush()
            os.fsync(handle.fileno())
        temporary.replace(path)
    except OSError as error:
        _remove(temporary)
        raise MediaError(f"cannot write {path.name}: {explain(error)}") from None
    except BaseException:
        _remove(temporary)
        raise


def write_text(path: Path, text: str) -> None:
    """Write ``text`` through :func:`atomic_text`."""
    with atomic_text(path) as handle:
        handle.write(text)


def explain(error: OSError) -> str:
    """What is wrong and what to do, without the path that the system's own message carries."""
    known = {
        errno.ENOSPC: "the disk is full; free some space or choose another output folder",
        errno.EDQUOT: "the disk quota is used up; free some space or choose another output folder",
        errno.EACCES: "no permission to write there; choose another output folder",
        errno.EPERM: "no permission to write there; choose another output folder",
        errno.EROFS: "the file system is read-only; choose another output folder",
        errno.EISDIR: "a folder has this name; remove it or choose another output folder",
        errno.ENOTDIR: "a file stands where the output folder should be; choose another one",
        errno.EEXIST: "a file stands where the output folder should be; choose another one",
        errno.ENAMETOOLONG: "the name is too long; choose a shorter output folder",
    }
    number = error.errno if error.errno is not None else 0
    return known.get(number, os.strerror(number) if number else "input or output failed")


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
