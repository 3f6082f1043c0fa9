"""Takes the manner of moving out of an expression: what identifies people who are not seen.

Facial motion tells who somebody is (attacks name most of 1,429 people by expression and jaw alone,
arXiv 2510.11223). Three properties carry most of it: how strongly somebody moves, when exactly, and
the small details that no coefficient has. ``normalised`` takes away all three, ``coarse`` also what
is finer than a fifth of a second and a quarter of a coefficient.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

TYPICAL_STRENGTH = 0.42
"""Norm that most people's expressions reach in one frame of twenty, in units of coefficients."""
STRENGTH_RANGE = (0.5, 2.0)
"""A recording's expressions are made no weaker and no stronger than by these factors."""
JITTER_S = 0.2
_DRIFT_S = 1.5  # over which the shift in time changes
STEP_S = 0.2
STEP = 0.25
_FEW = 5  # frames
_STRONG = 0.95  # quantile of a recording's strength that is brought to the typical one


def normalised(expression: Floats, time_s: Floats, neutral: Floats, seed: int) -> Floats:
    """(n, k) expressions of a typical strength, at other times than they were made.

    Args:
        expression: (n, k) of one person, times ascending.
        neutral: (k,) the expression of a neutral face.
        seed: of the shift in time; from the user's key.
    """
    if len(time_s) < _FEW:  # a still says nothing about how strongly somebody usually moves
        return expression
    beyond = expression - neutral
    strength = float(np.quantile(np.linalg.norm(beyond, axis=1), _STRONG))
    factor = float(np.clip(TYPICAL_STRENGTH / max(1e-6, strength), *STRENGTH_RANGE))
    rng = np.random.default_rng(seed)
    knots = np.arange(time_s[0] - _DRIFT_S, time_s[-1] + 2 * _DRIFT_S, _DRIFT_S)
    shift = np.interp(time_s, knots, rng.uniform(-JITTER_S, JITTER_S, len(knots)))
    # never backwards: the order of what is shown stays that of what was made
    when = np.maximum.accumulate(time_s + shift)
    columns = [np.interp(when, time_s, factor * column) for column in beyond.T]
    return np.asarray(neutral + np.stack(columns, 1), np.float64)


def coarse(expression: Floats, time_s: Floats, neutral: Floats) -> Floats:
    """(n, k) the same in steps: of :data:`STEP_S` in time, and of :data:`STEP` in each entry."""
    cell = np.floor(time_s / STEP_S + 1e-6).astype(np.int64)
    _, first, inverse = np.unique(cell, return_index=True, return_inverse=True)
    held = expression[first][inverse]
    return np.asarray(neutral + STEP * np.round((held - neutral) / STEP), np.float64)
