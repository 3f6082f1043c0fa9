"""The file that describes a network: a few lines of YAML instead of code."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, model_validator

from framework import EMOTIONS, ConfigError, WeightsError
from framework.config import read_mapping, validated
from framework.weights import sha256_of

Three = Annotated[tuple[float, ...], Field(min_length=1, max_length=3)]


class InputForm(BaseModel):
    """What the network is fed with: ``(pixel - mean) / std``, pixels from 0 to 255."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: int = Field(ge=16, le=1024, description="side of the square, pixels")
    colour: Literal["rgb", "bgr", "grey"] = Field("rgb", description="order of the channels")
    layout: Literal["nchw", "nhwc"] = Field("nchw", description="order of the axes")
    mean: Three = Field((0.0,), description="subtracted, one number or one a channel, 0 to 255")
    std: Three = Field((255.0,), description="divided by, one number or one a channel")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        channels = 1 if self.colour == "grey" else 3
        for name in ("mean", "std"):
            if len(getattr(self, name)) not in (1, channels):
                raise ValueError(f"{name}: expected 1 or {channels} numbers")
        if min(abs(v) for v in self.std) < 1e-6:
            raise ValueError("std: expected numbers other than 0")
        return self


class _Network(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    network: str = Field(description="the ONNX file, relative to this file")
    sha256: str = Field("", pattern="^([0-9a-fA-F]{64})?$", description="checked if it is given")
    licence: str = Field(min_length=2, description="terms of the network; you must know them")
    input: InputForm


class ClassifierFile(_Network):
    """Description of a classifier."""

    labels: tuple[str | None, ...] = Field(
        min_length=2, description="the network's outputs in order; null for one to leave out"
    )
    output: Literal["logits", "probabilities"] = "logits"
    crop_scale: float = Field(1.0, ge=0.5, le=4.0, description="1: the ArcFace template")
    unknown_below: float = Field(0.3, ge=0.0, le=1.0)

    @model_validator(mode="after")
    def _known(self) -> Self:
        named = [label for label in self.labels if label is not None]
        wrong = sorted(set(named) - set(EMOTIONS))
        if wrong or len(set(named)) != len(named) or len(named) < 2:
            raise ValueError(f"labels: expected at least two of {', '.join(EMOTIONS)}, each once")
        return self


class AnonymizerFile(_Network):
    """Description of an anonymizer: a square picture in, one of the same size out."""

    output_mean: Three = Field((0.0,), description="pixel = output * output_std + output_mean")
    output_std: Three = Field((255.0,), description="one number or one a channel")


Described = TypeVar("Described", bound=_Network)


def read_classifier(path: str) -> tuple[ClassifierFile, Path]:
    """The description and the place of its network. Errors as :func:`_read`."""
    return _read(path, ClassifierFile)


def read_anonymizer(path: str) -> tuple[AnonymizerFile, Path]:
    """The description and the place of its network. Errors as :func:`_read`."""
    return _read(path, AnonymizerFile)


def _read(path: str, model: type[Described]) -> tuple[Described, Path]:
    """Raises ``ConfigError`` for the description, ``WeightsError`` for the network's file."""
    place = Path(path).expanduser()
    if not path.strip():
        raise ConfigError("onnx: no description; give one with path=FILE.yaml")
    described = validated(model, read_mapping(place), place.name)
    network = place.parent / described.network
    if not network.is_file():
        raise WeightsError(
            f"onnx: {described.network}: no such file beside {place.name}; correct 'network'"
        )
    if described.sha256 and sha256_of(network) != described.sha256.lower():
        raise WeightsError(
            f"onnx: {described.network} is not the file that {place.name} describes (sha256)"
        )
    return described, network
