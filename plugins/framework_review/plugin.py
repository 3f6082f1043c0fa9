"""What this package offers. Light: the modules named here are imported when a command is called."""

from __future__ import annotations

from collections.abc import Iterable

from framework.hookspecs import hookimpl
from framework.spec import CommandSpec

REQUIRES = ("'clinical-empathy-framework[review]'",)


@hookimpl
def framework_commands() -> Iterable[CommandSpec]:
    yield CommandSpec(
        "review",
        "Look at what is doubtful, correct it and approve, on a page of this machine",
        "framework_review.command:app",
        requires=REQUIRES,
    )
    yield CommandSpec(
        "tracks",
        "Take track tables to CVAT, Label Studio or COCO JSON and back",
        "framework_review.tracks_command:app",
    )
