"""The ``framework`` command: mounts the commands and turns errors into exit statuses."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys
from pathlib import Path
from typing import TextIO

import typer
from threadpoolctl import threadpool_limits

from framework.atomic import explain
from framework.cli.commands import CommandGroup
from framework.cli.console import fail
from framework.errors import (
    EXIT_CANNOT_RUN,
    EXIT_CHECK_FAILED,
    EXIT_INTERRUPTED,
    CheckError,
    FrameworkError,
)

app = typer.Typer(
    name="framework",
    cls=CommandGroup,
    help="Share face video without sharing faces.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def root(
    version: bool = typer.Option(False, "--version", help="Print the version and exit."),
) -> None:
    """Share face video without sharing faces."""
    if version:
        from framework import __version__

        typer.echo(__version__)
        raise typer.Exit


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit status (see :mod:`framework.errors`)."""
    try:
        status = int(app(args=arguments, prog_name="framework", standalone_mode=False) or 0)
        # The command-line library turns an interrupt into its own exit status, without a word.
        return _interrupted() if status == EXIT_INTERRUPTED else status
    except KeyboardInterrupt:
        return _interrupted()
    except Exception as error:
        return _explain(error)


def _explain(error: Exception) -> int:
    """Print an exception as one line and return the exit status that belongs to it."""
    if _comes_from_interrupt(error):
        return _interrupted()
    if isinstance(error, BrokenPipeError):
        return _nobody_reads()
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
        _silence(sys.stdout)  # or the interpreter tries once more at exit
        return fail(f"output cannot be written: {explain(error)}", EXIT_CANNOT_RUN)
    if isinstance(error, CheckError):
        return fail(str(error), EXIT_CHECK_FAILED)
    if isinstance(error, FrameworkError):
        return fail(str(error), EXIT_CANNOT_RUN)
    return _other(error)


def _comes_from_interrupt(error: BaseException | None) -> bool:
    """Whether an interrupt lies behind an exception: imports of extensions rename it."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False


def _nobody_reads() -> int:
    """Whoever read the output has left, as ``| head`` does: end without a word."""
    _silence(sys.stdout)  # nothing to flush at exit
    return EXIT_CHECK_FAILED


def _silence(stream: TextIO) -> None:
    """What is written to this stream from now on, and what waits in it, goes nowhere."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _open_closed_streams() -> None:
    """Where the shell closed an output (``2>&-``), printing must not be an error."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115


def _flushed(status: int) -> int:
    """Write what waits in the outputs; here a full disk shows at the latest."""
    try:
        sys.stdout.flush()
    except OSError as error:
        status = _explain(error) or status
    with contextlib.suppress(OSError):
        sys.stderr.flush()
    return status


def _interrupted() -> int:
    return fail("interrupted; unfinished output was removed", EXIT_INTERRUPTED)


def _other(error: Exception) -> int:
    """Usage errors of the command-line library, and whatever nobody foresaw."""
    if (status := getattr(error, "exit_code", None)) is not None:  # usage errors and aborts
        format_message = getattr(error, "format_message", None)
        if format_message is None:
            return _interrupted()
        return fail(f"{format_message()} (see 'framework --help')", int(status) or EXIT_CANNOT_RUN)
    if os.environ.get("FRAMEWORK_DEBUG"):
        raise error
    return fail(
        f"internal error, please report it: {type(error).__name__}: {' '.join(str(error).split())} "
        f"(FRAMEWORK_DEBUG=1 shows the traceback)",
        EXIT_CANNOT_RUN,
    )


def _heed_termination() -> None:
    """Clean up as after Ctrl-C when a batch system or a closed terminal ends the process."""
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows has no SIGHUP
        if number is not None and signal.getsignal(number) is signal.SIG_DFL:  # nohup ignores it
            signal.signal(number, signal.default_int_handler)


def _one_thread_for_blas() -> None:
    """Linear algebra on one thread, unless the environment says otherwise.

    Matrices here are small. OpenBLAS' threads wait for one another by giving up the processor again
    and again, and on a busy machine a product of a few rows has taken minutes.
    """
    if "OPENBLAS_NUM_THREADS" in os.environ or "OMP_NUM_THREADS" in os.environ:
        return
    os.environ["OPENBLAS_NUM_THREADS"] = "1"  # SciPy loads a library of its own later
    threadpool_limits(limits=1, user_api="blas")


def entry() -> None:
    """Console-script entry point."""
    _heed_termination()
    _open_closed_streams()
    _one_thread_for_blas()
    status = _flushed(main())
    if status == EXIT_INTERRUPTED:
        # An interrupt inside the import of some extension modules leaves a mark in the interpreter,
        # which then kills itself by SIGINT at exit, whatever status is asked for.
        os._exit(status)
    sys.exit(status)


if __name__ == "__main__":
    entry()
