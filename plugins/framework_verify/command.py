"""``framework verify``: the release gate."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from framework.cli.console import progress_bars, say, warner
from framework.cli.options import DetectorName, Device, Quiet, Threads
from framework.errors import EXIT_CHECK_FAILED

app = typer.Typer(rich_markup_mode=None)


@app.command("verify")
def verify(
    covered: Annotated[
        Path, typer.Argument(metavar="COVERED", help="What is to be released, from any tool.")
    ],
    against: Annotated[
        Path, typer.Option("--against", metavar="ORIGINAL", help="What it was made from.")
    ],
    tracks: Annotated[
        Path | None,
        typer.Option("--tracks", metavar="FILE", help="tracks.csv of the original."),
    ] = None,
    out: Annotated[
        Path,
        typer.Option("--out", "-d", metavar="FILE", help="The report; a .json beside it."),
    ] = Path("verification.html"),
    recognizer: Annotated[
        str | None,
        typer.Option("--recognizer", metavar="NAME", help="Judge [the strongest installed]."),
    ] = None,
    detector: DetectorName = None,
    allow_audio: Annotated[
        bool, typer.Option("--allow-audio", help="Sound does not fail the check.")
    ] = False,
    allow_metadata: Annotated[
        bool, typer.Option("--allow-metadata", help="Metadata does not fail the check.")
    ] = False,
    option: Annotated[
        list[str] | None,
        typer.Option(
            "--option",
            "-o",
            metavar="GROUP.NAME=VALUE",
            help="Option of detector, tracker, resolve or recognizer. Repeatable.",
        ),
    ] = None,
    threads: Threads = None,
    device: Device = None,
    quiet: Quiet = False,
) -> None:
    """May this covered recording be released? Looks at the file itself, whatever tool made it.

    Exit status: 0 it may, 1 a check failed, 2 it could not be checked.
    """
    from framework_verify.gate import verify as run
    from framework_verify.report import ranges, write_reports

    with progress_bars(quiet) as progress:
        found = run(
            covered,
            against,
            tracks=tracks,
            recognizer=recognizer,
            options=option or (),
            allow_audio=allow_audio,
            allow_metadata=allow_metadata,
            warn=warner(quiet),
            progress=progress,
            detector=detector,
            threads=threads,
            device=device,
        )
    files = write_reports(found, out)
    if not quiet:
        for f in found.findings:
            where = f" (look at {ranges(f.seconds)})" if f.seconds else ""
            say(f"{'passed' if f.passed else 'FAILED'}  {f.name}: {f.detail}{where}")
        say("may be released" if found.passed else "do not release")
        for file in files:
            say(f"wrote {file}")
    if not found.passed:
        raise typer.Exit(EXIT_CHECK_FAILED)
