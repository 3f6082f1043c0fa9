"""Every example that a user can copy works: options in texts, and command lines.

Looked at: help texts, docstrings, error messages, templates, the README and the documentation. The
tests themselves show wrong options on purpose and are left out.
"""

from __future__ import annotations

import importlib
import re
import shlex
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, get_type_hints

import pytest
import typer
import yaml
from pydantic import BaseModel, ValidationError

from framework.pipeline.components import StageOptions
from framework.registry import Registry
from framework.spec import Kind

ROOT = Path(__file__).parents[2]
FOLDERS = ("framework", "plugins", "contrib", "examples", "tools", "docs")
GROUPS = {kind.group: kind for kind in Kind}
STAGES = {"resolve", "timeline", "video"}
OPTION = re.compile(
    rf"(?<![\w/.-])({'|'.join([*GROUPS, *sorted(STAGES), 'live'])})(?::([a-z][a-z0-9-]*))?"
    r"\.([a-z_]+)=([^\s`'\"),;]*)"
)
PLACEHOLDER = re.compile(r"[A-Z]{2,}|\.\.\.|…|[{}$]")


def sources() -> Iterator[Path]:
    yield ROOT / "README.md"
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*")):
            parts = set(path.relative_to(ROOT).parts)
            if path.suffix in {".py", ".md", ".tmpl", ".yaml"} and not parts & {"tests", "build"}:
                yield path


@cache
def registry() -> Registry:
    """What is installed, and the packages under contrib/ from their source."""
    found = Registry.load(only=())
    for source in sorted((ROOT / "contrib").glob("*/src")):
        for module in sorted(source.glob("*/plugin.py")):
            sys.path.append(str(source))
            name = module.parent.name
            found.register(importlib.import_module(f"{name}.plugin"), name, name, "source")
    return found


def models(group: str, name: str | None) -> list[type[BaseModel]]:
    """Options models that an option of this group may belong to."""
    if group in STAGES:
        return [get_type_hints(StageOptions)[group]]
    if group == "live":
        from framework_live.options import LiveOptions

        return [LiveOptions]
    found = registry().of_kind(GROUPS[group])
    return [
        registry().options_model(c.kind, c.spec.name)
        for c in found
        if name is None or c.spec.name == name
    ]


def accepted(model: type[BaseModel], field: str, text: str) -> bool:
    """Whether the model has the field, and takes the value if it is one and no placeholder."""
    if field not in model.model_fields:
        return False
    if not text or PLACEHOLDER.search(text):
        return True
    value = yaml.safe_load(text)
    try:
        model.model_validate({field: value})
    except ValidationError as error:
        return all(e["loc"][:1] != (field,) for e in error.errors())
    return True


OPTIONS = sorted(
    {
        (str(path.relative_to(ROOT)), *match.groups(""))
        for path in sources()
        for match in OPTION.finditer(path.read_text(encoding="utf-8"))
    }
)


def test_there_are_examples() -> None:
    assert len(OPTIONS) > 30


@pytest.mark.parametrize("example", OPTIONS, ids=lambda e: f"{e[0]}:{e[1]}.{e[3]}={e[4]}")
def test_an_option_in_a_text_belongs_to_a_component(example: tuple[str, ...]) -> None:
    _, group, name, field, value = example
    name = "" if PLACEHOLDER.search(name) or name == "name" else name
    value = value.rstrip(".:")
    if value.startswith("["):  # a sweep of the benchmark
        return
    assert any(accepted(model, field, value) for model in models(group, name or None)), example


def command_of(words: list[str]) -> tuple[Any, list[str]]:
    """The command object that ``framework ...`` leads to, and the words after it."""
    from framework.cli.main import app

    command: Any = typer.main.get_command(app)
    rest = words[1:]
    while rest and hasattr(command, "commands"):
        if (found := command.get_command(None, rest[0])) is None:
            break
        command, rest = found, rest[1:]
    return command, rest


def shell_lines() -> Iterator[tuple[str, str]]:
    """Lines of Markdown code blocks that start with ``framework``, joined where they go on."""
    for path in sources():
        if path.suffix != ".md":
            continue
        for block in re.findall(r"^```\w*\n(.*?)^```", path.read_text("utf-8"), re.DOTALL | re.M):
            for line in block.replace("\\\n", " ").splitlines():
                if line.strip().removeprefix("$ ").startswith("framework "):
                    yield str(path.relative_to(ROOT)), line.strip().removeprefix("$ ")


LINES = sorted(set(shell_lines()))


@pytest.mark.parametrize("example", LINES, ids=lambda e: f"{e[0]}: {e[1][:60]}")
def test_a_command_line_in_the_documentation_exists_with_its_options(
    example: tuple[str, str],
) -> None:
    words = shlex.split(example[1], comments=True)
    command, rest = command_of(words)
    known = {name for p in command.params for name in (*p.opts, *p.secondary_opts)} | {"--help"}
    used = {word.partition("=")[0] for word in rest if re.match(r"-{1,2}[a-z]", word)}
    assert used <= known, used - known
    if hasattr(command, "commands") and rest and not rest[0].startswith("-"):
        assert rest[0] == rest[0].upper() or command.invoke_without_command, rest[0]
