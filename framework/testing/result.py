"""What a check is, and what comes out of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from framework.testing.subject import Subject


class Status(StrEnum):
    """Outcome of one check."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    XFAIL = "xfail"  # failed as declared


class CheckFailed(AssertionError):  # noqa: N818 - an assertion, as pytest shows it
    """The component does not keep its contract. The message says what was expected and what
    came."""


class Skip(Exception):  # noqa: N818 - not an error
    """The check does not apply here; the message says why."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One line of ``framework check``.

    Attributes:
        name: name of the check, for instance ``covers-each-track``.
        status: see :class:`Status`.
        message: why it failed or was skipped, or what was measured; may be empty.
        seconds: how long the check took.
    """

    name: str
    status: Status
    message: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Check:
    """One promise of a contract, as a function that raises when it is broken.

    Attributes:
        name: what known gaps refer to.
        about: the promise in one line.
        run: takes the subject; returns what to report, or None; raises :class:`CheckFailed`, or
            :class:`Skip`. Anything else it raises counts as failed.
        needs: capabilities without which the check is not run at all.
        unless: capabilities with which it does not apply, and is shown as skipped.
        essential: without it a component is not what it says; no gap can be declared.
    """

    name: str
    about: str
    run: Callable[[Subject], str | None]
    needs: frozenset[str] = frozenset()
    unless: frozenset[str] = frozenset()
    essential: bool = False


def check(
    *, needs: Iterable[str] = (), unless: Iterable[str] = (), essential: bool = False
) -> Callable[[Callable[[Subject], str | None]], Check]:
    """Make a :class:`Check` of a function: its name with hyphens, its docstring's first line."""

    def make(function: Callable[[Subject], str | None]) -> Check:
        about = (function.__doc__ or "").strip().partition("\n")[0]
        name = function.__name__.replace("_", "-")
        return Check(name, about, function, frozenset(needs), frozenset(unless), essential)

    return make


def require(condition: object, message: str) -> None:
    """Raise :class:`CheckFailed` unless the condition holds."""
    if not condition:
        raise CheckFailed(message)
