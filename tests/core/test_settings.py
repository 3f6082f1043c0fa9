"""The typed keyword arguments are the fields of the configuration."""

from __future__ import annotations

import types
import typing
from pathlib import Path

import framework
from framework.config import RunConfig
from framework.settings import Settings


def test_keyword_arguments_are_the_fields_of_the_configuration() -> None:
    hints = typing.get_type_hints(Settings)
    assert set(hints) == set(RunConfig.model_fields) - {"options"}
    for name, hint in hints.items():
        annotation = RunConfig.model_fields[name].annotation
        allowed = typing.get_args(hint)
        assert types.NoneType in allowed, name
        if typing.get_origin(annotation) is typing.Literal:
            literal = next(a for a in allowed if typing.get_origin(a) is typing.Literal)
            assert set(typing.get_args(literal)) == set(typing.get_args(annotation)), name
        elif annotation in (str, int, float, bool):
            assert annotation in allowed, name


def test_package_says_that_it_has_types() -> None:
    assert (Path(framework.__file__).parent / "py.typed").is_file()
