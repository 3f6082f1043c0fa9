"""Options of both components."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class ClassifierOptions(BaseModel):
    """Options of the classifier."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str = Field(description="The YAML file that describes the network. Unit: none.")
    batch: int = Field(
        default=16, ge=1, le=256, description="Most faces in one call of the network. Unit: faces."
    )


class AnonymizerOptions(BaseModel):
    """Options of the anonymizer."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str = Field(description="The YAML file that describes the network. Unit: none.")
    margin: float = Field(
        default=0.25,
        ge=0.0,
        le=1.0,
        description="Added around the face on each side, as a share of the face's longer side. "
        "Unit: none.",
    )
    feather: float = Field(
        default=0.04,
        ge=0.0,
        le=0.5,
        description="Width of the soft border, outside the covered region, as a share of the "
        "face's longer side. Unit: none.",
    )
