"""Dataclasses as JSON and back: bit for bit, without executing anything."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from framework import ContractError, Role
from framework.plain_data import from_plain, to_plain


@dataclass(frozen=True)
class Inner:
    role: Role
    share: Fraction
    span: tuple[float, float] | None = None


@dataclass
class Outer:
    values: NDArray[np.float32]
    by_number: dict[int, str]
    by_role: Mapping[Role, Inner]
    more: tuple[Inner, ...] = ()
    places: list[Path] = field(default_factory=list)


def back(value: object) -> object:
    return from_plain(type(value), json.loads(json.dumps(to_plain(value))))


def test_nested_dataclass_comes_back_as_it_was() -> None:
    inner = Inner(Role.DOCTOR, Fraction(1, 90000), (0.1, 0.3))
    outer = Outer(
        np.array([[0.1, np.nan], [np.inf, -0.0]], np.float32),
        {3: "the detector failed"},
        {Role.PATIENT: inner},
        (inner, Inner(Role.UNKNOWN, Fraction(2))),
        [Path("x")],
    )
    again = back(outer)
    assert isinstance(again, Outer)
    assert again.values.tobytes() == outer.values.tobytes()
    assert again.values.dtype == np.float32
    assert (again.by_number, again.by_role, again.more) == (
        outer.by_number,
        outer.by_role,
        outer.more,
    )
    assert again.places == [Path("x")]


@settings(deadline=None)
@given(st.lists(st.floats(width=32), max_size=8))
def test_every_number_comes_back_bit_for_bit(numbers: list[float]) -> None:
    outer = Outer(np.array(numbers, np.float32), {}, {})
    again = back(outer)
    assert isinstance(again, Outer)
    assert np.array_equal(again.values, outer.values, equal_nan=True)


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(ContractError, match="Inner"):
        from_plain(Inner, {"role": "nobody", "share": [1, 2]})
    with pytest.raises(ContractError, match="Inner"):
        from_plain(Inner, {"share": [1, 2]})
    with pytest.raises(ContractError, match="object"):
        to_plain(object())


def test_whole_numbers_stay_whole() -> None:
    again = from_plain(Inner, {"role": "doctor", "share": [1, 2], "span": [0, 1.0]})
    assert [type(value) for value in again.span or ()] == [int, float]
