"""What a worker does in each stage. Components are built once and kept for the next task."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from framework_encounter.clock import shared_clocks
from framework_encounter.references import select_recognizer
from framework_encounter.roles import Casting
from framework_encounter.run import check_lengths, finish_encounter
from framework_encounter.spec import Encounter, make_encounter
from framework_encounter.stages import (
    analyze_camera,
    corrected,
    cover_camera,
    refuse_early,
    say_who_is_who,
)
from framework_encounter.stored import (
    load_casting,
    load_clocks,
    load_covered,
    save_casting,
    save_clocks,
    save_covered,
    table_names,
)

from framework.atomic import write_text
from framework.config import RunConfig
from framework.errors import MediaError
from framework.pipeline.components import Components
from framework.pipeline.delivery import MANIFEST, Delivery
from framework.pipeline.lock import locked_registry
from framework.pipeline.run import Run
from framework.pipeline.stored import load_analysis, save_analysis
from framework.progress import Progress
from framework.table import TrackTable
from framework.table_file import load_table, save_table
from framework_study import recordings
from framework_study.layout import Layout
from framework_study.plan import CASTING, RESULTS, read_secret
from framework_study.store import Store, digest_of_file
from framework_study.task import ANALYZE, CLOCKS, COVER, FINISH, LOOK, ROLES, Task

CLOCKS_FILE = "clocks.json"
COVERED_FILE = "covered.json"
Report = Callable[[int, int | None], None]


class Workshop:
    """Everything a worker needs for tasks of one study.

    Args:
        layout: of the study.
    """

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._runs: dict[str, Run] = {}

    def do(self, task: Task, store: Store, report: Report) -> None:
        """Do one task; what it leaves is in the store, or nothing is.

        Raises:
            Exception: whatever goes wrong.
        """
        if task.stage == LOOK:
            recordings.look(Path(task.work["source"]), self._layout.hashes)
            return
        run = self._run(task).telling(_only_numbers(report))
        stages = {
            ANALYZE: self._analyze,
            CLOCKS: self._clocks,
            ROLES: self._roles,
            COVER: self._cover,
            FINISH: self._finish_alone if task.work["alone"] else self._finish_encounter,
        }
        about: dict[str, Any] = {"stage": task.name}
        with store.work(task.key, about) as folder:
            stages[task.stage](task, run, folder, about)

    def _run(self, task: Task) -> Run:
        """The run of these settings, with the components it has built so far."""
        own = {name: task.work[name] for name in ("role", "span") if task.work.get(name)}
        settings = task.work["run"] | own
        name = json.dumps([settings, task.work["alone"]], sort_keys=True)
        if name not in self._runs:
            config = RunConfig.model_validate(settings)
            groups = () if task.work["alone"] else ("recognizer",)
            key = read_secret(self._layout)
            self._runs[name] = Run(
                Components(config, locked_registry(config), key, more_groups=groups)
            )
        return self._runs[name]

    def _analyze(self, task: Task, run: Run, folder: Path, about: dict[str, Any]) -> None:
        source = Path(task.work["source"])
        if task.work["alone"]:
            run.refuse_early(source)
            save_analysis(run.resolve(run.analyze(source)), folder)
            return
        refuse_early(_encounter(task), run)
        save_analysis(analyze_camera(run, source), folder)

    def _clocks(self, task: Task, run: Run, folder: Path, about: dict[str, Any]) -> None:
        save_clocks(shared_clocks(_encounter(task)), folder / CLOCKS_FILE)

    def _roles(self, task: Task, run: Run, folder: Path, about: dict[str, Any]) -> None:
        encounter = _encounter(task)
        tables = [load_analysis(Path(place)).table for place in task.work["analyses"]]
        check_lengths(encounter, _stored_clocks(task), tables)
        recognizer = select_recognizer(encounter, run.components)
        castings = say_who_is_who(encounter, run, recognizer, tables)
        for k, (casting, name) in enumerate(zip(castings, table_names(encounter), strict=True)):
            save_table(casting.table, folder / name)
            save_casting(casting, folder / f"{k}-{CASTING}")

    def _cover(self, task: Task, run: Run, folder: Path, about: dict[str, Any]) -> None:
        work, k = task.work, task.camera or 0
        casting = _casting(
            _encounter(task),
            k,
            Path(work["casting"]),
            _table(Path(work["table"]), work["table_sha256"]),
            work["corrected"],
        )
        found = None if work["corrected"] else load_analysis(Path(work["analysis"]))
        results = folder / RESULTS
        results.mkdir()
        covered = cover_camera(run, Path(work["source"]), casting, found, results)
        save_covered(covered, folder / COVERED_FILE)

    def _finish_encounter(self, task: Task, run: Run, folder: Path, about: dict[str, Any]) -> None:
        work, encounter = task.work, _encounter(task)
        roles = Path(work["roles"])
        castings = [
            _casting(encounter, k, roles / f"{k}-{CASTING}", load_table(Path(place)), by_hand)
            for k, (place, by_hand) in enumerate(
                zip(work["tables"], work["corrected"], strict=True)
            )
        ]
        covered = [load_covered(Path(place) / COVERED_FILE) for place in work["covers"]]
        recognizer = select_recognizer(encounter, run.components)
        with Delivery(folder / RESULTS, Path(encounter.recordings[0].file)) as delivery:
            for k in range(len(covered)):
                delivery.path(f"camera-{k + 1}").mkdir()
            result = finish_encounter(
                encounter,
                run,
                recognizer,
                _stored_clocks(task),
                castings,
                covered,
                delivery,
                "encounter render" if any(work["corrected"]) else "encounter run",
            )
        self._settle(folder / RESULTS, run)
        about.update(passed=result.passed, reasons=list(result.reasons))

    def _finish_alone(self, task: Task, run: Run, folder: Path, about: dict[str, Any]) -> None:
        work, source = task.work, Path(task.work["source"])
        table = _table(Path(work["table"]), work["table_sha256"])
        found = None if work["analysis"] is None else load_analysis(Path(work["analysis"]))
        command = "render" if found is None else "run"
        with Delivery(folder / RESULTS, source) as delivery:
            rendering = run.render(source, table, delivery.video, found)
            searched = run.search_again(table, rendering)
            result = run.deliver(delivery, command, table, found, rendering, searched)
        self._settle(folder / RESULTS, run)
        about.update(passed=result.passed, reasons=list(result.reasons))

    def _settle(self, results: Path, run: Run) -> None:
        """Leave nothing that depends on the machine or the moment.

        The manifest gets the threads of a worker, not those of whatever machine it was. The list of
        files that may be replaced holds times; a study keeps its own.
        """
        for hidden in results.glob(".framework-*"):
            hidden.unlink()
        path = results / MANIFEST
        manifest = json.loads(path.read_text(encoding="utf-8"))
        manifest["threads"] = run.components.threads
        write_text(path, json.dumps(manifest, indent=2, ensure_ascii=False) + "\n")


def _encounter(task: Task) -> Encounter:
    return make_encounter(task.work["encounter"])


def _stored_clocks(task: Task) -> Any:
    return load_clocks(Path(task.work["clocks"]) / CLOCKS_FILE)


def _casting(
    encounter: Encounter, k: int, stored: Path, table: TrackTable, by_hand: bool
) -> Casting:
    from framework_encounter.clock import camera_name

    casting = load_casting(stored, table)
    if not by_hand:
        return casting
    return corrected(casting, table, encounter.recordings[k], camera_name(encounter, k))


def _table(path: Path, sha256: str) -> TrackTable:
    """The table in force, if it still is the one that the task was planned with.

    Raises:
        MediaError: somebody changed it in between.
        ConfigError: it does not validate.
    """
    table = load_table(path)
    if digest_of_file(path) != sha256:
        raise MediaError("the track table was changed while the study was running; run again")
    return table


def _only_numbers(report: Report) -> Progress:
    def told(stage: str, done: int, total: int | None) -> None:
        report(done, total)

    return told
