"""A whole encounter: analyse every camera, decide who is who, cover, join, advise, report.

>>> from framework_encounter import run_encounter                             # doctest: +SKIP
>>> result = run_encounter("encounter.yaml", out="results", anonymizer="fomm") # doctest: +SKIP
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from framework.agreement import PersonAgreement, compare
from framework.audit import Audit
from framework.config import RunConfig
from framework.errors import ConfigError, MediaError
from framework.manifest import Manifest
from framework.pipeline.by_role import FALLBACK, for_participants, parse_roles
from framework.pipeline.components import Selection
from framework.pipeline.delivery import VIDEO_STEM, Delivery
from framework.pipeline.passes import Analysis
from framework.pipeline.run import Run
from framework.progress import Progress, silent
from framework.table import TrackTable
from framework.timeline import build_timelines, count_seconds
from framework.types import ComponentEvent, EmotionWindow, Recommendation, Role
from framework_encounter.clock import Clock, camera_name, check_overlap, shared_clocks
from framework_encounter.dyad.of_encounter import read_dyad
from framework_encounter.joint import Joint, join, seen_by
from framework_encounter.outputs import publish
from framework_encounter.references import (
    build_recognizer,
    likeness,
    reference_embeddings,
    select_recognizer,
    wanted,
)
from framework_encounter.report import CameraView, roles_in_words
from framework_encounter.roles import IDENTITY, Casting, cast, unclear
from framework_encounter.spec import Encounter, load_encounter
from framework_encounter.voice import model_file, voice_activity

SWITCH = "identity-switch"
"""Kind of event in the audit: the tracker's identity of a person changed, and was put right."""
MANAGED = ("doctor-view", "camera-")
"""Folders inside the output folder that a run replaces."""


@dataclass(frozen=True)
class EncounterResult:
    """What :func:`run_encounter` did.

    Attributes:
        joint: both people on the patient camera's clock; the doctor's scores included.
        clocks: of every recording.
        castings: who is who in every recording.
        audits: of every recording.
        recommendations: the advice.
        manifest: how it was made.
        files: what was written.
        reasons: why it did not pass; empty if it did.
        summary: what happened, in lines.
    """

    joint: Joint
    clocks: list[Clock]
    castings: list[Casting]
    audits: list[Audit]
    recommendations: list[Recommendation]
    manifest: Manifest
    files: list[Path]
    reasons: list[str]
    summary: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether nothing stands against handing the result on, as far as the audits can see."""
        return not self.reasons


def run_encounter(
    encounter: Encounter | str | Path,
    *,
    out: str | Path = "framework-output",
    config: str | Path | None = None,
    options: Iterable[str] = (),
    key_file: str | Path | None = None,
    warn: Callable[[str], None] = lambda message: None,
    progress: Progress = silent,
    **settings: Any,
) -> EncounterResult:
    """Cover every recording of an encounter and read it as one conversation.

    Args:
        encounter: an encounter, or the path of an encounter file.
        out: folder of the results.
        config, options, key_file, warn, progress, settings: as for :func:`framework.run`. A bare
            anonymizer serves patient and doctor; everybody else is covered by the mask.

    Raises:
        UserError: something is not usable, the recordings do not fit together, or it is not clear
            who is who; nothing was written.
        CheckError: a frame could not be established, and ``on_miss`` is ``abort``.
    """
    if not isinstance(encounter, Encounter):
        encounter = load_encounter(Path(encounter))
    work = Run.configured(
        config,
        options,
        adapt=_adapted,
        # One secret for all cameras, or the same person would get another donor in each.
        key=lambda warn: secrets.token_bytes(32),
        key_file=key_file,
        more_groups=("recognizer",) if encounter.references else (),
        warn=warn,
        progress=progress,
        **settings,
    )
    sources = [Path(r.file) for r in encounter.recordings]
    _refuse_sources(Path(out), sources)
    for k, recording in enumerate(encounter.recordings):
        told = recording.regions.keys() | encounter.references.keys()
        if len(recording.shows) > 1 and not told & set(recording.shows):
            raise unclear(camera_name(encounter, k))  # not after an hour of analysis
    recognizer = select_recognizer(encounter, work.components)
    if encounter.voice_activity:
        model_file()
    clocks = shared_clocks(encounter)
    for clock in clocks:
        if clock.note:
            warn(clock.note)
    for source in sources:
        work.refuse_early(source)
    with Delivery(Path(out), sources[0]) as delivery:
        return _work(encounter, sources, clocks, work, recognizer, delivery)


def _adapted(config: RunConfig) -> RunConfig:
    """A bare anonymizer serves patient and doctor; everybody else is covered by the mask.

    Raises:
        ConfigError: another anonymizer is named for everybody else.
    """
    config = config.model_copy(update={"anonymizer": for_participants(config.anonymizer)})
    named = parse_roles(config.anonymizer)
    if {named[Role.BYSTANDER], named[Role.UNKNOWN]} != {FALLBACK}:
        raise ConfigError(
            f"anonymizer {config.anonymizer}: people who are not part of the encounter are "
            f"always covered by the {FALLBACK}; name patient and doctor only"
        )
    return config


def _refuse_sources(out: Path, sources: Sequence[Path]) -> None:
    here = out.resolve()
    for source in sources:
        place = source.resolve()
        inside = place.is_relative_to(here) and place.relative_to(here).parts
        if place == here or (inside and inside[0].startswith(MANAGED)):
            raise MediaError(
                "the output would replace or mix with a recording; choose another folder (--out)"
            )
    if len({s.resolve() for s in sources}) != len(sources):
        raise ConfigError(
            "the same recording is given twice; for one camera that shows both people use --both"
        )


def _work(
    encounter: Encounter,
    sources: list[Path],
    clocks: list[Clock],
    run: Run,
    recognizer: Selection | None,
    delivery: Delivery,
) -> EncounterResult:
    components = run.components
    timeline_config = components.stages.timeline
    classifier = components.classifier()
    recommender = components.recommender()
    analyses, castings = _analyse(encounter, sources, run, recognizer)
    for k, analysis in enumerate(analyses):
        length = analyses[encounter.clock].table.duration_s
        if k != encounter.clock:
            check_overlap(encounter, k, clocks[k], length, analysis.table.duration_s)
    seconds = count_seconds(analyses[encounter.clock].table)
    joint = Joint((), (), seconds)
    if classifier is not None:
        seen = [
            one
            for k, casting in enumerate(castings)
            for one in seen_by(k, casting.table, clocks[k], timeline_config, classifier)
        ]
        joint = join(seen, seconds)
    if encounter.voice_activity:
        shows = [r.roles for r in encounter.recordings]
        voice = voice_activity(sources, clocks, seconds, shows, components.threads)
        joint = Joint(joint.people, joint.cameras, seconds, voice)
    advice: list[Recommendation] = []
    if recommender is not None and joint.people:
        advice = sorted(recommender.recommend(EmotionWindow(joint.people)), key=lambda a: a.time_s)

    views = []
    read_again: list[TrackTable | None] = []
    for k, source in enumerate(sources):
        audit, video, agreement, again = _render(k, source, castings[k], analyses[k], run, delivery)
        read_again.append(again)
        views.append(
            CameraView(
                name=f"camera-{k + 1}",
                shows=roles_in_words(encounter.recordings[k].roles),
                video=video,
                clock=clocks[k],
                audit=audit,
                notes=tuple(camera_notes(clocks[k], castings[k])),
                agreement=agreement,
            )
        )
    dyad = None
    if classifier is not None:
        tables = [casting.table for casting in castings]
        dyad = read_dyad(encounter, joint, tables, read_again, clocks, timeline_config, classifier)
    reasons = [f"{v.name}: {reason}" for v in views for reason in v.audit.reasons]
    manifest = run.manifest("encounter run", [recognizer] if recognizer else [])
    files = publish(
        delivery,
        encounter,
        joint,
        views,
        castings,
        manifest,
        reasons,
        advice if recommender is not None else None,
        timeline_config if classifier is not None else None,
        classifier.unknown_below if classifier is not None else 0.0,
        dyad,
    )
    summary = _summary(encounter, clocks, castings, joint, views, advice, files)
    audits = [v.audit for v in views]
    return EncounterResult(
        joint, clocks, castings, audits, advice, manifest, files, reasons, summary
    )


def _everybody(table: Any) -> Any:
    """No roles yet: everybody's expression is sampled until it is known who is who."""
    return table.with_roles({})


def _analyse(
    encounter: Encounter,
    sources: Sequence[Path],
    run: Run,
    selected: Selection | None,
) -> tuple[list[Analysis], list[Casting]]:
    references = {Role(role): Path(p) for role, p in encounter.references.items()}
    components = run.components
    recognizer = build_recognizer(selected, components) if selected else None
    embedded = (
        reference_embeddings(references, components.detector(), recognizer) if recognizer else {}
    )
    # Before the analysis: nothing must stop a run after it that was known before.
    thresholds = None
    if recognizer is not None:
        measured = getattr(recognizer, "match_threshold", None)
        thresholds = encounter.matching.in_force(measured)
    analyses, castings = [], []
    next_id = max(IDENTITY.values()) + 1
    for k, (source, recording) in enumerate(zip(sources, encounter.recordings, strict=True)):
        name = camera_name(encounter, k)

        mine = run.telling(_named(run.progress, name))
        found = mine.resolve(mine.analyze(source), roles=_everybody)
        scores = None
        if recognizer is not None and wanted(encounter, recording.roles):
            own = {role: v for role, v in embedded.items() if role in recording.roles}
            scores = likeness(source, found.table, own, recognizer)
        casting = cast(found.table, recording, name, scores, thresholds, next_id)
        next_id = max([next_id - 1, *casting.table.track_ids()]) + 1
        analyses.append(found)
        castings.append(casting)
    return analyses, castings


def _named(progress: Progress, name: str) -> Progress:
    """Progress of one of several recordings."""

    def told(stage: str, done: int, total: int | None) -> None:
        progress(f"{stage} {name}", done, total)

    return told


def _render(
    k: int, source: Path, casting: Casting, analysis: Analysis, run: Run, delivery: Delivery
) -> tuple[Audit, str, tuple[PersonAgreement, ...], TrackTable | None]:
    """Cover one recording; its audit, the name of the video, and what is left of the emotions.

    The last value is the table with what was read from the covered recording, None if it was not.
    """
    folder = delivery.path(f"camera-{k + 1}")
    folder.mkdir()
    table = casting.table
    mine = run.telling(_named(run.progress, f"camera {k + 1}"))
    rendering = mine.render(
        source, table, lambda info: folder / Delivery.video_name(info), analysis
    )
    for role, count in casting.switches.items():
        event = ComponentEvent(0, 0.0, IDENTITY[role], SWITCH)
        rendering.events += [event] * count
    known = [t for t in table.track_ids() if t in IDENTITY.values()]
    searched = mine.search_again(table, rendering, people=known)
    audit = mine.audit(table, analysis, rendering, searched)
    agreement: tuple[PersonAgreement, ...] = ()
    again: TrackTable | None = None
    if searched.samples is not None:
        people = table.only(known)
        again = people.with_samples(searched.samples)
        agreement = _agreement(people, again, run)
    assert rendering.path.stem == VIDEO_STEM
    return audit, rendering.path.name, agreement, again


def _agreement(table: TrackTable, again: TrackTable, run: Run) -> tuple[PersonAgreement, ...]:
    classifier = run.components.classifier()
    assert classifier is not None
    config, below = run.components.stages.timeline, classifier.unknown_below
    before = build_timelines(table, config, unknown_below=below)
    after = build_timelines(again, config, unknown_below=below)
    return compare(before.raw, after.raw).people


def camera_notes(clock: Clock, casting: Casting) -> list[str]:
    """What a reader has to know of a camera's clock and people, in sentences."""
    notes = [clock.note] if clock.note else []
    for role, how in casting.how.items():
        switches = casting.switches[role]
        text = f"{role} decided by {how}"
        if role in casting.similarity:
            text += f", similarity {casting.similarity[role]:.3f}"
        if switches:
            often = "once" if switches == 1 else f"{switches} times"
            text += f"; the tracker lost and found this face {often}"
        notes.append(text)
    if casting.bystanders:
        others = "1 face" if casting.bystanders == 1 else f"{casting.bystanders} faces"
        notes.append(f"{others} of others, covered by the mask and not analysed")
    for start, end, seen in casting.uncertain:
        notes.append(
            f"uncertain face from {start:.1f} s to {end:.1f} s on this camera's own clock (seen "
            f"for {seen:.1f} s): covered by the mask and not analysed"
        )
    return notes


def _summary(
    encounter: Encounter,
    clocks: Sequence[Clock],
    castings: Sequence[Casting],
    joint: Joint,
    views: Sequence[CameraView],
    advice: Sequence[Recommendation],
    files: Sequence[Path],
) -> list[str]:
    lines = []
    for k, (clock, casting, view) in enumerate(zip(clocks, castings, views, strict=True)):
        sync = clock.sync
        when = "the shared clock"
        if clock.method != "own":
            when = f"starts at {sync.offset_s:.3f} s by {clock.method}"
            if clock.method == "audio":
                drift = f"{1e6 * sync.drift:.0f} ppm" if sync.drift else "too short to tell"
                when += f", drift {drift}, confidence {sync.confidence:.2f}"
        total = view.audit.total
        lines.append(
            f"{camera_name(encounter, k)}: {when}; {total.present_s:.1f} face-seconds covered, "
            f"{total.unprotected_s:.1f} unprotected, {casting.bystanders} bystanders, "
            f"{len(casting.uncertain)} uncertain faces, "
            f"{sum(casting.switches.values())} identity switches"
        )
    for person in joint.people:
        known = int(np.isfinite(person.probabilities).all(axis=1).sum())
        lines.append(f"{person.role}: {known} of {len(person)} recorded seconds have a label")
    if advice:
        lines.append(f"{len(advice)} recommendations")
    return [*lines, *(f"wrote {file}" for file in files)]
