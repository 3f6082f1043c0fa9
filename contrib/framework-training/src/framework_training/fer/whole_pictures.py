"""Faces in whole photographs: found by a detector before they are judged.

Arrays and folders of faces are usually cut already. Where they are photographs, each is looked at
as a recording's frames are: detector, largest face, its five landmarks, the same framing.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from framework.errors import UserError
from framework.types import Frame
from framework_training.fer.datasets import LabelledFaces, from_box, from_landmarks

if TYPE_CHECKING:
    from framework.protocols import Detector

LEAST_SCORE = 0.5
"""A weaker detection is not taken for the person whom the label is about, 0 to 1."""


def found(faces: LabelledFaces, detector: Detector) -> tuple[LabelledFaces, int]:
    """The same set with each face where the detector finds it.

    Args:
        faces: pictures of one labelled person each; where they say their face is, is not used.
        detector: finds faces; of several the largest is taken.

    Returns:
        The pictures in which there is a face, and how many there are in which there is none.

    Raises:
        UserError: there is no face in any.
    """
    rows, placement = [], []
    for row, grey in enumerate(faces.greys):
        frame = Frame(np.asarray(cv2.cvtColor(grey, cv2.COLOR_GRAY2BGR), np.uint8), row, float(row))
        seen = detector.detect([frame])[0]
        extent = (seen.xyxy[:, 2:] - seen.xyxy[:, :2]).max(axis=1, initial=0)
        extent = np.where(seen.score >= LEAST_SCORE, extent, 0)
        if not extent.any():
            continue
        largest = int(extent.argmax())
        rows.append(row)
        placement.append(
            from_box(seen.xyxy[largest].tolist())
            if seen.landmarks is None
            else from_landmarks(seen.landmarks[largest])
        )
    if not rows:
        raise UserError(
            f"data {faces.name}: the detector finds no face in any of {len(faces)} pictures; "
            f"leave --find-faces out if they are cut to the face already"
        )
    kept = replace(faces.take(np.array(rows)), placement=np.array(placement, np.float64))
    return kept, len(faces) - len(rows)
