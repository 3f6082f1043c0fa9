"""When does the swap take a face for hidden? Spread of keypoints of faces of several sizes.

    python examples/fomm_hidden.py FOLDER-OF-CLIPS [--heights 32 80 160]

Each clip shows one face. Views of it are shrunk to a height in pixels and compressed, as they are
and with a patch of the colour of the nose over the eyes or over the mouth. The spread of the
keypoints' heatmaps is divided by that of the clip's usual view. Prints how many views each
threshold would mask.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from framework_fomm.crop import extract, square_of_box
from framework_fomm.inference import Animator, choose_device
from framework_fomm.plugin import FOMM_WEIGHTS
from framework_fomm.weights import load_model
from numpy.typing import NDArray

from framework import FrameworkError, Kind, Registry, UserError
from framework.errors import EXIT_CANNOT_RUN
from framework.media import open_reader
from framework.weights import verified

THRESHOLDS = (1.55, 1.65, 1.75, 1.9)
VIEWS = 24  # of each clip

Picture = NDArray[np.uint8]


def views(path: Path, detector: Any) -> list[tuple[Picture, NDArray[Any], NDArray[Any]]]:
    """Pictures with box (4,) and landmarks (5, 2) of the most certain face."""
    with open_reader(path) as reader:
        frames = list(reader)
    found = []
    for frame in frames[:: max(1, len(frames) // VIEWS)]:
        faces = detector.detect([frame])[0]
        if len(faces):
            best = int(np.argmax(faces.score))
            found.append((frame.bgr, faces.xyxy[best], faces.landmarks[best]))
    return found


def patched(
    picture: Picture, box: NDArray[Any], middle: NDArray[Any], nose: NDArray[Any]
) -> Picture:
    """A rectangle of the colour of the nose over ``middle``, nearly as wide as the face."""
    result = picture.copy()
    row, column = (int(np.clip(nose[i], 0, picture.shape[1 - i] - 1)) for i in (1, 0))
    reach = np.array([0.45, 0.16]) * (box[2] - box[0])
    low, high = (middle - reach).astype(int), (middle + reach).astype(int)
    colour = tuple(int(v) for v in picture[row, column])
    cv2.rectangle(result, (low[0], low[1]), (high[0], high[1]), colour, -1)
    return result


def measure(folder: Path, heights: list[int]) -> None:
    """Print the table. ``UserError`` if there are no clips with a face."""
    model = load_model(verified(FOMM_WEIGHTS), None)
    animator = Animator(model, choose_device("cpu"), "auto")
    detector = Registry.load().create(Kind.DETECTOR, "retinaface")
    clips = [views(path, detector) for path in sorted(folder.glob("*.mp4"))]
    clips = [clip for clip in clips if clip]
    if not clips:
        raise UserError(f"{folder}: expected a folder with .mp4 clips of one face each; found none")

    def spreads(crops: list[Picture]) -> NDArray[np.float64]:
        parts = [np.stack(crops[i : i + 8]) for i in range(0, len(crops), 8)]
        return np.concatenate([np.asarray(animator.keypoints(part)[1]) for part in parts])

    print("height  views  largest  | share masked at " + "  ".join(map(str, THRESHOLDS)))
    for height in heights:
        ratios: dict[str, list[float]] = {"ordinary": [], "eyes": [], "mouth": []}
        for clip in clips:
            crops: dict[str, list[Picture]] = {name: [] for name in ratios}
            for picture, box, points in clip:
                scale = height / (box[3] - box[1])
                small = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
                packed = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 70])[1]
                small = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR), np.uint8)
                box, points = box * scale, points * scale
                square = square_of_box(box)
                middles = {"eyes": points[:2].mean(0), "mouth": points[3:].mean(0)}
                crops["ordinary"].append(extract(small, square, animator.size))
                for name, middle in middles.items():
                    hidden = patched(small, box, middle, points[2])
                    crops[name].append(extract(hidden, square, animator.size))
            found = {name: spreads(crops[name]) for name in ratios}
            usual = float(np.median(found["ordinary"]))
            for name in ratios:
                ratios[name] += list(found[name] / usual)
        for name, values in ratios.items():
            shares = [f"{np.mean(np.array(values) > t):.2f}" for t in THRESHOLDS]
            row = f"{height:>6}  {len(values):>5}  {max(values):>7.2f}  {name:>8}"
            print(f"{row}  {'  '.join(shares)}")


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("clips", type=Path)
    parser.add_argument("--heights", type=int, nargs="+", default=[32, 40, 56, 80, 110, 160])
    asked = parser.parse_args()
    try:
        measure(asked.clips, asked.heights)
    except FrameworkError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_CANNOT_RUN
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
