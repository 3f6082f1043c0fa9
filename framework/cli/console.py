"""What the commands print: results to standard output, everything else to standard error."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer

from framework.errors import EXIT_CHECK_FAILED
from framework.progress import Progress, silent

if TYPE_CHECKING:
    from rich.progress import TaskID


def fail(message: str, status: int) -> int:
    """Print one line to standard error and return the status."""
    with contextlib.suppress(OSError):  # nobody can be told; the status still says it
        print(f"error: {message}", file=sys.stderr, flush=True)
    return status


def warn(message: str) -> None:
    """Print one warning line to standard error."""
    with contextlib.suppress(OSError):
        print(f"warning: {message}", file=sys.stderr)


def say(message: str = "") -> None:
    """Print one line of the result."""
    typer.echo(message)


def warner(quiet: bool) -> Callable[[str], None]:
    """:func:`warn`, or what is silent in its place."""
    return (lambda message: None) if quiet else warn


def finish(summary: list[str], passed: bool, reasons: list[str], quiet: bool) -> None:
    """Print what was done, and why it did not pass; exit status 1 if so."""
    if not quiet:
        for line in summary:
            say(line)
    if not passed:
        for reason in reasons:
            warn(reason)
        raise typer.Exit(EXIT_CHECK_FAILED)


@contextmanager
def progress_bars(quiet: bool) -> Iterator[Progress]:
    """A bar a stage with speed and time left, on standard error; nothing when ``quiet``."""
    if quiet or not sys.stderr.isatty():
        yield silent
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    with Bars(
        TextColumn("{task.description:<22}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]:>10}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
    ) as bars:
        tasks: dict[str, TaskID] = {}

        def report(stage: str, done: int, total: int | None) -> None:
            if stage not in tasks:
                tasks[stage] = bars.add_task(stage, total=total, rate="")
            task = bars.tasks[bars.task_ids.index(tasks[stage])]
            rate = f"{task.speed:.0f} /s" if task.speed else ""
            bars.update(tasks[stage], completed=done, total=total, rate=rate)

        yield report
