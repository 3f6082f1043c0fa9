"""Options of the anonymizer."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class KSameOptions(BaseModel):
    """Options of ``k-same``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    k: int = Field(
        default=4,
        ge=2,
        le=64,
        description="How many donors go into a face. More is safer and more blurred. Unit: donors.",
    )
    donors: Literal["embedded", "user", "all"] = Field(
        default="embedded",
        description="Those that ship with the framework, those added with 'framework donors add', "
        "or both.",
    )
    folder: str = Field(
        default="",
        description="Where added donors are kept; empty: $FRAMEWORK_DONORS, or the data folder.",
    )
    choice: Literal["nearest", "random"] = Field(
        default="nearest",
        description="nearest: the k donors most like the face, as published; random: k donors "
        "drawn with the key, which says nothing about the face.",
    )
    exclude: tuple[str, ...] = Field(
        default=(),
        max_length=1000,
        description="Names of donors that are never used, such as portraits of people who are in "
        "the recording; as in [dr-one,dr-two].",
    )
    margin: float = Field(
        default=0.25,
        ge=0.0,
        le=1.0,
        description="Added around the face on each side, as a share of the face's longer side. "
        "Unit: none.",
    )
