"""T5, motion: recognises people by how they move, without looking at the face.

Threat: a swap that keeps the expression keeps the manner of moving, and that identifies the person
behind the mask (avatar fingerprinting, Prashnani et al. 2024; AUC about 0.85 on long clips).

From each clip come curves: position and size of the face, yaw, pitch and roll, opening and width of
the mouth, height of the eyes over the nose. A clip is described by how much each curve varies, how
fast, and how the curves move together (the correlations of Agarwal et al. 2019). The description is
standardised on clips of other people. Where no face is found in a covered clip, the place of the
cover itself is used: a box that follows a head shows how the head moves.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from framework.harness import Material, Motion, Scores
from framework.quality import head_pose
from framework.spec import BuildContext
from framework_benchmark.attacks.component import FunctionAttack, NoOptions
from framework_benchmark.attacks.material import compare, unit

CURVES = 9
SHORTEST = 8
"""Frames below which a clip has no motion to speak of."""

Curves = NDArray[np.float32]
"""(n, CURVES): x, y, log size, yaw, pitch, roll, mouth opening, mouth width, eye height; NaN where
it is not known."""


def curves(boxes: NDArray[np.float32], landmarks: NDArray[np.float32]) -> Curves:
    """Curves of one clip.

    Args:
        boxes: (n, 4) of the face, or of its cover; NaN where there is none.
        landmarks: (n, 5, 2); NaN where no face was found.
    """
    result = np.full((len(boxes), CURVES), np.nan, np.float32)
    size = boxes[:, 2:] - boxes[:, :2]
    side = np.sqrt(np.maximum(size[:, 0] * size[:, 1], 1e-6))
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    scale = np.nanmedian(side) if np.isfinite(side).any() else 1.0
    result[:, :2] = middle / scale
    result[:, 2] = np.log(side / scale)
    for i in np.flatnonzero(np.isfinite(landmarks).all(axis=(1, 2))):
        points = landmarks[i].astype(np.float64)
        pose = head_pose(points)
        eyes = max(float(np.linalg.norm(points[1] - points[0])), 1e-6)
        mouth = (points[3] + points[4]) / 2
        result[i, 3:6] = pose.yaw, pose.pitch, pose.roll
        result[i, 6] = float(np.linalg.norm(mouth - points[2])) / eyes
        result[i, 7] = float(np.linalg.norm(points[4] - points[3])) / eyes
        result[i, 8] = float(np.linalg.norm(points[2] - points[:2].mean(axis=0))) / eyes
    return result


def describe(clip: Curves) -> NDArray[np.float64] | None:
    """One vector for a clip; entries that cannot be computed are NaN. None for too short clips."""
    if len(clip) < SHORTEST or not np.isfinite(clip[:, 0]).sum() >= SHORTEST:
        return None
    values = clip.astype(np.float64)
    speed = np.diff(values, axis=0)
    parts = [_log_spread(values), _log_spread(speed), _log_spread(np.diff(speed, axis=0))]
    both = np.concatenate([values[1:], speed], axis=1)
    return np.concatenate([*parts, _correlations(both)])


def attack(
    clear: Sequence[Curves | None],
    probes: Sequence[Curves | None],
    fit: Sequence[Curves],
) -> dict[str, Scores]:
    """One variant, ``T5``.

    Args:
        clear: enrolled clips. probes: released clips. fit: clear clips of other people, for the
            mean and spread of each entry; with fewer than four the enrolled clips serve.
    """
    gallery = [None if c is None else describe(c) for c in clear]
    released = [None if c is None else describe(c) for c in probes]
    learnt = [d for d in (describe(c) for c in fit) if d is not None]
    if len(learnt) < 4:
        learnt = [g for g in gallery if g is not None]
    if len(learnt) < 2 or not any(r is not None for r in released):
        return {}
    rows = np.stack(learnt)
    known = np.isfinite(rows)
    count = np.maximum(known.sum(axis=0), 1)
    mean = np.where(known, rows, 0).sum(axis=0) / count
    spread = np.sqrt((np.where(known, rows - mean, 0) ** 2).sum(axis=0) / count)

    def standard(row: NDArray[np.float64] | None) -> NDArray[np.float32] | None:
        if row is None:
            return None
        z = np.clip((row - mean) / np.where(spread > 1e-9, spread, np.inf), -4, 4)
        # What is not known says nothing: the mean. Spreads and correlations count alike, although
        # there are many more correlations.
        z = np.nan_to_num(z, nan=0.0)
        parts = (z[: 3 * CURVES], z[3 * CURVES :])
        both = np.concatenate([part / np.sqrt(len(part)) for part in parts])
        return np.asarray(unit(both[None])[0], np.float32)

    return {"T5": compare([standard(r) for r in released], [standard(g) for g in gallery])}


def _log_spread(values: NDArray[np.float64]) -> NDArray[np.float64]:
    known = np.isfinite(values)
    count = known.sum(axis=0)
    filled = np.where(known, values, 0.0)
    mean = filled.sum(axis=0) / np.maximum(count, 1)
    variance = (np.where(known, values - mean, 0.0) ** 2).sum(axis=0) / np.maximum(count, 1)
    return np.where(count >= SHORTEST - 2, 0.5 * np.log(variance + 1e-10), np.nan)


def _correlations(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Upper triangle of the correlations over frames in which both curves are known."""
    known = np.isfinite(values)
    result = np.full((values.shape[1],) * 2, np.nan)
    usable = np.flatnonzero(known.mean(axis=0) > 0.5)
    if len(usable) > 1:
        both = known[:, usable].all(axis=1)
        if both.sum() >= SHORTEST - 2:
            part = values[np.ix_(both, usable)]
            part = part - part.mean(axis=0)
            length = np.linalg.norm(part, axis=0)
            safe = np.where(length > 1e-9, length, np.inf)
            result[np.ix_(usable, usable)] = (part / safe).T @ (part / safe)
    return np.asarray(result[np.triu_indices(len(result), 1)])


def _from_material(material: Material) -> dict[str, Scores]:
    def of(motion: Motion | None) -> Curves | None:
        return None if motion is None else curves(motion.boxes, motion.landmarks)

    return attack(
        [of(m) for m in material.clear_motion],
        [of(m) for m in material.probe_motion],
        [curves(m.boxes, m.landmarks) for m in material.fit_motion],
    )


def build(config: NoOptions, context: BuildContext) -> FunctionAttack:
    """Factory of ``t5``."""
    return FunctionAttack(
        _from_material, frozenset({"motion"}), uses_recognizer=False, own_threshold=True
    )
