"""Where the square of a training picture lies, from landmarks instead of a detector's box."""

from __future__ import annotations

import numpy as np
from framework_fomm.crop import Square, square_of_box
from numpy.typing import NDArray

BOX_HEIGHT = 1.41
"""The default detector's box is this many times as tall as from brows to chin (median over 68
portraits and frames; standard deviation 0.05), ends at the chin and is as wide as the jaw."""


def square_of_landmarks(landmarks: NDArray[np.float32]) -> Square:
    """The square that :func:`~framework_fomm.crop.square_of_box` would give for (70, 2) points."""
    jaw = landmarks[:17]
    chin = float(landmarks[8, 1])
    height = BOX_HEIGHT * max(1.0, chin - float(landmarks[17:27, 1].mean()))
    box = np.array([jaw[:, 0].min(), chin - height, jaw[:, 0].max(), chin], np.float64)
    return square_of_box(box)


def squares_between(known: dict[int, Square], n: int) -> list[Square]:
    """A smooth square for each of ``n`` frames, from those of some (frame number -> square)."""
    at = sorted(known)
    columns = [
        np.interp(np.arange(n), at, [getattr(known[i], name) for i in at])
        for name in ("x", "y", "side")
    ]
    return smooth_squares(
        [Square(float(x), float(y), float(s)) for x, y, s in zip(*columns, strict=True)]
    )


def smooth_squares(squares: list[Square], sigma: float = 8.0) -> list[Square]:
    """Low-pass over a clip (Gaussian, ``sigma`` in frames): the square follows, slowly."""
    values = np.array([(s.x, s.y, s.side) for s in squares], np.float64)
    reach = int(3 * sigma)
    line = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    padded = np.pad(values, ((reach, reach), (0, 0)), mode="edge")
    smooth = [np.convolve(padded[:, i], line / line.sum(), mode="valid") for i in range(3)]
    return [Square(float(x), float(y), float(side)) for x, y, side in zip(*smooth, strict=True)]
