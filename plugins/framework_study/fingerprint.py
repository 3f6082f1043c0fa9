"""What a stage depends on, as text that can be hashed: components, options, content, code.

Two runs with the same fingerprint give the same bytes. A fingerprint may change although the result
would not (a comment in a source file is enough); it never stays the same although the result would
change.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.util
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from framework.config import RunConfig
from framework.manifest import PACKAGES
from framework.pipeline.components import Selection
from framework_study.store import digest_of, digest_of_file

COVERING_FIELDS = frozenset(
    {
        "anonymizer",
        "cover_area",
        "voice",
        "audio",
        "on_miss",
        "per_frame",
        "recheck",
        "search_again",
        "recommender",
        "licence_policy",
    }
)
"""Fields of a configuration that the analysis does not depend on. What is not listed counts."""
ANALYSIS_GROUPS = ("detector", "tracker", "fer", "measures", "resolve")
"""Groups of options that the analysis depends on, and the components in it."""


def of_component(selection: Selection) -> dict[str, Any]:
    """A component with its version, code, weights, options and the files they name."""
    component = selection.component
    targets = (component.spec.factory, component.spec.config)
    packages = {target.partition(":")[0].partition(".")[0] for target in targets}
    return {
        "kind": str(component.kind),
        "name": component.spec.name,
        "version": [component.distribution, component.version],
        "code": sorted(code_of(package) for package in packages),
        "weights": [weight.sha256 for weight in component.spec.weights],
        "options": of_options(selection.options),
    }


def of_options(options: BaseModel | Mapping[str, Any]) -> dict[str, Any]:
    """Option values; a file or folder that one names counts by its content."""
    values = options.model_dump() if isinstance(options, BaseModel) else options
    return {str(name): _value(value) for name, value in values.items()}


def _value(value: Any) -> Any:
    if isinstance(value, Mapping):
        return of_options(value)
    if isinstance(value, list | tuple | set | frozenset):
        return [_value(item) for item in value]
    if isinstance(value, str | Path) and (found := content_of(Path(value))):
        return found
    if value is None or isinstance(value, bool | int | float):
        return value
    return str(value)


def content_of(path: Path) -> str:
    """Hash of what a path names; "" if it names nothing."""
    try:
        if path.is_file():
            return f"file {digest_of_file(path)}"
        if path.is_dir() and path.name:
            files = sorted(p for p in path.rglob("*") if p.is_file())
            return f"folder {digest_of([[p.name, digest_of_file(p)] for p in files])}"
    except (OSError, ValueError):
        return ""
    return ""


def of_settings(run: RunConfig, analysis_only: bool) -> dict[str, Any]:
    """The run's own fields.

    Args:
        analysis_only: leave out what only covering and reporting depend on.
    """
    values = run.model_dump(mode="json", exclude={"options", "plugins"})
    if analysis_only:
        values = {name: v for name, v in values.items() if name not in COVERING_FIELDS}
    return values


def of_stages(groups: Mapping[str, BaseModel], only: Iterable[str] | None = None) -> dict[str, Any]:
    """Options of the core's own stages, by group."""
    names = groups.keys() if only is None else [name for name in groups if name in set(only)]
    return {name: of_options(groups[name]) for name in sorted(names)}


@functools.cache
def of_program() -> str:
    """The core, and the packages whose version can change a result."""
    from importlib.metadata import PackageNotFoundError, version

    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    own = [code_of(name) for name in ("framework", "framework_encounter", "framework_study")]
    return digest_of([own, versions])


@functools.cache
def code_of(package: str) -> str:
    """SHA-256 of the source files of an installed package or module."""
    spec = importlib.util.find_spec(package)
    if spec is None:
        return ""
    if spec.submodule_search_locations:
        files = [f for place in spec.submodule_search_locations for f in Path(place).rglob("*.py")]
    else:
        files = [Path(spec.origin)] if spec.origin else []
    found = hashlib.sha256()
    for file in sorted(files):
        found.update(file.name.encode())
        found.update(file.read_bytes())
    return found.hexdigest()
