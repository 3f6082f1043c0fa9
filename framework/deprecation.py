"""Old names that still work, and say so."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")


def deprecated(instead: str, *, removed_in: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Mark a public function: each call warns with what to use, and with which version it goes.

    Args:
        instead: what to use.
        removed_in: the version without it.
    """

    def mark(function: Callable[P, R]) -> Callable[P, R]:
        text = (
            f"{function.__qualname__} is deprecated and goes with version {removed_in}; use "
            f"{instead}"
        )

        @functools.wraps(function)
        def warned(*args: P.args, **kwargs: P.kwargs) -> R:
            warnings.warn(text, DeprecationWarning, stacklevel=2)
            return function(*args, **kwargs)

        note = f".. deprecated:: {removed_in}\n    Use {instead}."
        warned.__doc__ = f"{(function.__doc__ or '').rstrip()}\n\n{note}\n"
        return warned

    return mark
