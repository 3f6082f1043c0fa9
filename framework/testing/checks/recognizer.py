"""Recognizers: embeddings of unit length that tell inputs apart."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.testing.checks import crops
from framework.testing.result import check, require
from framework.testing.subject import Subject
from framework.types import Image


def embed(component: Any, faces: list[Image]) -> NDArray[np.float32]:
    """Embed, and check shape and length of the embeddings."""
    out = component.embed(faces)
    require(isinstance(out, np.ndarray), f"expected an array, got {type(out).__name__}")
    require(
        out.ndim == 2 and len(out) == len(faces) and out.dtype == np.float32,
        f"expected ({len(faces)}, d) float32, got {out.shape} {out.dtype}",
    )
    require(np.isfinite(out).all(), "an embedding that is not finite")
    length = np.linalg.norm(out, axis=1)
    require(np.allclose(length, 1, atol=1e-3), f"length: expected 1, got {length.tolist()}")
    return np.asarray(out, np.float32)


@check()
def announces_input(subject: Subject) -> None:
    """``input_size`` and ``crop_scale`` make sense."""
    crops.require_form(subject.create())


@check()
def embeddings_have_unit_length(subject: Subject) -> str:
    """One row a face, of length 1 and constant dimension; no faces give no rows."""
    component = subject.create()
    out = embed(component, crops.crops(component))
    none = embed(component, [])
    require(none.shape == (0, out.shape[1]), f"no faces: expected (0, {out.shape[1]})")
    return f"{out.shape[1]} dimensions"


@check()
def similar_pictures_are_closer(subject: Subject) -> str:
    """A brighter copy of a face is closer to it than noise is."""
    component = subject.create()
    face, brighter, _, noise = embed(component, crops.crops(component))
    near, far = float(face @ brighter), float(face @ noise)
    require(near > far, f"cosine {near:.2f} to a brighter copy, {far:.2f} to noise")
    return f"cosine {near:.2f} to a brighter copy, {far:.2f} to noise"


CHECKS = (
    announces_input,
    embeddings_have_unit_length,
    similar_pictures_are_closer,
    *crops.shared_checks(embed),
)
