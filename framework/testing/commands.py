"""Checks of a command that a plugin brings, and a way to run one in a test."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator

from framework.errors import ConfigError
from framework.registry import Command, Registry
from framework.suggest import did_you_mean
from framework.testing.result import CheckResult, Status, require


def run_command(*arguments: str) -> tuple[int, str]:
    """Run ``framework ARGUMENTS`` in this process.

    Returns:
        The exit status, and everything that was printed to standard output and standard error.
    """
    from framework.cli.main import main

    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
        status = main(list(arguments))
    return status, printed.getvalue()


def check_command(name: str, registry: Registry | None = None) -> Iterator[CheckResult]:
    """Check an installed command: its description, that it loads, and its help text.

    Raises:
        ConfigError: no plugin brings a command of this name.
    """
    registry = registry or Registry.load()
    if name not in registry.commands:
        raise ConfigError(
            f"component 'command:{name}': no plugin brings it"
            f"{did_you_mean(name, registry.commands)}"
        )
    command = registry.commands[name]
    for check in (summary_is_one_line, target_loads, help_is_printed):
        yield _result(check, command)


def summary_is_one_line(command: Command) -> str:
    """One line of at most 79 characters, which ``framework --help`` can show."""
    summary = command.spec.summary
    require(
        summary.strip() and "\n" not in summary and len(summary) <= 79,
        f"summary: expected one line of at most 79 characters, got {summary!r}",
    )
    return summary


def target_loads(command: Command) -> str:
    """The target can be imported and is a Typer application."""
    from framework.cli.commands import load_command

    load_command(command.spec, command.distribution)
    return command.spec.target


def help_is_printed(command: Command) -> str:
    """``framework NAME --help`` ends with status 0 and prints something."""
    status, printed = run_command(command.spec.name, "--help")
    require(status == 0 and printed.strip(), f"--help ended with status {status}: {printed[:200]}")
    return ""


def _result(check: Callable[[Command], str], command: Command) -> CheckResult:
    name = check.__name__.replace("_", "-")
    try:
        return CheckResult(name, Status.PASSED, check(command))
    except Exception as error:
        return CheckResult(name, Status.FAILED, " ".join(str(error).split()))
