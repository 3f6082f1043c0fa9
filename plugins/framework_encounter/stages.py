"""An encounter in stages, each of which can be done by another process than the one before.

``run_encounter`` does them one after the other; ``framework encounter analyze`` and ``render`` stop
in between, so that a person can correct the track tables; a study spreads them over workers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from framework.agreement import PersonAgreement, compare
from framework.audit import Audit
from framework.errors import ConfigError
from framework.pipeline.components import Selection
from framework.pipeline.delivery import VIDEO_STEM, Delivery
from framework.pipeline.passes import Analysis
from framework.pipeline.run import Run
from framework.progress import Progress
from framework.table import EmotionSamples, TrackTable
from framework.timeline import build_timelines
from framework.types import ComponentEvent, Role
from framework_encounter.clock import camera_name
from framework_encounter.references import (
    build_recognizer,
    likeness,
    reference_embeddings,
    select_recognizer,
    wanted,
)
from framework_encounter.roles import IDENTITY, Casting, cast, renamed, unclear
from framework_encounter.spec import Encounter, Recording
from framework_encounter.voice import model_file

SWITCH = "identity-switch"
"""Kind of event in the audit: the tracker's identity of a person changed, and was put right."""
BY_HAND = "a person"
"""What decided about roles in a table that somebody corrected."""


@dataclass(frozen=True)
class CoveredCamera:
    """What covering one camera left.

    Attributes:
        audit: of the covered recording.
        video: its file name.
        agreement: emotions before against after covering, for patient and doctor.
        samples: emotions as they are in the covered recording; None if they were not read again.
    """

    audit: Audit
    video: str
    agreement: tuple[PersonAgreement, ...]
    samples: EmotionSamples | None = None


def refuse_early(encounter: Encounter, run: Run) -> Selection | None:
    """Everything that can be refused before an hour's analysis is.

    Returns:
        The recogniser that compares with reference pictures, if there are any.

    Raises:
        UserError: nothing tells two people apart, or a recording or component cannot be used.
    """
    for k, recording in enumerate(encounter.recordings):
        told = recording.regions.keys() | encounter.references.keys()
        if len(recording.shows) > 1 and not told & set(recording.shows):
            raise unclear(camera_name(encounter, k))
    recognizer = select_recognizer(encounter, run.components)
    if encounter.voice_activity:
        model_file()
    for recording in encounter.recordings:
        run.refuse_early(Path(recording.file))
    return recognizer


def everybody(table: TrackTable) -> TrackTable:
    """No roles yet: everybody's expression is sampled until it is known who is who."""
    return table.with_roles({})


def analyze_camera(run: Run, source: Path) -> Analysis:
    """Find, follow and read everybody in one camera.

    Raises:
        MediaError: the recording cannot be opened.
    """
    return run.resolve(run.analyze(source), roles=everybody)


def say_who_is_who(
    encounter: Encounter, run: Run, selected: Selection | None, tables: Sequence[TrackTable]
) -> list[Casting]:
    """Decide in each camera who is the patient and who the doctor.

    Args:
        selected: the recogniser, if there are reference pictures.
        tables: what the analysis found, one a camera.

    Raises:
        UserError: it is not clear, or a reference picture cannot be used.
    """
    references = {Role(role): Path(p) for role, p in encounter.references.items()}
    components = run.components
    recognizer = build_recognizer(selected, components) if selected else None
    embedded = (
        reference_embeddings(references, components.detector(), recognizer) if recognizer else {}
    )
    thresholds = None
    if recognizer is not None:
        measured = getattr(recognizer, "match_threshold", None)
        thresholds = encounter.matching.in_force(measured)
    castings: list[Casting] = []
    next_id = max(IDENTITY.values()) + 1
    for k, (recording, table) in enumerate(zip(encounter.recordings, tables, strict=True)):
        scores = None
        if recognizer is not None and wanted(encounter, recording.roles):
            own = {role: v for role, v in embedded.items() if role in recording.roles}
            scores = likeness(Path(recording.file), table, own, recognizer)
        name = camera_name(encounter, k)
        casting = cast(table, recording, name, scores, thresholds, next_id)
        next_id = max([next_id - 1, *casting.table.track_ids()]) + 1
        castings.append(casting)
    return castings


def corrected(casting: Casting, table: TrackTable, recording: Recording, camera: str) -> Casting:
    """Who is who after a person corrected the table of a camera.

    Every track with the role patient or doctor becomes that person; whoever had their number and
    has another role now gets a new number.

    Args:
        casting: before the correction.
        table: after it.
        camera: what messages call it.

    Raises:
        ConfigError: nobody has a role that the camera shows, somebody has one that it does not
            show, or two faces of one frame have the same.
    """
    for role in IDENTITY:
        mine = [t for t in table.track_ids() if table.role_of(t) is role]
        if mine and role not in recording.roles:
            raise ConfigError(
                f"track table of {camera}: track {mine[0]} is the {role}, whom this camera does "
                f"not show; write bystander"
            )
        if not mine and role in recording.roles:
            raise ConfigError(
                f"track table of {camera}: nobody in it is the {role}; write {role} into the "
                "column role of one track"
            )
        rows = np.isin(table.track_id, mine)
        frames, counts = np.unique(table.frame[rows], return_counts=True)
        if (counts > 1).any():
            frame = int(frames[counts > 1][0])
            both = table.track_id[rows & (table.frame == frame)].tolist()
            raise ConfigError(
                f"track table of {camera}: tracks {both[0]} and {both[1]} are both the {role} at "
                f"{table.time_s[frame]:.2f} s; give one of them another role, or delete its row"
            )
    number: dict[int, int] = {}
    taken = {*IDENTITY.values(), *table.track_ids()}
    for track in table.track_ids():
        role = table.role_of(track)
        if role in IDENTITY:
            number[track] = IDENTITY[role]
        elif track in IDENTITY.values():
            number[track] = max(taken) + 1
            taken.add(number[track])
        else:
            number[track] = track
    roles = {number[t]: table.role_of(t) for t in table.track_ids()}
    settled = renamed(table, number).with_roles(roles)
    unknown = [t for t in settled.track_ids() if settled.role_of(t) is Role.UNKNOWN]
    return replace(
        casting,
        table=settled,
        how=dict.fromkeys(casting.how, BY_HAND),
        uncertain=tuple(_span(settled, track) for track in unknown),
        bystanders=sum(settled.role_of(t) is Role.BYSTANDER for t in settled.track_ids()),
        similarity={},
        thresholds=None,
    )


def _span(table: TrackTable, track: int) -> tuple[float, float, float]:
    """First and last second in which a track is seen, and the seconds it is seen for."""
    rows = table.rows_of_track(track)
    seen = rows[table.observed[rows]]
    rows = seen if len(seen) else rows
    times = table.time_s[table.frame[rows]]
    return (
        float(times[0]),
        float(times[-1]),
        float(table.frame_duration_s[table.frame[rows]].sum()),
    )


def cover_camera(
    run: Run, source: Path, casting: Casting, analysis: Analysis | None, folder: Path
) -> CoveredCamera:
    """Cover one camera, look at the result again, and account for it.

    Args:
        analysis: what the first pass saw; None for a table that a person corrected.
        folder: where the covered recording is written; it must exist.

    Raises:
        UserError: the recording or the table cannot be used.
        CheckError: a frame could not be established and ``on_miss`` is ``abort``.
    """
    table = casting.table
    rendering = run.render(source, table, lambda info: folder / Delivery.video_name(info), analysis)
    for role, count in casting.switches.items():
        event = ComponentEvent(0, 0.0, IDENTITY[role], SWITCH)
        rendering.events += [event] * count
    known = [t for t in table.track_ids() if t in IDENTITY.values()]
    searched = run.search_again(table, rendering, people=known)
    audit = run.audit(table, analysis, rendering, searched)
    agreement: tuple[PersonAgreement, ...] = ()
    if searched.samples is not None:
        agreement = _agreement(table.only(known), searched.samples, run)
    assert rendering.path.stem == VIDEO_STEM
    return CoveredCamera(audit, rendering.path.name, agreement, searched.samples)


def read_again(table: TrackTable, covered: CoveredCamera) -> TrackTable | None:
    """Patient and doctor with their emotions in the covered recording; None if they were not read.

    Args:
        table: of the original.
    """
    if covered.samples is None:
        return None
    known = [t for t in table.track_ids() if t in IDENTITY.values()]
    return table.only(known).with_samples(covered.samples)


def _agreement(table: TrackTable, again: EmotionSamples, run: Run) -> tuple[PersonAgreement, ...]:
    classifier = run.components.classifier()
    assert classifier is not None
    config, below = run.components.stages.timeline, classifier.unknown_below
    before = build_timelines(table, config, unknown_below=below)
    after = build_timelines(table.with_samples(again), config, unknown_below=below)
    return compare(before.raw, after.raw).people


def named(progress: Progress, name: str) -> Progress:
    """Progress of one of several recordings."""

    def told(stage: str, done: int, total: int | None) -> None:
        progress(f"{stage} {name}", done, total)

    return told
