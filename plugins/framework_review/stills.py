"""Single frames of original and covered recordings, as JPEG in memory.

Nothing is written. A few readers stay open, each with a lock, because opening a recording costs
more than a seek; a small number of encoded frames is kept so that going back costs nothing.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from framework.errors import MediaError
from framework.media import Reader, open_reader

KEPT = 64
"""Encoded frames in memory, at most; about 5 MB."""
LONGEST_PX = 1280
"""A frame is scaled to at most this many pixels on its longer side."""
QUALITY = 85
MARGIN = 0.8
"""How much of a box's size is shown around it on each side."""


class Stills:
    """Frames of one recording by number."""

    def __init__(self, path: Path, time_s: Sequence[float]) -> None:
        self._path, self._time_s = path, list(time_s)
        self._lock = threading.Lock()
        self._reader: Reader | None = None
        self._kept: OrderedDict[tuple[int, tuple[int, ...]], bytes] = OrderedDict()

    def jpeg(self, frame: int, box: tuple[float, float, float, float] | None = None) -> bytes:
        """One frame, or the part around a box.

        Args:
            frame: its number.
            box: left, top, right, bottom in pixels; None for the whole frame.

        Raises:
            MediaError: the recording cannot be read, or has no such frame.
        """
        if not 0 <= frame < len(self._time_s):
            raise MediaError(f"there is no frame {frame}")
        key = (frame, tuple(round(v) for v in box) if box is not None else ())
        with self._lock:
            if (known := self._kept.get(key)) is not None:
                self._kept.move_to_end(key)
                return known
            encoded = self._encode(self._read(frame), box)
            self._kept[key] = encoded
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
            return encoded

    def close(self) -> None:
        """Close the recording; frames that were kept are forgotten."""
        with self._lock:
            if self._reader is not None:
                self._reader.close()
                self._reader = None
            self._kept.clear()

    def _read(self, frame: int) -> np.ndarray:
        if self._reader is None:
            self._reader = open_reader(self._path, threads=1)
        for found in self._reader.frames([frame], self._time_s):
            return np.asarray(found.bgr)
        raise MediaError(f"frame {frame} could not be decoded")

    @staticmethod
    def _encode(image: np.ndarray, box: tuple[float, float, float, float] | None) -> bytes:
        if box is not None:
            x1, y1, x2, y2 = box
            more_x, more_y = MARGIN * (x2 - x1), MARGIN * (y2 - y1)
            height, width = image.shape[:2]
            left, right = int(max(x1 - more_x, 0)), int(min(x2 + more_x, width))
            top, bottom = int(max(y1 - more_y, 0)), int(min(y2 + more_y, height))
            if right - left >= 2 and bottom - top >= 2:
                image = image[top:bottom, left:right]
        longest = max(image.shape[:2])
        if longest > LONGEST_PX:
            scale = LONGEST_PX / longest
            size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])
        if not done:
            raise MediaError("the frame could not be encoded")
        return bytes(data)
