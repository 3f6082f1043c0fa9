"""The reference metrics: what is left of a recording, from its frames before and after.

Each is a component (:class:`framework.Metric`). Sums over frames are stored by item; a figure is a
quotient of sums over everything a person shows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from framework.harness import Figure, Measured, Seen
from framework.quality import head_pose, inter_ocular
from framework.spec import BuildContext
from framework_benchmark.attacks.component import NoOptions
from framework_benchmark.metrics.temporal import flow_warp_error, landmark_jerk

IN_BOTH = "over frames in which a face was found in both"


@dataclass(frozen=True)
class OneFigure:
    """A metric with one figure, made of two functions.

    Attributes:
        sums: numerator and denominator of one item.
        lost: what counts for an item on which the anonymizer failed, from the reference.
    """

    figures: tuple[Figure, ...]
    sums: Callable[[Seen, Seen], tuple[float, float]]
    lost: Callable[[Measured], tuple[float, float]] = lambda reference: (0.0, 0.0)

    def measure(self, before: Seen, after: Seen) -> Measured:
        """``sums``: (2,) float64."""
        return {"sums": np.array(self.sums(before, after), np.float64)}

    def summands(
        self, figure: str, measured: Measured | None, reference: Measured
    ) -> tuple[float, float]:
        """The stored sums, or what counts for a failure."""
        if measured is None:
            return self.lost(reference)
        above, below = np.asarray(measured["sums"], np.float64)
        return float(above), float(below)


def _found(before: Seen, after: Seen) -> tuple[float, float]:
    return float((before.found & after.found).sum()), float(before.found.sum())


def _landmark_error(before: Seen, after: Seen) -> tuple[float, float]:
    """Mean distance of the five landmarks, in inter-ocular distances."""
    error = np.full(len(before.images), np.nan, np.float32)
    for i in np.flatnonzero(before.found & after.found).tolist():
        a, b = (seen.landmarks[i].astype(np.float64) for seen in (before, after))
        error[i] = np.linalg.norm(b - a, axis=1).mean() / max(inter_ocular(a), 1e-6)
    return _mean(error)


def _pose_error(before: Seen, after: Seen) -> tuple[float, float]:
    """Mean of the absolute differences of yaw, pitch and roll, in degrees."""
    angle = np.full(len(before.images), np.nan, np.float32)
    for i in np.flatnonzero(before.found & after.found).tolist():
        a, b = (head_pose(seen.landmarks[i].astype(np.float64)) for seen in (before, after))
        angle[i] = np.mean([abs(a.yaw - b.yaw), abs(a.pitch - b.pitch), abs(a.roll - b.roll)])
    return _mean(angle)


def _mean(values: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> tuple[float, float]:
    known = np.isfinite(values)
    return float(values[known].sum()), float(known.sum())


def _warp(before: Seen, after: Seen) -> tuple[float, float]:
    return flow_warp_error(before.images, after.images, before.place)


def _jerk(before: Seen, after: Seen) -> tuple[float, float]:
    """Of the landmarks after and before, over frames in which a face was found in both."""
    both = after.found[:, None, None]
    original = np.where(both, before.landmarks, np.nan).astype(np.float32)
    mine, steps = landmark_jerk(after.landmarks, before.time_s)
    theirs, original_steps = landmark_jerk(original, before.time_s)
    if steps == 0 or original_steps == 0:
        return 0.0, 0.0
    return float(mine), float(theirs)


def detection(config: NoOptions, context: BuildContext) -> OneFigure:
    """Factory of ``detection``: an item that failed keeps no face."""
    figure = Figure("detection kept", proportion=True)
    return OneFigure((figure,), _found, lambda reference: (0.0, float(reference["sums"][1])))


def landmarks(config: NoOptions, context: BuildContext) -> OneFigure:
    """Factory of ``landmarks``."""
    note = f"in inter-ocular distances, {IN_BOTH}"
    return OneFigure((Figure("landmark error", note=note),), _landmark_error)


def pose(config: NoOptions, context: BuildContext) -> OneFigure:
    """Factory of ``pose``."""
    note = f"degrees, mean of yaw, pitch and roll, {IN_BOTH}"
    return OneFigure((Figure("pose error", note=note),), _pose_error)


def flow_warp(config: NoOptions, context: BuildContext) -> OneFigure:
    """Factory of ``flow-warp``."""
    return OneFigure((Figure("flow-warp ratio", "time", note="1: as the original"),), _warp)


def jerk(config: NoOptions, context: BuildContext) -> OneFigure:
    """Factory of ``jerk``."""
    return OneFigure((Figure("jerk ratio", "time", note="1: as the original"),), _jerk)
