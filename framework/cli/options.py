"""Options that several commands take, each written once."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import typer

from framework.config import COMPONENT_GROUPS, RunConfig

Out = Annotated[Path, typer.Option("--out", "-d", metavar="DIR", help="Where the results go.")]
Config = Annotated[Path | None, typer.Option("--config", "-c", metavar="FILE", help="A run.yaml.")]
Option = Annotated[
    list[str] | None,
    typer.Option(
        "--option",
        "-o",
        metavar="GROUP.NAME=VALUE",
        help="An option of a component or stage, as in anonymizer.cells=6. Repeatable.",
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

IN_FILES_ALONE = frozenset({"options", "plugins"})
"""Fields of a configuration that have no option of their own."""
METAVARS = {"span": "FROM-TO", "cover_area": "AREA"}
"""What an option takes, where its type does not say it."""
SHORT = {"anonymizer": ("-a",)}
"""Short forms of options."""


def setting(name: str) -> Any:
    """The option of one field of :class:`framework.config.RunConfig`.

    Its name, choices, default and help are those of the field.
    """
    field = RunConfig.model_fields[name]
    flag = "--" + name.replace("_", "-")
    text = field.description or ""
    literal = get_origin(field.annotation) is Literal
    choices = [str(value) for value in get_args(field.annotation)] if literal else []
    if choices:
        text += f": {', '.join(choices[:-1])} or {choices[-1]}"
    text = text[0].upper() + text[1:]
    if field.annotation is bool:
        form = f"{flag}/--no-{flag[2:]}" if field.default else flag
        return typer.Option(form, help=f"{text}.", show_default=False)
    words = {"threads": "all", "span": "all of it", "cover_area": "none"}
    default = words.get(name, str(field.default))
    metavar = "NAME" if name in COMPONENT_GROUPS else METAVARS.get(name)
    return typer.Option(
        flag, *SHORT.get(name, ()), metavar=metavar, help=f"{text} [{default}].", show_default=False
    )


def _value_type(name: str) -> Any:
    """What the command line reads; the model checks choices and bounds, and names them."""
    annotation = RunConfig.model_fields[name].annotation
    if get_origin(annotation) is tuple:
        return list[str]
    return annotation if annotation in (bool, int, float) else str


DetectorName = Annotated[str | None, setting("detector")]
RecommenderName = Annotated[str | None, setting("recommender")]
Device = Annotated[str | None, setting("device")]
Seed = Annotated[int | None, setting("seed")]
Threads = Annotated[int | None, setting("threads")]

SETTINGS: dict[str, Any] = {
    name: Annotated[_value_type(name) | None, setting(name)]
    for name in RunConfig.model_fields
    if name not in IN_FILES_ALONE
}
"""The options that belong to a run's configuration, in the order of its fields."""


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
