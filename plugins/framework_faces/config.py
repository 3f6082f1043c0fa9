"""Options of the reference detector and tracker."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class RetinaFaceOptions(BaseModel):
    """Options of the detector ``retinaface``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: int = Field(
        default=960,
        ge=128,
        le=3840,
        description="long side of the image the network sees, in pixels; more finds smaller "
        "faces, and the time grows with the square",
    )
    coarse_size: int = Field(
        default=0,
        ge=0,
        le=1920,
        description="long side of a second, smaller pass, in pixels, for faces that fill the "
        "image; 0 leaves it out",
    )
    rotations: Literal["never", "empty", "always"] = Field(
        default="empty",
        description="also look at the image turned by 90, 180 and 270 degrees, for people who "
        "lie down: never, only if the upright image shows no face, or always",
    )
    rotation_size: int = Field(
        default=640, ge=128, le=3840, description="long side of the turned images, in pixels"
    )
    refine: bool = Field(
        default=True,
        description="look again at turned faces, each in its own orientation, for their landmarks",
    )
    threshold: float = Field(
        default=0.2,
        ge=0.01,
        le=0.99,
        description="lowest score of a face, 0 to 1; low on purpose, the tracker and the "
        "resolution confirm",
    )
    nms: float = Field(
        default=0.4,
        ge=0.05,
        le=0.95,
        description="overlap (intersection over union, 0 to 1) above which the weaker of two "
        "boxes is the same face",
    )
    max_faces: int = Field(
        default=500, ge=1, le=10000, description="most faces in one image; the best scores stay"
    )
    min_face: float = Field(
        default=0.0,
        ge=0.0,
        le=2000.0,
        description="faces smaller than this (the longer side, in pixels of the recording) are "
        "ignored; 0 keeps all",
    )


class ByteTrackOptions(BaseModel):
    """Options of the tracker ``bytetrack``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    high: float = Field(
        default=0.6,
        ge=0.0,
        le=1.0,
        description="score from which a detection is preferred in the association, 0 to 1",
    )
    low: float = Field(
        default=0.1,
        ge=0.0,
        le=1.0,
        description="score from which a detection takes part in the association at all, 0 to 1",
    )
    birth: float = Field(
        default=0.2,
        ge=0.0,
        le=1.0,
        description="score from which a detection that fits no track starts one, 0 to 1; low on "
        "purpose, false alarms of one frame are dropped by the resolution",
    )
    match: float = Field(
        default=0.2,
        gt=0.0,
        lt=1.0,
        description="least overlap (intersection over union of the enlarged boxes, 0 to 1) of a "
        "track and its detection",
    )
    buffer: float = Field(
        default=0.25,
        ge=0.0,
        le=2.0,
        description="how far boxes are enlarged on each side before their overlap is measured, "
        "in box sizes; faces are small and move fast, so that plain overlap loses them",
    )
    lost_s: float = Field(
        default=1.0,
        ge=0.0,
        le=60.0,
        description="how long a track without a detection is kept and predicted, in seconds",
    )

    @model_validator(mode="after")
    def _ordered(self) -> ByteTrackOptions:
        if self.low > self.high:
            raise ValueError(f"low ({self.low}) must not exceed high ({self.high})")
        return self
