"""Files and arrays as sources of frames."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from framework.errors import MediaError
from framework.harness import Recording, file_digest
from framework.media import open_reader
from framework.types import Frame, Image

FACE_CROP_SIDE = 192
"""Pictures cut tightly around a face are shown at this size, with a border around them."""
BORDER = 0.3
"""Width of that border as a share of the side. Detectors look for heads, not for cut-outs."""


@dataclass(frozen=True)
class FileSource:
    """A picture or clip on disk.

    Attributes:
        path: the file.
        max_frames: a clip is read up to here.
        half: 0 or 1 for the first or second half of a clip (of its first ``max_frames``), with the
            tenth around the middle left out; None for all of it.
        crop: the picture is cut tightly around a face, and gets a border.
    """

    path: Path
    max_frames: int = 150
    half: int | None = None
    crop: bool = False

    def digest(self) -> str:
        return file_digest(self.path, self.max_frames, self.half, self.crop)

    def read(self) -> Recording:
        try:
            return self._read()
        except MediaError as error:
            # Results are passed on, and names of files and folders are names of people.
            raise MediaError(str(error).replace(str(self.path), "the file")) from None

    def _read(self) -> Recording:
        frames: list[Frame] = []
        with open_reader(self.path, sequence=True) as reader:
            for frame in reader:
                if len(frames) == self.max_frames:
                    break
                frames.append(frame)
            whole = len(frames) < self.max_frames
            end = reader.duration_s if whole else frames[-1].time_s
        if self.crop:
            frames = [replace(f, bgr=with_border(f.bgr)) for f in frames]
        if self.half is not None:
            n = len(frames)
            chosen = frames[: int(0.45 * n)] if self.half == 0 else frames[n - int(0.45 * n) :]
            end = chosen[-1].time_s
            frames = chosen
        return _from_zero(frames, end)


def _from_zero(frames: list[Frame], end_s: float) -> Recording:
    start = frames[0].time_s if frames else 0.0
    moved = [Frame(f.bgr, i, f.time_s - start) for i, f in enumerate(frames)]
    if len(moved) == 1:
        return Recording(moved, 0.0)
    return Recording(moved, max(end_s - start, moved[-1].time_s))


@dataclass(frozen=True, eq=False)
class ArraySource:
    """A picture in memory.

    Attributes:
        picture: (h, w) or (h, w, 3) BGR, uint8.
        crop: it is cut tightly around a face, and gets a border.
    """

    picture: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]
    crop: bool = False

    def digest(self) -> str:
        content = np.ascontiguousarray(self.picture)
        head = f"{content.shape} {self.crop} ".encode()
        return hashlib.sha256(head + content.tobytes()).hexdigest()

    def read(self) -> Recording:
        picture = self.picture
        if picture.ndim == 2:
            picture = np.repeat(picture[:, :, None], 3, axis=2)
        bgr = with_border(picture) if self.crop else np.ascontiguousarray(picture)
        return Recording([Frame(bgr, 0, 0.0)], 0.0)


def with_border(picture: Image) -> Image:
    """A face crop at a usable size, with its edge pixels continued all around."""
    import cv2

    factor = FACE_CROP_SIDE / max(picture.shape[:2])
    if factor > 1:
        picture = np.asarray(
            cv2.resize(picture, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC), np.uint8
        )
    pad = round(BORDER * max(picture.shape[:2]))
    return np.asarray(
        cv2.copyMakeBorder(picture, pad, pad, pad, pad, cv2.BORDER_REPLICATE), np.uint8
    )
