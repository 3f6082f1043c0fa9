"""The measurer ``expression``: pose, gaze, eyes, coefficients and named expression."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from framework.spec import BuildContext
from framework.types import Image, Measure
from framework.weights import verified
from framework_measures import gaze, mesh
from framework_measures.config import ExpressionOptions
from framework_measures.network import CROP_SCALE, INPUT_SIZE
from framework_measures.reading import Reader, Reading
from framework_measures.weightfile import load

_ANGLES = (
    Measure("pose_yaw", "degrees", -180.0, 180.0, "head turned to the right of the picture"),
    Measure("pose_pitch", "degrees", -180.0, 180.0, "head bent down"),
    Measure("pose_roll", "degrees", -180.0, 180.0, "head leaning clockwise"),
    Measure("gaze_yaw", "degrees", -180.0, 180.0, "eyes look to the right of the picture"),
    Measure("gaze_pitch", "degrees", -180.0, 180.0, "eyes look down"),
)
_LIDS = (
    Measure("eye_opening_right", "1", 0.0, 2.0, "gap of the person's right lids over its width"),
    Measure("eye_opening_left", "1", 0.0, 2.0, "the same of the left eye"),
)


class ExpressionMeasurer:
    """Measures aligned faces. Stateless and batched."""

    input_size = INPUT_SIZE
    crop_scale = CROP_SCALE

    def __init__(self, reader: Reader) -> None:
        self.reader = reader
        coefficients = tuple(
            Measure(snake(name), "1", 0.0, 1.0, f"coefficient {name}: 0 at rest, 1 at most")
            for name in reader.coefficients
        )
        named = tuple(
            Measure(f"seen_as_{name}", "1", 0.0, 1.0, f"share of ten people who would say {name}")
            for name in reader.votes
        )
        self.measures = (*_ANGLES, *_LIDS, *coefficients, *named)

    def measure(self, faces: Sequence[Image]) -> NDArray[np.float32]:
        """(n, len(measures)) in the order of ``measures``."""
        rows = [self.row(reading) for reading in self.reader.crops(faces)]
        return np.array(rows, np.float32).reshape(-1, len(self.measures))

    def row(self, reading: Reading) -> list[float]:
        """The values of one reading, in the order of ``measures``."""
        front = mesh.frontal(reading.points, self.reader.reference)
        right, down = gaze.in_head(front, self.reader.reference)
        yaw, pitch, roll = (_turn(angle) for angle in reading.pose)
        lids = [min(2.0, gaze.lid_gap(front, eye)) for eye, _ in mesh.EYES]
        return [
            *(yaw, pitch, roll, _turn(yaw + right), _turn(pitch + down)),
            *lids,
            *reading.coefficients.tolist(),
            *reading.votes.tolist(),
        ]


def _turn(degrees: float) -> float:
    return float((degrees + 180) % 360 - 180)


def snake(name: str) -> str:
    """``browDownLeft`` as ``brow_down_left``."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def build(options: ExpressionOptions, context: BuildContext) -> ExpressionMeasurer:
    """Factory named in the component's description.

    Raises:
        WeightsError: the weights are missing or were changed.
    """
    from framework_measures.plugin import EXPRESSION_WEIGHTS

    loaded = load(verified(EXPRESSION_WEIGHTS))
    return ExpressionMeasurer(Reader(loaded, context.threads, options.batch))
