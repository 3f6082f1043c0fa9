"""Options of live mode: ``-o live.delay_s=0.5``."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class LiveOptions(BaseModel):
    """How far the picture may lag, and what is remembered."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    delay_s: float = Field(
        default=0.5,
        ge=0.0,
        le=10.0,
        description="how long a picture is held before it is shown, seconds; a face that is found "
        "within this time is covered backwards, too",
    )
    max_late_s: float = Field(
        default=1.0,
        gt=0.0,
        le=30.0,
        description="a picture whose turn comes later than this after it arrived is thrown away, "
        "never shown, unless it is the newest; bounds the delay of a machine too slow even to "
        "cover, seconds",
    )
    history_s: int = Field(
        default=3600,
        ge=60,
        le=86400,
        description="how much of the timeline rules may look at, seconds",
    )
    half_life_s: float = Field(
        default=30.0,
        gt=0.0,
        le=3600.0,
        description="after this time without being seen, somebody counts half in the choice of the "
        "main person, seconds",
    )
