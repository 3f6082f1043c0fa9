"""The account of a run: its audit, its manifest, and what is said on the screen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from framework.agreement import Agreement
from framework.audit import Audit, AuditRecorder, Damage, Dismissal, FrameFate
from framework.manifest import Manifest, build_manifest, component_record
from framework.pipeline.components import Components, Selection
from framework.pipeline.passes import Analysis, Rendering
from framework.pipeline.search import Searched
from framework.protocols import DetailedRecommender
from framework.table import TrackTable
from framework.types import Recommendation

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
    failures = [*(found.failures if found else []), *rendering.failures, *searched.failures]
    for failure in failures:
        recorder.failure(failure.stage, failure.error, failure.time_s)
    for place in found.damage if found else rendering.damage:
        recorder.damage(Damage(place.time_s, place.what))
    if rendering.frames_in < table.frame_count:
        end_s = float(table.time_s[rendering.frames_in])
        missing = table.frame_count - rendering.frames_in
        recorder.damage(Damage(end_s, f"{missing} frames could not be decoded a second time"))
    if found is not None:
        _note_dismissed(recorder, found)
    for note in [*(found.observed.notes if found else []), *rendering.notes]:
        recorder.note(note)
    return recorder.finish(
        frames_out=rendering.frames_out,
        duration_out_s=duration_out_s,
        allow_no_faces=allow_no_faces,
    )


def _note_dismissed(recorder: AuditRecorder, found: Analysis) -> None:
    times = found.dismissed_s
    if not len(times):
        return
    recorder.dismissed(
        Dismissal(
            start_s=float(times.min()),
            end_s=float(times.max()),
            frames=len(times),
            reason="weak, and in one frame alone",
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
        f"{audit.total.unprotected_s:.1f} unprotected, {audit.frames_fully_covered} frames "
        f"covered whole"
    ]
    if agreement is not None and agreement.total.n:
        lines.append(
            f"emotion after covering: {agreement.total.agreement:.0%} of {agreement.total.n} "
            f"labelled seconds agree"
        )
    if recommendations:
        lines.append(f"{len(recommendations)} recommendations")
    lines += [f"wrote {file}" for file in files]
    return lines
