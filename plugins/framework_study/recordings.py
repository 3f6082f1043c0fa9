"""What is in a recording: the hash of its content and its length, found once.

The hash is kept beside the size and the time of the file's last change; a file that changed is read
again. The names of these notes say nothing about the recording.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from framework.atomic import write_text
from framework.errors import MediaError
from framework.reading import why_unreadable
from framework_study.store import digest_of, digest_of_file


@dataclass(frozen=True, slots=True)
class Content:
    """A recording as the study knows it.

    Attributes:
        sha256: of its content.
        size, changed_ns: of the file when it was read.
        length_s: as the container declares it; 0 if it declares nothing.
        frames: as the container declares them; 0 if it declares nothing.
    """

    sha256: str
    size: int
    changed_ns: int
    length_s: float
    frames: int


def known(path: Path, notes: Path) -> Content | None:
    """What was found before; None if the file is new or has changed since.

    Raises:
        MediaError: there is no such file.
    """
    size, changed_ns = _stamp(path)
    try:
        found = Content(**json.loads(_note(path, notes).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
    return found if (found.size, found.changed_ns) == (size, changed_ns) else None


def look(path: Path, notes: Path) -> Content:
    """Read the recording once, and keep what was found.

    Raises:
        MediaError: it cannot be read, or is no recording.
    """
    from framework.media import probe

    info = probe(path)
    size, changed_ns = _stamp(path)
    try:
        if path.is_dir():
            files = sorted(p for p in path.iterdir() if p.is_file())
            sha256 = digest_of([digest_of_file(p) for p in files])
        else:
            sha256 = digest_of_file(path)
    except OSError as error:
        raise MediaError(f"{path}: {why_unreadable(error)}") from None
    found = Content(sha256, size, changed_ns, info.duration_s or 0.0, info.frame_count or 0)
    write_text(_note(path, notes), json.dumps(asdict(found)) + "\n")
    return found


def _stamp(path: Path) -> tuple[int, int]:
    try:
        if path.is_dir():
            stats = [p.stat() for p in path.iterdir() if p.is_file()]
            return sum(s.st_size for s in stats), max((s.st_mtime_ns for s in stats), default=0)
        stat = path.stat()
    except OSError as error:
        raise MediaError(f"{path}: {why_unreadable(error)}") from None
    return stat.st_size, stat.st_mtime_ns


def _note(path: Path, notes: Path) -> Path:
    name = hashlib.sha256(str(path.absolute()).encode()).hexdigest()[:24]
    return notes / f"{name}.json"
