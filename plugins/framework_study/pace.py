"""How fast a run is and how long it will take: on the screen, in a file and in a log."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from datetime import datetime

from framework.atomic import write_text
from framework.progress import Progress
from framework_study.layout import Layout
from framework_study.record import Record
from framework_study.task import ANALYZE, COVER, FINISH, LOOK, Outcome, Task

SHARE = {LOOK: 0.01, ANALYZE: 1.0, COVER: 1.0, FINISH: 1.0}
"""How much work a stage is for a second of video, about; only the time left depends on it."""
FIXED_S = 0.5
"""Work of a stage without video, in the same unit."""
WRITE_S = 2.0
LOG_S = 60.0


class Pace:
    """Adds up work that is done and work that is left.

    Attributes:
        tasks_done: stages that ended well.
        work_s: seconds that workers spent on them.
        done_s: seconds of video they went through, weighted by stage.
    """

    def __init__(self, layout: Layout, items: Sequence[str]) -> None:
        self._layout, self._items = layout, items
        self._began = time.monotonic()
        self._left: dict[str, Task] = {}
        self._written = self._logged = -1e9
        self.tasks_done, self.work_s, self.done_s = 0, 0.0, 0.0
        self._known_length: dict[str, float] = {}
        self._workers = 1

    def begin(self, workers: int) -> None:
        self._workers = workers

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self._began

    def planned(self, task: Task) -> None:
        self._left[task.key] = task
        if task.length_s:
            self._known_length[task.item] = max(
                task.length_s, self._known_length.get(task.item, 0.0)
            )

    def ended(self, outcome: Outcome) -> None:
        task = self._left.pop(outcome.task.key, outcome.task)
        if outcome.state == "done":
            self.tasks_done += 1
            self.work_s += outcome.seconds
            self.done_s += _amount(task)

    def left_s(
        self, records: Sequence[Record], at: Mapping[str, tuple[int, int | None]]
    ) -> float | None:
        """Seconds until everything is done; None while that cannot be told."""
        if self.done_s <= 0 or self.elapsed_s < 1:
            return None
        half = sum(_amount(self._left[k]) * _part(*v) for k, v in at.items() if k in self._left)
        open_items = [r for r in records if r.state == "waiting"]
        known = list(self._known_length.values())
        usual = sum(known) / len(known) if known else 60.0
        whole = sum(2 * self._known_length.get(r.id, usual) + FIXED_S for r in open_items)
        begun = sum(_amount(t) for t in self._left.values())
        left = max(begun, whole * 0.5 if begun else whole) - half
        return max(0.0, left) * self.elapsed_s / (self.done_s + half)

    def tell(
        self,
        records: Sequence[Record],
        at: Mapping[str, tuple[int, int | None]],
        progress: Progress,
        last: bool,
    ) -> None:
        """Say how far the work is, wherever it is time to."""
        now = time.monotonic()
        settled = sum(r.state != "waiting" for r in records)
        progress("encounters", settled, len(records))
        if last or now - self._written >= WRITE_S:
            self._written = now
            self._write(records, at)
        if last or now - self._logged >= LOG_S:
            self._logged = now
            self._log(records, at)

    def _write(self, records: Sequence[Record], at: Mapping[str, tuple[int, int | None]]) -> None:
        body = {
            "elapsed_s": round(self.elapsed_s, 1),
            "left_s": self.left_s(records, at),
            "workers": self._workers,
            "at_work": [
                {
                    "id": self._left[key].item,
                    "stage": self._left[key].name,
                    "done": done,
                    "total": total,
                }
                for key, (done, total) in at.items()
                if key in self._left
            ],
        }
        write_text(self._layout.progress, json.dumps(body, indent=1) + "\n")

    def _log(self, records: Sequence[Record], at: Mapping[str, tuple[int, int | None]]) -> None:
        left = self.left_s(records, at)
        counts = {s: sum(r.state == s for r in records) for s in ("done", "failed", "set aside")}
        failed = counts["failed"] + counts["set aside"]
        line = (
            f"{datetime.now().astimezone():%Y-%m-%d %H:%M:%S} {counts['done']} of {len(records)} "
            f"done, {failed} failed, {len(at)} at work, "
            f"{'time left unknown' if left is None else f'{in_words(left)} left'}\n"
        )
        with self._layout.log.open("a", encoding="utf-8") as handle:
            handle.write(line)


def in_words(seconds: float) -> str:
    """``4 h 12 min``, ``3 min`` or ``12 s``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def _amount(task: Task) -> float:
    return task.length_s * SHARE.get(task.stage, 0.0) + FIXED_S


def _part(done: int, total: int | None) -> float:
    return min(1.0, done / total) if total else 0.0
