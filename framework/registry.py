"""Finds plugins, collects their descriptions, and builds the components the user selected.

Four stages, each guarded separately for each plugin: load (import the module of the entry point),
register (its hooks match the specs), collect (it returns descriptions), create (the factory runs).
What fails becomes a :class:`Problem`; it stops a run only if the user selected that component.
"""

from __future__ import annotations

import contextlib
import importlib
import os
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pluggy

from framework import hookspecs
from framework.core_commands import CORE_COMMANDS
from framework.errors import ComponentError, FrameworkError
from framework.spec import API_VERSION, BuildContext, CommandSpec, ComponentSpec, Kind
from framework.suggest import did_you_mean

if TYPE_CHECKING:
    from pydantic import BaseModel

GROUP = "framework.plugins"
OWN_DISTRIBUTION = "clinical-empathy-framework"
LIMIT_VARIABLE = "FRAMEWORK_PLUGINS"
SUPPORTED_API = frozenset({API_VERSION, max(1, API_VERSION - 1)})

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


@dataclass(frozen=True, slots=True)
class Problem:
    """Something about a plugin that does not work.

    Attributes:
        plugin: name of its entry point.
        distribution, version: the installed package that brings it.
        stage: ``load``, ``register``, ``collect`` or ``create``.
        error: what went wrong, in one line.
        component: ``kind:name`` if the problem is about one component.
        hint: what to do about it, in a few words.
    """

    plugin: str
    distribution: str
    version: str
    stage: str
    error: str
    component: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Component:
    """A description together with the package that brings it."""

    kind: Kind
    spec: ComponentSpec
    plugin: str
    distribution: str
    version: str


@dataclass(frozen=True, slots=True)
class Command:
    """A command's description together with the package that brings it."""

    spec: CommandSpec
    plugin: str
    distribution: str
    version: str


@dataclass
class Registry:
    """Every component that is installed, by kind and name, and every command."""

    components: dict[tuple[Kind, str], Component] = field(default_factory=dict)
    commands: dict[str, Command] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    """Distributions with plugins that were not loaded, because ``only`` does not name them."""

    @classmethod
    def load(cls, only: Iterable[str] | None = None, *, entry_names: bool = True) -> Registry:
        """Discover the installed plugins.

        Args:
            only: names of distributions (spelt as pip accepts them) or entry points to load beside
                the reference plugins. None takes them from the environment variable
                ``FRAMEWORK_PLUGINS`` (comma-separated; set but empty: reference plugins alone), or
                loads all.
            entry_names: whether ``only`` may name entry points. A list that pins distributions says
                no: anybody may call an entry point what somebody else's distribution is called.
        """
        if only is None and (limit := os.environ.get(LIMIT_VARIABLE)) is not None:
            only = [name.strip() for name in limit.split(",") if name.strip()]
        wanted = None if only is None else {canonical(name) for name in only}
        registry = cls()
        found = [_Found.of(entry) for entry in entry_points(group=GROUP)]
        # Reference plugins first: on a conflict of names the first registered wins.
        for plugin in sorted(found, key=lambda f: (not f.own, f.distribution, f.entry.name)):
            names = {canonical(plugin.distribution)}
            names |= {canonical(plugin.entry.name)} if entry_names else set()
            if plugin.own or wanted is None or names & wanted:
                registry._load_entry(plugin)
            elif plugin.distribution not in registry.left_out:
                registry.left_out.append(plugin.distribution)
        return registry

    def _load_entry(self, found: _Found) -> None:
        entry = found.entry
        try:
            # What a plugin prints at import must not end up in the output of a command.
            with contextlib.redirect_stdout(sys.stderr):
                module = entry.load()
        except (KeyboardInterrupt, MemoryError):
            raise
        except BaseException as error:  # a plugin may even call sys.exit() at import
            missing = error.name if isinstance(error, ModuleNotFoundError) else None
            self.problems.append(
                Problem(
                    entry.name,
                    found.distribution,
                    found.version,
                    "load",
                    _line(error),
                    hint=f"pip install what brings '{missing}', or {_leave(found.distribution)}"
                    if missing
                    else f"tell its author, or {_leave(found.distribution)}",
                )
            )
            return
        self.register(module, entry.name, found.distribution, found.version)

    def register(
        self, plugin: ModuleType | object, name: str, distribution: str = "", version: str = ""
    ) -> None:
        """Collect the descriptions of one plugin object (a module, or anything with hooks)."""

        def problem(stage: str, error: str, component: str = "", hint: str | None = None) -> None:
            hint = f"tell its author, or {_leave(distribution)}" if hint is None else hint
            self.problems.append(
                Problem(name, distribution, version, stage, error, component, hint)
            )

        manager = pluggy.PluginManager(hookspecs.PROJECT)
        manager.add_hookspecs(hookspecs)
        try:
            manager.register(plugin, name)
        except Exception as error:
            problem("register", _line(error))
            return
        callers = manager.get_hookcallers(plugin) or []
        known = {*(kind.hook for kind in Kind), hookspecs.COMMANDS_HOOK}
        hooked = {caller.name for caller in callers}
        for caller in callers:
            if caller.name not in known:
                problem(
                    "register", f"unknown hook '{caller.name}'{did_you_mean(caller.name, known)}"
                )
        undecorated = sorted(set(dir(plugin)) & known - hooked)
        for attribute in undecorated:
            problem("register", f"'{attribute}' lacks the decorator @hookimpl, so it is not called")
        if not hooked and not undecorated:
            problem("register", "it has no hook; decorate at least one with @hookimpl")

        def collected(hook: str, expected: type) -> list[Any]:
            """The valid descriptions that one hook of this plugin returns."""
            if hook not in hooked:
                return []
            try:
                with contextlib.redirect_stdout(sys.stderr):
                    specs = [spec for given in getattr(manager.hook, hook)() for spec in given]
            except (KeyboardInterrupt, MemoryError):
                raise
            except BaseException as error:
                problem("collect", f"{hook}: {_line(error)}")
                return []
            errors = [_spec_error(spec, expected) for spec in specs]
            for error_text in filter(None, errors):
                problem("collect", f"{hook}: {error_text}")
            return [spec for spec, wrong in zip(specs, errors, strict=True) if wrong is None]

        for kind in Kind:
            for spec in collected(kind.hook, ComponentSpec):
                self._add(Component(kind, spec, name, distribution, version), problem)
        for spec in collected(hookspecs.COMMANDS_HOOK, CommandSpec):
            self._add_command(Command(spec, name, distribution, version), problem)

    def _add_command(self, command: Command, problem: Any) -> None:
        if command.spec.name in {own.name for own in CORE_COMMANDS}:
            problem(
                "collect",
                f"command '{command.spec.name}' is the framework's own; that one is used",
                hint="its author has to rename it",
            )
            return
        first = self.commands.setdefault(command.spec.name, command)
        if first is not command:
            problem(
                "collect",
                f"command '{command.spec.name}' is already provided by {first.distribution} "
                f"{first.version}; that one is used",
            )

    def _add(self, component: Component, problem: Any) -> None:
        key = (component.kind, component.spec.name)
        first = self.components.setdefault(key, component)
        if first is not component:
            problem(
                "collect",
                f"{component.kind} '{component.spec.name}' is already provided by "
                f"{first.distribution} {first.version}; that one is used",
                f"{component.kind}:{component.spec.name}",
                f"to use this one, pip uninstall {first.distribution}"
                if first.distribution != OWN_DISTRIBUTION
                else "its author has to rename it",
            )

    def of_kind(self, kind: Kind) -> list[Component]:
        """All components of a kind, by name."""
        return [c for (k, _), c in sorted(self.components.items()) if k == kind]

    def get(self, kind: Kind, name: str) -> Component:
        """The component of this name.

        Raises:
            ComponentError: there is none; the message names the nearest, or the plugin that should
                have brought it and failed.
        """
        component = self.components.get((kind, name))
        if component is not None:
            return component
        names = [c.spec.name for c in self.of_kind(kind)]
        message = f"unknown {kind} '{name}'{did_you_mean(name, names)}"
        broken = [p for p in self.problems if p.stage != "create" and not p.component]
        if len(broken) == 1:
            (p,) = broken
            message += (
                f" (plugin {p.plugin} of {p.distribution} {p.version} has a problem: {p.error}; "
                f"{p.hint})"
            )
        elif broken:
            plugins = sorted({p.plugin for p in broken})
            message += f" (plugins with problems: {', '.join(plugins)}; see 'framework plugins')"
        if self.left_out:
            message += (
                f" (not loaded, because 'plugins' in the configuration or {LIMIT_VARIABLE} leaves "
                f"it out: {', '.join(self.left_out)})"
            )
        raise ComponentError(message)

    def options_model(self, kind: Kind, name: str) -> type[BaseModel]:
        """The pydantic model of a component's options; imports the component's config module."""
        component = self.get(kind, name)
        return _resolve(component, component.spec.config)  # type: ignore[no-any-return]

    def validate(self, kind: Kind, name: str, options: Mapping[str, Any], prefix: str) -> BaseModel:
        """Check options against the component's model.

        Args:
            prefix: what the user writes before the field, for instance ``anonymizer``.

        Raises:
            ConfigError: names the field, what is allowed, and the value.
        """
        from framework.config import validated

        return validated(self.options_model(kind, name), options, prefix)

    def create(
        self,
        kind: Kind,
        name: str,
        options: Mapping[str, Any] | BaseModel | None = None,
        context: BuildContext | None = None,
        prefix: str | None = None,
    ) -> Any:
        """Build a component.

        Raises:
            ComponentError: unknown, its package is missing (with the pip command), or its factory
                failed.
            ConfigError: an option does not validate.
        """
        component = self.get(kind, name)
        config = (
            self.validate(kind, name, options or {}, prefix or str(kind))
            if options is None or isinstance(options, Mapping)
            else options
        )
        factory = _resolve(component, component.spec.factory)
        try:
            return factory(config, context or BuildContext())
        except FrameworkError:
            raise
        except ModuleNotFoundError as error:
            raise _missing(component, error) from error
        except Exception as error:
            self.problems.append(
                Problem(
                    component.plugin,
                    component.distribution,
                    component.version,
                    "create",
                    _line(error),
                    f"{kind}:{name}",
                )
            )
            raise ComponentError(
                f"{kind} '{name}' of {component.distribution or component.plugin} "
                f"{component.version} could not be built: {_line(error)}"
            ) from error


@dataclass(frozen=True, slots=True)
class _Found:
    """An entry point and the distribution that has it.

    Read once: each question for a name or a version parses the distribution's whole metadata, of
    which a long description is a part.
    """

    entry: EntryPoint
    distribution: str
    version: str

    @classmethod
    def of(cls, entry: EntryPoint) -> _Found:
        if entry.dist is None:
            return cls(entry, "", "")
        metadata = entry.dist.metadata
        return cls(entry, metadata["Name"] or "", metadata["Version"] or "")

    @property
    def own(self) -> bool:
        return canonical(self.distribution) == OWN_DISTRIBUTION


def canonical(name: str) -> str:
    """A distribution's name as packaging tools compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _leave(distribution: str) -> str:
    return f"pip uninstall {distribution}" if distribution else "remove it"


def _line(error: BaseException) -> str:
    """An exception as one line."""
    text = " ".join(str(error).split())
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _spec_error(spec: object, expected: type) -> str | None:
    if not isinstance(spec, expected):
        return f"expected {expected.__name__}, got {type(spec).__name__}"
    assert isinstance(spec, ComponentSpec | CommandSpec)
    if not _NAME.fullmatch(spec.name):
        return f"name {spec.name!r}: expected lower-case letters, digits and hyphens"
    if spec.api not in SUPPORTED_API:
        supported = ", ".join(map(str, sorted(SUPPORTED_API)))
        return (
            f"'{spec.name}' is written for plugin API {spec.api}, this framework supports "
            f"{supported}; install a matching version of the plugin"
        )
    for what in ("target",) if isinstance(spec, CommandSpec) else ("factory", "config"):
        value = getattr(spec, what)
        if not re.fullmatch(r"[\w.]+:[\w.]+", value):
            return f"'{spec.name}': {what} {value!r}: expected 'module:attribute'"
    return None


def _missing(component: Component, error: ModuleNotFoundError) -> ComponentError:
    hint = " ".join(component.spec.requires) or error.name or ""
    own = component.spec.factory.partition(":")[0].partition(".")[0]
    if own and (error.name or "").startswith(f"{own}.") and own in sys.modules:
        source = component.distribution or component.plugin
        return ComponentError(
            f"{component.kind} '{component.spec.name}' of {source} {component.version} lacks its "
            f"own module '{error.name}'; install {source} again, or tell its authors"
        )
    return ComponentError(
        f"{component.kind} '{component.spec.name}' needs package '{error.name}', which is not "
        f"installed; run: pip install {hint}"
    )


def _resolve(component: Component, reference: str) -> Any:
    """Import ``"module:attribute"`` on behalf of a component."""
    module_name, _, attribute = reference.partition(":")
    try:
        value: Any = importlib.import_module(module_name)
        for part in attribute.split("."):
            value = getattr(value, part)
    except ModuleNotFoundError as error:
        raise _missing(component, error) from error
    except FrameworkError:
        raise
    except Exception as error:
        raise ComponentError(
            f"{component.kind} '{component.spec.name}' of {component.distribution} "
            f"{component.version} does not load ({reference}): {_line(error)}"
        ) from error
    return value
