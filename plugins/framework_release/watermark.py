"""An imperceptible mark in recordings that show generated faces, and how to find it.

A pattern of random signs is added to the luma of every frame, the same in each, stronger where the
picture is busy; it is found by correlation with the mean of the frames. This is the scheme of
Kalker, Depovere, Haitsma and Maes 1999, "A video watermarking system for broadcast monitoring"
(Proc. SPIE 3657), without its payload. The pattern lives on a grid in shares of the picture's width
and height, so that scaling does not move it; two grids, a coarse and a fine one, serve small and
large pictures. The pattern is public: anybody can find the mark. Who wants to remove it can; it
marks for the honest, as Art. 50(2) of Regulation (EU) 2024/1689 asks for.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from framework.media import open_reader, open_writer
from framework.types import Image

GRIDS = ((72, 40), (144, 80))
"""Columns and rows of the coarse and of the fine pattern."""
STRENGTH = 1.0
"""Luma levels in flat parts, for each grid."""
MASKING = 0.12
"""Further levels for each level of local standard deviation."""
STRONGEST = 3.0
"""Most levels, for each grid."""
SMALL, MORE = 300, 1.35
"""Pictures with a side below ``SMALL`` pixels get ``MORE`` of it: coding spares little of them."""
THRESHOLD = 4.5
"""Standard scores from which a recording counts as marked, see ``examples/bench_watermark.py``."""
SEED = 0x5CEA
PARAMETERS = (GRIDS, STRENGTH, MASKING, STRONGEST, SMALL, MORE, SEED)
"""Everything that a marked recording depends on."""
FRAMES = 96
"""Frames looked at, evenly spread; more change nothing where the camera stands still."""


@dataclass(frozen=True, slots=True)
class Detection:
    """What was found.

    Attributes:
        score: how far the correlation lies above those of other patterns, standard deviations.
        found: whether it reaches :data:`THRESHOLD`.
        frames: how many were looked at.
    """

    score: float
    found: bool
    frames: int


@lru_cache(maxsize=4)
def pattern(grid: tuple[int, int]) -> NDArray[np.float32]:
    """The signs of one grid, shape (rows, columns), -1 and 1."""
    rng = np.random.Generator(np.random.PCG64(SEED + grid[0]))
    return rng.choice(np.array([-1.0, 1.0], np.float32), size=(grid[1], grid[0]))


@lru_cache(maxsize=4)
def _field(width: int, height: int) -> NDArray[np.float32]:
    """Both patterns in pixels, shape (2, height, width), about -1 to 1."""
    return np.stack(
        [
            cv2.resize(pattern(grid), (width, height), interpolation=cv2.INTER_CUBIC)
            for grid in GRIDS
        ]
    )


def mark(bgr: Image) -> Image:
    """The frame with the pattern in its luma; colours keep their differences.

    Args:
        bgr: shape (h, w, 3), uint8.
    """
    height, width = bgr.shape[:2]
    luma = _luma(bgr)
    mean = cv2.blur(luma, (7, 7))
    deviation = np.sqrt(np.maximum(cv2.blur(luma * luma, (7, 7)) - mean * mean, 0))
    strength = np.minimum(STRENGTH + MASKING * deviation, STRONGEST)
    if min(height, width) < SMALL:
        strength = MORE * strength
    added = strength * _field(width, height).sum(axis=0)
    return np.asarray(np.clip(np.rint(bgr + added[..., None]), 0, 255), np.uint8)


def detect(frames: Iterable[Image]) -> Detection:
    """Look for the mark in frames of one recording.

    Args:
        frames: each (h, w, 3) uint8, of one size.
    """
    sums = [np.zeros((2 * g[1], 2 * g[0]), np.float64) for g in GRIDS]
    count = 0
    for bgr in frames:
        luma = _luma(bgr)
        for k, (columns, rows) in enumerate(GRIDS):
            size = (2 * columns, 2 * rows)
            shrinks = size[0] <= luma.shape[1]
            small = cv2.resize(luma, size, interpolation=cv2.INTER_AREA if shrinks else 2)
            sums[k] += _flatten(np.asarray(small, np.float32))
        count += 1
    if not count:
        return Detection(0.0, False, 0)
    scores = [_score(total / count, grid) for total, grid in zip(sums, GRIDS, strict=True)]
    # Small recordings keep the coarse pattern alone, large ones both.
    score = float(max(*scores, sum(scores) / np.sqrt(len(scores))))
    return Detection(score, score >= THRESHOLD, count)


def mark_file(source: Path, target: Path, *, audio: bool = False, threads: int = 1) -> None:
    """Write a marked copy of a recording, every frame at its own time.

    Args:
        audio: keep its sound.
        threads: of decoder and encoder; the bytes of the result depend on them.

    Raises:
        MediaError: the source cannot be read, or the target not be written.
    """
    with open_reader(source, threads=threads) as reader:
        made = open_writer(target, like=reader.info, quality="high", threads=threads)
        with made as writer:
            if audio:
                writer.copy_audio(source, reader.start_s)
            for frame in reader:
                writer.write(mark(frame.bgr), frame.time_s)
            writer.duration_s = reader.duration_s


def detect_file(path: Path, threads: int = 1) -> Detection:
    """Look for the mark in a recording.

    Raises:
        MediaError: it cannot be read.
    """
    with open_reader(path, threads=threads) as reader:
        total = reader.info.frame_count or 0
        step = max(1, total // FRAMES)
        return detect(frame.bgr for frame in reader if frame.index % step == 0)


def _luma(bgr: Image) -> NDArray[np.float32]:
    weights = np.array([0.0722, 0.7152, 0.2126], np.float32)  # ITU-R BT.709
    return np.asarray(bgr.astype(np.float32) @ weights, np.float32)


def _flatten(luma: NDArray[np.float32]) -> NDArray[np.float32]:
    """What the eye calls detail, at one strength everywhere: the picture hides the pattern less."""
    detail = luma - cv2.GaussianBlur(luma, (0, 0), 2.0)
    energy = np.sqrt(cv2.GaussianBlur(detail * detail, (0, 0), 4.0) + 0.25)
    return np.asarray(np.clip(detail / energy, -3, 3), np.float32)


def _score(mean: NDArray[np.float64], grid: tuple[int, int]) -> float:
    """Correlation with the pattern, in standard deviations of that with its own shifts."""
    wanted = cv2.resize(pattern(grid), (2 * grid[0], 2 * grid[1]), interpolation=cv2.INTER_CUBIC)
    wanted = wanted - cv2.GaussianBlur(wanted, (0, 0), 2.0)
    # All cyclic shifts at once (correlation theorem).
    spectrum = np.fft.rfft2(mean - mean.mean()) * np.conj(np.fft.rfft2(wanted))
    correlation = np.fft.irfft2(spectrum, s=mean.shape)
    peak = correlation[0, 0]
    others = correlation.copy()
    others[:4, :4] = others[-3:, :4] = others[:4, -3:] = others[-3:, -3:] = np.nan
    spread = float(np.nanstd(others))
    return float((peak - np.nanmean(others)) / spread) if spread > 0 else 0.0
