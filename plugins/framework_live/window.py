"""A window with the covered picture, what is read from it, and the latest advice."""

from __future__ import annotations

import os
import sys
import textwrap
import time

import numpy as np

from framework.types import Image
from framework_live.moments import Event

STRIP = 96
"""Height of the strip with words below the picture, pixels."""
ADVICE_S = 15.0
NAME = "framework live - q to stop"


def display_there() -> bool:
    """Whether a window can be opened."""
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


class Window:
    """Shows covered pictures; nothing else ever gets here."""

    def __init__(self) -> None:
        self._emotion = ""
        self._advice = ""
        self._advised_s = -np.inf

    def tell(self, event: Event) -> None:
        """Remember what to write below the picture."""
        if event["event"] == "emotions":
            share = event["probabilities"].get(event["label"])
            self._emotion = f"{event['role']}: {event['label']}"
            self._emotion += "" if share is None else f" {100 * share:.0f} %"
        elif event["event"] == "advice":
            self._advice, self._advised_s = event["text"], time.monotonic()

    def show(self, image: Image) -> bool:
        """Show a covered picture; False if the user wants to stop."""
        import cv2

        cv2.imshow(NAME, self.composed(image))
        return (cv2.waitKey(1) & 0xFF) not in (ord("q"), 27)

    def composed(self, image: Image) -> Image:
        """The picture with the strip of words below it."""
        import cv2

        strip = np.full((STRIP, image.shape[1], 3), 32, np.uint8)
        lines = [self._emotion]
        if time.monotonic() - self._advised_s < ADVICE_S:
            lines += textwrap.wrap(self._advice, max(20, image.shape[1] // 10))[:2]
        for k, line in enumerate(lines):
            plain = line.encode("ascii", "replace").decode()
            at = (10, 26 + 28 * k)
            cv2.putText(strip, plain, at, cv2.FONT_HERSHEY_SIMPLEX, 0.6, (240, 240, 240), 1, 16)
        return np.vstack([image, strip])

    def close(self) -> None:
        """Close the window."""
        import cv2

        cv2.destroyAllWindows()
