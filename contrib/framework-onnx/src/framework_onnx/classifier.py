"""The emotion classifier ``onnx``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from framework import BuildContext, ComponentError, Image
from framework_onnx.description import ClassifierFile, read_classifier
from framework_onnx.options import ClassifierOptions
from framework_onnx.session import Network


class OnnxClassifier:
    """Probabilities of the described labels."""

    def __init__(self, network: Network, described: ClassifierFile, batch: int) -> None:
        self._network = network
        self._described = described
        self._batch = batch
        self._kept = [k for k, label in enumerate(described.labels) if label is not None]
        self.labels = tuple(label for label in described.labels if label is not None)
        self.input_size = described.input.size
        self.crop_scale = described.crop_scale
        self.unknown_below = described.unknown_below

    def classify(self, faces: Sequence[Image]) -> NDArray[np.float32]:
        """(n, len(labels)); the probability of labels that are left out goes to the others."""
        if not faces:
            return np.zeros((0, len(self.labels)), np.float32)
        parts = [
            self._network.run(faces[k : k + self._batch]) for k in range(0, len(faces), self._batch)
        ]
        rows = np.concatenate(parts).reshape(len(faces), -1).astype(np.float64)
        if rows.shape[1] != len(self._described.labels):
            raise ComponentError(
                f"onnx: the network gives {rows.shape[1]} numbers a face, the description has "
                f"{len(self._described.labels)} labels"
            )
        rows = rows[:, self._kept]
        if not np.isfinite(rows).all():
            raise ComponentError("onnx: the network gives numbers that are not finite")
        if self._described.output == "logits":
            rows = np.exp(rows - rows.max(axis=1, keepdims=True))
        elif rows.min() < -1e-4:
            raise ComponentError("onnx: negative 'probabilities'; say 'output: logits'")
        rows = np.clip(rows, 1e-12, None)
        return np.asarray(rows / rows.sum(axis=1, keepdims=True), np.float32)


def build(options: ClassifierOptions, context: BuildContext) -> OnnxClassifier:
    """Factory named in the component's description.

    Raises:
        ConfigError: the description does not validate.
        WeightsError: the network is missing, changed, or no network.
    """
    described, path = read_classifier(options.path)
    return OnnxClassifier(Network(path, described.input, context), described, options.batch)
