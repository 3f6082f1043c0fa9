"""The commands that plugins bring, beside the core's own.

The core's commands are known without asking any plugin. Only ``framework --help`` and a name that
is not the core's look at the plugins, and only the command that is called is imported.
"""

from __future__ import annotations

import importlib
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from framework.errors import ComponentError, FrameworkError
from framework.registry import Command, Registry


class CommandGroup(TyperGroup):
    """The group ``framework``: the core's commands and those of every installed plugin."""

    _found: dict[str, Command] | None = None

    def _plugin_commands(self) -> dict[str, Command]:
        if self._found is None:
            found = Registry.load().commands
            self._found = {name: found[name] for name in found if name not in self.commands}
        return self._found

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """The core's command, or a plugin's, which is imported now."""
        if (own := self.commands.get(cmd_name)) is not None:
            return own
        found = self._plugin_commands()
        return load_command(found[cmd_name]) if cmd_name in found else None

    def list_commands(self, ctx: Any) -> list[str]:
        """The core's commands in their order, then those of plugins by name."""
        return [*self.commands, *sorted(self._plugin_commands())]

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the list of commands; a plugin's is described without importing it."""
        found = self._plugin_commands()
        names = self.list_commands(ctx)
        limit = formatter.width - 6 - max(map(len, names))
        commands = [
            self.commands.get(name) or TyperCommand(name=name, help=found[name].spec.summary)
            for name in names
        ]
        with formatter.section("Commands"):
            formatter.write_dl(
                [(n, c.get_short_help_str(limit)) for n, c in zip(names, commands, strict=True)]
            )

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """As the library does, but suggest the commands of plugins as well."""
        name = args[0]
        if name not in self.commands and not name.startswith("-"):
            found = self._plugin_commands()
            if name not in found:
                from framework.suggest import did_you_mean

                known = {*self.commands, *found}
                ctx.fail(f"No such command '{name}'{did_you_mean(name, known)}.")
        return super().resolve_command(ctx, args)


def load_command(command: Command) -> Any:
    """Import a plugin's command.

    Raises:
        ComponentError: its package or one it needs is missing, or it does not load.
    """
    spec = command.spec
    module, _, attribute = spec.target.partition(":")
    source = f"{command.distribution or command.plugin} {command.version}".strip()
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
    return typer.main.get_command(app)
