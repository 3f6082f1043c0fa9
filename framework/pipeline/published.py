"""Which files of an output folder are ours, and how old ones give way to new ones in one step.

A list in the folder names every file that a run left there. Nothing that is not on it, or that
somebody changed since, is ever replaced or removed. The switch from old to new results is one
rename, that of the plan: before it the old results are complete; after it whoever opens the folder
next carries the plan out, also after a crash. Until then the old files stay beside it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from framework.atomic import write_text
from framework.errors import MediaError

LIST = ".framework-results.json"
PLAN = ".framework-switch.json"
MARK = ".framework-staging"
"""Empty file in every staging folder, by which a folder that a killed run left is known."""
STAGING_PREFIX = ".framework-"
_OLD, _NEW = "old", "new"
_LARGEST = 16 * 2**20
"""Bytes of a list or a plan that are read."""


@dataclass(frozen=True)
class Entry:
    """A file that a run left.

    Attributes:
        size: bytes.
        mtime_ns: when it was written.
        sha256: of its content, for copies, whose times differ.
    """

    size: int
    mtime_ns: int
    sha256: str

    @classmethod
    def of(cls, path: Path) -> Entry:
        """Describe a file."""
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        status = path.stat()
        return cls(status.st_size, status.st_mtime_ns, digest)

    def fits(self, path: Path) -> bool:
        """Whether the file is still what was written."""
        try:
            status = path.lstat()
            if status.st_size != self.size or not path.is_file() or path.is_symlink():
                return False
            return status.st_mtime_ns == self.mtime_ns or Entry.of(path).sha256 == self.sha256
        except OSError:
            return False


def read_list(out: Path) -> dict[str, Entry]:
    """What earlier runs left in a folder, by name relative to it; empty without a valid list."""
    content = _read_json(out / LIST)
    files = content.get("files") if isinstance(content, dict) else None
    found = {}
    for name, entry in files.items() if isinstance(files, dict) else ():
        with contextlib.suppress(TypeError, KeyError, ValueError):
            if is_inside(name):
                found[name] = Entry(
                    int(entry["size"]), int(entry["mtime_ns"]), str(entry["sha256"])
                )
    return found


def list_text(files: dict[str, Entry]) -> str:
    """The list as it is written."""
    body = {
        "schema": "framework-results",
        "schema_version": 1,
        "about": "files in this folder that a later run may replace; everything else is kept",
        "files": {name: vars(entry) for name, entry in sorted(files.items())},
    }
    return json.dumps(body, indent=1) + "\n"


def is_inside(name: object) -> bool:
    """Whether a name from a list stays inside its folder."""
    if not isinstance(name, str) or not name or "\0" in name:
        return False
    path = Path(name)
    return not path.is_absolute() and ".." not in path.parts


def files_in(folder: Path) -> list[str]:
    """Every file below a folder, relative to it."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir())


def switch(out: Path, staging: Path, old: list[str]) -> None:
    """Replace old files of a folder by those in ``staging / "new"``.

    Raises:
        OSError: it could not be done; the folder is as before.
    """
    new = files_in(staging / _NEW)
    for name in new:
        _flush(staging / _NEW / name)
    plan = {"staging": staging.name, "old": old, "new": new}
    write_text(out / PLAN, json.dumps(plan) + "\n")
    try:
        _carry_out(out, staging, old, new)
    except BaseException:
        _take_back(out, staging, old, new)
        raise
    _finish(out, staging)


def recover(out: Path) -> None:
    """Carry out a plan that an interrupted run left, and remove its leftovers.

    Call it with the folder locked.

    Raises:
        OSError: it cannot be carried out now.
    """
    plan = _read_json(out / PLAN)
    if isinstance(plan, dict):
        staging = out / Path(str(plan.get("staging"))).name
        old, new = ([name for name in plan.get(key, ()) if is_inside(name)] for key in (_OLD, _NEW))
        if (staging / MARK).is_file():
            _carry_out(out, staging, old, new)
            _finish(out, staging)
        else:
            (out / PLAN).unlink()
    for half in out.glob(f".{PLAN}.{'[0-9a-f]' * 8}.partial"):
        half.unlink()
    for left in out.glob(f"{STAGING_PREFIX}*"):
        if (left / MARK).is_file() and not left.is_symlink():
            shutil.rmtree(left, ignore_errors=True)


def _carry_out(out: Path, staging: Path, old: list[str], new: list[str]) -> None:
    """Move the old files away and the new ones in. Doing it again does no harm."""
    for name in old:
        done = name in new and not (staging / _NEW / name).exists()
        if not done and (out / name).exists():
            _move(out / name, staging / _OLD / name)
    # The list last: with it the new files are known as ours.
    for name in sorted(new, key=lambda n: n == LIST):
        if (staging / _NEW / name).exists():
            _move(staging / _NEW / name, out / name, like=staging / _NEW)
    for name in old:
        _remove_empty(out, (out / name).parent)


def _take_back(out: Path, staging: Path, old: list[str], new: list[str]) -> None:
    """Undo :func:`_carry_out`. What does not go stays for :func:`recover`."""
    with contextlib.suppress(OSError):
        for name in new:
            if (out / name).exists() and not (staging / _NEW / name).exists():
                _move(out / name, staging / _NEW / name)
        for name in old:
            if (staging / _OLD / name).exists():
                _move(staging / _OLD / name, out / name)
        for name in new:
            _remove_empty(out, (out / name).parent)
        (out / PLAN).unlink()


def _finish(out: Path, staging: Path) -> None:
    (out / PLAN).unlink(missing_ok=True)
    shutil.rmtree(staging, ignore_errors=True)


def _move(source: Path, target: Path, like: Path | None = None) -> None:
    """Rename a file; folders on the way are made, with the permissions of those it comes from."""
    missing = []
    folder = target.parent
    while not folder.exists():
        missing.append(folder)
        folder = folder.parent
    for made in reversed(missing):
        made.mkdir()
        if like is not None:
            top = target.parents[len(source.relative_to(like).parts) - 1]
            shutil.copymode(like / made.relative_to(top), made)
    source.replace(target)


def _remove_empty(out: Path, folder: Path) -> None:
    """Remove a folder below ``out`` that our files left empty, and those around it."""
    while folder != out and folder.is_relative_to(out):
        try:
            folder.rmdir()
        except OSError:
            return
        folder = folder.parent


def _flush(path: Path) -> None:
    """Make sure that a file is on the disk before its name says so."""
    handle = os.open(path, os.O_RDWR)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _read_json(path: Path) -> object:
    try:
        if path.stat().st_size > _LARGEST:
            return None
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError):
        return None


def refuse_foreign(out: Path, names: list[str], listed: dict[str, Entry]) -> None:
    """Raise unless every one of these files may be written.

    Raises:
        MediaError: one is there that no run left, or that somebody changed since.
    """
    for name in names:
        there = out / name
        if not os.path.lexists(there) or name == LIST:
            continue
        if name not in listed:
            raise MediaError(
                f"{name} is in the output folder and was not written by a run of this program; "
                "move it away, or choose another folder (--out)"
            )
        if not listed[name].fits(there):
            raise MediaError(
                f"{name} was changed since a run wrote it; move it away, or choose another folder "
                "(--out)"
            )
