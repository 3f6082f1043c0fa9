"""Finished stages by content: whoever asks for the same work again finds it done.

A stage is written into a folder of its own below ``state/tmp`` and renamed to its key when it is
complete. A rename is whole or does not happen, so that a process may be killed at any time, and two
workers may do the same stage: the first counts, and both made the same bytes.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from framework.atomic import explain
from framework.errors import MediaError

DONE = "done.json"
"""In every finished stage: what it is, and the hash of each of its files."""
BLOCK = 1 << 22


def digest_of(value: Any) -> str:
    """SHA-256 of a value's canonical JSON, in hexadecimal."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def digest_of_file(path: Path) -> str:
    """SHA-256 of a file's content, in hexadecimal.

    Raises:
        OSError: it cannot be read.
    """
    found = hashlib.sha256()
    with path.open("rb") as handle:
        while block := handle.read(BLOCK):
            found.update(block)
    return found.hexdigest()


class Store:
    """Finished stages of one study.

    Args:
        place: where finished stages lie.
        temporary: where unfinished ones lie; on the same file system.
    """

    def __init__(self, place: Path, temporary: Path) -> None:
        self.place, self.temporary = place, temporary

    def path(self, key: str) -> Path:
        """Folder of a stage, whether it is there or not."""
        return self.place / key[:2] / key

    def has(self, key: str) -> bool:
        return (self.path(key) / DONE).is_file()

    def files(self, key: str) -> dict[str, str]:
        """SHA-256 of every file of a finished stage, by its path inside the stage.

        Raises:
            MediaError: the stage is damaged.
        """
        return dict(self._done(key)["files"])

    def about(self, key: str) -> dict[str, Any]:
        """What the stage said of itself.

        Raises:
            MediaError: the stage is damaged.
        """
        return dict(self._done(key)["about"])

    def _done(self, key: str) -> dict[str, Any]:
        try:
            found = json.loads((self.path(key) / DONE).read_bytes())
            return {"files": found["files"], "about": found["about"]}
        except (OSError, ValueError, KeyError, TypeError):
            raise MediaError(
                "the study's store is damaged; remove the folder state/store in it and run again"
            ) from None

    @contextlib.contextmanager
    def work(self, key: str, about: Mapping[str, Any]) -> Iterator[Path]:
        """A folder to write a stage into; it is in the store when the block ends well.

        Args:
            about: what the stage says of itself, for instance the seconds it took; may be filled
                until the block ends.

        Raises:
            MediaError: the disk is full or cannot be written.
        """
        folder = self.temporary / secrets.token_hex(8)
        try:
            folder.mkdir(parents=True)
            yield folder
            self._commit(key, folder, about)
        except OSError as error:
            raise MediaError(f"study: {explain(error)}") from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def _commit(self, key: str, folder: Path, about: Mapping[str, Any]) -> None:
        files = {}
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            files[path.relative_to(folder).as_posix()] = digest_of_file(path)
            _flush(path)
        body = {"about": dict(about), "files": files}
        done = folder / DONE
        done.write_text(json.dumps(body, indent=1, sort_keys=True), encoding="utf-8")
        _flush(done)
        target = self.path(key)
        target.parent.mkdir(parents=True, exist_ok=True)
        if self.has(key):
            return  # somebody else was faster
        shutil.rmtree(target, ignore_errors=True)  # a damaged stage
        try:
            folder.rename(target)
        except OSError:
            if not self.has(key):
                raise

    def forget(self, keep: set[str]) -> int:
        """Remove every stage that is not among these keys; how many were removed."""
        removed = 0
        for folder in [p for p in self.place.glob("*/*") if p.is_dir()]:
            if folder.name not in keep:
                shutil.rmtree(folder, ignore_errors=True)
                removed += 1
        return removed


def link_or_copy(source: Path, target: Path) -> None:
    """Put a file of the store elsewhere; without taking space twice where the disk can do that."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _flush(path: Path) -> None:
    """Make sure that a file is on the disk before its folder gets its name."""
    with path.open("rb") as handle, contextlib.suppress(OSError):
        os.fsync(handle.fileno())
