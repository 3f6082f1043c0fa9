"""Options of ``expression``."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class ExpressionOptions(BaseModel):
    """Options of the measurer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    batch: int = Field(
        default=16,
        ge=1,
        le=256,
        description="Faces that go through the network together. Unit: faces.",
    )
