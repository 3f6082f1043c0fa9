"""What a rule file may say.

Probabilities are those of one second, 0 to 1; a condition on several emotions compares their sum.
"""

from __future__ import annotations

import string
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from framework.types import EMOTIONS, NEGATIVE_EMOTIONS

Emotion = Literal["anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise"]
Person = Literal["patient", "doctor", "unknown"]
# strict: YAML reads a bare "no" as False, which must not become 0 seconds.
Share = Annotated[float, Field(ge=0.0, le=1.0, strict=True)]
LEAVE_SHARE = 0.7
PLACEHOLDERS = frozenset({"emotion", "seconds"})


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Observation(_Strict):
    """Somebody shows one of these emotions."""

    role: Person = Field(description="Whose face: patient, doctor, or unknown (role not assigned).")
    emotions: tuple[Emotion, ...] = Field(
        min_length=1,
        max_length=len(EMOTIONS),
        description="Emotions whose probabilities are added up, or the word 'negative' for "
        "anger, disgust, fear and sadness.",
    )
    min_probability: float = Field(
        default=0.5,
        gt=0.0,
        le=1.0,
        strict=True,
        description="The condition begins at this sum, 0 to 1.",
    )
    leave_probability: Share | None = Field(
        default=None,
        description="It ends below this sum, 0 to 1, at most min_probability (hysteresis). "
        f"Default: {LEAVE_SHARE} of min_probability.",
    )

    @field_validator("emotions", mode="before")
    @classmethod
    def _group(cls, value: Any) -> Any:
        if value == "negative":
            return sorted(NEGATIVE_EMOTIONS)
        return [value] if isinstance(value, str) else value

    @model_validator(mode="after")
    def _ordered(self) -> Observation:
        if self.leave_probability is not None and self.leave_probability > self.min_probability:
            raise ValueError(
                f"leave_probability ({self.leave_probability}) must not be above "
                f"min_probability ({self.min_probability})"
            )
        return self

    @property
    def leave(self) -> float:
        """The sum below which the condition ends."""
        if self.leave_probability is None:
            return LEAVE_SHARE * self.min_probability
        return self.leave_probability


class SecondObservation(Observation):
    """The same about another person, for ``and`` and ``without``."""

    within_s: int = Field(
        default=0,
        ge=0,
        le=60,
        strict=True,
        description="Seconds back in which it counts too, for an answer that comes later.",
    )


class Absence(_Strict):
    """Nobody with this role has a readable face."""

    role: Person = Field(description="Whose face is missing: patient, doctor, or unknown.")


class Rule(_Strict):
    """One rule: a condition, how long it must hold, and what to say to whom."""

    name: str = Field(
        pattern=r"^[a-z][a-z0-9-]{0,62}$",
        description="Lower-case letters, digits and hyphens; unique in the file.",
    )
    to: Literal["doctor", "patient"] = Field(default="doctor", description="Whom it addresses.")
    observe: Observation | None = Field(default=None, description="The emotions that start it.")
    absence: Absence | None = Field(
        default=None, description="Instead of observe: no readable face."
    )
    both: SecondObservation | None = Field(
        default=None, alias="and", description="Holds in the same seconds as observe."
    )
    without: SecondObservation | None = Field(
        default=None,
        description="Does not hold although that face is readable; a face that cannot be read is "
        "no evidence of a missing answer.",
    )
    persistence_s: int = Field(
        default=3, ge=1, le=3600, strict=True, description="Readable seconds it must hold, seconds."
    )
    max_gap_s: int = Field(
        default=1,
        ge=0,
        le=60,
        strict=True,
        description="Unreadable seconds in a row that are bridged without counting; more begin "
        "anew, seconds.",
    )
    cool_down_s: int = Field(
        default=60,
        ge=0,
        le=86400,
        strict=True,
        description="Pause before the rule may speak again, seconds.",
    )
    repeat: bool = Field(
        default=False,
        description="After the cool-down, speak again while the same stretch still lasts.",
    )
    min_coverage: Share = Field(
        default=0.3,
        description="Share of a second in which the face must have been seen, else that second is "
        "unreadable, 0 to 1.",
    )
    text: str = Field(
        min_length=5,
        max_length=400,
        description="What is shown. {emotion} and {seconds} are filled in.",
    )

    @field_validator("text")
    @classmethod
    def _placeholders(cls, value: str) -> str:
        try:
            parts = list(string.Formatter().parse(value))
        except ValueError as error:
            raise ValueError(f"braces are not balanced ({error}); write {{{{ for a brace") from None
        for _, name, layout, conversion in parts:
            if name is not None and (name not in PLACEHOLDERS or layout or conversion):
                raise ValueError(f"expected only {{emotion}} and {{seconds}}, got {{{name}}}")
        return value

    @model_validator(mode="after")
    def _one_condition(self) -> Rule:
        if (self.observe is None) == (self.absence is None):
            raise ValueError("expected either 'observe' or 'absence'")
        if self.absence is not None and (self.both is not None or self.without is not None):
            raise ValueError("'and' and 'without' go with 'observe', not with 'absence'")
        return self


class RuleFile(_Strict):
    """A whole rule file."""

    version: Literal[1] = Field(description="Version of this format.")
    min_interval_s: int = Field(
        default=20,
        ge=0,
        le=3600,
        strict=True,
        description="Pause between any two pieces of advice to the same person, seconds. Rules "
        "that come first in the file win.",
    )
    rules: tuple[Rule, ...] = Field(min_length=1, max_length=100, description="The rules.")

    @model_validator(mode="after")
    def _unique(self) -> RuleFile:
        names = [rule.name for rule in self.rules]
        if double := sorted({n for n in names if names.count(n) > 1}):
            raise ValueError(f"rule names must be unique, got {double[0]!r} twice")
        return self
