"""Parts of a recording that a user names: a span of time, and areas of the picture."""

from __future__ import annotations

import re
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Span(BaseModel):
    """From when to when, on the recording's own clock.

    Written as ``12:30-15:00``, ``90-120.5`` or ``1:02:03-`` (to the end).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    start_s: float = Field(ge=0)
    end_s: float | None = Field(default=None, gt=0)

    @model_validator(mode="before")
    @classmethod
    def _parsed(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        start, dash, end = (part.strip() for part in value.partition("-"))
        try:
            if not dash or not (start or end):
                raise ValueError
            return {
                "start_s": seconds_of(start) if start else 0.0,
                "end_s": seconds_of(end) if end else None,
            }
        except ValueError:
            raise ValueError(f"expected FROM-TO, as in 12:30-15:00 or 90-, got {value}") from None

    @model_validator(mode="after")
    def _ordered(self) -> Span:
        if self.end_s is not None and self.end_s <= self.start_s:
            raise ValueError(f"it ends at {self.end_s:g} s, before it starts")
        return self

    def __str__(self) -> str:
        end = "the end" if self.end_s is None else in_words(self.end_s)
        return f"{in_words(self.start_s)} to {end}"


def seconds_of(text: str) -> float:
    """``75``, ``75.5``, ``1:15`` or ``1:02:03.5`` as seconds.

    Raises:
        ValueError: it is none of these.
    """
    if not re.fullmatch(r"(\d+:)?(\d+:)?\d+(\.\d+)?", text):
        raise ValueError(text)
    total = 0.0
    for part in text.split(":"):
        total = 60 * total + float(part)
    return total


def in_words(seconds: float) -> str:
    """``12:30`` or ``1:02:03.5``."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(minutes), 60)
    end = f"{rest:06.3f}".rstrip("0").rstrip(".")
    return f"{hours}:{minutes:02d}:{end}" if hours else f"{minutes}:{end}"


class Area(BaseModel):
    """A rectangle of the upright picture, for some time or throughout.

    Written as ``x,y,width,height[,from,to]``: pixels from the left and from the top, and times as
    for :class:`Span`.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    x: int = Field(ge=0, le=65535)
    y: int = Field(ge=0, le=65535)
    width: int = Field(ge=1, le=65535)
    height: int = Field(ge=1, le=65535)
    start_s: float = Field(default=0.0, ge=0)
    end_s: float | None = Field(default=None, gt=0)

    @model_validator(mode="before")
    @classmethod
    def _parsed(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        parts = [part.strip() for part in value.split(",")]
        try:
            if len(parts) not in (4, 6):
                raise ValueError
            numbers = [int(part) for part in parts[:4]]
            times: list[float | None] = [seconds_of(part) for part in parts[4:]]
            times = times or [0.0, None]
        except ValueError:
            raise ValueError(
                "expected x,y,width,height in pixels, or these and from,to in seconds or "
                f"minutes:seconds, got {value}"
            ) from None
        keys = ("x", "y", "width", "height", "start_s", "end_s")
        return dict(zip(keys, [*numbers, *times], strict=True))

    @model_validator(mode="after")
    def _ordered(self) -> Area:
        if self.end_s is not None and self.end_s <= self.start_s:
            raise ValueError(f"expected from before to, got {self.start_s:g} and {self.end_s:g}")
        return self

    def __str__(self) -> str:
        end = "the end" if self.end_s is None else in_words(self.end_s)
        return (
            f"{self.width} x {self.height} pixels at {self.x}, {self.y} from "
            f"{in_words(self.start_s)} to {end}"
        )

    def is_on(self, time_s: float) -> bool:
        """Whether it is covered at this time of the output, seconds."""
        return self.start_s <= time_s and (self.end_s is None or time_s < self.end_s)
