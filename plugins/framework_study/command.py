"""``framework study``: many encounters, on one machine or many."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Annotated, Any

import typer

from framework.cli.console import finish, progress_bars, say, warner
from framework.cli.options import Option, Quiet, setting, takes_settings
from framework.errors import EXIT_CHECK_FAILED, ConfigError

app = typer.Typer(
    help="Hundreds of recordings: what is done, what failed, what is left.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
)

Study = Annotated[Path, typer.Argument(metavar="STUDY", help="Folder of the study.")]
EngineOption = Annotated[
    str | None,
    typer.Option("--engine", help="Where the work is done: local, ray or slurm [local]."),
]
Workers = Annotated[
    int | None,
    typer.Option("--workers", min=1, help="Workers at once [as cores and memory allow]."),
]
Address = Annotated[
    str | None, typer.Option("--address", metavar="ADDRESS", help="Of a Ray cluster.")
]
Anonymizer = Annotated[str | None, setting("anonymizer")]
Fer = Annotated[str | None, setting("fer")]
WATCH_S = 2.0


@app.command("init")
def init(
    study: Study,
    videos: Annotated[
        Path | None, typer.Option("--videos", metavar="DIR", help="Folder with the recordings.")
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option(
            "--table",
            metavar="FILE",
            help="Instead: a CSV with id, patient, doctor, both, offset, references, regions, "
            "span, consent; further columns are groups.",
        ),
    ] = None,
    pair_by: Annotated[
        str, typer.Option("--pair-by", help="How cameras find each other: name or sound.")
    ] = "name",
    pattern: Annotated[
        str | None,
        typer.Option("--pattern", help="How names are made, as in '{id}_{role}.mp4' [guessed]."),
    ] = None,
    anonymizer: Anonymizer = None,
    fer: Fer = None,
    quiet: Quiet = False,
) -> None:
    """Look at recordings, propose which belong together, and write study.yaml and encounters.csv.

    Both files are yours to correct, encounters.csv in a spreadsheet. Nothing else is touched.
    """
    from framework_study.init import init_study, table_of

    with progress_bars(quiet) as progress:
        made = init_study(
            study,
            videos=videos,
            table=table,
            pair_by=pair_by,
            pattern=pattern,
            progress=progress,
            anonymizer=anonymizer,
            fer=fer,
        )
    if quiet:
        return
    if made.proposals:
        assert videos is not None
        for line in table_of(made.proposals, videos):
            say(line)
        doubtful = sum(bool(p.doubts) for p in made.proposals)
        say()
        say(f"{made.rows} rows, {doubtful} of them doubtful (?)")
    else:
        say(f"{made.rows} rows")
    say(f"wrote {made.layout.config}")
    say(f"wrote {made.layout.table}")
    say(f"look at both, then: framework study run {study}")


@app.command("run")
@takes_settings(without=("role", "people", "span"))
def run(
    study: Study,
    only: Annotated[
        list[str] | None,
        typer.Option("--only", metavar="ID", help="Do these encounters alone. Repeatable."),
    ] = None,
    engine: EngineOption = None,
    workers: Workers = None,
    address: Address = None,
    option: Option = None,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Do everything that is not done yet. Stop it whenever you like; the next run goes on.

    Exit status: 0 every encounter is done and passed, 1 some failed or do not pass (they are
    listed), 2 it could not run.
    """
    _run(study, only or (), False, engine, workers, address, option, quiet, settings)


@app.command("retry")
@takes_settings(without=("role", "people", "span"))
def retry(
    study: Study,
    ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="Encounters [all that failed].")
    ] = None,
    engine: EngineOption = None,
    workers: Workers = None,
    address: Address = None,
    option: Option = None,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Try again what failed or was set aside."""
    from framework_study.status import study_status

    failed = [row.id for row in study_status(study).rows if row.state in ("failed", "set aside")]
    if not ids and not failed:
        say("nothing failed")
        return
    _run(study, ids or failed, True, engine, workers, address, option, quiet, settings)


def _run(
    study: Path,
    only: Any,
    again: bool,
    engine: str | None,
    workers: int | None,
    address: str | None,
    option: list[str] | None,
    quiet: bool,
    settings: dict[str, Any],
) -> None:
    from framework_study.run import run_study

    with progress_bars(quiet) as progress:
        result = run_study(
            study,
            only=only,
            options=option or (),
            again=again,
            warn=warner(quiet),
            progress=progress,
            engine=engine,
            workers=workers,
            address=address,
            **settings,
        )
    finish(result.summary, result.passed, result.reasons, quiet)


@app.command("status")
def status(
    study: Study,
    watch: Annotated[
        bool, typer.Option("--watch", help="Look again every two seconds until the run ends.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    page: Annotated[
        Path | None, typer.Option("--page", metavar="FILE", help="Write one HTML page.")
    ] = None,
) -> None:
    """What is done, what failed and why, what is left.

    Exit status: 1 if something failed or does not pass, else 0.
    """
    from framework.atomic import write_text
    from framework_study.status import page as page_of
    from framework_study.status import study_status
    from framework_study.status import table as table_of

    if watch and (as_json or page is not None):
        raise ConfigError("--watch shows the table; give it without --json and --page")
    found = study_status(study)
    if watch:
        from rich.console import Console
        from rich.live import Live
        from rich.text import Text

        with Live(console=Console(), auto_refresh=False) as live:
            while True:
                live.update(Text("\n".join(table_of(found))), refresh=True)
                if not found.running:
                    break
                time.sleep(WATCH_S)
                found = study_status(study)
    elif as_json:
        say(json.dumps(found.to_json(), indent=2, ensure_ascii=False))
    else:
        for line in table_of(found):
            say(line)
    if page is not None:
        write_text(page, page_of(found))
        say(f"wrote {page}")
    if found.bad:
        raise typer.Exit(EXIT_CHECK_FAILED)
