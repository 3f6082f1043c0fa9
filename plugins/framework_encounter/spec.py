"""The encounter file: which recordings belong together, whom they show, and how clocks are matched.

::

    version: 1
    id: enc-0042                       # a pseudonym, never a name, date or record number
    recordings:
      - {file: patient.mp4, shows: patient}
      - {file: doctor.mp4, shows: doctor}
    sync: audio
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from framework.errors import ConfigError
from framework.suggest import did_you_mean
from framework.types import Role
from framework_encounter.dyad.options import DyadOptions
from framework_encounter.yaml_lines import Document, read_document

RoleName = Literal["patient", "doctor"]
SyncMethod = Literal["audio", "timecode", "creation-time", "manual"]
Side = Annotated[float, Field(ge=0.0, le=1.0)]
Region = tuple[Side, Side, Side, Side]

SIDES: dict[str, Region] = {"left": (0.0, 0.0, 0.5, 1.0), "right": (0.5, 0.0, 1.0, 1.0)}
"""Halves of the picture, as the viewer sees it."""


class Recording(BaseModel):
    """One camera."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    file: str = Field(min_length=1, description="the recording; relative to the encounter file")
    shows: tuple[RoleName, ...] = Field(
        min_length=1, max_length=2, description="whom it shows: patient, doctor, or both as a list"
    )
    offset_s: float | None = Field(
        default=None,
        ge=-86400,
        le=86400,
        allow_inf_nan=False,
        description="when it starts on the clock of the patient's camera, seconds; replaces the "
        "synchronisation of this recording",
    )
    regions: dict[RoleName, Region] = Field(
        default_factory=dict,
        description="where somebody is in the picture: left, top, right, bottom as shares of width "
        "and height, 0 to 1",
    )

    @field_validator("shows", mode="before")
    @classmethod
    def _one(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("regions", mode="before")
    @classmethod
    def _sides(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        return {k: SIDES.get(v, v) if isinstance(v, str) else v for k, v in value.items()}

    @model_validator(mode="after")
    def _consistent(self) -> Recording:
        if len(set(self.shows)) != len(self.shows):
            raise ValueError("shows: a role is named twice")
        for role, (left, top, right, bottom) in self.regions.items():
            if role not in self.shows:
                raise ValueError(f"regions: {role} is not among those the recording shows")
            if not (left < right and top < bottom):
                raise ValueError(
                    f"regions.{role}: expected left < right and top < bottom, "
                    f"got {left}, {top}, {right}, {bottom}"
                )
        return self

    @property
    def roles(self) -> tuple[Role, ...]:
        return tuple(Role(name) for name in self.shows)


MARGIN_SHARE = 0.07


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Cosine similarity that a face needs, and its lead over the next one."""

    min_similarity: float
    min_margin: float


class Matching(BaseModel):
    """When a face is the person of a reference picture."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    recognizer: str | None = Field(
        default=None, description="installed recogniser that compares faces"
    )
    min_similarity: float | None = Field(
        default=None,
        ge=-1,
        le=1,
        description="cosine similarity with the reference that a face needs, -1 to 1; default: "
        "what one in a thousand comparisons of strangers reaches, if that was measured",
    )
    min_margin: float | None = Field(
        default=None,
        ge=0,
        le=2,
        description="by how much the best face must lead the next one, 0 to 2; default: "
        f"{MARGIN_SHARE} of the way from min_similarity to 1",
    )

    def in_force(self, measured: float | None) -> Thresholds:
        """The thresholds, with the recogniser's own where nothing else is said.

        Args:
            measured: ``match_threshold`` of the recogniser; None if nobody measured it.

        Raises:
            ConfigError: there is none.
        """
        similarity = measured if self.min_similarity is None else self.min_similarity
        if similarity is None:
            raise ConfigError(
                f"recogniser '{self.recognizer}' does not say from which similarity on two faces "
                "are the same; give matching.min_similarity in the encounter file"
            )
        margin = self.min_margin
        return Thresholds(similarity, MARGIN_SHARE * (1 - similarity) if margin is None else margin)


class Encounter(BaseModel):
    """One conversation, seen by one or more cameras."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = Field(default=1, description="version of this format: 1")
    id: str = Field(default="encounter", description="pseudonym of the encounter")
    recordings: tuple[Recording, ...] = Field(min_length=1, max_length=8, description="the cameras")
    sync: SyncMethod = Field(default="audio", description="how the clocks are matched")
    min_sync_confidence: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="below this share of agreeing windows the run stops, 0 to 1",
    )
    references: dict[RoleName, str] = Field(
        default_factory=dict, description="picture with the face of somebody; never copied anywhere"
    )
    matching: Matching = Field(
        default_factory=lambda: Matching(), description="comparison with references"
    )
    voice_activity: bool = Field(
        default=False,
        description="find out when somebody speaks (needs silero-vad); no sound is kept",
    )
    doctor_scores: Literal["doctor-view", "shared"] = Field(
        default="doctor-view",
        description="who gets the doctor's emotions: the doctor's own folder alone, or everybody "
        "who gets the results",
    )

    dyad: DyadOptions = Field(
        default_factory=lambda: DyadOptions(),
        description="how mimicry and synchrony of the two are computed",
    )

    @field_validator("id", mode="before")
    @classmethod
    def _pseudonym(cls, given: Any) -> str:
        value = str(given)  # YAML reads a bare date as a date, and 0042 as a number
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9-]{0,39}", value):
            raise ValueError("expected a pseudonym of letters, digits and hyphens, at most 40")
        if re.search(r"\d{6}|\d{4}-\d{1,2}-\d{1,2}|\d{1,2}-\d{1,2}-\d{4}", value):
            raise ValueError(
                "this looks like a date or a record number; expected a pseudonym such as enc-0042"
            )
        return value

    @model_validator(mode="after")
    def _whole(self) -> Encounter:
        shown = {role for recording in self.recordings for role in recording.shows}
        for role in self.references:
            if role not in shown:
                raise ValueError(f"references: no recording shows the {role}")
        if self.sync == "manual" and any(r.offset_s is None for r in self.others):
            raise ValueError(
                "sync: manual needs offset_s for every recording but the patient's camera"
            )
        return self

    @property
    def clock(self) -> int:
        """Position of the recording whose clock is shared: the first that shows the patient."""
        return next((k for k, r in enumerate(self.recordings) if "patient" in r.shows), 0)

    @property
    def others(self) -> tuple[Recording, ...]:
        """Every recording but the one whose clock is shared."""
        return tuple(r for k, r in enumerate(self.recordings) if k != self.clock)

    @property
    def roles(self) -> tuple[Role, ...]:
        """Everybody somebody's camera shows, the patient first."""
        shown = {role for recording in self.recordings for role in recording.shows}
        return tuple(role for role in (Role.PATIENT, Role.DOCTOR) if str(role) in shown)


def load_encounter(path: Path) -> Encounter:
    """Read an encounter file; the files it names are relative to its folder.

    Raises:
        ConfigError: missing, not YAML, or not valid: with file, line and field.
    """
    document = read_document(path, "encounter file")
    try:
        encounter = Encounter.model_validate(document.data)
    except ValidationError as error:
        raise _explained(error, document) from None
    folder = path.parent
    return encounter.model_copy(
        update={
            "recordings": tuple(
                r.model_copy(update={"file": str(folder / r.file)}) for r in encounter.recordings
            ),
            "references": {k: str(folder / v) for k, v in encounter.references.items()},
        }
    )


def make_encounter(values: dict[str, Any]) -> Encounter:
    """An encounter from values of the command line or of Python.

    Raises:
        ConfigError: a value does not validate.
    """
    try:
        return Encounter.model_validate(values)
    except ValidationError as error:
        raise _explained(error, None) from None


def _explained(error: ValidationError, document: Document | None) -> ConfigError:
    errors = error.errors(include_url=False)
    # A misspelt key is both unknown and missing; the first says what to do.
    first = next((e for e in errors if e["type"] == "extra_forbidden"), errors[0])
    loc = tuple(part for part in first["loc"] if part != "[key]")
    message = str(first["msg"]).removeprefix("Value error, ").replace("Input should be", "expected")
    if first["type"] == "extra_forbidden":
        message = f"unknown key{did_you_mean(str(loc[-1]), _keys_at(loc))}"
    elif first["type"] == "missing":
        message = "it is missing"
    elif first["type"] != "value_error":
        shown = repr(first.get("input"))
        message += f", got {shown if len(shown) <= 60 else shown[:57] + '...'}"
    field = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in loc).lstrip(".")
    where = f"encounter: {field}" if document is None else document.place(loc, field)
    return ConfigError(f"{where}: {message}" if field or document else f"encounter: {message}")


def _keys_at(loc: tuple[Any, ...]) -> list[str]:
    names = [part for part in loc[:-1] if isinstance(part, str)]
    model: type[BaseModel] = Encounter
    if names:
        known: dict[str, type[BaseModel]] = {"recordings": Recording, "matching": Matching}
        model = known.get(names[-1], Encounter)
    return list(model.model_fields)
