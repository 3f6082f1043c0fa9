"""The component: faces in, calibrated probabilities of the seven expressions out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from framework.errors import ConfigError
from framework.spec import BuildContext, WeightSpec
from framework.types import EMOTIONS, Image
from framework.weights import verified
from framework_fer import weightfile
from framework_fer.baseline import RestingFace
from framework_fer.calibration import softmax
from framework_fer.config import ClassifierOptions
from framework_fer.framing import CROP_SCALE, INPUT_SIZE, Framing, network_input
from framework_fer.runtime import OnnxRuntime, Runtime, TorchRuntime, choose
from framework_fer.votes import HEADS, OUTPUTS, Labelling, among_seven, seven_and_other

RESNETS = ("face-resnet29-pair", "face-resnet29")
"""Architectures of ``resnet``: what is shipped, and what training writes."""


class ExpressionClassifier:
    """Names the expression of faces.

    Args:
        runtime: the loaded network.
        description: what its weight file says about it.
        options: see :class:`ClassifierOptions`.
        labelling: whose labels are forecast, see :data:`framework_fer.votes.Labelling`.

    Attributes:
        labels: the seven classes.
        input_size, crop_scale: which aligned crops it wants, see :func:`framework.alignment.align`.
        unknown_below: top probability under which an answer is no evidence.
        min_face: side of a face in the recording under which it should not be judged, pixels.
        correction: the resting-face correction if it was asked for, otherwise None; called with all
            samples of one person.
    """

    labels: tuple[str, ...] = EMOTIONS
    input_size: int = INPUT_SIZE
    crop_scale: float = CROP_SCALE

    def __init__(
        self,
        runtime: Runtime,
        description: weightfile.Description,
        options: ClassifierOptions,
        labelling: Labelling = "votes",
    ) -> None:
        self.runtime = runtime
        self.labelling = labelling
        self.description = description
        self._batch = options.batch
        self.unknown_below: float = (
            description.unknown_below if options.unknown_below is None else options.unknown_below
        )
        self.min_face: float = description.min_face
        self.correction: RestingFace | None = None
        if options.baseline == "auto":
            self.correction = RestingFace(description.neutral_profile, limit=options.baseline_limit)

    def classify(self, faces: Sequence[Image]) -> NDArray[np.float32]:
        """Probabilities of aligned crops: the chance that most people see this expression.

        Args:
            faces: squares of :func:`framework.alignment.align` with ``input_size`` and
                ``crop_scale``, BGR; grey and BGRA pictures and other sizes are handled.

        Returns:
            (len(faces), 7) float32, rows sum to 1.

        Raises:
            UserError: a face without pixels, with NaN, or of another type or shape.
        """
        return self.classify_framed(faces, Framing.ALIGNED)

    def classify_framed(
        self, faces: Sequence[Image] | NDArray[np.uint8], framing: Framing
    ) -> NDArray[np.float32]:
        """The same for faces in any framing, see :mod:`framework_fer.framing`."""
        logits = self.logits(faces, framing)
        if self.labelling == "fer2013":
            return self.description.fer2013.probabilities(logits[:, HEADS[1]])
        return among_seven(self.description.majority.probabilities(seven_and_other(logits)))

    def votes(
        self, faces: Sequence[Image] | NDArray[np.uint8], framing: Framing = Framing.ALIGNED
    ) -> NDArray[np.float32]:
        """How ten people's votes would be shared out.

        Args:
            faces, framing: see :meth:`classify` and :meth:`classify_framed`.

        Returns:
            (len(faces), 10) float32 in the order of :data:`framework_fer.votes.CHOICES`, rows sum
            to 1.
        """
        logits = self.logits(faces, framing)[:, HEADS[0]]
        return softmax(logits, self.description.votes_temperature)

    def logits(
        self, faces: Sequence[Image] | NDArray[np.uint8], framing: Framing
    ) -> NDArray[np.float32]:
        """Logits of both heads before calibration, (len(faces), 17) float32."""
        side = self.description.side
        rows = [np.zeros((0, OUTPUTS), np.float32)]
        for start in range(0, len(faces), self._batch):
            inputs = network_input(faces[start : start + self._batch], side, framing)
            rows.append(self.runtime.logits(inputs))
        return np.concatenate(rows)


def load(
    path: Path,
    architectures: Sequence[str],
    options: ClassifierOptions,
    context: BuildContext,
    int8: Path | None = None,
) -> ExpressionClassifier:
    """A classifier from a weight file whose hash has been checked, or that the user brought.

    Args:
        path: the weight file.
        architectures: those it may be of.
        options, context: see the factories.
        int8: a quantised graph of the same weights, which then computes in their place.

    Raises:
        WeightsError: see :func:`framework_fer.weightfile.read`; or weights of another architecture.
        ComponentError: the runtime or the device is not there.
    """
    tensors, description = weightfile.read(path)
    weightfile.require_architecture(path, description, architectures)
    chosen = "onnxruntime" if int8 is not None else choose(options.runtime, context.device)
    runtime: Runtime
    if chosen == "torch":
        device = context.device
        if device == "auto":
            import torch

            device = "cuda" if torch.cuda.is_available() else "cpu"
        runtime = TorchRuntime(path, tensors, description, device, context.threads)
    else:
        runtime = OnnxRuntime(path, tensors, description, context.threads, int8)
    return ExpressionClassifier(runtime, description, options)


def _build(
    specs: tuple[WeightSpec, ...],
    architectures: Sequence[str],
    options: ClassifierOptions,
    context: BuildContext,
) -> ExpressionClassifier:
    """From the shipped files (``specs``: weights, then perhaps their quantised graph)."""
    int8 = None
    if options.precision == "int8":
        if options.runtime == "torch":
            raise ConfigError("fer.precision=int8: expected fer.runtime=onnxruntime or auto")
        if options.weights is not None or len(specs) < 2:
            raise ConfigError(
                "fer.precision=int8: there is no quantised graph for these weights; "
                "use fer.precision=float32"
            )
        choose("onnxruntime", "cpu")
        int8 = verified(specs[1])
    path = options.weights if options.weights is not None else verified(specs[0])
    return load(path, architectures, options, context, int8)


def build_resnet(options: ClassifierOptions, context: BuildContext) -> ExpressionClassifier:
    """Factory of the component ``resnet``."""
    from framework_fer.plugin import RESNET_INT8, RESNET_WEIGHTS

    return _build((RESNET_WEIGHTS, RESNET_INT8), RESNETS, options, context)


def build_effnet(options: ClassifierOptions, context: BuildContext) -> ExpressionClassifier:
    """Factory of the component ``effnet``."""
    from framework_fer.plugin import EFFNET_WEIGHTS

    return _build((EFFNET_WEIGHTS,), ("efficientnet-lite0",), options, context)
