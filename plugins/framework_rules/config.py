"""Options of ``rules``."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field


class RulesOptions(BaseModel):
    """Options of ``rules``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rules: str | None = Field(
        default=None,
        min_length=1,
        max_length=4096,
        description="Path of a rule file (YAML, see docs/rules.md). None: the rules that come with "
        "the package.",
    )
