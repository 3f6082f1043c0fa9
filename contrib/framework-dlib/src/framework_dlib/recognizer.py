"""The recognizer ``dlib``.

The network wants its own kind of crop ("face chip"): 150 x 150 pixels, eyes higher and farther
apart than in the ArcFace template the framework aligns to. The framework is therefore asked for a
wider crop, and the chip is cut from it. Both are similarity transforms, so that nothing but the
framing changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from framework import BuildContext, Image
from framework.alignment import similarity, template
from framework.weights import verified
from framework_dlib.plugin import WEIGHTS

CHIP = 150
PADDING = 0.25
MEAN_SHAPE = np.array(
    [[0.2255, 0.2160], [0.7548, 0.2160], [0.4901, 0.5156], [0.2541, 0.7802], [0.7261, 0.7802]],
    np.float32,
)
"""Eyes, nose tip and mouth corners in dlib's mean face (``get_face_chip_details``)."""

CROP = 208
SCALE = 1.45
"""Of the crop the framework is asked for: the chip reaches below the chin of the template."""


MATCH_THRESHOLD = 0.927
"""Cosine that one in 1,000 comparisons of strangers reaches (95 % interval 0.925 to 0.928), and
81 % of pictures of the same person on another day: 400 persons of Labeled Faces in the Wild, crops
of 144 pixels, from the three quarters of the identities whose hashed name is above 1/4, which no
table of the framework uses; ``examples/calibrate_recognizer.py``. The network has not seen them."""
SUSPECT_THRESHOLD = 0.910
"""The same for one in 100 (0.908 to 0.911), and 87 %."""


class DlibOptions(BaseModel):
    """Options of ``dlib``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    jitters: int = Field(
        default=0,
        ge=0,
        le=100,
        description="Embed so many slightly moved copies of each face and take their mean; slower "
        "and a little stronger. 0: the face itself. Unit: copies.",
    )


def chip_transform() -> NDArray[np.float32]:
    """(2, 3): pixels of the framework's crop to pixels of the chip."""
    target = (MEAN_SHAPE + PADDING) / (1 + 2 * PADDING) * CHIP
    return similarity(template(CROP, SCALE), target.astype(np.float32))


class DlibRecognizer:
    """128-dimensional embeddings at unit length.

    dlib's own rule, "the same person below a Euclidean distance of 0.6", is for embeddings that are
    nearly, not exactly, of unit length; the framework compares cosines.
    """

    input_size = CROP
    crop_scale = SCALE
    match_threshold = MATCH_THRESHOLD
    suspect_threshold = SUSPECT_THRESHOLD

    def __init__(self, network: Any, options: DlibOptions) -> None:
        self._network = network
        self._jitters = options.jitters
        self._transform = chip_transform()

    def embed(self, faces: Sequence[Image]) -> NDArray[np.float32]:
        """(n, 128) unit length."""
        if not faces:
            return np.zeros((0, 128), np.float32)
        chips = [self._chip(face) for face in faces]
        if self._jitters:
            found = [self._network.compute_face_descriptor(c, self._jitters) for c in chips]
        else:
            found = self._network.compute_face_descriptor(chips)
        rows = np.array([np.asarray(row) for row in found], np.float64)
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)

    def _chip(self, face: Image) -> Image:
        import cv2

        if face.shape[:2] != (CROP, CROP):
            face = np.asarray(
                cv2.resize(face, (CROP, CROP), interpolation=cv2.INTER_AREA), np.uint8
            )
        chip = cv2.warpAffine(
            face,
            self._transform,
            (CHIP, CHIP),
            flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        )
        return np.ascontiguousarray(chip[..., ::-1])


def build(options: DlibOptions, context: BuildContext) -> DlibRecognizer:
    """Factory named in the component's description."""
    import dlib

    return DlibRecognizer(dlib.face_recognition_model_v1(str(verified(WEIGHTS))), options)
