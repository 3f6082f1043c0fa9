"""Reads a rule file; errors name the line and the field."""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from framework.errors import ConfigError
from framework.reading import UnfitFile, read_limited
from framework.suggest import did_you_mean
from framework.types import EMOTIONS
from framework_rules.schema import Absence, Observation, Rule, RuleFile, SecondObservation

MAX_BYTES = 256 * 1024
MAX_DEPTH = 20
DEFAULT_RULES = "default.yaml"


def load_rules(path: str | Path | None = None) -> RuleFile:
    """The rules of a file, or those that come with the package.

    Raises:
        ConfigError: not readable, not YAML, or not valid; with line and field.
    """
    if path is None:
        text = resources.files("framework_rules").joinpath(DEFAULT_RULES).read_text("utf-8")
        return parse_rules(text, DEFAULT_RULES)
    file = Path(path)
    try:
        raw = read_limited(file, MAX_BYTES)
    except UnfitFile as error:
        raise ConfigError(f"rule file {path}: {error}") from error
    except OSError as error:
        raise ConfigError(
            f"rule file {path}: cannot be read ({error.strerror}); give a YAML file"
        ) from error
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"rule file {path}: expected text in UTF-8; save it as such") from error
    return parse_rules(text, str(path))


def parse_rules(text: str, name: str) -> RuleFile:
    """The same for the text of a file; ``name`` is for messages.

    Raises:
        ConfigError: not YAML, or not valid; with line and field.
    """
    root, data = _compose(text, name)
    try:
        return RuleFile.model_validate(data)
    except ValidationError as error:
        first, more = _first_error(error)
        loc = first["loc"]
        line = _node_at(root, loc).start_mark.line + 1
        message = f"rule file {name}, line {line}, {_path(loc)}: {_explain(first)}"
        raise ConfigError(message + (f" ({more} more)" if more else "")) from error


def _first_error(error: ValidationError) -> tuple[Any, int]:
    """The first error, and how many more there are.

    A list with an invalid item is reported a second time as too short; that one is left out.
    """
    errors = error.errors(include_url=False)
    places = [e["loc"] for e in errors]
    real = [
        e
        for e in errors
        if not any(len(p) > len(e["loc"]) and p[: len(e["loc"])] == e["loc"] for p in places)
    ]
    return real[0], len(real) - 1


def _compose(text: str, name: str) -> tuple[yaml.Node, Any]:
    """The tree of nodes, which know their lines, and the plain data."""
    try:
        depth = 0
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            depth += isinstance(event, yaml.CollectionStartEvent)
            depth -= isinstance(event, yaml.CollectionEndEvent)
            if depth > MAX_DEPTH:
                raise ConfigError(f"rule file {name}: nested more than {MAX_DEPTH} levels deep")
            if isinstance(event, yaml.AliasEvent):
                line = event.start_mark.line + 1 if event.start_mark else 1
                raise ConfigError(
                    f"rule file {name}, line {line}: aliases (*{event.anchor}) are not supported; "
                    "write the value out"
                )
        loader = yaml.SafeLoader(text)
        try:
            root = loader.get_single_node()
            if root is None:
                raise ConfigError(f"rule file {name}: it is empty; see docs/rules.md for examples")
            _no_double_keys(root, name)
            return root, loader.construct_document(root)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f", line {mark.line + 1}" if mark else ""
        raise ConfigError(f"rule file {name}{where}: no valid YAML: {error.problem}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"rule file {name}: no valid YAML: {reason}") from error


def _no_double_keys(node: yaml.Node, name: str) -> None:
    """YAML readers keep the last of two equal keys in silence; a rule would vanish."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if isinstance(key, yaml.ScalarNode) and key.value in seen:
                line = key.start_mark.line + 1
                raise ConfigError(f"rule file {name}, line {line}: '{key.value}' is there twice")
            seen.add(str(key.value))
            _no_double_keys(value, name)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _no_double_keys(value, name)


def _node_at(root: yaml.Node, loc: tuple[int | str, ...]) -> yaml.Node:
    """The node an error is about: the deepest one that exists on the way to it."""
    node = root
    for step in loc:
        if isinstance(node, yaml.MappingNode):
            pairs = [(k, v) for k, v in node.value if k.value == str(step)]
            if not pairs:
                break
            found: yaml.Node = pairs[0][0]
            node = pairs[0][1]
            if step == loc[-1]:
                return found  # a value may begin on the line after its key
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
            if step >= len(node.value):
                break
            node = node.value[step]
    return node


def _path(loc: tuple[int | str, ...]) -> str:
    """``("rules", 2, "observe")`` as ``rules[2].observe``."""
    path = ""
    for step in loc:
        path += f"[{step}]" if isinstance(step, int) else f".{step}" if path else str(step)
    return path or "file"


def _explain(error: Any) -> str:
    """One pydantic error in plain words."""
    loc, given = error["loc"], error.get("input")
    kind = error["type"]
    if kind == "extra_forbidden":
        known = _fields_at(loc[:-1])
        return f"unknown field{did_you_mean(str(loc[-1]), known)}; expected {', '.join(known)}"
    if kind == "missing":
        return "it is missing"
    if kind == "value_error":
        return str(error["ctx"]["error"])
    if kind in ("model_type", "dict_type"):
        return f"expected fields with values, got {type(given).__name__}"
    message = error["msg"].replace("Input should be", "expected").removeprefix("Value error, ")
    if kind == "literal_error":
        message = f"expected {error['ctx']['expected']}"
    shown = repr(given)
    message += f", got {shown if len(shown) <= 60 else shown[:57] + '...'}"
    if "emotions" in loc and isinstance(given, str):
        message += did_you_mean(given, [*EMOTIONS, "negative"])
    return str(message)


def _fields_at(loc: tuple[int | str, ...]) -> list[str]:
    """Names of the fields that are allowed at a place in the file."""
    models: dict[str, Any] = {
        "observe": Observation,
        "and": SecondObservation,
        "without": SecondObservation,
        "absence": Absence,
    }
    named = [step for step in loc if isinstance(step, str)]
    model = models.get(named[-1], Rule) if named else RuleFile
    return [field.alias or name for name, field in model.model_fields.items()]
