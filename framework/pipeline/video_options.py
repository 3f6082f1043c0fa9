"""Options of the covered recording: ``-o video.codec=hevc``."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class VideoOptions(BaseModel):
    """How the covered recording is encoded. Still images and folders have no such choice."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    codec: Literal["h264", "hevc", "av1", "vp9", "mpeg4", "mjpeg", "ffv1"] | None = Field(
        None, description="video codec; none: H.264, which plays everywhere"
    )
    quality: Literal["small", "standard", "high"] = Field(
        "standard", description="small files, visually close to the original, or closer still"
    )
