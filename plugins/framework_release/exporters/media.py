"""How a file of another tool finds the covered recording: by a relative path, or a copy."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from framework.errors import MediaError
from framework_release.results import Camera

MIME = {
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mov": "video/quicktime",
    ".mkv": "video/x-matroska",
    ".webm": "video/webm",
    ".avi": "video/x-msvideo",
    ".gif": "image/gif",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
}


def link(camera: Camera, out: Path, copy: bool) -> tuple[str, Path | None]:
    """The path of a camera's recording relative to ``out``, and the copy if one was made.

    Raises:
        MediaError: the recording is missing, or cannot be copied.
    """
    if camera.file is None:
        raise MediaError(f"{camera.name}: no covered recording in the results; run it again")
    if not copy:
        return Path(os.path.relpath(camera.file.resolve(), out.resolve())).as_posix(), None
    target = out / f"{camera.name}{camera.file.suffix}"
    try:
        shutil.copyfile(camera.file, target)
    except OSError as error:
        raise MediaError(f"{target.name}: {error.strerror or 'cannot be copied'}") from None
    return target.name, target


def mime(path: str) -> str:
    """The media type by suffix."""
    return MIME.get(Path(path).suffix.lower(), "video/mp4")
