"""The account of a run: its audit, its manifest, and what is said on the screen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from framework.agreement import Agreement
from framework.audit import (
    Audit,
    AuditRecorder,
    Compared,
    Damage,
    Dismissal,
    Exposed,
    FrameFate,
    SecondSearch,
)
from framework.boxes import iou
from framework.manifest import Manifest, build_manifest, component_record
from framework.pipeline.components import Components, Selection
from framework.pipeline.passes import Analysis, Rendering
from framework.pipeline.search import Searched, Sighting
from framework.protocols import DetailedRecommender
from framework.table import TrackTable
from framework.timeline import person_name
from framework.types import FAILED, Recommendation

STRETCH_S = 1.0
"""Doubtful detections farther apart than this are told separately, seconds."""

SYNTHETIC = "synthetic"
"""Capability of anonymizers that show generated faces."""


def audit_run(
    table: TrackTable,
    found: Analysis | None,
    rendering: Rendering,
    searched: Searched,
    duration_out_s: float,
    *,
    allow_no_faces: bool,
) -> Audit:
    """The account of one recording.

    Args:
        table: what was rendered.
        found: what the analysis saw; None if the table came from a file.
        rendering: what the second pass did.
        searched: what the third pass found in the result.
        duration_out_s: length of the covered recording, seconds.
    """
    recorder = AuditRecorder(table)
    whole, dropped = set(rendering.whole), set(rendering.dropped)
    for index in range(min(table.frame_count, rendering.frames_in)):
        fate = FrameFate.COVERED
        if index in whole:
            fate = FrameFate.FULLY_COVERED
        elif index in dropped:
            fate = FrameFate.DROPPED
        recorder.frame(index, fate)
    for event in rendering.events:
        recorder.event(event)
        if event.detail.startswith(FAILED):  # it went on without its method; it failed all the same
            recorder.failure("anonymizer", event.detail.removeprefix(FAILED), event.time_s)
    failures = [*(found.failures if found else []), *rendering.failures, *searched.failures]
    for failure in failures:
        recorder.failure(failure.stage, failure.error, failure.time_s, failure.where)
    for place in found.damage if found else rendering.damage:
        recorder.damage(Damage(place.time_s, place.what))
    if rendering.frames_in < table.frame_count:
        end_s = float(table.time_s[rendering.frames_in])
        missing = table.frame_count - rendering.frames_in
        recorder.damage(Damage(end_s, f"{missing} frames could not be decoded a second time"))
    if found is not None:
        _note_dismissed(recorder, found)
    for note in table.repairs:
        recorder.note(note)
    if rendering.fingerprint.differs_s is not None:
        recorder.note(
            f"rendered with the track table of another recording (--allow-other-recording): the "
            f"frame at {rendering.fingerprint.differs_s:.2f} s shows something else"
        )
    for note in [*(found.observed.notes if found else []), *rendering.notes, *searched.notes]:
        recorder.note(note)
    return recorder.finish(
        search=_second_search(searched),
        covered_share=searched.covered_share,
        over_quarter_s=searched.over_quarter_s,
        frames_out=rendering.frames_out,
        duration_out_s=duration_out_s,
        allow_no_faces=allow_no_faces,
    )


def _second_search(searched: Searched) -> SecondSearch:
    """The search of the result, as the audit tells it."""
    if not searched.searched:
        return SecondSearch()
    return SecondSearch(
        searched=True,
        frames=searched.frames,
        frames_per_s=searched.frames / searched.seconds if searched.seconds > 0 else 0.0,
        detectors=searched.looked_with,
        recognizer=searched.recognizer,
        faces=searched.faces,
        ours=searched.ours,
        unconfirmed=searched.unconfirmed,
        compared=tuple(
            Compared(
                person_name(r.track_id),
                r.faces,
                r.detail,
                r.recognised,
                r.similarity,
                r.recognisable,
            )
            for r in searched.resemblances
        ),
        exposed_s=sum(s.seconds for s in searched.sightings),
        exposed=tuple(_joined(searched.sightings)),
    )


def _joined(sightings: Sequence[Sighting]) -> list[Exposed]:
    """Sightings of one face in consecutive searched frames as one stretch of time."""
    open_: list[tuple[Sighting, Exposed]] = []
    closed: list[Exposed] = []
    for one in sorted(sightings, key=lambda s: s.time_s):
        still = [(last, e) for last, e in open_ if e.end_s >= one.time_s - 1e-6]
        closed += [e for last, e in open_ if (last, e) not in still]
        mine = next(
            (
                k
                for k, (last, e) in enumerate(still)
                if e.reason == one.reason
                and last.time_s < one.time_s
                and iou(last.xyxy[None], one.xyxy[None])[0, 0] > 0
            ),
            None,
        )
        end_s = one.time_s + one.seconds
        if mine is None:
            left, top, right, bottom = (int(v) for v in np.round(one.xyxy))
            place = (left, top, right - left, bottom - top)
            still.append((one, Exposed(one.time_s, end_s, one.seconds, place, None, one.reason)))
        else:
            before = still[mine][1]
            joined = replace(before, end_s=end_s, face_s=before.face_s + one.seconds)
            still[mine] = (one, joined)
        open_ = still
    return sorted([*closed, *(e for _, e in open_)], key=lambda e: (e.start_s, e.place))


def _note_dismissed(recorder: AuditRecorder, found: Analysis) -> None:
    """What was detected and left open: one line for those that stood alone, and one for each
    stretch of time in which second looks said no, since a reviewer looks there first."""
    refused = np.sort(found.refused_s)
    alone = found.times_of(np.setdiff1d(found.dismissed, found.refused))
    stretches = np.split(refused, np.flatnonzero(np.diff(refused) > STRETCH_S) + 1)
    for times, reason in [
        (alone, "weak, and in one frame alone"),
        *((stretch, "doubtful, and a second look found no face") for stretch in stretches),
    ]:
        if len(times):
            recorder.dismissed(
                Dismissal(
                    start_s=float(times.min()),
                    end_s=float(times.max()),
                    frames=len(times),
                    reason=reason,
                )
            )


def describe_run(command: str, components: Components, more: Sequence[Selection] = ()) -> Manifest:
    """The manifest of a run of these components.

    Args:
        more: further components that took part.
    """
    selections = [*components.selections(), *more]
    recommender = components.recommender()
    details = (
        recommender.manifest_details() if isinstance(recommender, DetailedRecommender) else None
    )
    records = [
        component_record(
            selection.component.kind,
            selection.component.spec,
            selection.options,
            distribution=selection.component.distribution,
            version=selection.component.version,
            details=details if selection.group == "recommender" else None,
        )
        for selection in selections
    ]
    return build_manifest(
        command,
        records,
        settings=components.config,
        stages=components.stages.by_group(),
        seeds={"run": components.config.seed},
        synthetic_media=any(SYNTHETIC in s.component.spec.capabilities for s in selections),
    )


def summarize(
    table: TrackTable,
    audit: Audit,
    agreement: Agreement | None,
    recommendations: list[Recommendation],
    files: list[Path],
) -> list[str]:
    """What is printed after a run, in lines."""
    lines = [
        f"{audit.frames_out} of {audit.frames_in} frames written, {audit.duration_out_s:.2f} s; "
        f"{len(table.track_ids())} people, {audit.total.present_s:.1f} face-seconds covered, "
        f"{audit.frames_fully_covered} frames covered whole"
    ]
    if agreement is not None and agreement.total.n:
        lines.append(
            f"emotion after covering: {agreement.total.agreement:.0%} of {agreement.total.n} "
            f"labelled seconds agree"
        )
    if recommendations:
        lines.append(f"{len(recommendations)} recommendations")
    lines += [f"wrote {file}" for file in files]
    return [*lines, checked(audit)]


def checked(audit: Audit) -> str:
    """What was checked in the result and what was not, in a sentence."""
    search = audit.search
    if not search.searched:
        return (
            "checked: every face was changed before it was encoded. not checked: the result was "
            "not searched for faces, nor compared with the original (--no-search-again)"
        )
    with_whom = f"by {search.recognizer} and " if search.recognizer else ""
    return (
        f"checked: every face was changed; {search.frames} frames of the result searched by "
        f"{', '.join(search.detectors)}, {audit.total.unprotected_s or 0.0:.1f} face-seconds "
        f"unprotected; covered faces compared with the original {with_whom}by their detail. not "
        f"checked: stronger recognisers ('framework verify'), voice, clothes and surroundings"
    )
