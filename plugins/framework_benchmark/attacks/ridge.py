"""Linear regression in dual form with the penalty chosen by leave-one-out, in closed form."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
PENALTIES = 10.0 ** np.arange(-4, 3)
"""Relative to the mean of the kernel's diagonal."""


@dataclass(frozen=True, eq=False)
class Ridge:
    """A fitted map.

    Attributes:
        predict: from (k, d) to (k, m).
        error: mean squared leave-one-out error of an entry of y.
    """

    predict: Callable[[Matrix], Matrix]
    error: float

    def __call__(self, rows: Matrix) -> Matrix:
        return self.predict(rows)


def fit_ridge(x: Matrix, y: Matrix) -> Ridge:
    """Fit y = x w + b.

    Works with as few rows as there are, whatever the number of columns: the n x n kernel is
    decomposed once, and the leave-one-out error of every penalty follows from it (Rifkin and
    Lippert 2007).

    Args:
        x: (n, d), y: (n, m), n >= 2.

    """
    x_mean, y_mean = x.mean(axis=0), y.mean(axis=0)
    a, b = x - x_mean, y - y_mean
    kernel = a @ a.T
    level = float(np.trace(kernel)) / len(kernel)
    if level <= 1e-12:
        return Ridge(lambda rows: np.tile(y_mean, (len(rows), 1)), float((b**2).mean()))
    values, axes = np.linalg.eigh(kernel)
    rotated = axes.T @ b
    best: tuple[float, Matrix] | None = None
    for penalty in PENALTIES * level:
        inverse = 1.0 / (np.maximum(values, 0) + penalty)
        dual = axes @ (inverse[:, None] * rotated)
        # The mean was removed, too: its row of the hat matrix is the constant.
        leverage = ((axes * inverse) * axes).sum(axis=1)
        error = float(((dual / np.maximum(leverage, 1e-12)[:, None]) ** 2).mean())
        if best is None or error < best[0]:
            best = (error, dual)
    assert best is not None
    error, dual = best
    # Kept in dual form: the matrix of weights would be d x m, gigabytes for pictures.
    return Ridge(lambda rows: np.asarray((rows - x_mean) @ a.T @ dual + y_mean), error)
