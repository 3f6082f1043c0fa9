"""Dataclasses as JSON and back, so that one process can go on where another one ended.

The type hints say what comes back. NumPy arrays keep their type and shape, and every number comes
back bit for bit: JSON writes the shortest text that gives the same double, and single precision is
exact in double precision. Nothing is executed on reading, unlike with a pickle.
"""

from __future__ import annotations

import dataclasses
import enum
import functools
import types
import typing
from collections.abc import Mapping, Sequence, Set
from fractions import Fraction
from pathlib import PurePath
from typing import Any, TypeVar

import numpy as np

from framework.errors import ContractError

T = TypeVar("T")


def to_plain(value: Any) -> Any:
    """A value in terms of JSON.

    Raises:
        ContractError: it holds something that cannot be written.
    """
    if isinstance(value, enum.Enum):
        return value.value
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        return {"dtype": value.dtype.name, "shape": value.shape, "data": value.ravel().tolist()}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            f.name: to_plain(getattr(value, f.name)) for f in dataclasses.fields(value) if f.init
        }
    if isinstance(value, Fraction):
        return [value.numerator, value.denominator]
    if isinstance(value, PurePath):
        return str(value)
    if isinstance(value, Mapping):
        return [[to_plain(k), to_plain(v)] for k, v in value.items()]
    if isinstance(value, Set):
        return sorted(to_plain(item) for item in value)
    if isinstance(value, Sequence):
        return [to_plain(item) for item in value]
    raise ContractError(f"cannot be written as plain data: {type(value).__name__}")


def from_plain(hint: type[T], value: Any) -> T:
    """What :func:`to_plain` wrote, as a value of the type that ``hint`` names.

    Raises:
        ContractError: the value does not fit.
    """
    try:
        return typing.cast(T, _read(hint, value))
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        name = getattr(hint, "__name__", str(hint))
        raise ContractError(f"stored {name} does not fit: {error}") from error


def _read(hint: Any, value: Any) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if value is None:
            return None
        return _read(next(a for a in arguments if a is not types.NoneType), value)
    if origin is np.ndarray:
        return np.array(value["data"], np.dtype(value["dtype"])).reshape(value["shape"])
    if origin is typing.Literal or hint is Any:
        return value
    if origin is tuple:
        if len(arguments) == 2 and arguments[1] is Ellipsis:
            return tuple(_read(arguments[0], item) for item in value)
        return tuple(_read(a, item) for a, item in zip(arguments, value, strict=True))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {_read(arguments[0], k): _read(arguments[1], v) for k, v in value}
    if isinstance(origin, type) and issubclass(origin, Set):
        return (frozenset if issubclass(origin, frozenset) else set)(
            _read(arguments[0], item) for item in value
        )
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return [_read(arguments[0], item) for item in value]
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        hints = _hints(hint)
        return hint(**{name: _read(hints[name], item) for name, item in value.items()})
    if hint is Fraction:
        return Fraction(*value)
    if isinstance(hint, type) and issubclass(hint, enum.Enum | PurePath):
        return hint(value)
    return value


@functools.cache
def _hints(model: type) -> dict[str, Any]:
    return typing.get_type_hints(model)
