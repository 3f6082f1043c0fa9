"""Configuration: what a run is made of, from defaults, a file and the command line.

Precedence: defaults < ``run.yaml`` < ``-o``. Both write the same keys::

    anonymizer: blur              # run.yaml               -a blur
    anonymizer.cells: 6           #                        -o anonymizer.cells=6
    options:                      # the same, nested
      anonymizer: {cells: 6}
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from framework.errors import ConfigError
from framework.pipeline.parts import Area, Span
from framework.reading import read_limited, why_unreadable
from framework.suggest import did_you_mean
from framework.types import Role
from framework.yaml_input import MAX_BYTES, read_yaml

Model = TypeVar("Model", bound=BaseModel)
Options = dict[str, dict[str, Any]]

COMPONENT_GROUPS = ("detector", "tracker", "anonymizer", "voice", "fer", "measures", "recommender")
"""Option groups that belong to a component; ``fer`` is the emotion classifier."""


class RunConfig(BaseModel):
    """Everything that decides what a run does, apart from the files it reads and writes."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    detector: str = Field("retinaface", description="face detector")
    tracker: str = Field("bytetrack", description="face tracker")
    anonymizer: str = Field("blur", description="how faces are covered")
    fer: str = Field("resnet", description="emotion classifier, or 'none'")
    measures: str = Field("none", description="what else is measured of faces, or 'none'")
    recommender: str = Field("rules", description="source of advice, or 'none'")
    options: Options = Field(
        default_factory=dict, description="options of components and stages, by group and name"
    )
    role: Role = Field(Role.PATIENT, description="whom the recording shows: patient or doctor")
    people: int = Field(
        1,
        ge=1,
        le=16,
        description="how many people belong to the encounter; the others are bystanders, covered "
        "and not analysed",
    )
    fer_rate: float = Field(
        5.0, gt=0, le=240, description="emotion samples a second and person; 240: every frame"
    )
    on_miss: Literal["cover", "drop", "abort"] = Field(
        "cover",
        description="what happens to a frame whose faces could not be established (cover hides "
        "the whole frame)",
    )
    allow_no_faces: bool = Field(
        False, description="let frames and recordings in which no face was found pass as they are"
    )
    sequence: bool = Field(
        False,
        description="the images of a folder are the frames of one recording, 25 a second; without "
        "it each is a picture of its own",
    )
    allow_other_recording: bool = Field(
        False,
        description="render a track table although the recording shows something else than the one "
        "that was analysed, for instance after encoding it anew",
    )
    audio: Literal["drop", "keep", "anonymize"] = Field(
        "drop", description="what happens to the sound; a voice identifies a person"
    )
    voice: str = Field("silence", description="voice anonymizer, for '--audio anonymize'")
    span: Span | None = Field(
        None, description="the part that counts, as in 12:30-15:00; the rest is in no output"
    )
    cover_area: tuple[Area, ...] = Field(
        (),
        description="a part of the picture that is covered whatever is in it: "
        "x,y,width,height[,from,to] in pixels and seconds; repeatable",
    )
    per_frame: bool = Field(False, description="also write a row for each classified face")
    recheck: bool = Field(True, description="repeat the emotion analysis on the covered video")
    search_again: bool = Field(
        True,
        description="look for faces in the covered video that are not ours, and compare those that "
        "are with the original",
    )
    licence_policy: Literal["any", "research", "commercial"] = Field(
        "any",
        description="what the licences of all weights, and of their training data, must allow",
    )
    plugins: dict[str, str] | None = Field(
        None,
        description="distributions that may bring components beside our own, with their versions",
    )
    threads: int = Field(
        0, ge=0, le=256, description="CPU threads; 0 takes as many as there are cores"
    )
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="where networks run")
    seed: int = Field(0, ge=0, lt=2**32, description="seed of everything random")

    def options_of(self, group: str) -> dict[str, Any]:
        """The options of one group, empty if none was set."""
        return self.options.get(group, {})


def validated(model: type[Model], values: Mapping[str, Any], prefix: str = "") -> Model:
    """Check ``values`` against a model.

    Args:
        prefix: what the user writes before a field's name, for the message.

    Raises:
        ConfigError: one line that names the field, what is allowed and the value.
    """
    try:
        return model.model_validate(dict(values))
    except ValidationError as error:
        raise ConfigError(
            "; ".join(_explain(model, dict(e), prefix) for e in error.errors())
        ) from None


def _explain(model: type[BaseModel], error: dict[str, Any], prefix: str) -> str:
    path = [str(part) for part in error["loc"]]
    name = ".".join([prefix, *path] if prefix else path)
    if error["type"] == "extra_forbidden":
        if not model.model_fields:
            return f"unknown option {name}; it has no options"
        return f"unknown option {name}{did_you_mean(path[-1], model.model_fields)}"
    if error["type"] == "missing":
        return f"option {name} is required"
    message = str(error["msg"]).removeprefix("Value error, ")
    message = message[0].lower() + message[1:]
    field = model.model_fields.get(path[0]) if path else None
    limits = field_limits(field) if field is not None else ""
    allowed = f" (allowed: {limits})" if limits and len(path) == 1 else ""
    number = error["type"] == "string_type" and isinstance(error["input"], int | float)
    quotes = f"; write it in quotes: '{error['input']}'" if number else ""
    return f"option {name}: {message}{allowed}, got {_short(error['input'])}{quotes}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def field_limits(field: Any) -> str:
    """The bounds of a pydantic field in words, for instance ``>= 1, <= 99``."""
    signs = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}
    found = [
        f"{sign} {getattr(rule, key)}"
        for rule in field.metadata
        for key, sign in signs.items()
        if getattr(rule, key, None) is not None
    ]
    return ", ".join(found)


def parse_option(text: str) -> tuple[str, str, Any]:
    """``"anonymizer.cells=6"`` as (group, field, value); the value is read as YAML.

    Raises:
        ConfigError: not of this form.
    """
    key, equals, raw = text.partition("=")
    group, dot, name = key.strip().partition(".")
    if not (equals and dot and group and name):
        raise ConfigError(f"option {text!r}: expected GROUP.NAME=VALUE, as in anonymizer.cells=6")
    if not raw.strip() or raw.lstrip().startswith("#"):  # a colour, not a comment
        return group, name, raw.strip()
    try:
        value = read_yaml(raw)
    except yaml.YAMLError:
        value = raw
    return group, name, value


def merge_options(base: Mapping[str, Mapping[str, Any]], texts: Iterable[str]) -> Options:
    """``base`` with the options of the command line on top."""
    merged: Options = {group: dict(values) for group, values in base.items()}
    for text in texts:
        group, name, value = parse_option(text)
        merged.setdefault(group, {})[name] = value
    return merged


def read_mapping(path: Path) -> dict[str, Any]:
    """A YAML file that must hold a mapping.

    Raises:
        ConfigError: missing, not YAML (with the line), or not a mapping.
    """
    try:
        text = read_limited(path, MAX_BYTES).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"configuration {path}: {why_unreadable(error)}") from None
    try:
        content = read_yaml(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise ConfigError(f"configuration {path}, line {line}: {error.problem}") from None
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"configuration {path}: not YAML that is read ({reason})") from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise ConfigError(f"configuration {path}: expected 'key: value' lines")
    return {str(key): value for key, value in content.items()}


def load_run_config(
    path: Path | None = None,
    options: Iterable[str] = (),
    **overrides: Any,
) -> RunConfig:
    """Put a run's configuration together: defaults < file < ``options`` and ``overrides``.

    Args:
        path: a ``run.yaml``, or None.
        options: ``GROUP.NAME=VALUE`` texts, as after ``-o``.
        overrides: fields of :class:`RunConfig` from the command line; None means "not given".

    Raises:
        ConfigError: the file or a value does not validate.
    """
    values = read_mapping(path) if path is not None else {}
    nested = values.pop("options", None) or {}
    if not isinstance(nested, dict) or not all(isinstance(v, dict) for v in nested.values()):
        raise ConfigError(f"configuration {path}: 'options' expects GROUP: {{NAME: VALUE}}")
    base: Options = {str(group): dict(fields) for group, fields in nested.items()}
    for key in [key for key in values if "." in key]:
        group, _, name = key.partition(".")
        base.setdefault(group, {})[name] = values.pop(key)
    values["options"] = merge_options(base, options)
    values.update({key: value for key, value in overrides.items() if value is not None})
    prefix = "" if path is None else str(path)
    return validated(RunConfig, values, prefix)
