"""Options of the offline resolution."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class ResolveOptions(BaseModel):
    """How far the resolution reaches. Lengths are in sizes of the face, times in seconds."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_gap_s: float = Field(
        default=10.0,
        ge=0.0,
        le=120.0,
        description="longest gap, in seconds, after which a face at about the same place is the "
        "same person; the gap is covered",
    )
    carry_s: float = Field(
        default=1.5,
        ge=0.0,
        le=30.0,
        description="how long a face stays covered before its first and after its last "
        "detection, in seconds",
    )
    keep_score: float = Field(
        default=0.6,
        ge=0.0,
        le=1.0,
        description="a detection with this score (0 to 1) or more is never dropped; a weaker one "
        "is dropped only if nothing supports it before or after",
    )
    support_s: float = Field(
        default=1.0,
        ge=0.0,
        le=30.0,
        description="a detection weaker than keep_score is confirmed by another of the same face "
        "within this time before or after it, in seconds",
    )
    smooth_s: float = Field(
        default=0.12,
        ge=0.0,
        le=2.0,
        description="standard deviation of the Gaussian that smooths boxes over time, in "
        "seconds; 0 leaves them as they are",
    )
    smooth_landmarks_s: float = Field(
        default=0.04,
        ge=0.0,
        le=2.0,
        description="the same for landmarks; shorter, because an expression is read from them",
    )
    growth: float = Field(
        default=0.3,
        ge=0.0,
        le=5.0,
        description="how fast a covered but unseen face grows on each side, in face sizes per "
        "second away from the nearest detection",
    )
    hidden_s: float = Field(
        default=0.3,
        ge=0.0,
        le=30.0,
        description="how long a face stays covered that was followed in the picture until it went "
        "behind something, in seconds; otherwise carry_s",
    )
    second_score: float = Field(
        default=0.3,
        ge=0.0,
        le=1.0,
        description="what was never seen with keep_score or more is dropped if half of the "
        "second looks at it, at larger size, score less than this (0 to 1) and none scores "
        "keep_score; 0 drops nothing",
    )
    large_look_s: float = Field(
        default=1.0,
        ge=0.0,
        le=60.0,
        description="how often the picture is looked at in twice the size, in seconds, while that "
        "finds more faces, and at the beginning of every shot; less often while it does not; "
        "0 never does",
    )
    max_growth: float = Field(
        default=0.5, ge=0.0, le=5.0, description="limit of that growth, in face sizes on each side"
    )
