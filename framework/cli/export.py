"""``framework export``: results in the format of another tool."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from framework.cli.console import say

app = typer.Typer(rich_markup_mode=None)


@app.command("export")
def export(
    results: Annotated[
        Path, typer.Argument(metavar="RESULTS", help="A result folder, as 'framework run' leaves.")
    ],
    to: Annotated[
        str, typer.Option("--to", metavar="NAME", help="An exporter, as in 'framework plugins'.")
    ],
    out: Annotated[
        Path,
        typer.Option("--out", "-d", metavar="DIR", help="A new or empty folder for the files."),
    ],
    option: Annotated[
        list[str] | None,
        typer.Option("--option", "-o", metavar="exporter.NAME=VALUE", help="Repeatable."),
    ] = None,
) -> None:
    """Write a result folder in the format of another tool.

    The files appear all at once or not at all; the result folder is only read.
    """
    from framework.config import merge_options
    from framework.errors import ConfigError
    from framework.media.staging import Staging
    from framework.registry import Registry
    from framework.spec import Kind

    if not results.is_dir():
        raise ConfigError(f"{results}: no such folder; expected what 'framework run' wrote")
    group = Kind.EXPORTER.group
    options = merge_options({}, option or [])
    if wrong := sorted(set(options) - {group}):
        raise ConfigError(f"option group '{wrong[0]}': expected {group}.NAME=VALUE")
    exporter = Registry.load().create(Kind.EXPORTER, to, options.get(group, {}), prefix=group)
    out.parent.mkdir(parents=True, exist_ok=True)
    staging = Staging(out, folder=True)
    try:
        names = [file.relative_to(staging.path) for file in exporter.export(results, staging.path)]
        staging.commit()
    finally:
        staging.discard()
    for name in names:
        say(f"wrote {out / name}")
