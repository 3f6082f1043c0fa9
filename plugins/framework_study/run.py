"""``framework study run``: every encounter to its end, however often it was stopped."""

from __future__ import annotations

import heapq
import shutil
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from framework.atomic import write_text
from framework.errors import ConfigError, MediaError, UserError
from framework.progress import Progress, silent
from framework_study import publish, record
from framework_study.engine import Engine, make_engine
from framework_study.items import Item, read_items
from framework_study.layout import Layout
from framework_study.lock import locked
from framework_study.pace import Pace
from framework_study.plan import Finished, Planner, read_secret
from framework_study.spec import StudyConfig, load_config
from framework_study.store import Store
from framework_study.task import Outcome, Task

TICK_S = 0.5
GIGABYTE = 1e9


@dataclass(frozen=True)
class StudyResult:
    """What :func:`run_study` did.

    Attributes:
        records: how each encounter stands, in the order of encounters.csv.
        summary: what happened, in lines.
    """

    records: list[record.Record]
    summary: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether every encounter is done and its audits passed."""
        return all(r.state == "done" and r.passed for r in self.records)

    @property
    def reasons(self) -> list[str]:
        """What did not pass, one line an encounter."""
        return [
            f"{r.id}: {r.state if r.state != 'done' else 'does not pass'}"
            f"{f' at {r.stage}' if r.stage else ''}: {'; '.join(r.reasons) or 'not finished'}"
            for r in self.records
            if not (r.state == "done" and r.passed)
        ]


def run_study(
    folder: str | Path,
    *,
    only: Iterable[str] = (),
    options: Iterable[str] = (),
    again: bool = False,
    warn: Callable[[str], None] = lambda message: None,
    progress: Progress = silent,
    **settings: Any,
) -> StudyResult:
    """Do everything that is not done yet.

    Args:
        folder: of the study.
        only: ids of encounters; none: all of them.
        options: ``"group.name=value"`` texts, on top of study.yaml.
        again: try again what was given up.
        settings: fields of :class:`framework.config.RunConfig` or of
            :class:`framework_study.spec.StudyKeys`; None means "not given".

    Raises:
        UserError: the study, an option or the engine cannot be used.
    """
    layout = Layout(Path(folder))
    layout.require()
    config = load_config(layout.config, options, **settings)
    items = chosen(read_items(layout.table), only)
    layout.temporary.mkdir(parents=True, exist_ok=True)
    with locked(layout):
        _clean(layout)
        _check_disk(layout, config)
        if again:
            record.retry(layout, [item.id for item in items])
        store = Store(layout.store, layout.temporary)
        planner = Planner(layout, config, store, read_secret(layout))
        planner.parts(alone=all(item.alone for item in items))  # refuse a wrong option now
        engine = make_engine(config.keys, layout, config.run.threads)
        try:
            work = _Work(layout, config, items, planner, engine, warn, progress)
            work.run()
        finally:
            engine.close()
            _clean(layout)
            layout.progress.unlink(missing_ok=True)
    records = [record.load(layout, item.id) for item in items]
    return StudyResult(records, _summary(records, work.pace))


def chosen(items: Sequence[Item], only: Iterable[str]) -> list[Item]:
    """The encounters that are asked for.

    Raises:
        ConfigError: there is no such id.
    """
    from framework.suggest import did_you_mean

    wanted = list(only)
    known = {item.id for item in items}
    for name in wanted:
        if name not in known:
            raise ConfigError(f"no encounter {name}{did_you_mean(name, known)}")
    return [item for item in items if not wanted or item.id in wanted]


@dataclass
class _Work:
    """One run of a study, from the first task to the last."""

    layout: Layout
    config: StudyConfig
    items: list[Item]
    planner: Planner
    engine: Engine
    warn: Callable[[str], None]
    progress: Progress
    records: dict[str, record.Record] = field(init=False)
    pace: Pace = field(init=False)

    def __post_init__(self) -> None:
        self.records = {item.id: record.load(self.layout, item.id) for item in self.items}
        self.pace = Pace(self.layout, [item.id for item in self.items])
        self._item = {item.id: item for item in self.items}
        self._place = {item.id: k for k, item in enumerate(self.items)}
        self._ready: list[tuple[int, int, Task]] = []
        self._count = 0
        self._waiting: dict[str, set[str]] = {}  # key of a task that is ready or at work -> items
        self._full = False

    def run(self) -> None:
        for item in self.items:
            self._advance(item)
        self.pace.begin(self.engine.workers)
        at_work = 0
        while at_work or (self._ready and not self._full):
            while self._ready and at_work < self.engine.workers and self._room():
                _, _, task = heapq.heappop(self._ready)
                self.engine.start(task)
                at_work += 1
            if not at_work:
                break
            for outcome in self.engine.wait(TICK_S):
                at_work -= 1
                self._take(outcome)
            self._tell()
        self._tell(last=True)
        if self._full:
            raise MediaError(
                f"fewer than {self.config.keys.min_free_gb:g} GB are free on the study's disk; "
                "free some space and run again, it goes on where it stopped"
            )

    def _advance(self, item: Item) -> None:
        """Find what is next for an encounter, or finish it."""
        try:
            step = self.planner.next(item)
            if isinstance(step, Finished):
                self._finish(item, step)
                return
        except UserError as error:
            reason = " ".join(str(error).split())
            self._note(item.id, state="failed", passed=None, reasons=(reason,), stage="")
            return
        mine = self.records[item.id]
        if (tries := mine.given_up(task.key for task in step)) is not None:
            self._keep(mine.stopped(tries))
            return
        if mine.state != "waiting":
            self._note(item.id, state="waiting", passed=None, reasons=(), stage="")
        for task in step:
            others = self._waiting.setdefault(task.key, set())
            if not others:
                self._count += 1
                heapq.heappush(self._ready, (self._place[item.id], self._count, task))
                self.pace.planned(task)
            others.add(item.id)

    def _take(self, outcome: Outcome) -> None:
        task = outcome.task
        owners = self._waiting.pop(task.key, {task.item})
        self.pace.ended(outcome)
        if outcome.state == "done":
            first = self.records[task.item]
            self._note(task.item, work_s=first.work_s + outcome.seconds)
            for name in sorted(owners, key=self._place.__getitem__):
                if not self._still_open(name):
                    self._advance(self._item[name])
            return
        self._write_log(outcome)
        for name in owners:
            lost = outcome.state in ("lost", "memory")
            mine = self.records[name].failed_once_more(
                task.key, task.name, outcome.reason, again=outcome.again, lost=lost
            )
            if (tries := mine.given_up([task.key])) is not None:
                mine = mine.stopped(tries)
            self._keep(mine)
            if mine.state == "waiting" and not self._still_open(name):
                self._advance(self._item[name])

    def _still_open(self, name: str) -> bool:
        """Whether other tasks of the same step are ready or at work."""
        return any(name in owners for owners in self._waiting.values())

    def _finish(self, item: Item, finished: Finished) -> None:
        mine = self.records[item.id]
        files = mine.files
        if not publish.up_to_date(self.layout, mine, finished):
            files = publish.publish(self.layout, item.id, finished)
        self._note(
            item.id,
            state="done",
            passed=finished.passed,
            reasons=finished.reasons,
            stage="",
            tries={},
            key=finished.key,
            files=files,
            length_s=finished.length_s,
            corrected=finished.corrected,
            outdated=finished.outdated,
        )
        for name in finished.outdated:
            self.warn(
                f"{item.id}: {name} was corrected, and its analysis is another one since; the "
                "corrected table stands. Remove it to take the new analysis"
            )

    def _note(self, name: str, **changes: Any) -> None:
        self._keep(replace(self.records[name], **changes))

    def _keep(self, after: record.Record) -> None:
        before = self.records[after.id]
        if after != before or not (self.layout.items / f"{after.id}.json").exists():
            self.records[after.id] = after
            record.save(self.layout, after)

    def _room(self) -> bool:
        """Whether there is enough free space for another task."""
        free_gb = shutil.disk_usage(self.layout.state).free / GIGABYTE
        self._full = free_gb < self.config.keys.min_free_gb
        return not self._full

    def _write_log(self, outcome: Outcome) -> None:
        task = outcome.task
        place = self.layout.logs / f"{task.item}.log"
        before = place.read_text(encoding="utf-8") if place.is_file() else ""
        text = f"{task.name}: {outcome.state}: {outcome.reason}\n{outcome.log}"
        write_text(place, before + text.rstrip() + "\n\n")

    def _tell(self, last: bool = False) -> None:
        records = list(self.records.values())
        self.pace.tell(records, self.engine.progress(), self.progress, last=last)


def _clean(layout: Layout) -> None:
    """Remove what a run that was killed left unfinished."""
    for folder in layout.temporary.glob("*"):
        shutil.rmtree(folder, ignore_errors=True)


def _check_disk(layout: Layout, config: StudyConfig) -> None:
    free_gb = shutil.disk_usage(layout.state).free / GIGABYTE
    if free_gb < config.keys.min_free_gb:
        raise MediaError(
            f"{free_gb:.1f} GB are free on the study's disk, {config.keys.min_free_gb:g} GB are "
            "needed (min_free_gb in study.yaml); free some space"
        )


def _summary(records: Sequence[record.Record], pace: Pace) -> list[str]:
    done = [r for r in records if r.state == "done"]
    passed = sum(bool(r.passed) for r in done)
    length_h = sum(r.length_s for r in done) / 3600
    lines = [
        f"{len(done)} of {len(records)} encounters done, {passed} of them passed; "
        f"{length_h:.2f} hours of video"
    ]
    if pace.done_s:
        lines.append(
            f"this run: {pace.tasks_done} stages in {pace.elapsed_s:.0f} s, "
            f"{pace.work_s:.0f} s of work"
        )
    return lines
