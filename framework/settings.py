"""The keyword arguments of :func:`framework.run` and its kind, for type checkers and editors.

They are the fields of :class:`framework.config.RunConfig`, which says what each means and checks
its value; a test holds the two together. None means "not given".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypedDict

from framework.pipeline.parts import Area, Span
from framework.types import Role


class Settings(TypedDict, total=False):
    """What decides what a run does."""

    detector: str | None
    tracker: str | None
    anonymizer: str | None
    fer: str | None
    measures: str | None
    recommender: str | None
    role: Role | Literal["patient", "doctor", "bystander", "unknown"] | None
    people: int | None
    fer_rate: float | None
    on_miss: Literal["cover", "drop", "abort"] | None
    allow_no_faces: bool | None
    sequence: bool | None
    allow_other_recording: bool | None
    audio: Literal["drop", "keep", "anonymize"] | None
    voice: str | None
    span: Span | str | None
    cover_area: Sequence[Area | str] | None
    per_frame: bool | None
    recheck: bool | None
    search_again: bool | None
    licence_policy: Literal["any", "research", "commercial"] | None
    plugins: dict[str, str] | None
    threads: int | None
    device: Literal["auto", "cpu", "cuda"] | None
    seed: int | None
