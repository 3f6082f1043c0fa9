"""``framework check``: the conformance kit, a line a check."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Annotated

import typer

from framework.cli.console import say
from framework.config import merge_options
from framework.errors import EXIT_CHECK_FAILED, ConfigError
from framework.spec import COMMAND
from framework.testing import (
    CheckResult,
    Status,
    Subject,
    all_good,
    check_command,
    iter_checks,
)
from framework.testing.subject import parse_target

SIGN = {Status.PASSED: "ok", Status.FAILED: "FAILED", Status.SKIPPED: "skip", Status.XFAIL: "gap"}


app = typer.Typer(rich_markup_mode=None)


@app.command("check")
def check(
    component: Annotated[
        str,
        typer.Argument(metavar="KIND:NAME", help="For instance anonymizer:blur, or command:NAME."),
    ],
    option: Annotated[
        list[str] | None, typer.Option("--option", "-o", metavar="GROUP.NAME=VALUE")
    ] = None,
) -> None:
    """Run the conformance kit on one component: does it keep the contract of its kind?"""
    if component.startswith(f"{COMMAND}:"):
        if option:
            raise ConfigError(f"option {option[0]}: a command has no options of this form")
        good = _show(component, check_command(component.removeprefix(f"{COMMAND}:")))
    else:
        good = run_kit(component, option or [])
    if not good:
        raise typer.Exit(EXIT_CHECK_FAILED)


def run_kit(target: str, options: Sequence[str]) -> bool:
    """Check one installed component and print the results as they come.

    Args:
        target: ``KIND:NAME``.
        options: ``GROUP.NAME=VALUE`` texts; the group is the kind, or ``fer`` for a classifier.

    Returns:
        Whether no check failed.

    Raises:
        ConfigError: the target or an option is not of the right form.
        ComponentError: there is no such component.
    """
    group = parse_target(target)[0].group
    merged = merge_options({}, options)
    if wrong := sorted(set(merged) - {group}):
        raise ConfigError(f"option {wrong[0]}: expected options of '{group}', as in {group}.NAME=1")
    subject = Subject.from_registry(target, merged.get(group))
    return _show(target, iter_checks(subject))


def _show(target: str, found: Iterable[CheckResult]) -> bool:
    """Print the results as they come; whether no check failed."""
    results: list[CheckResult] = []
    for result in found:
        results.append(result)
        say(f"{SIGN[result.status]:<7} {result.name:<42} {result.message}".rstrip())
    count = Counter(result.status for result in results)
    say()
    say(
        f"{target}: {count[Status.PASSED]} passed, {count[Status.FAILED]} failed, "
        f"{count[Status.SKIPPED]} skipped, {count[Status.XFAIL]} known gaps"
    )
    return all_good(results)
