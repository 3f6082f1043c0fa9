"""How mimicry and synchrony are computed: the part ``dyad`` of an encounter file."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator


class DyadOptions(BaseModel):
    """Windows, lags and surrogates."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    window_s: float = Field(
        default=10.0, ge=2, le=120, description="window of the cross-correlation, seconds"
    )
    step_s: float = Field(
        default=2.0, ge=0.2, le=60, description="distance from one window to the next, seconds"
    )
    max_lag_s: float = Field(
        default=3.0, ge=0.2, le=30, description="largest lag between the two, seconds"
    )
    segment_s: float = Field(
        default=30.0,
        ge=5,
        le=300,
        description="length of the segments that surrogates shuffle, seconds",
    )
    surrogates: int = Field(default=1000, ge=100, le=20000, description="how many shuffles")
    mimicry_window_s: float = Field(
        default=2.0, ge=1, le=10, description="an answer comes within this time, seconds"
    )
    reaction_window_s: float = Field(
        default=5.0,
        ge=1,
        le=60,
        description="a change of the doctor's face this soon after a negative episode of the "
        "patient began is a reaction, seconds",
    )
    phases: Literal["halves", "thirds"] = Field(
        default="halves", description="parts of the conversation that are compared"
    )
    spans: dict[str, tuple[float, float]] = Field(
        default_factory=dict,
        description="parts of your own instead of phases: name, then start and end in seconds",
    )

    @model_validator(mode="after")
    def _lags_fit(self) -> DyadOptions:
        for name in ("window_s", "segment_s"):
            if self.max_lag_s >= getattr(self, name):
                raise ValueError(
                    f"max_lag_s ({self.max_lag_s:g}) must be shorter than {name} "
                    f"({getattr(self, name):g})"
                )
        for name, (start, end) in self.spans.items():
            if not 0 <= start < end:
                raise ValueError(f"spans.{name}: expected 0 <= start < end, got {start}, {end}")
        return self
