"""Options of the recognisers."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class LbpOptions(BaseModel):
    """Options of ``lbp``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    grid: int = Field(
        default=7, ge=2, le=16, description="Cells along each side of the face. Unit: cells."
    )
    size: int = Field(
        default=112, ge=48, le=256, description="Side of the face crop. Unit: pixels."
    )


class FisherOptions(BaseModel):
    """``lbp-fisher`` has no options: its weights fix everything."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ArcFaceOptions(BaseModel):
    """Options of ``arcface-onnx``. The defaults fit the networks of the InsightFace project."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str = Field(min_length=1, description="The ONNX file. Check that its licence allows it.")
    size: int = Field(
        default=112, ge=32, le=512, description="Side of the network's input. Unit: pixels."
    )
    crop_scale: float = Field(
        default=1.0,
        ge=0.5,
        le=3.0,
        description="How much wider than the ArcFace template the crop is. Unit: none.",
    )
    colour: Literal["rgb", "bgr", "grey"] = Field(
        default="rgb", description="Order of the channels the network expects."
    )
    layout: Literal["auto", "nchw", "nhwc"] = Field(
        default="auto",
        description="Order of the axes the network expects; auto reads it from the file.",
    )
    mean: float = Field(
        default=127.5, ge=0.0, le=255.0, description="Subtracted from each value, 0 to 255."
    )
    std: float = Field(
        default=127.5, gt=0.0, le=255.0, description="Then each value is divided by this."
    )
    flip: bool = Field(
        default=False,
        description="Also embed the mirrored face and add both; slower and a little stronger.",
    )
    batch: int = Field(
        default=16,
        ge=1,
        le=256,
        description="Faces that go through the network together. Unit: faces.",
    )
    match_threshold: float | None = Field(
        default=None,
        ge=-1.0,
        le=1.0,
        description="Cosine that one in 1,000 comparisons of strangers reaches, see "
        "examples/calibrate_recognizer.py. Unset: not known. Unit: none.",
    )
    suspect_threshold: float | None = Field(
        default=None,
        ge=-1.0,
        le=1.0,
        description="The same for one in 100: 'framework verify' stops a release from there. "
        "Unset: extrapolated from the portraits that ship, which is coarse. Unit: none.",
    )
    trained_on: str = Field(
        default="",
        description="Data sets the network was trained on, for your own record.",
    )
