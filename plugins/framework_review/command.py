"""``framework review``: the page that a person looks, corrects and approves on."""

from __future__ import annotations

import socket
import threading
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from framework.cli.console import say
from framework.cli.options import KeyFile

app = typer.Typer(rich_markup_mode=None)

HOST = "127.0.0.1"


@app.command("review")
def review(
    folder: Annotated[
        Path, typer.Argument(metavar="RESULTS|STUDY", help="Results of a run, or a study.")
    ],
    source: Annotated[
        list[Path] | None,
        typer.Option(
            "--source", metavar="FILE", help="Original recording of RESULTS; repeat it by camera."
        ),
    ] = None,
    tracks: Annotated[
        list[Path] | None,
        typer.Option(
            "--tracks", metavar="FILE", help="tracks.csv of each source; corrections go into it."
        ),
    ] = None,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="Port on this machine [a free one].")
    ] = 0,
    open_browser: Annotated[
        bool, typer.Option("--browser/--no-browser", help="Open the page [browser].")
    ] = True,
    key_file: KeyFile = None,
) -> None:
    """Look at what is doubtful, correct it, render again, and approve, on a page of this machine.

    The page can be reached from this machine alone, with an address that works once. Originals are
    shown and never stored. Ctrl-C ends.
    """
    import uvicorn

    from framework_review.access import Access
    from framework_review.items import find_review
    from framework_review.server import Desk, build_app

    found = find_review(folder, source or [], tracks or [])
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _bind(listener, port)
        number = listener.getsockname()[1]
        access, desk = Access(number), Desk(found, key_file)
        address = f"http://{HOST}:{number}/open?token={access.token}"
        say(f"the page is at {address}")
        say("the address works once; Ctrl-C ends")
        server = uvicorn.Server(
            uvicorn.Config(
                build_app(desk, access),
                log_level="warning",
                access_log=False,
                server_header=False,
                date_header=False,
            )
        )
        if open_browser:
            threading.Timer(0.5, webbrowser.open, (address,)).start()
        try:
            server.run(sockets=[listener])
        finally:
            desk.close()


def _bind(listener: socket.socket, port: int) -> None:
    from framework.errors import ConfigError

    try:
        listener.bind((HOST, port))
        listener.listen()  # before the address is printed: whoever is quick is not refused
    except OSError:
        raise ConfigError(
            f"port {port} is taken; choose another one, or leave --port out for a free one"
        ) from None
