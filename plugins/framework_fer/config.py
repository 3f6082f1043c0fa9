"""Options of the classifiers."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class ClassifierOptions(BaseModel):
    """Options of ``resnet`` and ``effnet``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    runtime: Literal["auto", "onnxruntime", "torch"] = Field(
        default="auto",
        description="what computes the network: onnxruntime on a processor and torch on a GPU "
        "(auto), or always one of them",
    )
    precision: Literal["float32", "int8"] = Field(
        default="float32",
        description="int8: the quantised network where one is shipped, about 2.5 times as fast on "
        "processors with 8-bit dot products; float32 gives the same numbers on every machine",
    )
    batch: int = Field(
        default=32, ge=1, le=1024, description="most faces in one call of the network, count"
    )
    baseline: Literal["off", "auto"] = Field(
        default="off",
        description="auto: what the classifier sees in a person's most neutral moments, more than "
        "in other people's, is taken off over the whole session; raw values are kept",
    )
    baseline_limit: float = Field(
        default=2.5,
        ge=0.0,
        le=6.0,
        description="most that the baseline takes off an emotion's log-probability, nats",
    )
    unknown_below: float | None = Field(
        default=None,
        ge=0.0,
        le=1.0,
        description="a second whose top probability is lower is 'unknown', 0 to 1; without a "
        "value the one that was chosen on held-out faces, see the model card",
    )
    weights: Path | None = Field(
        default=None,
        description="weight file of the same architecture written by framework_training.fer.train, "
        "instead of the one that is shipped; its hash is not checked",
    )
