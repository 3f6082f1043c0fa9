"""How long-running work says how far it is."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called often; must be cheap.

    Args:
        stage: what is being done, the same words throughout a stage.
        done: items finished so far.
        total: items in all, None if that is not known.
    """

    def __call__(self, stage: str, done: int, total: int | None) -> None: ...


def silent(stage: str, done: int, total: int | None) -> None:
    """Report nothing."""
