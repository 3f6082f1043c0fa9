"""Runs a benchmark: everything that is not in the store yet, and nothing twice."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from framework.config import RunConfig
from framework.cpus import usable_cpus
from framework.errors import ComponentError, ConfigError, MediaError
from framework.harness import DataSet, Item, Scores
from framework.progress import Progress, silent
from framework.protocols import Attack, Metric
from framework.registry import Registry
from framework.spec import Kind
from framework_benchmark.attacks.material import compare
from framework_benchmark.config import BenchmarkConfig
from framework_benchmark.data import open_data
from framework_benchmark.methods import (
    ATTACKER,
    CLEAR,
    REENCODED,
    RELEASED,
    Method,
    Part,
    Workshop,
    contamination,
)
from framework_benchmark.selection import Selection, select
from framework_benchmark.store import FILE, Row, Store, StoreError, key_of
from framework_benchmark.studio import Studio, one_line
from framework_benchmark.work import Work

MEASUREMENT = 2
"""Raised whenever a measurement changes its meaning; older rows are then not used."""
DEFAULT_FER: str = RunConfig.model_fields["fer"].default

Warn = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Attacker:
    """An attack of this benchmark: its name in tables, its description, and the component."""

    name: str
    part: Part
    component: Attack


@dataclass(eq=False)
class Bench:
    """One benchmark under way.

    Attributes:
        config: what was asked for.
        data, selection: the items and their roles.
        methods: what is compared.
        recognizers, fer, metrics: the components that look at the result.
        attacks: the attackers, by the name that the user gave.
        store: where results go.
    """

    config: BenchmarkConfig
    registry: Registry
    store: Store
    warn: Warn
    progress: Progress = silent
    data: DataSet = field(init=False)
    selection: Selection = field(init=False)
    methods: list[Method] = field(init=False)
    recognizers: list[Part] = field(init=False)
    fer: list[Part] = field(init=False)
    attacks: dict[str, Attacker] = field(init=False)
    metrics: list[tuple[Part, Metric]] = field(init=False)

    def __post_init__(self) -> None:
        config = self.config
        threads = config.threads or usable_cpus()
        self.workshop = Workshop(self.registry, threads, config.device, config.seed)
        # Misspelt names must not cost a run.
        found = [
            self.workshop.part(Kind.ANONYMIZER, name, options, "anonymizer")
            for name, options in config.methods()
        ]
        self._looking = [
            self.workshop.part(kind, name, config.options.get(str(kind), {}), str(kind))
            for kind, name in (
                (Kind.DETECTOR, config.detector),
                (Kind.TRACKER, config.tracker),
            )
        ]
        usable = self.workshop.usable
        self.recognizers = usable(Kind.RECOGNIZER, config.recognizers, config.options)
        self.fer = usable(Kind.EMOTION_CLASSIFIER, config.fer, config.options)
        self.attacks = {name: self._attacker(name) for name in config.attacks}
        measures = usable(Kind.METRIC, config.metrics, config.options)
        self.metrics = [(p, self.workshop.build(p)) for p in measures]
        self.methods = [Method(REENCODED, REENCODED, None), *map(self._method, found)]
        if not self.recognizers:
            self.warn("no recognizer can be built: faces are not attacked, only motion is")
        if not self.fer:
            self.warn("no emotion classifier can be built: expressions are not compared")
        self.data = open_data(config.data, config.frames, self.registry)
        self.selection = select(
            self.data,
            persons=config.persons,
            fit=config.fit,
            probes=config.probes,
            seed=config.seed,
        )
        for note in self.selection.notes:
            self.warn(note)

    @property
    def reader(self) -> Part | None:
        """The classifier of a run, whose samples an anonymizer that looks ahead finds in the
        table."""
        named = [part for part in self.fer if part.name == DEFAULT_FER]
        return next(iter([*named, *self.fer]), None)

    def _attacker(self, name: str) -> Attacker:
        """The component behind a name; ``T0`` names the component ``t0``."""
        options = self.config.options
        given = options.get(f"attack:{name}", options.get(f"attack:{name.lower()}", {}))
        try:
            part = self.workshop.part(Kind.ATTACK, name.lower(), given, "attack")
        except ComponentError as error:
            raise ConfigError(f"attacks: {error}") from None
        return Attacker(name, part, self.workshop.build(part))

    def _method(self, part: Part) -> Method:
        digest: Any = part.digest
        if part.looks_ahead and self.reader is not None:
            digest = {"anonymizer": part.digest, "read by": self.reader.digest}
        return Method(part.label, digest, part)

    # -- keys ------------------------------------------------------------------------------------

    def _key(self, item: str, method: Any, purpose: str, measure: str, by: Any = None) -> str:
        return key_of(
            measurement=MEASUREMENT,
            item=item,
            method=method,
            purpose=purpose,
            measure=measure,
            by=by,
            looking=[part.digest for part in self._looking],
            seed=self.config.seed,
        )

    def score_key(self, method: Method, attack: str, recognizer: Part | None) -> str:
        """Where the score matrices of an attack are."""
        by = [self.attacks[attack].part.digest, recognizer.digest if recognizer else None]
        return self._key(self.selection.digest(), method.digest, "set", f"scores:{attack}", by)

    def metric_key(self, item: Item, method: Method, metric: Part) -> str:
        return self._key(item.id, method.digest, RELEASED, "metric", metric.digest)

    def face_key(self, item: Item, method: Method) -> str:
        return self._key(item.id, method.digest, RELEASED, "faces")

    def stability_key(self, item: Item, method: Method, recognizer: Part) -> str:
        return self._key(item.id, method.digest, RELEASED, "stability", recognizer.digest)

    def emotion_key(self, item: Item, method: Method, fer: Part) -> str:
        return self._key(
            item.id, method.digest, RELEASED, "emotion", [fer.digest, self.config.recommender]
        )

    def failure_key(self, item: Item, method: Method | None, purpose: str) -> str:
        return self._key(item.id, method.digest if method else CLEAR, purpose, "failure")

    def template_key(self, item: Item, method: Any, purpose: str, recognizer: Part) -> str:
        return self._key(item.id, method, purpose, "template", recognizer.digest)

    # -- the run ---------------------------------------------------------------------------------

    @property
    def released(self) -> Sequence[Item]:
        """Items on which utility is measured."""
        return [*self.selection.probes, *self.selection.loose]

    def run(self) -> None:
        """Measure what is missing, then erase the templates."""
        studio = self._studio()
        for method in self.methods:
            self._measure(method, studio)
            for part in self.recognizers:
                self._compare_gallery(part)
        if not self.config.keep_templates:
            self.store.forget_templates()
        self._check_usable()

    def _check_usable(self) -> None:
        """Without a single original in which there is a face, every figure would be a guess."""
        clear = self.methods[0]
        if any(self.store.has(self.face_key(item, clear)) for item in self.released):
            return
        rows = [self.store.get(self.failure_key(i, clear, RELEASED)) for i in self.released]
        reasons = sorted({row.error for row in rows if row is not None})
        raise MediaError(
            f"data {self.data.name}: none of the {len(rows)} items that would be released can be "
            f"used, so that there is nothing to compare ({'; '.join(reasons[:3])})"
        )

    def _studio(self) -> Studio:
        build = self.workshop.build
        recommender = None
        if self.config.recommender != "none" and self.fer:
            part = self.workshop.part(Kind.RECOMMENDER, self.config.recommender, {}, "recommender")
            recommender = build(part)
        return Studio(
            build(self._looking[0]),
            build(self._looking[1]),
            {part.label: build(part) for part in self.recognizers},
            {part.label: build(part) for part in self.fer},
            recommender,
        )

    def _missing_scores(self, method: Method) -> list[tuple[str, Part | None]]:
        if not self.selection.enrolled:
            return []
        wanted: list[tuple[str, Part | None]] = [
            (name, part)
            for part in self.recognizers
            for name, attacker in self.attacks.items()
            if attacker.component.uses_recognizer
        ]
        wanted += [(n, None) for n, a in self.attacks.items() if not a.component.uses_recognizer]
        if self._failed_before(method):
            return wanted  # what failed is tried again, and may work now
        return [(a, p) for a, p in wanted if not self.store.has(self.score_key(method, a, p))]

    def _failed_before(self, method: Method) -> bool:
        selection = self.selection
        keys = [
            *(self.failure_key(i, method, RELEASED) for i in selection.probes),
            *(self.failure_key(i, method, ATTACKER) for i in [*selection.enrolled, *selection.fit]),
        ]
        rows = [self.store.get(key) for key in keys]
        return any(row is not None and row.status == "failed" for row in rows)

    def _measure(self, method: Method, studio: Studio) -> None:
        missing = self._missing_scores(method)
        recognizers = [p for p in self.recognizers if any(q is p for _, q in missing)]
        needs = frozenset[str]().union(*(self.attacks[a].component.needs for a, _ in missing))
        work = Work(self, method, studio, recognizers, bool(missing), needs)
        jobs = list(work.jobs())
        for done, job in enumerate(jobs, 1):
            job()
            self.progress(method.label, done, len(jobs))
        for attack, part in missing:
            self._score(method, attack, part, work)

    def _score(self, method: Method, attack: str, part: Part | None, work: Work) -> None:
        key = self.score_key(method, attack, part)
        measure = f"scores:{attack}:{part.label if part else ''}"
        try:
            found = self._attack(attack, part, work)
            row = Row(
                key,
                method.label,
                "set",
                self.selection.digest(),
                measure,
                "ok",
                "" if found else "not enough material",
                {name: scores.astype(np.float32) for name, scores in found.items()},
            )
        except StoreError:
            raise
        except Exception as error:
            row = Row(
                key,
                method.label,
                "set",
                self.selection.digest(),
                measure,
                "failed",
                one_line(error),
                {},
            )
        self.store.put(row)

    def gallery_key(self, recognizer: Part) -> str:
        """Where the similarities of the enrolled pictures to each other are."""
        return self._key(self.selection.digest(), CLEAR, "set", "gallery", recognizer.digest)

    def _compare_gallery(self, part: Part) -> None:
        """Similarities within the gallery, from which the most distinct persons are chosen."""
        key, enrolled = self.gallery_key(part), self.selection.enrolled
        if not enrolled or self.store.has(key):
            return
        found = [
            self.store.get_template(self.template_key(item, CLEAR, CLEAR, part))
            for item in enrolled
        ]
        vectors = [None if t is None else t["vectors"][int(t["best"])] for t in found]
        payload = {"similarity": compare(vectors, vectors).astype(np.float32)}
        self.store.put(
            Row(
                key,
                CLEAR,
                "set",
                self.selection.digest(),
                f"gallery:{part.label}",
                "ok",
                "",
                payload,
            )
        )

    def _attack(self, attack: str, part: Part | None, work: Work) -> dict[str, Scores]:
        return self.attacks[attack].component.attack(work.material(part))

    def describe(self) -> dict[str, Any]:
        """What the run consisted of, for tables and for repeating it; without paths."""
        parts = [m.part for m in self.methods if m.part is not None]
        config = self.config.model_dump(mode="json")
        config["data"] = self.data.name
        return {
            "key": key_of(
                selection=self.selection.digest(),
                methods=[m.digest for m in self.methods],
                recognizers=[p.digest for p in self.recognizers],
                fer=[p.digest for p in self.fer],
            ),
            "config": config,
            "persons": len(self.selection.enrolled),
            "probes": len(self.selection.probes),
            "fit_persons": len({i.person for i in self.selection.fit}),
            "loose": len(self.selection.loose),
            "notes": [*self.data.notes, *self.selection.notes],
            "contamination": {
                part.label: contamination([part], self.data, self.config.data_name)
                for part in [*parts, *self.recognizers, *self.fer, *self._looking]
            },
        }


def run_benchmark(
    config: BenchmarkConfig,
    out: Path,
    *,
    registry: Registry | None = None,
    warn: Warn = lambda message: None,
    progress: Progress = silent,
) -> Bench:
    """Measure everything that is missing in ``out``; see :mod:`framework_benchmark`.

    Raises:
        UserError: configuration, data or store cannot be used.
    """
    with Store(out / FILE) as store:
        bench = Bench(config, registry or Registry.load(), store, warn, progress)
        bench.run()
        plan = bench.describe()
        store.put_plan(plan["key"], plan)
    return bench
