"""``framework plugin``: for those who write plugins."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from framework.cli.console import say
from framework.spec import COMMAND, Kind

app = typer.Typer(help="Write a plugin of your own.", no_args_is_help=True, rich_markup_mode=None)


@app.callback()
def group() -> None:
    """Write a plugin of your own."""


@app.command("new")
def new(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="What users will type, for instance grey-box.")
    ],
    kind: Annotated[
        str,
        typer.Option(
            "--kind",
            "-k",
            metavar="KIND",
            help=f"One of: {', '.join([*Kind, COMMAND])}.",
        ),
    ] = "anonymizer",
    out: Annotated[
        Path | None,
        typer.Option("--out", "-d", metavar="DIR", help="The new folder [./framework-NAME]."),
    ] = None,
    author: Annotated[
        str, typer.Option("--author", metavar="TEXT", help="Who stands in the licence.")
    ] = "",
) -> None:
    """Write a complete plugin package: it installs, passes its tests and is listed at once."""
    from framework.scaffold import new_plugin, plan_plugin

    plan = plan_plugin(name, kind, author)
    folder = out if out is not None else Path(plan.distribution)
    for path in new_plugin(plan, folder):
        say(f"wrote {path}")
    say()
    say(f"next: cd {folder} && pip install -e '.[test]' && pytest && framework plugins")
