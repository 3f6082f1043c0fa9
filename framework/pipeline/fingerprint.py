"""What a recording shows, coarsely, so that a track table can tell its own recording.

The brightness of 8 x 8 fields of a few frames: the first ones, and then ever fewer. It says what
was decoded, not what the file is called or how it is packed, and it shows nothing of anybody.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from framework.types import Frame, Image

FIELDS = 8
"""Fields along each side of a frame."""
TOLERANCE = 3
"""Levels of 255 by which a field may differ: other versions of a decoder round differently."""


def is_sampled(index: int) -> bool:
    """Whether a frame takes part: 0, 1, 2, 4, 8 and so on."""
    return index & (index - 1) == 0


def fields(image: Image) -> NDArray[np.uint8]:
    """(64,) mean brightness of the fields of a picture, row by row."""
    import cv2

    # Shrunk first: the mean of 8 x 8 fields is the same, and colours are converted for few pixels.
    small = cv2.resize(image, (FIELDS, FIELDS), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.uint8).reshape(-1)


@dataclass
class Fingerprint:
    """Collects the fingerprint of a recording, or compares it with a known one.

    Attributes:
        known: of the recording that is expected; empty: none.
        differs_s: time of the first frame that is not the expected one; None if all were.
    """

    known: str = ""
    differs_s: float | None = None
    _parts: dict[int, NDArray[np.uint8]] = field(default_factory=dict)

    def note(self, frame: Frame) -> None:
        """Take in the next frame."""
        if not is_sampled(frame.index):
            return
        found = fields(frame.bgr)
        at = frame.index.bit_length()  # 0, 1, 2, 4, 8 are the first five
        self._parts[at] = found
        if not self.known or self.differs_s is not None:
            return
        size = FIELDS * FIELDS
        expected = np.frombuffer(bytes.fromhex(self.known), np.uint8)[at * size : (at + 1) * size]
        if len(expected) and np.abs(expected.astype(int) - found).max() > TOLERANCE:
            self.differs_s = frame.time_s

    def text(self) -> str:
        """The fingerprint so far, as hexadecimal digits; empty if the first frame was not seen."""
        found = []
        for at in range(len(self._parts)):
            if at not in self._parts:
                break
            found.append(self._parts[at].tobytes())
        return b"".join(found).hex()
