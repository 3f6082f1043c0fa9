"""What is checked: a component, how to build it, and what is known about it."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from framework.errors import ConfigError
from framework.spec import BuildContext, ComponentSpec, Kind

if TYPE_CHECKING:
    from framework.registry import Registry

CONTEXT = BuildContext(threads=1, device="cpu", seed=7, key=b"conformance")
"""Fixed, so that two builds must give the same component."""


@dataclass(frozen=True)
class Subject:
    """A component under test.

    Attributes:
        kind: which checks apply.
        name: for messages.
        build: makes a fresh instance.
        capabilities: as announced in the description.
        spec: the description; None if only a factory is known, which leaves its checks out.
        config_model: the options model, or None.
        plugin_module: dotted name of the module with the hooks, or None if not known.
        known_gaps: name of a check -> why the component is known to fail it.
    """

    kind: Kind
    name: str
    build: Callable[[BuildContext], Any]
    capabilities: frozenset[str] = frozenset()
    spec: ComponentSpec | None = None
    config_model: Callable[[], Any] | None = None
    plugin_module: str | None = None
    known_gaps: Mapping[str, str] = field(default_factory=dict)

    def create(self, context: BuildContext = CONTEXT) -> Any:
        """A fresh instance."""
        return self.build(context)

    @classmethod
    def from_registry(
        cls,
        target: str,
        options: Mapping[str, Any] | None = None,
        known_gaps: Mapping[str, str] | None = None,
        registry: Registry | None = None,
    ) -> Subject:
        """An installed component.

        Args:
            target: ``kind:name``, for instance ``anonymizer:blur``.
            options: its options, where the defaults are not enough.

        Raises:
            ConfigError: the target is not of this form, or an option does not validate.
            ComponentError: there is no such component.
        """
        from framework.registry import Registry

        kind, name = parse_target(target)
        registry = registry or Registry.load()
        component = registry.get(kind, name)
        if options:
            registry.validate(kind, name, options, str(kind))
        return cls(
            kind=kind,
            name=name,
            build=lambda context: registry.create(kind, name, dict(options or {}), context),
            capabilities=component.spec.capabilities,
            spec=component.spec,
            config_model=lambda: registry.options_model(kind, name),
            plugin_module=_module_of(component.plugin, component.distribution),
            known_gaps={**dict(component.spec.known_gaps), **(known_gaps or {})},
        )

    @classmethod
    def from_spec(
        cls,
        kind: Kind | str,
        spec: ComponentSpec,
        options: Mapping[str, Any] | None = None,
        known_gaps: Mapping[str, str] | None = None,
        plugin_module: str | None = None,
    ) -> Subject:
        """A component that is described but need not be installed."""

        def build(context: BuildContext) -> Any:
            return resolve(spec.factory)(resolve(spec.config)(**dict(options or {})), context)

        return cls(
            kind=Kind(kind),
            name=spec.name,
            build=build,
            capabilities=spec.capabilities,
            spec=spec,
            config_model=lambda: resolve(spec.config),
            plugin_module=plugin_module,
            known_gaps={**dict(spec.known_gaps), **(known_gaps or {})},
        )

    @classmethod
    def from_factory(
        cls,
        kind: Kind | str,
        factory: Callable[[], Any],
        capabilities: frozenset[str] = frozenset(),
        known_gaps: Mapping[str, str] | None = None,
    ) -> Subject:
        """A component that exists as code alone: ``factory`` makes a fresh instance."""
        name = getattr(factory, "__name__", type(factory).__name__)
        return cls(
            kind=Kind(kind),
            name=name,
            build=lambda context: factory(),
            capabilities=frozenset(capabilities),
            known_gaps=known_gaps or {},
        )


def parse_target(target: str) -> tuple[Kind, str]:
    """``"anonymizer:blur"`` as kind and name.

    Raises:
        ConfigError: with what is expected.
    """
    kind, separator, name = target.partition(":")
    if not separator or not name or kind not in set(Kind):
        kinds = ", ".join(Kind)
        raise ConfigError(f"component '{target}': expected KIND:NAME, with KIND one of {kinds}")
    return Kind(kind), name


def resolve(reference: str) -> Any:
    """Import ``"module:attribute"``."""
    module, _, attribute = reference.partition(":")
    value: Any = importlib.import_module(module)
    for part in attribute.split("."):
        value = getattr(value, part)
    return value


def _module_of(plugin: str, distribution: str) -> str | None:
    from importlib.metadata import entry_points

    from framework.registry import GROUP

    for entry in entry_points(group=GROUP, name=plugin):
        if entry.dist is None or entry.dist.name == distribution:
            return entry.module
    return None
