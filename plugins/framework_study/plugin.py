"""What this package offers. Light: the modules named here are imported when a command is called."""

from __future__ import annotations

from collections.abc import Iterable

from framework.hookspecs import hookimpl
from framework.spec import CommandSpec


@hookimpl
def framework_commands() -> Iterable[CommandSpec]:
    yield CommandSpec(
        "study",
        "Hundreds of recordings: what is done, what failed, what is left",
        "framework_study.command:app",
    )
