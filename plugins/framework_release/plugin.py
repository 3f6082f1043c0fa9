"""What this package offers. Light: the modules named here are imported when a command is called."""

from __future__ import annotations

from collections.abc import Iterable

from framework.hookspecs import hookimpl
from framework.spec import CommandSpec


@hookimpl
def framework_commands() -> Iterable[CommandSpec]:
    yield CommandSpec(
        "release",
        "Turn a study into a data set that others may have",
        "framework_release.command:app",
    )
