"""What this package offers. Light: the modules named here are imported when a command is called."""

from __future__ import annotations

from collections.abc import Iterable

from framework.hookspecs import hookimpl
from framework.spec import CommandSpec


@hookimpl
def framework_commands() -> Iterable[CommandSpec]:
    yield CommandSpec(
        "benchmark",
        "Compare anonymizers: what protects against which attacker, at what cost",
        "framework_benchmark.command:app",
    )
