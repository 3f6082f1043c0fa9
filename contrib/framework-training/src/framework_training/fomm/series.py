"""Comparing what two faces do over time, and intervals for such figures."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BLINK_DEPTH = 0.75
"""Lids closer than this share of their usual gap are a blink."""
BLINK_MERGE_S = 0.15
BLINK_TOLERANCE_S = 0.2

# Points of a mean head, millimetres, x to the right of the picture, y down, z into the picture:
# nose tip, chin, outer eye corners, inner eye corners, nose bridge. Lips move, so they're not used.
_HEAD = np.array(
    [
        [0.0, 0.0, 0.0],
        [0.0, 66.0, 13.0],
        [-45.0, -34.0, 27.0],
        [45.0, -34.0, 27.0],
        [-16.0, -33.0, 22.0],
        [16.0, -33.0, 22.0],
        [0.0, -34.0, 15.0],
    ]
)
_HEAD_POINTS = (30, 8, 36, 45, 39, 42, 27)


def correlation(a: Floats, b: Floats) -> float | None:
    """Pearson's r of two series; None if one doesn't move or fewer than 5 pairs are known."""
    known = np.isfinite(a) & np.isfinite(b)
    a, b = a[known], b[known]
    if len(a) < 5 or a.std() < 1e-9 or b.std() < 1e-9:
        return None
    return float(np.corrcoef(a, b)[0, 1])


def blinks(lid_gap: Floats, time_s: Floats) -> list[float]:
    """Times in seconds at which the lids are most closed, one for each blink."""
    known = np.isfinite(lid_gap)
    if known.sum() < 5:
        return []
    usual = float(np.median(lid_gap[known]))
    closed = known & (lid_gap < BLINK_DEPTH * usual)
    events: list[tuple[float, float, float]] = []  # deepest gap, its time, last time
    for index in np.flatnonzero(closed):
        gap, when = float(lid_gap[index]), float(time_s[index])
        if events and when - events[-1][2] <= BLINK_MERGE_S:
            deepest, at, _ = events[-1]
            events[-1] = (gap, when, when) if gap < deepest else (deepest, at, when)
        else:
            events.append((gap, when, when))
    return [at for _, at, _ in events]


def match_events(expected: Sequence[float], found: Sequence[float]) -> tuple[int, int, int]:
    """(hits, misses, false alarms): each event matches at most one within 0.2 s, in order."""
    hits, position = 0, 0
    for when in sorted(expected):
        rest = sorted(found)[position:]
        near = [i for i, other in enumerate(rest) if abs(other - when) <= BLINK_TOLERANCE_S]
        if near:
            hits += 1
            position += near[0] + 1
    return hits, len(expected) - hits, len(found) - hits


def f1(hits: int, misses: int, false_alarms: int) -> float | None:
    """2 TP / (2 TP + FP + FN); None if there was nothing to find and nothing was found."""
    total = 2 * hits + misses + false_alarms
    return 2 * hits / total if total else None


def head_rotation(landmarks: NDArray[np.floating], size: int) -> Floats | None:
    """(3, 3) rotation of a head from its 68 points in a picture of ``size`` pixels (EPnP, refined).

    None where the points fit no head.
    """
    import cv2

    focal = 2.0 * size  # a narrow view: the crops come from the middle of a picture
    camera = np.array([[focal, 0, size / 2], [0, focal, size / 2], [0, 0, 1.0]])
    points = np.asarray(landmarks, np.float64)[list(_HEAD_POINTS)]
    if not np.isfinite(points).all():
        return None
    ok, rotation, _ = cv2.solvePnP(
        _HEAD,
        points,
        camera,
        np.zeros(4),
        rvec=np.zeros((3, 1)),
        tvec=np.array([[0.0], [0.0], [focal * 150 / size]]),
        useExtrinsicGuess=True,
        flags=cv2.SOLVEPNP_ITERATIVE,
    )
    return np.asarray(cv2.Rodrigues(rotation)[0], np.float64) if ok else None


def rotation_error(
    driver: Floats, driver_rest: Floats, result: Floats, result_rest: Floats
) -> float:
    """Degrees between how far two heads have turned from their rest positions."""
    difference = (driver @ driver_rest.T) @ (result @ result_rest.T).T
    return math.degrees(math.acos(float(np.clip((np.trace(difference) - 1) / 2, -1, 1))))


def mean_rotation(rotations: Sequence[Floats]) -> Floats:
    """The rotation nearest to all of these (3, 3) in the least squares sense (Markley's mean).

    Raises:
        ValueError: there is none.
    """
    if not rotations:
        raise ValueError("expected at least one rotation")
    u, _, vt = np.linalg.svd(np.sum(rotations, axis=0))
    return np.asarray(u @ np.diag([1.0, 1.0, np.linalg.det(u @ vt)]) @ vt)


def threshold_at(impostor_distances: Floats, false_accept_rate: float) -> float:
    """The distance below which this share of the impostor pairs lies."""
    return float(np.quantile(impostor_distances, false_accept_rate))


def interval(
    values: Sequence[float], groups: Sequence[int], repeats: int = 1000, seed: int = 0
) -> dict[str, float | int | None]:
    """Mean with a 95 % interval, by a bootstrap that draws whole persons.

    Frames and clips of one person resemble each other; drawing them singly would pretend to more.
    """
    data = np.asarray(values, np.float64)
    people = np.unique(np.asarray(groups))
    if not len(data):
        return {"mean": None, "low": None, "high": None, "n": 0, "persons": 0}
    sums = np.array([data[np.asarray(groups) == p].sum() for p in people])
    counts = np.array([(np.asarray(groups) == p).sum() for p in people])
    rng = np.random.default_rng(seed)
    drawn = rng.integers(len(people), size=(repeats, len(people)))
    means = sums[drawn].sum(1) / counts[drawn].sum(1)
    return {
        "mean": float(data.mean()),
        "low": float(np.quantile(means, 0.025)),
        "high": float(np.quantile(means, 0.975)),
        "n": len(data),
        "persons": len(people),
    }


def labels_per_second(probabilities: Floats, time_s: Floats) -> dict[int, int]:
    """Second -> index of the label with the largest mean probability; NaN rows don't count."""
    found: dict[int, int] = {}
    for second in np.unique(np.floor(time_s).astype(int)):
        rows = probabilities[np.floor(time_s).astype(int) == second]
        rows = rows[np.isfinite(rows).all(1)]
        if len(rows):
            found[int(second)] = int(rows.mean(0).argmax())
    return found
