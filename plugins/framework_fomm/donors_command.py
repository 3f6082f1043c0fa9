"""``framework donors``: the portraits that the swap may use."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from framework.cli.console import say

app = typer.Typer(
    help="Donor portraits of the swap: list them, add your own, remove them.",
    no_args_is_help=True,
)

Folder = Annotated[
    str,
    typer.Option(
        "--folder",
        metavar="DIR",
        help="Where added donors are kept [default: $FRAMEWORK_DONORS, or your data folder].",
    ),
]


@app.command("list")
def list_donors(
    folder: Folder = "",
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """List the donors that ship and those you added, with licence and origin."""
    from framework_fomm.donors.store import EMBEDDED_FOLDER, read_index, user_folder

    rows: list[dict[str, Any]] = [
        {"origin": origin, **entry}
        for origin, path in (("embedded", EMBEDDED_FOLDER), ("user", user_folder(folder)))
        for entry in read_index(path)
    ]
    if as_json:
        say(json.dumps(rows, indent=2))
        return
    for row in rows:
        of = f"composite of {row['k']} adults" if "k" in row else row.get("consent", "")
        say(f"{row['name']:<20} {row['origin']:<9} {row.get('licence', ''):<12} {of}")
    for attribution in sorted({row.get("attribution", "") for row in rows} - {""}):
        say(attribution)


@app.command("add")
def add_donor(
    portrait: Annotated[Path, typer.Argument(metavar="PORTRAIT", help="A picture of one face.")],
    licence: Annotated[
        str, typer.Option("--licence", "--license", help="The terms you may use it under.")
    ] = "",
    consent: Annotated[
        str, typer.Option("--consent", help="How the person agreed, or that nobody is shown.")
    ] = "",
    attribution: Annotated[str, typer.Option("--attribution", help="Whom to name.")] = "",
    name: Annotated[str, typer.Option("--name", help="Name of the donor.")] = "",
    folder: Folder = "",
    detector: Annotated[
        str, typer.Option("--detector", help="Face detector that checks the portrait.")
    ] = "retinaface",
) -> None:
    """Check a portrait (one face, frontal, large enough) and add it as a donor."""
    from framework.registry import Registry
    from framework.spec import Kind
    from framework_fomm.donors import portrait as portraits
    from framework_fomm.donors.store import user_folder

    finder = Registry.load().create(Kind.DETECTOR, detector)
    added = portraits.add(
        portrait,
        user_folder(folder),
        finder,
        licence=licence,
        consent=consent,
        attribution=attribution,
        name=name,
    )
    say(f"added {added}; use it with -o anonymizer.donors=user (or all)")


@app.command("remove")
def remove_donor(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As 'donors list' shows it.")],
    folder: Folder = "",
) -> None:
    """Delete a donor that you added."""
    from framework_fomm.donors.store import remove, user_folder

    remove(user_folder(folder), name)
    say(f"removed {name}")
