"""``framework encounter run``, ``analyze`` and ``render``: several cameras, one conversation."""

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
from framework_encounter.given import takes_encounter
from framework_encounter.spec import Encounter

app = typer.Typer(
    help="Several cameras, one conversation.", no_args_is_help=True, rich_markup_mode=None
)


@app.callback()
def group() -> None:
    """Several cameras, one conversation."""


@app.command("run")
@takes_settings(
    without=("role", "people", "per_frame", "measures", "span", "allow_other_recording")
)
@takes_encounter
def run(
    encounter: Encounter,
    out: Out = Path("framework-output"),
    config: Config = None,
    option: Option = None,
    key_file: KeyFile = None,
    label: Label = None,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Cover every camera, say who is who, and read both people over one clock.

    Give an encounter file, or the recordings. Writes a folder for each camera, encounter.json,
    timeline.csv, episodes.csv, changes.csv and report.html; the doctor's emotions and the advice go
    to the folder doctor-view.
    """
    from framework_encounter.run import run_encounter

    with progress_bars(quiet) as progress:
        result = run_encounter(
            encounter,
            out=out,
            config=config,
            options=with_label(option, label),
            key_file=key_file,
            warn=warner(quiet),
            progress=progress,
            **settings,
        )
    finish(result.summary, result.passed, result.reasons, quiet)


@app.command("analyze")
@takes_settings(
    without=(
        "role",
        "people",
        "measures",
        "span",
        "cover_area",
        "anonymizer",
        "recommender",
        "on_miss",
        "audio",
        "voice",
        "per_frame",
        "recheck",
    )
)
@takes_encounter
def analyze(
    encounter: Encounter,
    out: Out = Path("framework-output"),
    config: Config = None,
    option: Option = None,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """First half: a track table for each camera, which a person can correct before rendering.

    Writes tracks-patient.csv, tracks-doctor.csv, tracks-both.csv and analysis.json. They are
    private: they say where somebody's face is in the original.
    """
    from framework_encounter.halves import analyze_encounter

    with progress_bars(quiet) as progress:
        result = analyze_encounter(
            encounter,
            out=out,
            config=config,
            options=option or (),
            warn=warner(quiet),
            progress=progress,
            **settings,
        )
    finish(result.summary, result.passed, result.reasons, quiet)


@app.command("render")
@takes_settings(
    without=(
        "role",
        "people",
        "per_frame",
        "measures",
        "span",
        "allow_other_recording",
        "tracker",
        "fer_rate",
    )
)
@takes_encounter
def render(
    encounter: Encounter,
    tracks: Annotated[
        Path,
        typer.Option("--tracks", metavar="DIR", help="What framework encounter analyze wrote."),
    ],
    out: Out = Path("framework-output"),
    config: Config = None,
    option: Option = None,
    key_file: KeyFile = None,
    label: Label = None,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Second half: cover every camera by its track table, and write what 'encounter run' writes."""
    from framework_encounter.halves import render_encounter

    with progress_bars(quiet) as progress:
        result = render_encounter(
            encounter,
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
