"""Why a file cannot be read, in words for the person who gave it."""

from __future__ import annotations

import errno
import os

_KNOWN = {
    errno.ENOENT: "no such file; check the path",
    errno.EISDIR: "it is a folder; give a file in it",
    errno.ENOTDIR: "a part of its path is a file, not a folder; check the path",
    errno.EACCES: "no permission to read it; ask its owner, or copy it",
    errno.EPERM: "no permission to read it; ask its owner, or copy it",
    errno.ENAMETOOLONG: "its name is too long; check the path",
}


def why_unreadable(error: OSError | UnicodeDecodeError) -> str:
    """What is wrong and what to do, without the path that the system's own message carries."""
    if isinstance(error, UnicodeDecodeError):
        return "it is no text in UTF-8; check that it is the right file"
    number = error.errno if error.errno is not None else 0
    return _KNOWN.get(number, os.strerror(number) if number else "reading failed")
