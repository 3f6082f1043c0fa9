"""``release.yaml``: what a person has to say about a release, because no file knows it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from framework.errors import ConfigError
from framework.reading import why_unreadable
from framework.suggest import did_you_mean


class Author(BaseModel):
    """One author.

    Attributes:
        orcid: its sixteen digits, as ``0000-0002-1825-0097``.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(min_length=1, description="Family name, given names.")
    orcid: str | None = Field(None, pattern=r"^\d{4}-\d{4}-\d{4}-\d{3}[\dX]$", description="ORCID.")
    affiliation: str | None = Field(None, description="Institution.")


class ReleaseConfig(BaseModel):
    """What stands in ``release.yaml``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str = Field(min_length=3, description="Title of the data set.")
    description: str = Field("", description="One paragraph: what it is, and what it is for.")
    authors: tuple[Author, ...] = Field(min_length=1, description="In the order of citation.")
    publisher: str = Field(min_length=1, description="Institution that answers for the release.")
    licence: str = Field(
        min_length=1, description="SPDX identifier, or the name of the data use agreement."
    )
    licence_url: str | None = Field(None, pattern=r"^https?://\S+$", description="Its text.")
    ethics_approval: str = Field(min_length=1, description="Board and number of its approval.")
    consent_basis: str = Field(
        min_length=1, description="What the people agreed to, in a sentence."
    )
    contact: str = Field(min_length=3, description="Whom to write to, also to withdraw.")
    access: Literal["open", "registered", "controlled"] = Field(
        description="Who may have it: anybody, registered researchers, or after review."
    )
    keywords: tuple[str, ...] = Field((), description="Subjects.")
    url: str | None = Field(None, pattern=r"^https?://\S+$", description="Where it is published.")
    doi: str | None = Field(None, pattern=r"^10\.\d{4,9}/\S+$", description="Its DOI.")
    funding: tuple[str, ...] = Field((), description="Funders and grants.")
    references: tuple[str, ...] = Field((), description="Papers, as links or citations.")
    version: str = Field("1.0.0", pattern=r"^\d+\.\d+\.\d+$", description="Of the first release.")
    task: str = Field(
        "consultation", pattern=r"^[a-z][a-z0-9]{0,30}$", description="Label of the situation."
    )
    task_description: str = Field("", description="What people did in front of the camera.")

    groups: tuple[str, ...] = Field(
        (), description="Columns of encounters.csv that may leave; everything else stays."
    )
    age_column: str | None = Field(
        "age", description="Which of them is an age in years; it leaves in bands."
    )
    age_band: int = Field(10, ge=5, le=50, description="Width of the narrowest band, years.")
    k: int = Field(5, ge=2, le=1000, description="People who must share each combination.")

    recognizers: tuple[str, ...] = Field(
        (), description="Who must recognise nobody; empty takes the strongest that is installed."
    )
    reviewers: int = Field(0, ge=0, le=10, description="0 takes what study.yaml says, else one.")
    tracks: bool = Field(False, description="Release the track tables (boxes, no pictures).")
    audio: Literal["drop", "keep"] = Field(
        "drop", description="Sound of covered recordings; keep only changed voices."
    )
    parquet: bool = Field(True, description="Tables as Parquet beside CSV.")
    credentials: Literal["sign", "none"] = Field(
        "sign", description="Sign a C2PA manifest into each recording, or not."
    )
    certificate: Path | None = Field(
        None, description="PEM chain to sign with; by default an own test certificate is made."
    )
    private_key: Path | None = Field(None, description="PEM key that belongs to it.")
    watermark: bool = Field(True, description="Watermark recordings that show generated faces.")

    @field_validator("groups")
    @classmethod
    def _columns(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,40}", name):
                raise ValueError(f"'{name}' is no name of a column")
        if len(set(names)) != len(names):
            raise ValueError("a column is named twice")
        return names


def load_release_config(path: Path) -> ReleaseConfig:
    """Read ``release.yaml``; paths in it are relative to its folder.

    Raises:
        ConfigError: it cannot be read, or a key is unknown, missing or wrong; the message names it.
    """
    try:
        values: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            f"{path}: no such file; it says what no other file knows (title, authors, licence, "
            f"ethics approval); docs/release.md has one to copy"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {why_unreadable(error)}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark is not None else ""
        raise ConfigError(f"{path}{where}: no YAML; check indents and quotes") from None
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: expected keys and values")
    known = ReleaseConfig.model_fields
    for key in values:
        if key not in known:
            raise ConfigError(f"{path}: unknown key {key}{did_you_mean(str(key), known)}")
    try:
        made = ReleaseConfig.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        field = known.get(str(first["loc"][0])) if first["loc"] else None
        hint = f" ({field.description})" if field is not None and field.description else ""
        raise ConfigError(f"{path}: {where}: {first['msg']}{hint}") from None
    if (made.certificate is None) != (made.private_key is None):
        raise ConfigError(f"{path}: certificate and private_key belong together; give both")
    there = {
        name: path.parent / value
        for name in ("certificate", "private_key")
        if (value := getattr(made, name)) is not None
    }
    return made.model_copy(update=there)
