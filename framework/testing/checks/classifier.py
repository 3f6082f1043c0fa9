"""Emotion classifiers: probabilities for the seven classes, or some of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.testing.checks import crops
from framework.testing.result import check, require
from framework.testing.subject import Subject
from framework.types import EMOTIONS, Image


def classify(component: Any, faces: list[Image]) -> NDArray[np.float32]:
    """Classify, and check that each row is a distribution."""
    out = component.classify(faces)
    shape = (len(faces), len(component.labels))
    require(isinstance(out, np.ndarray), f"expected an array, got {type(out).__name__}")
    require(
        out.shape == shape and out.dtype == np.float32,
        f"expected {shape} float32, got {out.shape} {out.dtype}",
    )
    require(np.isfinite(out).all(), "a probability that is not a finite number")
    require(((out >= 0) & (out <= 1)).all(), "a probability outside [0, 1]")
    sums = out.sum(axis=1)
    require(np.allclose(sums, 1, atol=1e-3), f"rows: expected sum 1, got {sums.tolist()}")
    return np.asarray(out, np.float32)


@check()
def announces_labels_and_input(subject: Subject) -> None:
    """``labels``, ``input_size``, ``crop_scale`` and ``unknown_below`` make sense."""
    component = subject.create()
    labels = component.labels
    require(isinstance(labels, tuple) and len(labels) >= 2, f"labels: a tuple, got {labels!r}")
    require(len(set(labels)) == len(labels), f"labels: expected each once, got {labels}")
    wrong = sorted(set(labels) - set(EMOTIONS))
    require(not wrong, f"labels: expected some of {EMOTIONS}, got {wrong}")
    crops.require_form(component)
    below = component.unknown_below
    require(0.0 <= float(below) <= 1.0, f"unknown_below: expected 0 to 1, got {below!r}")


@check()
def rows_are_distributions(subject: Subject) -> None:
    """One row a face, each at least 0 with sum 1; no faces give no rows."""
    component = subject.create()
    classify(component, crops.crops(component))
    classify(component, [])


@check()
def looks_at_the_face(subject: Subject) -> None:
    """A face and noise do not get the very same answer."""
    component = subject.create()
    out = classify(component, crops.crops(component))
    require(float(np.abs(out[0] - out[-1]).max()) > 1e-4, "the answer does not depend on the input")


CHECKS = (
    announces_labels_and_input,
    rows_are_distributions,
    looks_at_the_face,
    *crops.shared_checks(classify),
)
