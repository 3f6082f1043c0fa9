"""Options of the exporters."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class NoOptions(BaseModel):
    """An exporter without options."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class LinkedMediaOptions(BaseModel):
    """An exporter whose files link the covered recordings."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    copy_media: bool = Field(
        False, description="Copy the covered recordings beside the files; otherwise link them."
    )
