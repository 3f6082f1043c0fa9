"""Outputs appear under their name when they are complete, or not at all."""

from __future__ import annotations

import secrets
import shutil
from pathlib import Path

from framework.errors import MediaError
from framework.media.container import reason


class Staging:
    """A temporary file or folder beside the final one.

    The temporary name says nothing about the recording. It keeps the suffix, by which the
    container format is chosen.

    Args:
        target: where the output will be. A file there is replaced on :meth:`commit`; a folder must
            be empty or not exist.
        folder: whether the output is a folder.

    Raises:
        MediaError: the folder around it does not exist or cannot be written.
    """

    def __init__(self, target: Path, *, folder: bool = False) -> None:
        self.target = target
        self.is_folder = folder
        parent = target.parent
        if not parent.is_dir():
            raise MediaError(f"{target}: the folder {parent} does not exist; create it first")
        if folder and target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise MediaError(f"{target}: exists and is not an empty folder; choose another output")
        if not folder and target.is_dir():
            raise MediaError(f"{target}: is a folder; expected the name of a file")
        self.path = parent / f".partial-{secrets.token_hex(6)}{target.suffix}"
        try:
            if folder:
                self.path.mkdir()
            else:
                self.path.touch(exist_ok=False)
        except OSError as error:
            raise MediaError(f"{target}: cannot be written ({reason(error)})") from error

    def commit(self) -> None:
        """Give the output its name."""
        try:
            if self.is_folder and self.target.is_dir():
                self.target.rmdir()
            self.path.replace(self.target)
        except OSError as error:
            self.discard()
            raise MediaError(f"{self.target}: cannot be written ({reason(error)})") from error

    def discard(self) -> None:
        """Remove what was written. Does nothing after :meth:`commit`."""
        if self.is_folder:
            shutil.rmtree(self.path, ignore_errors=True)
        else:
            self.path.unlink(missing_ok=True)
