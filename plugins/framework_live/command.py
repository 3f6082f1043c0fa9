"""``framework live``: a camera, covered while it comes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from framework.cli.console import finish, say, warner
from framework.cli.options import Config, KeyFile, Option, Quiet, takes_settings

app = typer.Typer(rich_markup_mode=None)


@app.command("live")
@takes_settings(
    without=(
        "on_miss",
        "audio",
        "voice",
        "per_frame",
        "measures",
        "recheck",
        "search_again",
        "span",
        "cover_area",
    )
)
def live(
    source: Annotated[
        str,
        typer.Option("--source", "-s", metavar="SOURCE", help="0 (a camera), rtsp://..., a file."),
    ] = "0",
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", "-d", metavar="DIR", help="Keep the covered recording and the events here."
        ),
    ] = None,
    window: Annotated[
        bool | None,
        typer.Option(
            "--window/--no-window",
            help="Show the covered picture [without --out].",
            show_default=False,
        ),
    ] = None,
    realtime: Annotated[
        bool,
        typer.Option(
            "--realtime",
            help="Play a file at its own speed, as if it were a camera.",
            show_default=False,
        ),
    ] = False,
    seconds: Annotated[
        float | None, typer.Option("--seconds", min=0.1, help="Stop after so much of it.")
    ] = None,
    config: Config = None,
    option: Option = None,
    key_file: KeyFile = None,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Cover a camera's picture while it comes, and say what is read and advised as it arises.

    Pictures are held for live.delay_s (0.5 s) and then leave covered. If the machine can't keep up
    it analyses fewer of them; it covers all. Nothing raw is stored. Ctrl-C ends.
    """
    from framework_live.moments import Event
    from framework_live.run import run_live

    def tell(event: Event) -> None:
        if quiet:
            return
        if event["event"] == "emotions":
            say(f"{event['second']:6d} s  {event['role']}: {event['label']}")
        else:
            say(f"{event['time_s']:6.0f} s  advice to {event['to']}: {event['text']}")

    result = run_live(
        source,
        out=out,
        window=window,
        realtime=realtime,
        seconds=seconds,
        config=config,
        options=option or (),
        key_file=key_file,
        warn=warner(quiet),
        tell=tell,
        **settings,
    )
    whole = ", ".join(f"{n} {why}" for why, n in result.whole.items()) or "none"
    summary = [
        f"{result.frames_out} of {result.frames_in} pictures covered and shown, "
        f"{result.analysed} analysed, {result.lost} lost before that; covered whole: {whole}",
        *(
            f"not swapped but masked: {n} faces in single pictures ({reason})"
            for reason, n in result.masked.most_common()
        ),
        *(f"wrote {file}" for file in result.files),
    ]
    finish(summary, result.passed, result.reasons, quiet)
