"""What is to be done next for an encounter, from what the store holds already.

Nothing else decides: a run that was stopped goes on because its finished stages are in the store,
and a changed option repeats the stages whose key it changes, and those behind them if what came out
is another thing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from framework.config import RunConfig
from framework.errors import ConfigError
from framework.pipeline.by_role import for_participants
from framework.pipeline.components import Components
from framework.pipeline.lock import locked_registry
from framework_study import fingerprint, recordings, tables
from framework_study.items import Item
from framework_study.layout import Layout
from framework_study.spec import StudyConfig
from framework_study.store import Store, digest_of
from framework_study.task import ANALYZE, CLOCKS, COVER, FINISH, LOOK, ROLES, Task

FORMAT = 1
"""Raised when a stage writes something else than before."""
ANALYSIS = "analysis.json"
TABLE = "tracks.csv"
CASTING = "casting.json"
RESULTS = "results"


@dataclass(frozen=True)
class Finished:
    """An encounter with nothing left to do.

    Attributes:
        files: what leaves, by its path inside the folder of results: the file in the store and its
            SHA-256.
        passed, reasons: what the audits say.
        corrected: names of the tables that a person corrected.
        outdated: corrected tables whose analysis is another one now.
        length_s: seconds of video of all cameras.
    """

    files: Mapping[str, tuple[Path, str]]
    passed: bool
    reasons: tuple[str, ...]
    corrected: tuple[str, ...] = ()
    outdated: tuple[str, ...] = ()
    length_s: float = 0.0

    @property
    def key(self) -> str:
        return digest_of(sorted((name, sha256) for name, (_, sha256) in self.files.items()))


@dataclass
class Planner:
    """Says what is next.

    Raises:
        UserError: a component or option of the study cannot be used.
    """

    layout: Layout
    config: StudyConfig
    store: Store
    key: bytes
    _parts: dict[bool, _Parts] = field(default_factory=dict)

    def next(self, item: Item) -> list[Task] | Finished:
        """The tasks that can be done now, or the finished encounter.

        Raises:
            UserError: a recording is missing, or the row does not fit.
        """
        paths = list(item.cameras.values())
        found = [recordings.known(path, self.layout.hashes) for path in paths]
        missing = [
            Task(item.id, LOOK, k, digest_of(["look", str(path)]), {"source": str(path)})
            for k, (path, content) in enumerate(zip(paths, found, strict=True))
            if content is None
        ]
        if missing:
            return missing
        contents = [content for content in found if content is not None]
        return self._alone(item, contents) if item.alone else self._encounter(item, contents)

    def _alone(self, item: Item, contents: list[recordings.Content]) -> list[Task] | Finished:
        """One recording of one person: what ``framework run`` does."""
        (role, path), content = next(iter(item.cameras.items())), contents[0]
        parts = self.parts(alone=True)
        own: list[Any] = [role, item.span]
        settings: dict[str, Any] = {"role": role, "span": item.span or None}
        analysis = self._task(item, ANALYZE, 0, content, parts.analysis, own, path, **settings)
        if not self.store.has(analysis.key):
            return [analysis]
        found = self.store.files(analysis.key)
        place = self.store.path(analysis.key)
        table = tables.deliver(self.layout, item.id, {TABLE: (place / TABLE, found[TABLE])})[TABLE]
        uses = [found[ANALYSIS], table.sha256, table.corrected, *own]
        finish = self._task(
            item,
            FINISH,
            0,
            content,
            parts.everything,
            uses,
            path,
            **settings,
            table=str(table.path),
            table_sha256=table.sha256,
            analysis=None if table.corrected else str(place),
        )
        if not self.store.has(finish.key):
            return [finish]
        about, made = self.store.about(finish.key), self.store.path(finish.key)
        files = {
            name.removeprefix(f"{RESULTS}/"): (made / name, sha256)
            for name, sha256 in self.store.files(finish.key).items()
            if name.startswith(f"{RESULTS}/")
        }
        return self._finished(about, files, {TABLE: table}, content.length_s)

    def _encounter(self, item: Item, contents: list[recordings.Content]) -> list[Task] | Finished:
        """Several cameras, or one that shows both: what ``framework encounter run`` does."""
        parts = self.parts(alone=False)
        keys = self.config.keys
        values = item.encounter(
            {
                "sync": keys.sync,
                "min_sync_confidence": keys.min_sync_confidence,
                "voice_activity": keys.voice_activity,
                "doctor_scores": keys.doctor_scores,
                "matching": {"recognizer": keys.recognizer},
            }
        )
        said = _without_paths(values)
        paths = list(item.cameras.values())
        length_s = sum(content.length_s for content in contents)
        analyses = [
            self._task(item, ANALYZE, k, content, parts.analysis, [], path, encounter=values)
            for k, (path, content) in enumerate(zip(paths, contents, strict=True))
        ]
        clocks = self._task(
            item, CLOCKS, None, contents, [], [said], None, encounter=values, length_s=0.0
        )
        first = [task for task in (*analyses, clocks) if not self.store.has(task.key)]
        if first:
            return first
        pictures = {role: fingerprint.content_of(path) for role, path in item.references.items()}
        analysis_files = [self.store.files(task.key) for task in analyses]
        clock_files = self.store.files(clocks.key)
        upstream = [analysis_files, clock_files]
        roles = self._task(
            item,
            ROLES,
            None,
            contents,
            parts.recognition,
            [upstream, said, pictures],
            None,
            encounter=values,
            analyses=[str(self.store.path(task.key)) for task in analyses],
            clocks=str(self.store.path(clocks.key)),
            length_s=0.0,
        )
        if not self.store.has(roles.key):
            return [roles]
        role_files, role_place = self.store.files(roles.key), self.store.path(roles.key)
        names = table_names(item)
        in_force = tables.deliver(
            self.layout,
            item.id,
            {name: (role_place / name, role_files[name]) for name in names},
        )
        covers = []
        for k, (path, content, name) in enumerate(zip(paths, contents, names, strict=True)):
            table = in_force[name]
            corrected = table.corrected
            covers.append(
                self._task(
                    item,
                    COVER,
                    k,
                    content,
                    parts.everything,
                    [
                        said,
                        table.sha256,
                        corrected,
                        role_files[f"{k}-{CASTING}"],
                        analysis_files[k][ANALYSIS],
                    ],
                    path,
                    encounter=values,
                    table=str(table.path),
                    table_sha256=table.sha256,
                    casting=str(role_place / f"{k}-{CASTING}"),
                    corrected=corrected,
                    analysis=str(self.store.path(analyses[k].key)),
                )
            )
        second = [task for task in covers if not self.store.has(task.key)]
        if second:
            return second
        cover_files = [self.store.files(task.key) for task in covers]
        finish = self._task(
            item,
            FINISH,
            None,
            contents,
            parts.everything,
            [cover_files, clock_files, role_files, said, [t.sha256 for t in in_force.values()]],
            None,
            encounter=values,
            covers=[str(self.store.path(task.key)) for task in covers],
            tables=[str(in_force[name].path) for name in names],
            corrected=[in_force[name].corrected for name in names],
            roles=str(role_place),
            clocks=str(self.store.path(clocks.key)),
            analyses=[str(self.store.path(task.key)) for task in analyses],
            length_s=0.0,
        )
        if not self.store.has(finish.key):
            return [finish]
        about, made = self.store.about(finish.key), self.store.path(finish.key)
        files = {
            name.removeprefix(f"{RESULTS}/"): (made / name, sha256)
            for name, sha256 in self.store.files(finish.key).items()
            if name.startswith(f"{RESULTS}/")
        }
        for k, task in enumerate(covers):
            for name, sha256 in cover_files[k].items():
                if name.startswith(f"{RESULTS}/"):
                    inside = f"camera-{k + 1}/{name.removeprefix(f'{RESULTS}/')}"
                    files[inside] = (self.store.path(task.key) / name, sha256)
        return self._finished(about, files, in_force, length_s)

    def _finished(
        self,
        about: Mapping[str, Any],
        files: Mapping[str, tuple[Path, str]],
        in_force: Mapping[str, tables.Table],
        length_s: float,
    ) -> Finished:
        return Finished(
            files,
            bool(about["passed"]),
            tuple(about["reasons"]),
            tuple(name for name, table in in_force.items() if table.corrected),
            tuple(name for name, table in in_force.items() if table.outdated),
            length_s,
        )

    def _task(
        self,
        item: Item,
        stage: str,
        camera: int | None,
        content: recordings.Content | list[recordings.Content],
        parts: Any,
        uses: list[Any],
        source: Path | None,
        length_s: float | None = None,
        **work: Any,
    ) -> Task:
        contents = content if isinstance(content, list) else [content]
        alone = item.alone
        run = self.parts(alone).run
        key = digest_of(
            [FORMAT, stage, camera, alone, [c.sha256 for c in contents], parts, uses, self.program]
        )
        total = sum(c.length_s for c in contents) if length_s is None else length_s
        values = {
            "run": run.model_dump(mode="json"),
            "alone": alone,
            "source": None if source is None else str(source),
            **work,
        }
        return Task(item.id, stage, camera, key, values, total)

    @cached_property
    def program(self) -> str:
        return fingerprint.of_program()

    def parts(self, alone: bool) -> _Parts:
        """What the components and options are, for recordings alone or for encounters."""
        if alone not in self._parts:
            self._parts[alone] = _Parts.of(self.config, alone, self.key)
        return self._parts[alone]


@dataclass(frozen=True)
class _Parts:
    """Fingerprints of the components and options.

    Attributes:
        run: the configuration of every recording.
        analysis: what the analysis depends on.
        recognition: what the comparison with reference pictures depends on.
        everything: what the covered recording and the report depend on.
    """

    run: RunConfig
    analysis: Any
    recognition: Any
    everything: Any

    @classmethod
    def of(cls, config: StudyConfig, alone: bool, key: bytes) -> _Parts:
        run = config.run
        if not alone:
            run = run.model_copy(update={"anonymizer": for_participants(run.anonymizer)})
        components = Components(run, locked_registry(run), key, more_groups=("recognizer",))
        components.refuse_unprotected()
        stages = components.stages.by_group()
        again = [s for s in (components.second_detector(), components.judge()) if s is not None]
        early = [s for s in components.selections() if s.group in fingerprint.ANALYSIS_GROUPS]
        return cls(
            run,
            [
                [fingerprint.of_component(s) for s in early],
                fingerprint.of_settings(run, analysis_only=True),
                fingerprint.of_stages(stages, fingerprint.ANALYSIS_GROUPS),
            ],
            [config.keys.recognizer, fingerprint.of_options(run.options_of("recognizer"))],
            [
                [fingerprint.of_component(s) for s in (*components.selections(), *again)],
                fingerprint.of_settings(run, analysis_only=False),
                fingerprint.of_stages(stages),
                digest_of(key.hex()),
            ],
        )


def table_names(item: Item) -> list[str]:
    """Names of an item's track tables, one a camera in their order."""
    if item.alone:
        return [TABLE]
    return [f"tracks-{camera}.csv" for camera in item.cameras]


def _without_paths(values: Mapping[str, Any]) -> dict[str, Any]:
    """An encounter without where its files lie, which changes nothing."""
    recordings_said = [
        {name: value for name, value in recording.items() if name != "file"}
        for recording in values["recordings"]
    ]
    return {**values, "recordings": recordings_said, "references": sorted(values["references"])}


def read_secret(layout: Layout) -> bytes:
    """The study's secret.

    Raises:
        ConfigError: it is missing; a new one would give everybody another donor.
    """
    from framework.keyfile import read_key

    if not layout.key.is_file():
        raise ConfigError(
            f"{layout.key}: no such file; donors are chosen by it. Put it back, or make a new "
            "study with: framework study init"
        )
    return read_key(layout.key, lambda message: None)
