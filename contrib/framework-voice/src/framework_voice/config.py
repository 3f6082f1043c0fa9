"""Options of the voice anonymizers."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class SilenceOptions(BaseModel):
    """Options of ``silence``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    background: Literal["noise", "keep"] = Field(
        default="noise",
        description="noise: pauses are made noise as loud as the room, so that no sample of the "
        "recording is left; keep: pauses are left as they are, with whatever speech was too soft "
        "to be found in them.",
    )
    threshold_db: float = Field(
        default=6.0,
        ge=2.0,
        le=30.0,
        description="How far above the room's noise a sound counts as speech. Lower is safer. "
        "Unit: decibels.",
    )
    hangover_s: float = Field(
        default=0.25,
        ge=0.05,
        le=2.0,
        description="Silence that is added before and after each stretch of speech, for soft "
        "beginnings and ends. Unit: seconds.",
    )


class McAdamsOptions(BaseModel):
    """Options of ``mcadams``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    coefficient: float | None = Field(
        default=None,
        ge=0.5,
        le=0.95,
        description="Exponent on the angle of each pole; 1 would change nothing. None: drawn for "
        "each recording between 0.5 and 0.9, from the key if there is one. Unit: none.",
    )
    order: int = Field(
        default=20,
        ge=8,
        le=40,
        description="Order of the linear prediction at 16 kHz. Unit: coefficients.",
    )
