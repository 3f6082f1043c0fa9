"""One task in a worker, whatever engine started it: do it, store it, say how it ended."""

from __future__ import annotations

import os
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from framework.errors import FrameworkError, UserError
from framework_study.layout import Layout
from framework_study.stages import Workshop
from framework_study.store import Store
from framework_study.task import LOOK, Outcome, Task

OVER_MEMORY = 77
"""Exit status of a worker that took more memory than it may."""
GIGABYTE = 1e9
TICK_S = 0.25
Report = Callable[[int, int | None], None]


class Worker:
    """Does one task after the other, and keeps the components it built for the next one.

    Args:
        layout: of the study.
        memory_gb: more than this ends the process at once, with status :data:`OVER_MEMORY`; 0: no
            limit.
    """

    def __init__(self, layout: Layout, memory_gb: float) -> None:
        self.layout = layout
        self.store = Store(layout.store, layout.temporary)
        self._workshop = Workshop(layout)
        self._limit = memory_gb * GIGABYTE
        if memory_gb > 0:
            threading.Thread(target=self._watch_memory, name="memory", daemon=True).start()

    def _watch_memory(self) -> None:
        own = psutil.Process()
        while own.memory_info().rss <= self._limit:
            time.sleep(TICK_S)
        os._exit(OVER_MEMORY)

    def do(self, task: Task, report: Report = lambda done, total: None) -> Outcome:
        """Do a task; it never raises, and an interrupt ends the process as usual."""
        began = time.monotonic()
        try:
            if task.stage == LOOK or not self.store.has(task.key):
                self._workshop.do(task, self.store, report)
        except Exception as error:
            return Outcome(
                task,
                "failed",
                *_explained(error, task),
                # What the program says of its input does not change; anything else may be a
                # network drive that was away.
                again=not isinstance(error, FrameworkError),
                seconds=time.monotonic() - began,
            )
        return Outcome(task, "done", seconds=time.monotonic() - began)


def _explained(error: Exception, task: Task) -> tuple[str, str]:
    """Why it failed, as one line and at length; the recording is called by its camera."""
    reason = " ".join(str(error).split())
    if not isinstance(error, UserError):
        reason = f"{type(error).__name__}: {reason}" if reason else type(error).__name__
    text = "".join(traceback.format_exception(error))
    for path, name in _recordings(task).items():
        reason, text = reason.replace(path, name), text.replace(path, name)
    return reason, text


def _recordings(task: Task) -> dict[str, str]:
    """The paths of a task's recordings, longest first, and what messages call them."""
    found: dict[str, str] = {}
    work: dict[str, Any] = task.work
    if work.get("source"):
        found[str(work["source"])] = f"camera {(task.camera or 0) + 1}"
    for k, recording in enumerate((work.get("encounter") or {}).get("recordings", [])):
        found[str(recording["file"])] = f"camera {k + 1}"
    whole = {str(Path(path).resolve()): name for path, name in found.items()}
    return dict(sorted((found | whole).items(), key=lambda pair: -len(pair[0])))
