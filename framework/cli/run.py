"""``framework run``, ``analyze`` and ``render``: the main job, whole and in halves."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from framework.cli.console import finish, progress_bars, warner
from framework.cli.options import (
    Config,
    KeyFile,
    Label,
    Option,
    Out,
    Quiet,
    takes_settings,
    with_label,
)

Source = Annotated[
    Path, typer.Argument(metavar="SOURCE", help="A video, an image, or a folder of images.")
]


run_app = typer.Typer(rich_markup_mode=None)
analyze_app = typer.Typer(rich_markup_mode=None)
render_app = typer.Typer(rich_markup_mode=None)


@run_app.command("run")
@takes_settings(without=("allow_other_recording",))
def run(
    source: Source,
    out: Out = Path("framework-output"),
    config: Config = None,
    option: Option = None,
    key_file: KeyFile = None,
    label: Label = None,
    preview: Annotated[
        int | None,
        typer.Option(
            "--preview",
            metavar="N",
            help="Write N frames as they would leave, evenly over the recording, and nothing else.",
        ),
    ] = None,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Cover every face, read the emotions, give advice, and report what was done.

    Writes the covered recording, emotions.csv, recommendations.json, report.html, audit.json and
    manifest.json. Exit status: 0 good, 1 the result fails its own check, 2 it could not run.
    """
    from framework.api import run as run_recording

    if preview is not None:
        _preview(source, out, preview, config, with_label(option, label), key_file, quiet, settings)
        return
    with progress_bars(quiet) as progress:
        result = run_recording(
            source,
            out=out,
            config=config,
            options=with_label(option, label),
            key_file=key_file,
            warn=warner(quiet),
            progress=progress,
            **settings,
        )
    finish(result.summary, result.passed, result.reasons, quiet)


def _preview(
    source: Path,
    out: Path,
    count: int,
    config: Path | None,
    options: list[str],
    key_file: Path | None,
    quiet: bool,
    settings: dict[str, Any],
) -> None:
    from framework.pipeline.preview import preview
    from framework.pipeline.run import Run

    with progress_bars(quiet) as progress:
        work = Run.configured(
            config, options, key_file=key_file, warn=warner(quiet), progress=progress, **settings
        )
        files = preview(work, source, count, out)
    finish([f"wrote {file}" for file in files], True, [], quiet)


@analyze_app.command("analyze")
@takes_settings(
    without=(
        "anonymizer",
        "allow_other_recording",
        "cover_area",
        "recommender",
        "on_miss",
        "audio",
        "voice",
        "measures",
        "per_frame",
        "recheck",
        "search_again",
    )
)
def analyze(
    source: Source,
    out: Out = Path("framework-output"),
    config: Config = None,
    option: Option = None,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """First half: write tracks.csv, which a person can correct before it is rendered."""
    from framework.api import analyze as analyze_recording

    with progress_bars(quiet) as progress:
        result = analyze_recording(
            source, out=out, config=config, options=option or (), progress=progress, **settings
        )
    finish(result.summary, result.passed, result.reasons, quiet)


@render_app.command("render")
@takes_settings(without=("tracker", "role", "people", "fer_rate", "measures"))
def render(
    source: Source,
    tracks: Annotated[
        Path, typer.Option("--tracks", metavar="FILE", help="tracks.csv of framework analyze.")
    ],
    out: Out = Path("framework-output"),
    config: Config = None,
    option: Option = None,
    key_file: KeyFile = None,
    label: Label = None,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Second half: cover every face of a track table, and write what 'framework run' writes."""
    from framework.api import render as render_recording

    with progress_bars(quiet) as progress:
        result = render_recording(
            source,
            tracks,
            out=out,
            config=config,
            options=with_label(option, label),
            key_file=key_file,
            warn=warner(quiet),
            progress=progress,
            **settings,
        )
    finish(result.summary, result.passed, result.reasons, quiet)
