"""Options of blur, pixelate, mask and none."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

COLOURS: dict[str, str] = {
    "black": "#000000",
    "white": "#ffffff",
    "grey": "#808080",
    "gray": "#808080",
    "red": "#c62828",
    "orange": "#ef6c00",
    "yellow": "#f9a825",
    "green": "#2e7d32",
    "teal": "#00796b",
    "blue": "#1565c0",
    "purple": "#6a1b9a",
    "pink": "#d81b60",
}


class _Options(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class _CoverOptions(_Options):
    margin: float = Field(
        default=0.25,
        ge=0.0,
        le=1.0,
        description="Added around the face on each side, as a share of the face's longer side; "
        "twice as much above, for the hair. Unit: none.",
    )


class BlurOptions(_CoverOptions):
    """Options of ``blur``."""

    # Fewer cells cost no utility, since no expression is left at five either, and they take from an
    # attacker who was retrained on blurred faces what he can still tell apart.
    cells: int = Field(
        default=3,
        ge=2,
        le=16,
        description="Samples that are left over the longer side of a face, at any resolution. "
        "Fewer is safer. Unit: samples.",
    )
    shape: Literal["head", "box", "ellipse"] = Field(
        default="head",
        description="head: the tilted head and the detector's box; box: the upright rectangle "
        "around that; ellipse: the tilted head without the corners of the box.",
    )
    feather: float = Field(
        default=0.04,
        ge=0.0,
        le=0.5,
        description="Width of the soft border, which lies outside the covered region, as a share "
        "of the face's longer side. Unit: none.",
    )


class PixelateOptions(_CoverOptions):
    """Options of ``pixelate``."""

    cells: int = Field(
        default=4,
        ge=2,
        le=16,
        description="Squares over the longer side of a face, at any resolution. Fewer is safer. "
        "Unit: squares.",
    )
    shape: Literal["head", "box", "ellipse"] = Field(
        default="box",
        description="box: an upright rectangle; head: the tilted head and the detector's box; "
        "ellipse: the tilted head without the corners of the box.",
    )


class MaskOptions(_CoverOptions):
    """Options of ``mask``."""

    shape: Literal["box", "ellipse", "landmark"] = Field(
        default="box",
        description="box: an upright rectangle around the head; ellipse: the tilted head without "
        "the corners of the box; landmark: brows to chin and cheek to cheek, which leaves hair and "
        "ears.",
    )
    colour: str = Field(
        default="blue",
        description="Name (" + ", ".join(COLOURS) + ") or #rrggbb.",
    )

    @field_validator("colour")
    @classmethod
    def _known_colour(cls, value: str) -> str:
        text = value.strip().lower()
        if text in COLOURS or re.fullmatch(r"#[0-9a-f]{6}", text):
            return text
        raise ValueError(f"expected #rrggbb or one of {', '.join(COLOURS)}, got {value!r}")

    @property
    def bgr(self) -> tuple[int, int, int]:
        """The colour in the order of an image's channels, 0 to 255."""
        digits = COLOURS.get(self.colour, self.colour)[1:]
        red, green, blue = (int(digits[i : i + 2], 16) for i in (0, 2, 4))
        return blue, green, red


class NoneOptions(_Options):
    """``none`` has no options."""
