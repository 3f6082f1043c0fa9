"""``study.yaml``: what is the same for every encounter of a study.

It holds the keys of a ``run.yaml`` (anonymizer, fer, options, ...) and :class:`StudyKeys`::

    version: 1
    anonymizer: blur
    fer: resnet
    options: {anonymizer: {cells: 6}}
    engine: local
    reviewers: 1
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from framework.config import RunConfig, merge_options, read_mapping, validated
from framework.errors import ConfigError
from framework.suggest import did_you_mean

EngineName = Literal["local", "ray", "slurm"]


class StudyKeys(BaseModel):
    """What study.yaml has beside the keys of a run."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal[1] = Field(1, description="version of this format: 1")
    engine: EngineName = Field("local", description="where the work is done: local, ray or slurm")
    workers: int = Field(
        0, ge=0, le=10_000, description="workers at once; 0: as many as cores and memory allow"
    )
    worker_memory_gb: float = Field(
        3.0, gt=0, le=1024, description="a worker that takes more memory than this is ended, GB"
    )
    min_free_gb: float = Field(
        2.0, ge=0, le=100_000, description="no new work below this free disk space, GB"
    )
    address: str | None = Field(None, description="address of a Ray cluster; engine: ray alone")
    slurm: dict[str, str | int | bool] = Field(
        default_factory=dict,
        description="options of sbatch as submitit names them, e.g. slurm_partition",
    )
    sync: Literal["audio", "timecode", "creation-time", "manual"] = Field(
        "audio", description="how clocks of several cameras are matched"
    )
    min_sync_confidence: float = Field(0.5, ge=0, le=1, description="as in an encounter file")
    recognizer: str | None = Field(None, description="recogniser that compares with references")
    voice_activity: bool = Field(False, description="find out when somebody speaks")
    doctor_scores: Literal["doctor-view", "shared"] = Field(
        "doctor-view", description="who gets the doctor's emotions"
    )
    reviewers: int = Field(1, ge=0, le=9, description="people who must approve a result")
    k: int = Field(5, ge=1, le=1000, description="people who must share each combination of groups")


@dataclass(frozen=True)
class StudyConfig:
    """What study.yaml and the command line say.

    Attributes:
        keys: the study's own keys.
        run: how every recording is covered and read.
    """

    keys: StudyKeys
    run: RunConfig


def load_config(path: Path, options: Iterable[str] = (), **overrides: Any) -> StudyConfig:
    """Read study.yaml.

    Args:
        options: ``GROUP.NAME=VALUE`` texts, on top of the file.
        overrides: fields of :class:`framework.config.RunConfig` or of :class:`StudyKeys`; None
            means "not given".

    Raises:
        ConfigError: the file or a value does not validate.
    """
    values = read_mapping(path)
    own = StudyKeys.model_fields
    known = {*own, *RunConfig.model_fields}
    for key in values:
        name = key.partition(".")[0]
        if name not in known and "." not in key:
            raise ConfigError(f"{path}: unknown key {key}{did_you_mean(key, known)}")
    given = {key: value for key, value in overrides.items() if value is not None}
    mine = {key: value for key, value in values.items() if key in own}
    mine |= {key: value for key, value in given.items() if key in own}
    rest = {key: value for key, value in values.items() if key not in own}
    nested = rest.pop("options", None) or {}
    if not isinstance(nested, dict) or not all(isinstance(v, dict) for v in nested.values()):
        raise ConfigError(f"{path}: 'options' expects GROUP: {{NAME: VALUE}}")
    base = {str(group): dict(fields) for group, fields in nested.items()}
    for key in [key for key in rest if "." in key]:
        group, _, name = key.partition(".")
        base.setdefault(group, {})[name] = rest.pop(key)
    rest |= {key: value for key, value in given.items() if key not in own}
    # One thread a worker: many workers use the cores better than threads do, and the bytes of a
    # covered video depend on the encoder's threads, so that they must not follow the machine.
    rest["threads"] = rest.get("threads") or 1
    rest["options"] = merge_options(base, options)
    return StudyConfig(validated(StudyKeys, mine, str(path)), validated(RunConfig, rest, str(path)))


def starting_text(keys: dict[str, Any]) -> str:
    """The text of a new study.yaml with these values, and what else there is as comments."""
    shown = {"anonymizer": "blur", "fer": "resnet", **keys}
    lines = ["# One study. Keys of a run.yaml may stand here as well (framework run --help).", ""]
    lines.append("version: 1")
    lines += [f"{key}: {value}" for key, value in shown.items() if value is not None]
    lines += [
        "# options: {anonymizer: {cells: 6}}   # see: framework plugins --options blur",
        "",
        "engine: local            # local, ray or slurm",
    ]
    for name in ("workers", "worker_memory_gb", "min_free_gb", "reviewers", "k"):
        if name not in shown:
            field = StudyKeys.model_fields[name]
            lines.append(f"{f'{name}: {field.default}':<24} # {field.description}")
    return "\n".join(lines) + "\n"
