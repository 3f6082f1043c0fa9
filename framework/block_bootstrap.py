"""Intervals for figures over seconds that resemble their neighbours.

Resampling single seconds would pretend that they are independent and give intervals that are far
too narrow. The circular block bootstrap (Politis and Romano 1992) draws whole stretches of time, so
that what neighbours share stays together. It answers how much the figure would vary over other
stretches of the same recording; it says nothing about other people or other days.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

BLOCK_S = 10
"""Length of a block, seconds: longer than an expression usually lasts."""
FEWEST_BLOCKS = 10
"""Fewer blocks than this cannot tell how much they vary."""
RESAMPLES = 1000


def resampled_counts(
    codes: NDArray[np.int64], cells: int, generator: np.random.Generator
) -> NDArray[np.int64]:
    """How often each code occurs, in :data:`RESAMPLES` resamples of one sequence.

    Args:
        codes: (n,) one code a second, each in [0, cells), in order of time.
        cells: number of codes.
        generator: source of randomness.

    Returns:
        (RESAMPLES, cells). Each row counts whole blocks, so its sum is n or a little more.
    """
    n = len(codes)
    if n == 0:
        return np.zeros((RESAMPLES, cells), np.int64)
    length = min(BLOCK_S, n)
    blocks = -(-n // length)
    one_hot = np.zeros((n + length, cells), np.int64)
    one_hot[np.arange(n + length), np.resize(codes, n + length)] = 1
    running = np.concatenate([np.zeros((1, cells), np.int64), one_hot.cumsum(axis=0)])
    in_block = running[length : n + length] - running[:n]
    starts = generator.integers(0, n, size=(RESAMPLES, blocks))
    return np.stack([in_block[row].sum(axis=0) for row in starts])


def interval(
    sequences: Sequence[NDArray[np.int64]],
    cells: int,
    figure: Callable[[NDArray[np.int64]], float | None],
    seed: int = 0,
) -> tuple[float, float] | None:
    """95 % percentile interval of a figure that is computed from counts.

    Args:
        sequences: codes by second, one sequence for each person; resampled each by itself, and
            their counts added.
        cells: number of codes.
        figure: the figure from counts (cells,); None where it is undefined.
        seed: of the resampling.

    Returns:
        (low, high), or None if there are fewer than :data:`FEWEST_BLOCKS` blocks, or if the figure
        is undefined in more than one of twenty resamples.
    """
    if sum(len(codes) for codes in sequences) < FEWEST_BLOCKS * BLOCK_S:
        return None
    generator = np.random.default_rng(seed)
    total = np.zeros((RESAMPLES, cells), np.int64)
    for codes in sequences:
        total += resampled_counts(codes, cells, generator)
    values = [value for row in total if (value := figure(row)) is not None]
    if len(values) < 0.95 * RESAMPLES:
        return None
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
