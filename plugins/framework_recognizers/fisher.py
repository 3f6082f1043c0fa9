"""``lbp-fisher``: directions of LBP histograms in which people differ, learnt from faces.

Local binary patterns at two scales (Ahonen et al. 2006), reduced by principal components and then
by Fisher's linear discriminant (Fisherfaces, Belhumeur et al. 1997): directions in which images
of one person vary (light, pose, expression) are shrunk, those that tell people apart are kept.
Faces are embedded together with their mirror image.

Small enough to train on one processor in minutes (``framework_training.recognizers.train``),
stronger than plain ``lbp``, much weaker than a deep network. No anonymizer, donor or threshold of
the framework was chosen with its help, which is what it is for: a second opinion that
nothing was tuned on.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from framework.errors import WeightsError
from framework.spec import BuildContext
from framework.types import Image
from framework.weights import verified
from framework_recognizers.config import FisherOptions, LbpOptions
from framework_recognizers.lbp import LbpRecognizer

SIZES = (112, 64)
"""Sides at which the patterns are taken, pixels."""
MATCH_THRESHOLD = 0.412
"""Reached by one in 1,000 comparisons of strangers (95 % interval 0.393 to 0.432), and by 20 % of
images of the same person on another day: 400 persons of Labeled Faces in the Wild (139 with a
second image) whose hashed name is between 1/4 and 0.35, on whom nothing was trained and whom no
table of ours uses; ``examples/calibrate_recognizer.py``."""
SUSPECT_THRESHOLD = 0.294
"""The same for one in 100 (0.285 to 0.301), and 44 %."""

Rows = NDArray[np.float32]


class Histograms:
    """The features before anything is learnt."""

    def __init__(self) -> None:
        self._scales = [LbpRecognizer(LbpOptions(size=size)) for size in SIZES]

    def __call__(self, faces: Sequence[Image]) -> Rows:
        """(n, d): both scales side by side."""
        parts = [scale.embed(faces) for scale in self._scales]
        return np.concatenate(parts, axis=1)


class FisherRecognizer:
    """Projects histograms and normalises.

    Attributes:
        match_threshold, suspect_threshold: :data:`MATCH_THRESHOLD`, :data:`SUSPECT_THRESHOLD`.
    """

    input_size = SIZES[0]
    crop_scale = 1.0
    match_threshold = MATCH_THRESHOLD
    suspect_threshold = SUSPECT_THRESHOLD

    def __init__(self, mean: Rows, projection: Rows) -> None:
        """
        Args:
            mean: (d,) of the training faces' histograms.
            projection: (d, m).
        """
        self._mean, self._projection = mean, projection
        self._histograms = Histograms()

    def embed(self, faces: Sequence[Image]) -> Rows:
        """(n, m) unit length."""
        if not faces:
            return np.zeros((0, self._projection.shape[1]), np.float32)
        both = self._histograms([*faces, *(np.ascontiguousarray(f[:, ::-1]) for f in faces)])
        rows = (both - self._mean) @ self._projection
        summed = rows[: len(faces)] + rows[len(faces) :]
        length = np.linalg.norm(summed, axis=1, keepdims=True)
        # A face that is exactly the mean has no direction; any will do.
        summed[length[:, 0] < 1e-9, 0] = 1.0
        return np.asarray(summed / np.linalg.norm(summed, axis=1, keepdims=True), np.float32)


def load(path: Path) -> tuple[Rows, Rows]:
    """Mean and projection from a file written by :mod:`framework_training.recognizers.train`.

    Raises:
        WeightsError: not such a file.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        found = load_file(path)
        mean, projection = found["mean"], found["projection"]
    except (OSError, SafetensorError, KeyError):
        raise WeightsError(
            f"weights {path.name}: not the projection that "
            f"framework_training.recognizers.train writes"
        ) from None
    width = 2 * LbpRecognizer(LbpOptions()).embed([np.zeros((112, 112, 3), np.uint8)]).shape[1]
    if mean.shape != (width,) or projection.ndim != 2 or len(projection) != width:
        raise WeightsError(
            f"weights {path.name}: expected {width} rows, got {mean.shape} and {projection.shape}"
        )
    return mean.astype(np.float32), projection.astype(np.float32)


def build(options: FisherOptions, context: BuildContext) -> FisherRecognizer:
    """Factory named in the component's description."""
    from framework_recognizers.plugin import FISHER_WEIGHTS

    return FisherRecognizer(*load(verified(FISHER_WEIGHTS)))
