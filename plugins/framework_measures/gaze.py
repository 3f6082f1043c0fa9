"""Where the eyes look, from the irises: geometry, nothing learnt.

An iris that lies beside the middle of its eye by ``d`` belongs to an eyeball of radius ``r`` turned
by ``asin(d / r)``. Over people an eyeball's radius is 0.135 of the distance between the outer eye
corners (12 mm of 89 mm) and varies by a few hundredths.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from framework_measures import mesh

Floats = NDArray[np.float64]
EYEBALL = 0.135
"""Radius in eye units."""
_MOST = 0.95  # of the radius: further the iris is behind the corner


def in_head(front: Floats, reference: Floats) -> tuple[float, float]:
    """Turn of the eyes in the head, degrees: to the right of the picture, and down.

    Args:
        front: (478, 3) the face turned to the front, eye units; see :func:`mesh.frontal`.
        reference: (478, 3) of a face that looks straight ahead.
    """
    offsets = []
    for eye, iris in mesh.EYES:
        own = front[iris[0], :2] - front[[eye[0], eye[8]], :2].mean(0)
        straight = reference[iris[0], :2] - reference[[eye[0], eye[8]], :2].mean(0)
        offsets.append(own - straight)
    right, down = np.clip(np.mean(offsets, axis=0) / EYEBALL, -_MOST, _MOST)
    return float(np.degrees(np.arcsin(right))), float(np.degrees(np.arcsin(down)))


def lid_gap(front: Floats, eye: tuple[int, ...]) -> float:
    """Mean distance of the lids over the width of the eye: about 0.3 open, below 0.12 closed."""
    gap = np.mean([front[low, 1] - front[up, 1] for up, low in mesh.lid_pairs(eye)[2:5]])
    width = float(np.linalg.norm(front[eye[8], :2] - front[eye[0], :2]))
    return float(max(0.0, gap) / max(1e-6, width))
