"""One file a classifier: float16 weights with everything needed to use them.

The file is safetensors. Its metadata holds a JSON object under the key ``fer``: architecture,
labels, input side, temperature, thresholds and the data sets it has seen. The ONNX graphs beside it
contain no weights of their own; they take these, so both runtimes compute with the same numbers.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from framework.errors import WeightsError
from framework.types import EMOTIONS
from framework_fer.calibration import calibrated
from framework_fer.networks import ARCHITECTURES

KEY = "fer"


class HeadCalibration(BaseModel):
    """How the logits of one head become probabilities, see :mod:`framework_fer.calibration`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    temperature: float = Field(
        default=1.0, gt=0.0, le=20.0, description="what logits are divided by before the softmax"
    )
    factor: tuple[float, ...] = Field(description="what each logit is then multiplied by")
    offset: tuple[float, ...] = Field(description="and what is added to it")
    sharpening: tuple[float, float] = Field(
        default=(0.0, 0.0),
        description="level and slope of framework_fer.calibration.sharpened, applied last",
    )

    @model_validator(mode="after")
    def _as_many(self) -> HeadCalibration:
        if len(self.factor) != len(self.offset):
            raise ValueError("factor and offset: expected as many numbers in both")
        return self

    def probabilities(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, classes) float32, rows sum to 1."""
        return calibrated(logits, self.temperature, self.factor, self.offset, self.sharpening)


def uncalibrated(classes: int) -> HeadCalibration:
    """The calibration that changes nothing."""
    return HeadCalibration(factor=(1.0,) * classes, offset=(0.0,) * classes)


class Description(BaseModel):
    """What a weight file says about itself."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    architecture: str = Field(description="one of framework_fer.networks.ARCHITECTURES")
    labels: tuple[str, ...] = Field(description="classes of the answers, in their order")
    side: int = Field(ge=32, le=512, description="side of the network's input, pixels")
    majority: HeadCalibration = Field(
        default=uncalibrated(len(EMOTIONS) + 1),
        description="of the first head: the seven classes and anything else, so that a probability "
        "is the chance that most of ten people choose this",
    )
    votes_temperature: float = Field(
        default=1.0,
        gt=0.0,
        le=20.0,
        description="of the first head, so that a probability is the share of the ten votes",
    )
    fer2013: HeadCalibration = Field(
        default=uncalibrated(len(EMOTIONS)),
        description="of the second head, for FER2013's own labels",
    )
    unknown_below: float = Field(
        ge=0.0, le=1.0, description="top probability under which an answer is no evidence"
    )
    min_face: float = Field(
        ge=0.0, description="side of a face in the recording under which it is not judged, pixels"
    )
    neutral_profile: tuple[float, ...] = Field(
        min_length=len(EMOTIONS),
        max_length=len(EMOTIONS),
        description="mean centred log-ratio of neutral faces, see framework_fer.baseline",
    )
    trained_on: tuple[str, ...] = Field(description="data sets the weights have seen")


def write(
    path: Path, tensors: Mapping[str, NDArray[np.floating]], description: Description
) -> None:
    """Write weights as float16, under a temporary name first.

    Args:
        path: the file.
        tensors: the network's state, names as in the network.
        description: see :class:`Description`.
    """
    from safetensors.numpy import save

    half = {name: np.ascontiguousarray(values, np.float16) for name, values in tensors.items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    try:
        partial.write_bytes(save(half, {KEY: description.model_dump_json()}))
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def read(path: Path) -> tuple[dict[str, NDArray[np.float32]], Description]:
    """Weights as float32, and what the file says about itself.

    Raises:
        WeightsError: not safetensors, without description, another label set or an architecture
            that does not exist here.
    """
    from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise WeightsError(f"weights {path.name}: no such file; check the path")
    try:
        with safe_open(path, framework="numpy") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name).astype(np.float32) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, ValueError) as error:
        raise WeightsError(
            f"weights {path.name}: expected a safetensors file, and it does not read as one "
            f"({type(error).__name__}); get the file again"
        ) from error
    return tensors, _description(path, metadata)


def _description(path: Path, metadata: Mapping[str, str]) -> Description:
    if KEY not in metadata:
        raise WeightsError(
            f"weights {path.name}: expected metadata '{KEY}' written by "
            f"framework_training.fer.train, found {sorted(metadata) or 'none'}"
        )
    try:
        description = Description.model_validate(json.loads(metadata[KEY]))
    except (ValidationError, json.JSONDecodeError) as error:
        raise WeightsError(
            f"weights {path.name}: the metadata '{KEY}' is damaged, or of a version that knew one "
            f"labelling only; write the file again with framework_training.fer.train"
        ) from error
    if description.labels != EMOTIONS:
        raise WeightsError(
            f"weights {path.name}: expected the labels {', '.join(EMOTIONS)} in this order, "
            f"got {', '.join(description.labels)}"
        )
    if description.architecture not in ARCHITECTURES:
        raise WeightsError(
            f"weights {path.name}: expected an architecture of {', '.join(ARCHITECTURES)}, "
            f"got {description.architecture!r}"
        )
    return description


def require_architecture(path: Path, description: Description, expected: Sequence[str]) -> None:
    """Refuse weights of another network than the component's.

    Args:
        path: of the file, for the message.
        description: what it says.
        expected: the architectures that the component takes.

    Raises:
        WeightsError: they differ.
    """
    if description.architecture not in expected:
        raise WeightsError(
            f"weights {path.name}: expected the architecture {' or '.join(map(repr, expected))}, "
            f"got {description.architecture!r}; choose the component that it belongs to"
        )


def require_tensors(
    path: Path,
    tensors: Mapping[str, NDArray[np.float32]],
    expected: Mapping[str, tuple[int, ...]],
) -> None:
    """Refuse a file whose layers are not exactly the expected ones.

    Raises:
        WeightsError: a layer is missing, unknown, has another shape, or is not finite.
    """
    missing = sorted(set(expected) - set(tensors))
    unknown = sorted(set(tensors) - set(expected))
    if missing or unknown:
        first = f"missing {missing[0]}" if missing else f"unknown {unknown[0]}"
        raise WeightsError(
            f"weights {path.name}: expected {len(expected)} layers of this architecture, "
            f"{len(missing)} are missing and {len(unknown)} unknown ({first})"
        )
    for name, shape in expected.items():
        if tensors[name].shape != tuple(shape):
            raise WeightsError(
                f"weights {path.name}: expected {name} of shape {tuple(shape)}, "
                f"got {tensors[name].shape}"
            )
        if not np.isfinite(tensors[name]).all():
            raise WeightsError(f"weights {path.name}: {name} contains NaN or infinity")
