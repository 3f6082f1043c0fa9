"""Options that several commands take, each written once."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

Out = Annotated[Path, typer.Option("--out", "-d", metavar="DIR", help="Where the results go.")]
Config = Annotated[Path | None, typer.Option("--config", "-c", metavar="FILE", help="A run.yaml.")]
Option = Annotated[
    list[str] | None,
    typer.Option(
        "--option",
        "-o",
        metavar="GROUP.NAME=VALUE",
        help="An option of a component or stage, as in anonymizer.kernel=31. Repeatable.",
    ),
]
DetectorName = Annotated[
    str | None, typer.Option("--detector", metavar="NAME", help="Face detector [retinaface].")
]
TrackerName = Annotated[
    str | None, typer.Option("--tracker", metavar="NAME", help="Face tracker [bytetrack].")
]
AnonymizerName = Annotated[
    str | None,
    typer.Option("--anonymizer", "-a", metavar="NAME", help="How faces are covered [blur]."),
]
FerName = Annotated[
    str | None,
    typer.Option("--fer", metavar="NAME", help="Emotion classifier, or 'none' [resnet]."),
]
RecommenderName = Annotated[
    str | None,
    typer.Option("--recommender", metavar="NAME", help="Source of advice, or 'none' [rules]."),
]
RoleName = Annotated[
    str | None, typer.Option("--role", help="Whom the recording shows: patient or doctor.")
]
People = Annotated[
    int | None,
    typer.Option(
        "--people",
        help="How many people belong to the encounter; the others are "
        "bystanders, covered and not analysed [1].",
    ),
]
Rate = Annotated[
    float | None, typer.Option("--fer-rate", help="Emotion samples a second and person [5].")
]
OnMiss = Annotated[
    str | None,
    typer.Option(
        "--on-miss",
        help="Frames whose faces could not be established: cover (the "
        "whole frame), drop or abort [cover].",
    ),
]
NoFaces = Annotated[
    bool | None,
    typer.Option(
        "--allow-no-faces", help="Let frames without any face pass as they are.", show_default=False
    ),
]
Audio = Annotated[
    str | None,
    typer.Option("--audio", help="drop, anonymize or keep. A voice identifies a person [drop]."),
]
VoiceName = Annotated[
    str | None,
    typer.Option(
        "--voice", metavar="NAME", help="Voice anonymizer of --audio anonymize [silence]."
    ),
]
PerFrame = Annotated[
    bool | None, typer.Option("--per-frame", help="Also write a row for each classified face.")
]
Recheck = Annotated[
    bool | None,
    typer.Option(
        "--recheck/--no-recheck",
        help="Repeat the emotion analysis on the result [recheck].",
        show_default=False,
    ),
]
Threads = Annotated[int | None, typer.Option("--threads", help="CPU threads [all cores].")]
Device = Annotated[str | None, typer.Option("--device", help="auto, cpu or cuda [auto].")]
Seed = Annotated[int | None, typer.Option("--seed", help="Seed of everything random [0].")]
Licence = Annotated[
    str | None,
    typer.Option(
        "--licence-policy", help="What all weights must allow: any, research or commercial [any]."
    ),
]
KeyFile = Annotated[
    Path | None,
    typer.Option("--key-file", metavar="FILE", help="Your secret, from which donors are chosen."),
]
Label = Annotated[
    bool | None,
    typer.Option(
        "--label/--no-label", help="Mark synthetic faces with a visible label.", show_default=False
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors and nothing else.")]

SETTINGS: dict[str, Any] = {
    "anonymizer": AnonymizerName,
    "fer": FerName,
    "detector": DetectorName,
    "tracker": TrackerName,
    "recommender": RecommenderName,
    "role": RoleName,
    "people": People,
    "fer_rate": Rate,
    "on_miss": OnMiss,
    "allow_no_faces": NoFaces,
    "audio": Audio,
    "voice": VoiceName,
    "per_frame": PerFrame,
    "recheck": Recheck,
    "threads": Threads,
    "device": Device,
    "seed": Seed,
    "licence_policy": Licence,
}
"""Fields of :class:`framework.config.RunConfig` and how the command line offers them."""


def takes_settings(
    *, without: tuple[str, ...] = ()
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command that ends in ``**settings`` the options of :data:`SETTINGS`.

    typer reads options from a function's signature; this writes them there, so that a command
    names what is its own and hands the rest on. Each is None where it was not given.

    Args:
        without: settings that mean nothing to this command.
    """
    names = [name for name in SETTINGS if name not in without]

    def extended(command: Callable[..., None]) -> Callable[..., None]:
        own = inspect.signature(command, eval_str=True).parameters
        extra = [
            inspect.Parameter(
                name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=SETTINGS[name]
            )
            for name in names
        ]
        kept = [p for p in own.values() if p.kind != inspect.Parameter.VAR_KEYWORD]
        before = [p for p in kept if p.name not in _LAST]
        last = [p for p in kept if p.name in _LAST]
        shown = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in (*before, *extra, *last)]

        @functools.wraps(command)
        def called(**values: Any) -> None:
            command(**values)

        called.__signature__ = inspect.Signature(shown)  # type: ignore[attr-defined]
        called.__annotations__ = {p.name: p.annotation for p in shown}
        return called

    return extended


_LAST = ("key_file", "label", "quiet")  # in --help, behind the settings


def with_label(option: list[str] | None, label: bool | None) -> list[str]:
    """``--no-label`` is short for an option of the anonymizer that makes synthetic faces."""
    extra = [] if label is None else [f"anonymizer.label={'true' if label else 'false'}"]
    return [*(option or []), *extra]
