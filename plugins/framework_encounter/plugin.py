"""What this package offers. Light: the modules named here are imported when a command is called."""

from __future__ import annotations

from collections.abc import Iterable

from framework.hookspecs import hookimpl
from framework.spec import CommandSpec


@hookimpl
def framework_commands() -> Iterable[CommandSpec]:
    yield CommandSpec(
        "encounter",
        "Several cameras, one conversation",
        "framework_encounter.command:app",
    )
    yield CommandSpec(
        "advise",
        "Try rules on a stored timeline",
        "framework_encounter.advise_command:app",
    )
    yield CommandSpec(
        "cohort",
        "Statistics over many encounters",
        "framework_encounter.cohort.command:app",
    )
