"""Reading training material: every file that can't be used is skipped, counted and named."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from framework.errors import MediaError

CLIP_SUFFIXES = frozenset({".mp4", ".mkv", ".mov", ".avi", ".webm", ".m4v", ".mpg", ".gif"})
STILL_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp"})


@dataclass
class Skipped:
    """What was left out of the training set: (name, reason) in the order met."""

    entries: list[tuple[str, str]] = field(default_factory=list)

    def add(self, name: str, reason: str) -> None:
        """Note one file."""
        self.entries.append((name, reason))

    def lines(self) -> list[str]:
        """One line a file and a count, for the terminal; empty if nothing was skipped."""
        if not self.entries:
            return []
        listed = [f"  skipped {name}: {reason}" for name, reason in self.entries]
        return [f"{len(self.entries)} files skipped", *listed]


def clip_files(folder: Path) -> list[Path]:
    """The video files of a folder, sorted; raises :class:`MediaError` if there are none."""
    if not folder.is_dir():
        raise MediaError(f"no folder {folder}: give the folder that holds the clips")
    files = sorted(p for p in folder.iterdir() if p.suffix.lower() in CLIP_SUFFIXES)
    if not files:
        raise MediaError(f"no clip in {folder}: expected {', '.join(sorted(CLIP_SUFFIXES))}")
    return files


def read_clip(path: Path, limit: int) -> list[NDArray[np.uint8]]:
    """At most ``limit`` BGR frames; raises :class:`MediaError` where the file is broken."""
    import av

    frames: list[NDArray[np.uint8]] = []
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise MediaError("holds no video")
            for frame in container.decode(video=0):
                frames.append(np.asarray(frame.to_ndarray(format="bgr24"), np.uint8))
                if len(frames) == limit:
                    break
    except (av.FFmpegError, OSError, ValueError) as error:
        if not frames:
            raise MediaError(f"can't be decoded ({type(error).__name__})") from None
    # a clip that breaks off is used up to there; of mixed sizes the first one is kept
    return [frame for frame in frames if frame.shape == frames[0].shape]


def read_stills(source: Path, skipped: Skipped) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """(name inside the folder or tar, BGR picture), sorted by name; broken ones are noted."""
    if source.is_dir():
        for path in sorted(p for p in source.rglob("*") if p.suffix.lower() in STILL_SUFFIXES):
            picture = decode_still(path.read_bytes())
            if picture is None:
                skipped.add(path.name, "is no picture")
            else:
                yield str(path.relative_to(source)), picture
        return
    try:
        with tarfile.open(source) as archive:
            members = [m for m in archive.getmembers() if m.isfile()]
            for member in sorted(members, key=lambda m: m.name):
                if Path(member.name).suffix.lower() not in STILL_SUFFIXES:
                    continue
                stream = archive.extractfile(member)
                picture = decode_still(stream.read()) if stream else None
                if picture is None:
                    skipped.add(member.name, "is no picture")
                else:
                    yield member.name, picture
    except (tarfile.TarError, OSError) as error:
        raise MediaError(f"{source} is neither a folder nor a readable tar ({error})") from None


def decode_still(data: bytes) -> NDArray[np.uint8] | None:
    """BGR picture of an encoded file, None where it can't be decoded."""
    import cv2

    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    return None if picture is None else np.asarray(picture, np.uint8)
