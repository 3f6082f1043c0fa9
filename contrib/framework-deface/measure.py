"""Recall, false alarms and time of `centerface` beside the reference detector, on known faces.

    python measure.py --stills lfw_train.tar --clips clips/ [--count 240]

Stills and frames that show one face each are laid into pictures of 1920 x 1080, 48 to a picture,
over smooth noise and with soft edges, at several sizes, some with the lower half or the eyes
hidden. A face counts as found if a box of a believable size has its centre in the middle of it.
What is found where no face is counts as a false alarm. One person gives one still, so that
intervals (Wilson, 95 %) are over people. Time is processor time with one thread.
"""

from __future__ import annotations

import argparse
import io
import statistics
import tarfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from framework import BuildContext, Detections, Frame, Kind, Registry

WIDTH, HEIGHT = 1920, 1080
COLUMNS, ROWS = 8, 6
CELL_W, CELL_H = WIDTH // COLUMNS, HEIGHT // ROWS
SIDES = (24, 32, 48, 64, 96)
HIDDEN = {"whole": None, "mouth and nose hidden": (0.5, 1.0), "eyes hidden": (0.25, 0.5)}
HIDDEN_SIDES = (96,)
DETECTORS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("retinaface", "retinaface", {}),
    ("retinaface, size=1920", "retinaface", {"size": 1920}),
    ("centerface", "centerface", {}),
)


def stills(path: Path, count: int) -> list[NDArray[np.uint8]]:
    """The first picture of each person of a tar of PERSON/FILE.jpg."""
    found: dict[str, NDArray[np.uint8]] = {}
    with tarfile.open(path) as archive:
        for member in archive:
            person = member.name.split("/")[0]
            file = archive.extractfile(member) if member.name.endswith(".jpg") else None
            if file is None or person in found:
                continue
            found[person] = picture(io.BytesIO(file.read()).getvalue())
            if len(found) == count:
                break
    return list(found.values())


def picture(data: bytes) -> NDArray[np.uint8]:
    return np.asarray(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR), np.uint8)


def clip_frames(folder: Path) -> list[NDArray[np.uint8]]:
    """The middle frame of each clip."""
    frames = []
    for path in sorted(folder.glob("*.mp4")):
        video = cv2.VideoCapture(str(path))
        video.set(cv2.CAP_PROP_POS_FRAMES, video.get(cv2.CAP_PROP_FRAME_COUNT) // 2)
        read, frame = video.read()
        if read:
            frames.append(np.asarray(frame, np.uint8))
    return frames


def canvas(rng: np.random.Generator) -> NDArray[np.float32]:
    """Smooth coloured noise."""
    small = rng.uniform(40, 200, (14, 24, 3)).astype(np.float32)
    return np.asarray(cv2.resize(small, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC))


def laid_out(
    faces: Sequence[NDArray[np.uint8]], side: int, hidden: tuple[float, float] | None, seed: int
) -> Iterator[tuple[Frame, NDArray[np.float64]]]:
    """Pictures with faces ``side`` pixels wide, and the centres of the faces, (n, 2)."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] / (side - 1) * 2 - 1
    soft = np.clip((1 - np.maximum(np.abs(x), np.abs(y))) * 6, 0, 1)[..., None]
    cells = COLUMNS * ROWS
    for first in range(0, len(faces), cells):
        image, centres = canvas(rng), []
        for number, face in enumerate(faces[first : first + cells]):
            small = cv2.resize(face, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32)
            if hidden is not None:
                small[round(hidden[0] * side) : round(hidden[1] * side)] = rng.uniform(60, 180, 3)
            row, column = divmod(number, COLUMNS)
            left = column * CELL_W + int(rng.integers(0, CELL_W - side + 1))
            top = row * CELL_H + int(rng.integers(0, CELL_H - side + 1))
            view = image[top : top + side, left : left + side]
            view[...] = small * soft + view * (1 - soft)
            centres.append((left + side / 2, top + side / 2))
        bgr = np.clip(np.rint(image), 0, 255).astype(np.uint8)
        yield Frame(bgr, first, 0.0), np.array(centres)


def score(found: Detections, centres: NDArray[np.float64], side: int) -> tuple[int, int]:
    """How many faces were found, and how many boxes lie on none."""
    middle = (found.xyxy[:, :2] + found.xyxy[:, 2:]) / 2
    extent = (found.xyxy[:, 2:] - found.xyxy[:, :2]).max(axis=1)
    near = np.abs(middle[:, None] - centres[None]).max(axis=2) < 0.3 * side
    sized = ((extent > 0.2 * side) & (extent < 1.5 * side))[:, None]
    hits = near & sized
    return int(hits.any(axis=0).sum()), int((~near.any(axis=1)).sum())


def wilson(k: int, n: int) -> str:
    z, p = 1.96, k / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * ((p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5)
    return f"{p:.3f} [{max(0, middle - half):.3f}, {min(1, middle + half):.3f}]"


def measure(name: str, faces: Sequence[NDArray[np.uint8]], detectors: dict[str, Any]) -> None:
    print(f"\n{name}: {len(faces)} faces\n")
    print("| side of the crop, px | shown | " + " | ".join(detectors) + " |")
    print("|---|---|" + "---|" * len(detectors))
    times: dict[str, list[float]] = {label: [] for label in detectors}
    alarms = dict.fromkeys(detectors, 0)
    pictures = 0
    for shown, hidden in HIDDEN.items():
        for side in SIDES if hidden is None else HIDDEN_SIDES:
            hits = dict.fromkeys(detectors, 0)
            for frame, centres in laid_out(faces, side, hidden, seed=side):
                pictures += 1
                for label, detector in detectors.items():
                    start = time.process_time()
                    (found,) = detector.detect([frame])
                    times[label].append(time.process_time() - start)
                    hit, alarm = score(found, centres, side)
                    hits[label] += hit
                    alarms[label] += alarm
            cells = " | ".join(wilson(hits[label], len(faces)) for label in detectors)
            print(f"| {side} | {shown} | {cells} |", flush=True)
    cells = " | ".join(f"{alarms[label] / pictures:.2f}" for label in detectors)
    print(f"| | false alarms a picture, n = {pictures} | {cells} |")
    cells = " | ".join(f"{statistics.median(times[label]):.2f} s" for label in detectors)
    print(f"| | processor time a picture | {cells} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Recall and time of centerface.")
    parser.add_argument("--stills", type=Path, help="a tar of PERSON/FILE.jpg, one face each")
    parser.add_argument("--clips", type=Path, help="a folder of *.mp4 that show one head each")
    parser.add_argument("--count", type=int, default=240, help="most stills")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    registry, context = Registry.load(), BuildContext(threads=1, device="cpu")
    detectors = {
        label: registry.create(Kind.DETECTOR, name, given, context)
        for label, name, given in DETECTORS
    }
    if options.stills:
        measure("stills", stills(options.stills, options.count), detectors)
    if options.clips:
        measure("clips", clip_frames(options.clips), detectors)


if __name__ == "__main__":
    main()
