"""``framework tracks``: a track table to another annotation tool and back."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from framework.cli.console import say

app = typer.Typer(
    help="Take track tables to CVAT, Label Studio or COCO JSON and back.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


class Tool(StrEnum):
    """Formats of other tools."""

    CVAT = "cvat"
    LABEL_STUDIO = "label-studio"
    COCO = "coco"


Table = Annotated[
    Path, typer.Argument(metavar="TRACKS", help="A tracks.csv of `framework analyze`.")
]
To = Annotated[Path, typer.Option("--out", "-d", metavar="FILE", help="What is written.")]


@app.command("export")
def export(
    tracks: Table,
    out: To,
    to: Annotated[Tool, typer.Option("--to", help="Format.")] = Tool.CVAT,
) -> None:
    """Write a track table for another tool: CVAT for video 1.1, Label Studio JSON, COCO JSON."""
    from framework.table_file import load_table
    from framework_review.cvat import write_cvat
    from framework_review.json_formats import write_coco, write_label_studio

    write = {Tool.CVAT: write_cvat, Tool.LABEL_STUDIO: write_label_studio, Tool.COCO: write_coco}
    write[to](load_table(tracks), out)
    say(f"wrote {out}")


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="What the other tool exported.")],
    tracks: Annotated[
        Path,
        typer.Option("--tracks", metavar="TRACKS", help="The tracks.csv that it was made from."),
    ],
    out: To,
    source: Annotated[Tool, typer.Option("--from", help="Format.")] = Tool.CVAT,
) -> None:
    """Bring the corrections of another tool back into a track table, for `framework render`."""
    from framework.table_file import load_table, save_table
    from framework_review.cvat import read_cvat
    from framework_review.formats import with_shapes
    from framework_review.json_formats import read_coco, read_label_studio

    table = load_table(tracks)
    if source is Tool.CVAT:
        shapes = read_cvat(file)
    elif source is Tool.COCO:
        shapes = read_coco(file)
    else:
        shapes = read_label_studio(file, table)
    save_table(with_shapes(table, shapes, file.name), out)
    say(f"wrote {out}")
