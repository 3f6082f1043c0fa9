"""A picture a person can judge: donors under the poses of a clip, frame below frame.

    python -m framework_training.fomm.filmstrip --clip CLIP --frames 0,40,80 --out strip.jpg

Rows: the driving frames (left out with ``--hide-driver``, for clips that may not be shown), then
one row a donor.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from framework_fomm.crop import extract
from numpy.typing import NDArray

from framework.errors import EXIT_CANNOT_RUN, ConfigError, MediaError, UserError
from framework_training.fomm.framing import smooth_squares, square_of_landmarks
from framework_training.fomm.measure import read_timed
from framework_training.fomm.recognition import Observer
from framework_training.fomm.swapping import Swapper

Picture = NDArray[np.uint8]


def filmstrip(
    clip: Path, wanted: Sequence[int], donors: Sequence[str], swapper: Swapper, driver: bool
) -> Picture:
    """The sheet, BGR; raises :class:`MediaError` where the clip shows no face at those frames."""
    import cv2

    frames, time_s = read_timed(clip)
    observer = Observer()
    found = [observer.find(frame) for frame in frames]
    keep = [i for i, marks in enumerate(found) if marks is not None]
    missing = [i for i in wanted if i not in keep]
    if missing:
        raise MediaError(f"{clip.name}: no face in frame {missing[0]} of {len(frames)}")
    squares = smooth_squares([square_of_landmarks(m) for m in found if m is not None])
    crops = [extract(frames[i], s, swapper.size) for i, s in zip(keep, squares, strict=True)]
    places = [keep.index(i) for i in wanted]
    rows = [[crops[p] for p in places]] if driver else []
    for donor in donors:
        made, _ = swapper.swap(donor, crops, time_s[keep])
        rows.append([made[p] for p in places])
    side = max(row[0].shape[0] for row in rows)
    same = [[cv2.resize(p, (side, side), interpolation=cv2.INTER_CUBIC) for p in r] for r in rows]
    return np.asarray(np.vstack([np.hstack(row) for row in same]), np.uint8)


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line; gives the exit status."""
    parser = argparse.ArgumentParser(prog="python -m framework_training.fomm.filmstrip")
    parser.add_argument("--clip", type=Path, required=True)
    parser.add_argument("--frames", required=True, help="numbers of frames, comma-separated")
    parser.add_argument("--donors", help="names, comma-separated; default: the first four")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--hide-driver", action="store_true")
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True, help="jpg or png")
    options = parser.parse_args(arguments)
    try:
        swapper = Swapper(options.weights, options.threads)
        names = options.donors.split(",") if options.donors else swapper.donor_names[:4]
        unknown = [name for name in names if name not in swapper.donor_names]
        if unknown:
            raise ConfigError(f"no donor {unknown[0]!r}: {', '.join(swapper.donor_names)}")
        try:
            wanted = [int(number) for number in options.frames.split(",")]
        except ValueError:
            raise ConfigError(f"--frames {options.frames}: expected numbers, as 0,40,80") from None
        sheet = filmstrip(options.clip, wanted, names, swapper, not options.hide_driver)
        write(sheet, options.out)
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_CANNOT_RUN
    return 0


def write(picture: Picture, path: Path) -> None:
    """Encode by the file's suffix; raises :class:`MediaError` if that can't be written."""
    import cv2

    suffix = path.suffix.lower()
    if suffix not in (".jpg", ".png"):
        raise ConfigError(f"{path}: expected a name that ends in .jpg or .png")
    settings = [cv2.IMWRITE_JPEG_QUALITY, 88] if suffix == ".jpg" else []
    data = cv2.imencode(suffix, picture, settings)[1]
    try:
        path.write_bytes(data.tobytes())
    except OSError as error:
        raise MediaError(f"can't write {path}: {error.strerror}") from None


if __name__ == "__main__":
    sys.exit(main())
