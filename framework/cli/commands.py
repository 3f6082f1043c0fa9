"""The commands of ``framework``: the core's own and those that plugins bring.

All are known by their descriptions, and only the command that is called is imported. Only
``framework --help`` and a name that is not the core's look at the plugins.
"""

from __future__ import annotations

import importlib
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from framework.core_commands import CORE_COMMANDS
from framework.errors import ComponentError, FrameworkError
from framework.spec import CommandSpec

OWN = {spec.name: spec for spec in CORE_COMMANDS}


class CommandGroup(TyperGroup):
    """The group ``framework``."""

    _found: dict[str, tuple[CommandSpec, str]] | None = None

    def _plugin_commands(self) -> dict[str, tuple[CommandSpec, str]]:
        """Description and provider of each plugin's command, by name."""
        if self._found is None:
            from framework.registry import Registry

            self._found = {
                name: (found.spec, f"{found.distribution or found.plugin} {found.version}".strip())
                for name, found in sorted(Registry.load().commands.items())
            }
        return self._found

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The command of this name, which is imported now; None if there is none."""
        if cmd_name in OWN:
            return load_command(OWN[cmd_name], "the framework")
        found = self._plugin_commands().get(cmd_name)
        return None if found is None else load_command(*found)

    def list_commands(self, ctx: Any) -> list[str]:
        """The core's commands in their order, then those of plugins by name."""
        return [*OWN, *self._plugin_commands()]

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list of commands from their descriptions; none is imported."""
        specs = [*OWN.values(), *(spec for spec, _ in self._plugin_commands().values())]
        limit = formatter.width - 6 - max(len(spec.name) for spec in specs)
        rows = [TyperCommand(name=spec.name, help=spec.summary) for spec in specs]
        with formatter.section("Commands"):
            formatter.write_dl([(str(r.name), r.get_short_help_str(limit)) for r in rows])

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """As the library does, but suggest the commands of plugins as well."""
        name = args[0]
        if name not in OWN and not name.startswith("-") and name not in self._plugin_commands():
            from framework.suggest import did_you_mean

            known = set(self.list_commands(ctx))
            ctx.fail(f"No such command '{name}'{did_you_mean(name, known)}.")
        return super().resolve_command(ctx, args)


def load_command(spec: CommandSpec, source: str) -> Any:
    """Import a command.

    Args:
        source: who brings it, for messages.

    Raises:
        ComponentError: its package or one it needs is missing, or it does not load.
    """
    module, _, attribute = spec.target.partition(":")
    try:
        app = importlib.import_module(module)
        for part in attribute.split("."):
            app = getattr(app, part)
    except FrameworkError:
        raise
    except ModuleNotFoundError as error:
        wanted = " ".join(spec.requires) or error.name or ""
        raise ComponentError(
            f"command '{spec.name}' of {source} needs package '{error.name}', which is not "
            f"installed; run: pip install {wanted}"
        ) from error
    except Exception as error:
        raise ComponentError(
            f"command '{spec.name}' of {source} does not load ({spec.target}): "
            f"{type(error).__name__}: {' '.join(str(error).split())}"
        ) from error
    if not isinstance(app, typer.Typer):
        raise ComponentError(
            f"command '{spec.name}' of {source}: expected {spec.target} to be a typer.Typer, got "
            f"{type(app).__name__}; tell its author"
        )
    app._add_completion = False  # nobody completes one command alone
    command = typer.main.get_command(app)
    command.name = spec.name
    return command
