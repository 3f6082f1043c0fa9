"""An engine that works in the test's own process, one task at a time, and can be told to fail."""

from __future__ import annotations

from collections.abc import Callable

from framework_study.execute import Worker
from framework_study.layout import Layout
from framework_study.task import Outcome, Task


class Stopped(BaseException):
    """Ends a run as a kill would: nothing is cleaned up by the task itself."""


class InlineEngine:
    """Does each task when it is started.

    Attributes:
        done: names of the tasks that were done, as ``enc-001 analyze camera 1``.
        before: called with each task; what it returns is taken for the outcome.
    """

    workers = 1

    def __init__(self, layout: Layout, before: Callable[[Task], Outcome | None]) -> None:
        self.done: list[str] = []
        self._worker = Worker(layout, memory_gb=0)
        self._before = before
        self._outcomes: list[Outcome] = []

    def start(self, task: Task) -> None:
        outcome = self._before(task)
        if outcome is None:
            self.done.append(f"{task.item} {task.name}")
            outcome = self._worker.do(task)
        self._outcomes.append(outcome)

    def wait(self, timeout_s: float) -> list[Outcome]:
        outcomes, self._outcomes = self._outcomes, []
        return outcomes

    def progress(self) -> dict[str, tuple[int, int | None]]:
        return {}

    def close(self) -> None:
        pass
