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

from framework.audit import Audit
from framework.config import RunConfig
from framework.errors import ConfigError, MediaError
from framework.manifest import Manifest
from framework.pipeline.by_role import FALLBACK, for_participants, parse_roles
from framework.pipeline.components import Selection
from framework.pipeline.delivery import Delivery
from framework.pipeline.run import Run
from framework.progress import Progress, silent
from framework.table import TrackTable
from framework.timeline import count_seconds
from framework.types import EmotionWindow, Recommendation, Role
from framework_encounter.clock import Clock, camera_name, check_overlap, shared_clocks
from framework_encounter.dyad.of_encounter import read_dyad
from framework_encounter.joint import Joint, join, seen_by
from framework_encounter.outputs import publish
from framework_encounter.report import CameraView, roles_in_words
from framework_encounter.roles import Casting
from framework_encounter.spec import Encounter, load_encounter
from framework_encounter.stages import (
    CoveredCamera,
    analyze_camera,
    cover_camera,
    named,
    read_again,
    refuse_early,
    say_who_is_who,
)
from framework_encounter.voice import voice_activity

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
        adapt=participants_only,
        # One secret for all cameras, or the same person would get another donor in each.
        key=lambda warn: secrets.token_bytes(32),
        key_file=key_file,
        more_groups=("recognizer",) if encounter.references else (),
        warn=warn,
        progress=progress,
        **settings,
    )
    sources = [Path(r.file) for r in encounter.recordings]
    refuse_sources(Path(out), sources)
    recognizer = refuse_early(encounter, work)
    clocks = shared_clocks(encounter)
    for clock in clocks:
        if clock.note:
            warn(clock.note)
    with Delivery(Path(out), sources[0]) as delivery:
        analyses = []
        for k, source in enumerate(sources):
            mine = work.telling(named(work.progress, camera_name(encounter, k)))
            analyses.append(analyze_camera(mine, source))
        tables = [found.table for found in analyses]
        castings = say_who_is_who(encounter, work, recognizer, tables)
        check_lengths(encounter, clocks, tables)
        covered = []
        for k, source in enumerate(sources):
            mine = work.telling(named(work.progress, f"camera {k + 1}"))
            folder = delivery.path(f"camera-{k + 1}")
            folder.mkdir()
            covered.append(cover_camera(mine, source, castings[k], analyses[k], folder))
        return finish_encounter(
            encounter, work, recognizer, clocks, castings, covered, delivery, "encounter run"
        )


def participants_only(config: RunConfig) -> RunConfig:
    """A bare anonymizer serves patient and doctor; everybody else is covered by the mask.

    Raises:
        ConfigError: another anonymizer is named for everybody else, or a span is given.
    """
    if config.span is not None:
        raise ConfigError(
            "span is for one recording alone: the cameras of an encounter have clocks of their "
            "own; cut the recordings before, or cover the whole encounter"
        )
    config = config.model_copy(
        # A folder of images from a camera is a recording, and not a set of pictures.
        update={"anonymizer": for_participants(config.anonymizer), "sequence": True}
    )
    named = parse_roles(config.anonymizer)
    if {named[Role.BYSTANDER], named[Role.UNKNOWN]} != {FALLBACK}:
        raise ConfigError(
            f"anonymizer {config.anonymizer}: people who are not part of the encounter are "
            f"always covered by the {FALLBACK}; name patient and doctor only"
        )
    return config


def refuse_sources(out: Path, sources: Sequence[Path]) -> None:
    """Refuse an output folder that holds a recording, and the same recording twice.

    Raises:
        UserError: it is so.
    """
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


def check_lengths(
    encounter: Encounter, clocks: Sequence[Clock], tables: Sequence[TrackTable]
) -> None:
    """Refuse cameras without a common moment, now that their true lengths are known.

    Raises:
        ConfigError: they do not overlap.
    """
    length = tables[encounter.clock].duration_s
    for k, table in enumerate(tables):
        if k != encounter.clock:
            check_overlap(encounter, k, clocks[k], length, table.duration_s)


def finish_encounter(
    encounter: Encounter,
    run: Run,
    recognizer: Selection | None,
    clocks: list[Clock],
    castings: list[Casting],
    covered: Sequence[CoveredCamera],
    delivery: Delivery,
    command: str,
) -> EncounterResult:
    """Join what the cameras saw, give advice, and publish everything.

    Args:
        recognizer: that compared with reference pictures, for the manifest.
        covered: what covering each camera left; the videos lie in ``camera-N`` of the delivery,
            or are put there by whoever calls this.
        command: for the manifest.
    """
    timeline_config = run.components.stages.timeline
    classifier = run.components.classifier()
    recommender = run.components.recommender()
    seconds = count_seconds(castings[encounter.clock].table)
    joint = Joint((), (), seconds)
    if classifier is not None:
        seen = [
            one
            for k, casting in enumerate(castings)
            for one in seen_by(k, casting.table, clocks[k], timeline_config, classifier)
        ]
        joint = join(seen, seconds)
    if encounter.voice_activity:
        sources = [Path(r.file) for r in encounter.recordings]
        shows = [r.roles for r in encounter.recordings]
        voice = voice_activity(sources, clocks, seconds, shows, run.components.threads)
        joint = Joint(joint.people, joint.cameras, seconds, voice)
    advice: list[Recommendation] = []
    if recommender is not None and joint.people:
        advice = sorted(recommender.recommend(EmotionWindow(joint.people)), key=lambda a: a.time_s)
    views = [
        CameraView(
            name=f"camera-{k + 1}",
            shows=roles_in_words(encounter.recordings[k].roles),
            video=camera.video,
            clock=clocks[k],
            audit=camera.audit,
            notes=tuple(camera_notes(clocks[k], castings[k])),
            agreement=camera.agreement,
        )
        for k, camera in enumerate(covered)
    ]
    dyad = None
    if classifier is not None:
        tables = [casting.table for casting in castings]
        again = [read_again(k.table, c) for k, c in zip(castings, covered, strict=True)]
        dyad = read_dyad(encounter, joint, tables, again, clocks, timeline_config, classifier)
    reasons = [f"{v.name}: {reason}" for v in views for reason in v.audit.reasons]
    manifest = run.manifest(command, [recognizer] if recognizer else [])
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


def _unprotected(seconds: float | None) -> str:
    return "not searched again" if seconds is None else f"{seconds:.1f} unprotected"


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
            f"{_unprotected(total.unprotected_s)}, {casting.bystanders} bystanders, "
            f"{len(casting.uncertain)} uncertain faces, "
            f"{sum(casting.switches.values())} identity switches"
        )
    for person in joint.people:
        known = int(np.isfinite(person.probabilities).all(axis=1).sum())
        lines.append(f"{person.role}: {known} of {len(person)} recorded seconds have a label")
    if advice:
        lines.append(f"{len(advice)} recommendations")
    return [*lines, *(f"wrote {file}" for file in files)]
