"""How each encounter stands: one small file an encounter below ``state/items``."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from framework.atomic import write_text
from framework_study.layout import Layout

Standing = Literal["waiting", "done", "failed", "set aside"]
MOST_TRIES = 2
"""A worker that dies at the same task so often sets the encounter aside; so do other failures that
might have been passing."""


@dataclass(frozen=True)
class Tries:
    """A task that failed.

    Attributes:
        count: how often.
        given_up: it is not tried again, unless a person says so.
        stage: its name.
        reason: why, the last time.
        lost: whether its worker died of it, the last time.
    """

    count: int
    given_up: bool
    stage: str
    reason: str
    lost: bool


@dataclass(frozen=True)
class Record:
    """What is known of one encounter.

    Attributes:
        id: of the encounter.
        state: ``done`` also if the audit did not pass; see ``passed``.
        passed: whether nothing stands against the result; None while there is none.
        reasons: why it did not pass, or why it failed.
        stage: at which it failed.
        tries: every task that failed, by its key.
        key: of what lies in the folder of results.
        files: of the results: SHA-256, size and time of the last change.
        length_s: seconds of video of all cameras.
        work_s: seconds that workers spent.
        corrected, outdated: see :class:`framework_study.plan.Finished`.
    """

    id: str
    state: Standing = "waiting"
    passed: bool | None = None
    reasons: tuple[str, ...] = ()
    stage: str = ""
    tries: dict[str, Tries] = field(default_factory=dict)
    key: str = ""
    files: dict[str, list[Any]] = field(default_factory=dict)
    length_s: float = 0.0
    work_s: float = 0.0
    corrected: tuple[str, ...] = ()
    outdated: tuple[str, ...] = ()

    @property
    def attempts(self) -> int:
        """How often something of it was tried that failed."""
        return sum(tries.count for tries in self.tries.values())

    def failed_once_more(
        self, key: str, stage: str, reason: str, *, again: bool, lost: bool
    ) -> Record:
        """After a failed try; the task is given up after :data:`MOST_TRIES`, or at once."""
        count = (self.tries[key].count if key in self.tries else 0) + 1
        given_up = not again or count >= MOST_TRIES
        tries = self.tries | {key: Tries(count, given_up, stage, reason, lost)}
        return replace(self, tries=tries)

    def given_up(self, keys: Iterable[str]) -> Tries | None:
        """The first of these tasks that must not be tried again."""
        tries = (self.tries[key] for key in keys if key in self.tries)
        return next((t for t in tries if t.given_up), None)

    def stopped(self, tries: Tries) -> Record:
        """The record of an encounter that stands still because of this."""
        return replace(
            self,
            state="set aside" if tries.lost else "failed",
            passed=None,
            reasons=(tries.reason,),
            stage=tries.stage,
        )


def load(layout: Layout, item: str) -> Record:
    """What is known; a new record if nothing is."""
    try:
        values = json.loads(_path(layout, item).read_bytes())
        for name in ("reasons", "corrected", "outdated"):
            values[name] = tuple(values[name])
        values["tries"] = {key: Tries(**tries) for key, tries in values["tries"].items()}
        return Record(**values)
    except (OSError, ValueError, TypeError, KeyError):
        return Record(item)


def save(layout: Layout, record: Record) -> None:
    """Keep it.

    Raises:
        MediaError: the file cannot be written.
    """
    write_text(_path(layout, record.id), json.dumps(asdict(record), indent=1) + "\n")


def retry(layout: Layout, items: Iterable[str]) -> None:
    """Forget why these failed, so that the next run tries them again."""
    for item in items:
        record = load(layout, item)
        if record.state != "done":
            save(layout, replace(record, state="waiting", tries={}, reasons=(), stage=""))


def _path(layout: Layout, item: str) -> Path:
    return layout.items / f"{item}.json"
