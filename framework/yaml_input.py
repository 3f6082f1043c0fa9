"""YAML that a user hands us, read within limits."""

from __future__ import annotations

from typing import Any

import yaml

MAX_BYTES = 2**20
"""Of a configuration file."""
MAX_DEPTH = 32
MAX_EVENTS = 100_000
MAX_SCALAR = 100_000
"""Characters of one value."""


class UnfitYaml(yaml.YAMLError):
    """It is too deep or too large, uses aliases, or holds a value that is none. One line."""


def read_yaml(text: str) -> Any:
    """The plain values of a YAML text.

    Aliases are refused: nested, a few lines of them stand for gigabytes.

    Raises:
        yaml.YAMLError: not YAML, or not within the limits of this module.
    """
    if len(text) > MAX_BYTES:
        raise UnfitYaml(f"more than {MAX_BYTES // 1024} KiB")
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=yaml.SafeLoader)):
        depth += isinstance(event, yaml.CollectionStartEvent)
        depth -= isinstance(event, yaml.CollectionEndEvent)
        line = event.start_mark.line + 1 if event.start_mark else 1
        if depth > MAX_DEPTH:
            raise UnfitYaml(f"line {line}: nested more than {MAX_DEPTH} levels deep")
        if count > MAX_EVENTS:
            raise UnfitYaml(f"line {line}: more than {MAX_EVENTS} values")
        if isinstance(event, yaml.AliasEvent):
            raise UnfitYaml(
                f"line {line}: aliases (*{event.anchor}) are not supported; write the value out"
            )
        if isinstance(event, yaml.ScalarEvent) and len(event.value) > MAX_SCALAR:
            raise UnfitYaml(f"line {line}: a value of more than {MAX_SCALAR} characters")
    try:
        return yaml.safe_load(text)
    except (ValueError, OverflowError, RecursionError, TypeError) as error:
        # A date that does not exist, a number of thousands of digits, a key that is a list.
        raise UnfitYaml(" ".join(str(error).split())[:200]) from None
