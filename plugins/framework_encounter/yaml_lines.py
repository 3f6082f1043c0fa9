"""YAML that remembers its lines, so that a message can say where."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from framework.errors import ConfigError
from framework.reading import read_limited, why_unreadable
from framework.yaml_input import read_yaml

MAX_BYTES = 256 * 1024


@dataclass(frozen=True)
class Document:
    """A file's content and the tree it was read from.

    Attributes:
        name: what messages call it.
        data: plain values.
    """

    name: str
    data: Any
    root: yaml.Node

    def place(self, loc: tuple[Any, ...], field: str) -> str:
        """``encounter file visit.yaml, line 7, recordings[1].shows`` for an error there."""
        text = f"{self.name}, line {self.line(loc)}"
        return f"{text}, {field}" if field else text

    def line(self, loc: tuple[Any, ...]) -> int:
        """1-based line of a key or item; of the deepest that exists on the way to it."""
        node = self.root
        found = node.start_mark.line
        for step in loc:
            if isinstance(node, yaml.MappingNode):
                pairs = [(k, v) for k, v in node.value if k.value == str(step)]
                if not pairs:
                    break
                found, node = pairs[0][0].start_mark.line, pairs[0][1]
            elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
                if step >= len(node.value):
                    break
                node = node.value[step]
                found = node.start_mark.line
        return int(found) + 1


def read_document(path: Path, kind: str) -> Document:
    """Read a YAML file that holds a mapping.

    Args:
        kind: what it is, for messages.

    Raises:
        ConfigError: missing, too large, not YAML, a key that is there twice, or no mapping.
    """
    name = f"{kind} {path}"
    try:
        raw = read_limited(path, MAX_BYTES)
        text = raw.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{name}: {why_unreadable(error)}") from None
    try:
        read_yaml(text)  # within limits
        loader = yaml.SafeLoader(text)
        try:
            root = loader.get_single_node()
            if not isinstance(root, yaml.MappingNode):
                raise ConfigError(f"{name}: expected 'key: value' lines")
            _refuse_double_keys(root, name)
            return Document(name, loader.construct_document(root), root)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{name}, line {line}: no valid YAML: {error.problem}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise ConfigError(f"{name}: no valid YAML: {' '.join(str(error).split())}") from None


def _refuse_double_keys(node: yaml.Node, name: str) -> None:
    """YAML readers keep the last of two equal keys in silence."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if str(key.value) in seen:
                line = key.start_mark.line + 1
                raise ConfigError(f"{name}, line {line}: '{key.value}' is there twice")
            seen.add(str(key.value))
            _refuse_double_keys(value, name)
    elif isinstance(node, yaml.SequenceNode):
        for value in node.value:
            _refuse_double_keys(value, name)
