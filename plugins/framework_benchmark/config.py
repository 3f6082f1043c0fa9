"""What a benchmark consists of: from the command line, or from a ``benchmark.yaml``::

data: lfw:~/data/lfw
anonymizers:
  - none
  - name: blur
    options: {cells: [4, 6, 8]}        # a list is a sweep: three methods
  - fomm
recognizers: [dlib, lbp]
persons: 200
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from framework.config import Options, merge_options, read_mapping, validated
from framework.errors import ConfigError
from framework.suggest import did_you_mean

PLAIN_GROUPS = ("detector", "tracker", "recommender")
"""Option groups of the components of which a benchmark has one."""

BRACKETS: tuple[tuple[str, dict[str, Any]], ...] = (("none", {}), ("mask", {"shape": "box"}))
"""No protection and a solid box: always measured, whatever else is."""


class MethodConfig(BaseModel):
    """One anonymizer with its options; an option that is a list is a sweep."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(description="the anonymizer, as in 'framework plugins'")
    options: dict[str, Any] = Field(
        default_factory=dict, description="its options; a list of values is a sweep"
    )

    def expanded(self) -> list[tuple[str, dict[str, Any]]]:
        """Every combination of the swept options."""
        axes = [
            [(key, v) for v in (value if isinstance(value, list) else [value])]
            for key, value in sorted(self.options.items())
        ]
        return [(self.name, dict(choice)) for choice in itertools.product(*axes)]


class BenchmarkConfig(BaseModel):
    """A whole benchmark."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    data: str = Field("synthetic", description="data set, for instance synthetic or lfw:DIR")
    data_name: str = Field(
        "", description="under which name components may have been trained on the data"
    )
    anonymizers: list[MethodConfig] = Field(
        default_factory=lambda: [MethodConfig(name=n) for n in ("mask", "blur", "pixelate")],
        description="what is compared; none and a solid box are always added",
    )
    recognizers: list[str] = Field(
        default_factory=list, description="attackers; empty: every recognizer that can be built"
    )
    fer: list[str] = Field(
        default_factory=list, description="emotion classifiers; empty: every one that can be built"
    )
    detector: str = Field("retinaface", description="face detector")
    tracker: str = Field("bytetrack", description="face tracker")
    recommender: str = Field("rules", description="for the agreement of advice; 'none' for none")
    attacks: tuple[str, ...] = Field(
        ("T0", "T1", "T2", "T3", "T4", "T5"), description="attacks to run"
    )
    metrics: tuple[str, ...] = Field(
        (), description="metrics of what is left; empty: every one that can be built"
    )
    options: Options = Field(
        default_factory=dict,
        description="options of detector, tracker, recommender, anonymizer:NAME, fer:NAME, "
        "recognizer:NAME, attack:NAME, metric:NAME; an anonymizer's option that is a list is a "
        "sweep",
    )
    persons: int = Field(200, ge=2, le=100_000, description="most persons that are attacked")
    fit: int = Field(
        100, ge=0, le=100_000, description="most other persons from whom T2, T3 and T5 learn"
    )
    probes: int = Field(2, ge=1, le=100, description="most probes of each person")
    frames: int = Field(150, ge=2, le=10_000, description="most frames of each clip")
    few: int = Field(10, ge=2, le=1000, description="size of the small gallery")
    resamples: int = Field(2000, ge=100, le=100_000, description="resamples of the bootstrap")
    seed: int = Field(0, ge=0, lt=2**32, description="seed of everything random")
    threads: int = Field(0, ge=0, le=256, description="CPU threads; 0: as many as there are cores")
    device: Literal["auto", "cpu", "cuda"] = Field("auto", description="where networks run")
    keep_templates: bool = Field(
        False, description="keep embeddings in the store after the run; they identify people"
    )

    @field_validator("anonymizers", mode="before")
    @classmethod
    def _names(cls, value: object) -> object:
        if isinstance(value, str):
            value = [name.strip() for name in value.split(",") if name.strip()]
        if isinstance(value, list):
            return [{"name": v} if isinstance(v, str) else v for v in value]
        return value

    @field_validator("recognizers", "fer", "attacks", "metrics", mode="before")
    @classmethod
    def _commas(cls, value: object) -> object:
        if isinstance(value, str):
            return [name.strip() for name in value.split(",") if name.strip()]
        return value

    @field_validator("attacks")
    @classmethod
    def _labels(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        """The reference attacks are T0 to T5 in tables, and may be written either way."""
        return tuple(n.upper() if re.fullmatch(r"t\d", n) else n for n in value)

    def methods(self) -> list[tuple[str, dict[str, Any]]]:
        """What is compared, the brackets first, without repetition."""
        found: list[tuple[str, dict[str, Any]]] = []
        given = [pair for method in self.anonymizers for pair in self._with_options(method)]
        for name, options in [*BRACKETS, *given]:
            # A bare mask is a solid box too: its default shape.
            same = {"shape": "box", **options} if name == "mask" else options
            if (name, same) not in found:
                found.append((name, same))
        return found

    def _with_options(self, method: MethodConfig) -> list[tuple[str, dict[str, Any]]]:
        """What a method expands to; its own options win over those of its group."""
        shared = self.options.get(f"anonymizer:{method.name}", {})
        return method.model_copy(update={"options": {**shared, **method.options}}).expanded()

    def unknown_groups(self) -> list[str]:
        """Option groups that nothing here reads."""
        known = {*PLAIN_GROUPS, *(f"anonymizer:{m.name}" for m in self.anonymizers)}
        for group, names in (
            ("fer", self.fer),
            ("recognizer", self.recognizers),
            ("attack", [*self.attacks, *(a.lower() for a in self.attacks)]),
            ("metric", self.metrics),
        ):
            known |= {f"{group}:{name}" for name in names}
            if not names:  # everything that is installed
                known |= {g for g in self.options if g.startswith(f"{group}:")}
        return sorted(set(self.options) - known)


def load_benchmark_config(
    path: Path | None, options: list[str], **overrides: Any
) -> BenchmarkConfig:
    """Defaults < file < command line.

    Raises:
        ConfigError: the file or a value does not validate.
    """
    values = read_mapping(path) if path is not None else {}
    base = values.get("options") or {}
    if not isinstance(base, Mapping) or not all(isinstance(v, Mapping) for v in base.values()):
        raise ConfigError(f"configuration {path}: 'options' expects GROUP: {{NAME: VALUE}}")
    values["options"] = merge_options(base, options)
    values.update({k: v for k, v in overrides.items() if v is not None})
    config = validated(BenchmarkConfig, values, "" if path is None else str(path))
    if unknown := config.unknown_groups():
        names = [f"anonymizer:{method.name}" for method in config.anonymizers]
        names += [f"fer:{name}" for name in config.fer]
        names += [f"recognizer:{name}" for name in config.recognizers]
        raise ConfigError(
            f"unknown option group '{unknown[0]}'"
            f"{did_you_mean(unknown[0], [*PLAIN_GROUPS, *(names or ['anonymizer:NAME'])])}"
        )
    return config
