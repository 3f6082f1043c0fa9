"""The components of a benchmark: built once, described by everything their results depend on."""

from __future__ import annotations

import hmac
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from framework.errors import FrameworkError
from framework.harness import DataSet, file_digest
from framework.registry import Component, Registry
from framework.spec import BuildContext, Kind, WeightSpec

REENCODED = "re-encoded"
"""The original, encoded and decoded: what any figure of utility loses without an anonymizer."""


CLEAR = "clear"
RELEASED, ATTACKER = "probe", "gallery"
"""Purposes for which an anonymizer is built: what is released, and what an attacker covers."""


@dataclass(frozen=True, eq=False)
class Part:
    """A component with its options.

    Attributes:
        kind, name: as in the registry.
        label: name with the options that were set, for tables.
        digest: everything a result of it depends on, as JSON values.
        weights: what it may have been trained on.
        options: as they were given.
        looks_ahead: it sees the analysed recording before it covers it (capability ``prepare``).
    """

    kind: Kind
    name: str
    label: str
    digest: Mapping[str, Any]
    weights: tuple[WeightSpec, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    looks_ahead: bool = False


@dataclass(frozen=True, eq=False)
class Method:
    """A row of the tables: an anonymizer with options, or the re-encoded original."""

    label: str
    digest: Any
    part: Part | None


@dataclass
class Workshop:
    """Describes and builds components.

    Attributes:
        registry: what is installed.
        threads, device, seed: for every factory.
    """

    registry: Registry
    threads: int
    device: Any
    seed: int

    def part(self, kind: Kind, name: str, options: Mapping[str, Any], prefix: str) -> Part:
        """Describe a component; its options are validated.

        Raises:
            ComponentError, ConfigError: unknown component or option.
        """
        component = self.registry.get(kind, name)
        model = self.registry.validate(kind, name, options, prefix)
        shown = ", ".join(f"{k}={v}" for k, v in sorted(options.items()))
        return Part(
            kind,
            name,
            f"{name}({shown})" if shown else name,
            {
                "kind": str(kind),
                "name": name,
                "distribution": component.distribution,
                "version": component.version,
                "options": _with_file_hashes(model.model_dump(mode="json")),
                "weights": [w.sha256 for w in component.spec.weights],
            },
            component.spec.weights,
            dict(options),
            "prepare" in component.spec.capabilities,
        )

    def build(self, part: Part, purpose: str = "") -> Any:
        """Build a component.

        Args:
            purpose: components for different purposes get different seeds and secrets, so that the
                attacker's donors are not the defender's.
        """
        seed = self.seed + (zlib.crc32(purpose.encode()) if purpose else 0)
        key = hmac.digest(f"{self.seed}".encode(), f"benchmark {purpose}".encode(), "sha256")
        context = BuildContext(self.threads, self.device, seed % 2**32, key)
        return self.registry.create(part.kind, part.name, part.options, context, str(part.kind))

    def usable(self, kind: Kind, given: Sequence[str], options: Mapping[str, Any]) -> list[Part]:
        """Parts for the given names; for none, of everything of this kind that can be built."""
        group = kind.group
        if given:
            return [
                self.part(kind, name, options.get(f"{group}:{name}", {}), group) for name in given
            ]
        found = []
        for component in self._installed(kind):
            name = component.spec.name
            try:
                part = self.part(kind, name, options.get(f"{group}:{name}", {}), group)
                self.build(part)
            except FrameworkError:
                continue  # not installed completely, or it needs a file the user brings
            found.append(part)
        return found

    def _installed(self, kind: Kind) -> list[Component]:
        """By name; metrics in the order in which they are described, which is that of tables."""
        if kind is Kind.METRIC:
            return [c for (k, _), c in self.registry.components.items() if k is kind]
        return self.registry.of_kind(kind)


def _with_file_hashes(options: Mapping[str, Any]) -> dict[str, Any]:
    """Options in which the name of an existing file is replaced by the hash of its content."""
    result = dict(options)
    for key, value in options.items():
        if isinstance(value, str) and 0 < len(value) < 4096:
            path = Path(value).expanduser()
            try:
                if path.is_file():
                    result[key] = "sha256:" + file_digest(path)
            except OSError:
                continue
    return result


def contamination(parts: list[Part], data: DataSet, data_name: str = "") -> str:
    """Was any of these components trained on this data? ``no``, ``yes`` or ``unknown``.

    ``unknown`` counts as yes. A component without weights has learnt nothing.
    """
    names = {n.lower() for n in data.known_as} | ({data_name.lower()} if data_name else set())
    answer = "no"
    for part in parts:
        for weight in part.weights:
            known = [source.lower() for source in weight.trained_on]
            if any(name in source for name in names for source in known):
                return "yes"
            if not known or not names:
                answer = "unknown"
    return answer
