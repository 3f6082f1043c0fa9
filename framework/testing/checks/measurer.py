"""Measurers: named values with units, each in the range that is announced for it."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.testing.checks import crops
from framework.testing.result import check, require
from framework.testing.subject import Subject
from framework.types import Image

_NAME = re.compile(r"[a-z][a-z0-9_]*")


def measure(component: Any, faces: list[Image]) -> NDArray[np.float32]:
    """Measure, and check the form of the values; what is not known counts as 0 from here on."""
    out = component.measure(faces)
    require(isinstance(out, np.ndarray), f"expected an array, got {type(out).__name__}")
    wanted = (len(faces), len(component.measures))
    require(
        out.shape == wanted and out.dtype == np.float32,
        f"expected {wanted} float32, got {out.shape} {out.dtype}",
    )
    require(not np.isinf(out).any(), "a value that is infinite; expected nan for what is not known")
    return np.nan_to_num(np.asarray(out, np.float32))


@check()
def announces_measures_and_input(subject: Subject) -> str:
    """Every measure has its own name, a unit, a range and a meaning; the crop makes sense."""
    component = subject.create()
    crops.require_form(component)
    measures = component.measures
    require(len(measures) > 0, "expected at least one measure")
    names = [one.name for one in measures]
    require(len(set(names)) == len(names), "a name is used for two measures")
    for one in measures:
        require(_NAME.fullmatch(one.name), f"measure '{one.name}': lower case, digits, underscores")
        require(one.unit and one.about, f"measure '{one.name}': expected a unit and a meaning")
        require(one.low < one.high, f"measure '{one.name}': expected low < high")
    return f"{len(names)} measures"


@check()
def values_are_in_their_ranges(subject: Subject) -> None:
    """Every value lies between the announced limits, or is nan; no faces give no rows."""
    component = subject.create()
    faces = crops.crops(component)
    out = component.measure([*faces, np.zeros_like(faces[0]), np.full_like(faces[0], 255)])
    for column, one in enumerate(component.measures):
        values = out[:, column][~np.isnan(out[:, column])]
        good = ((values >= one.low - 1e-4) & (values <= one.high + 1e-4)).all()
        require(good, f"'{one.name}': expected {one.low} to {one.high}, got {values.tolist()}")
    none = measure(component, [])
    require(len(none) == 0, "no faces: expected no rows")


@check()
def looks_at_the_face(subject: Subject) -> None:
    """A face and noise do not give the same values."""
    component = subject.create()
    out = measure(component, crops.crops(component))
    require(not np.allclose(out[0], out[3], atol=1e-6), "a face and noise are measured alike")


CHECKS = (
    announces_measures_and_input,
    values_are_in_their_ranges,
    looks_at_the_face,
    *crops.shared_checks(measure),
)
