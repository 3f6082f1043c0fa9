"""From a resolved track table to everything a run leaves behind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from framework.agreement import Agreement, compare
from framework.audit import Audit, AuditRecorder, Damage, Dismissal, FrameFate, write_audit
from framework.manifest import Manifest, build_manifest, component_record, write_manifest
from framework.media import (
    SourceInfo,
    Writer,
    check_codec,
    default_suffix,
    open_reader,
    open_writer,
    probe,
)
from framework.outputs import write_emotion_frames, write_emotions, write_recommendations
from framework.pipeline import delivery as names
from framework.pipeline.analyze import Analysis
from framework.pipeline.components import NONE, Components, Selection
from framework.pipeline.delivery import Delivery
from framework.pipeline.recheck import reclassify
from framework.pipeline.render import Rendering, render_recording
from framework.pipeline.voice import RATE as SOUND_RATE
from framework.pipeline.voice import AnonymizedSound
from framework.progress import Progress
from framework.protocols import DetailedRecommender, EmotionClassifier
from framework.report import ReportData, write_report
from framework.table import TrackTable
from framework.timeline import TimelineConfig, Timelines, build_timelines
from framework.types import EmotionWindow, Recommendation

if TYPE_CHECKING:
    from framework.api import RunResult

WEAK = "weak"
"""Capability of voice anonymizers that an informed attacker sees through."""
SYNTHETIC = "synthetic"
"""Capability of anonymizers that show generated faces."""


def refuse_early(source: Path, components: Components) -> None:
    """Everything that can be refused before an hour's analysis is.

    Raises:
        UserError: the source, the anonymizer, the rules or the codec cannot be used.
    """
    components.refuse_unprotected()
    components.recommender()
    check_codec(default_suffix(probe(source)), components.stages.video.codec)


def finish_job(
    command: str,
    source: Path,
    table: TrackTable,
    components: Components,
    delivery: Delivery,
    analysis: Analysis | None,
    warn: Callable[[str], None],
    progress: Progress,
) -> RunResult:
    """Render the table, repeat the analysis on the result, and write every output.

    Args:
        command: ``run`` or ``render``, for the manifest.
        analysis: what the first pass found, None if the table came from a file.
    """
    from framework.api import RunResult

    config = components.config
    timeline_config = components.stages.timeline
    covered, rendering = cover_recording(
        source, table, components, delivery.video, warn=warn, progress=progress
    )
    classifier = components.classifier()
    timelines: Timelines | None = None
    agreement: Agreement | None = None
    after: Timelines | None = None
    if classifier is not None:
        timelines = _timelines(table, timeline_config, classifier)
        if config.recheck and len(table.samples):
            again = reclassify(
                covered,
                table,
                components.detector(),
                classifier,
                dropped=rendering.dropped,
                threads=components.threads,
                progress=progress,
            )
            after = _timelines(table.with_samples(again), timeline_config, classifier)
            agreement = compare(timelines.raw, after.raw)
    recommendations = _advice(components, timelines)
    audit = audit_rendering(table, analysis, rendering, covered, components)
    manifest = describe_run(command, components)
    if timelines is not None:
        write_emotions(delivery.path(names.EMOTIONS), timelines.people)
        if timelines.corrected:
            write_emotions(delivery.path(names.EMOTIONS_RAW), timelines.raw)
        if config.per_frame:
            write_emotion_frames(delivery.path(names.EMOTION_FRAMES), table)
        write_recommendations(delivery.path(names.RECOMMENDATIONS), recommendations)
    write_audit(audit, delivery.path(names.AUDIT))
    write_manifest(manifest, delivery.path(names.MANIFEST))
    report = ReportData(
        audit=audit,
        manifest=manifest,
        timelines=timelines,
        recommendations=tuple(recommendations) if config.recommender != NONE else None,
        agreement=agreement,
        after=after.raw if after is not None else None,
        video=covered.name,
    )
    write_report(delivery.path(names.REPORT), report)
    files = delivery.publish()
    summary = _summary(table, audit, agreement, recommendations, files)
    return RunResult(table, timelines, agreement, recommendations, audit, files, summary)


def cover_recording(
    source: Path,
    table: TrackTable,
    components: Components,
    place: Callable[[SourceInfo], Path],
    *,
    warn: Callable[[str], None],
    progress: Progress,
) -> tuple[Path, Rendering]:
    """Write the covered recording of a resolved table.

    Args:
        place: where the output for a source of this kind is written.

    Returns:
        The file and what the second pass did.
    """
    config = components.config
    components.refuse_unprotected()
    video = components.stages.video
    if config.audio == "keep":
        warn("the sound is kept: a voice identifies a person as well as a face does")
    voice = components.voice()
    if voice is not None and WEAK in components.others["voice"].component.spec.capabilities:
        warn(
            f"voice anonymizer '{config.voice}' is weak: somebody who knows the method can still "
            f"tell the speaker; 'silence' is strong"
        )
    sound = AnonymizedSound(voice) if voice is not None else None
    covered: list[Path] = []

    def writer_for(info: SourceInfo) -> Writer:
        covered.append(place(info))
        writer = open_writer(
            covered[0],
            like=info,
            codec=video.codec,
            quality=video.quality,
            duration_s=table.duration_s,
            threads=components.threads,
        )
        if config.audio == "keep" and info.has_audio:
            writer.copy_audio(source, info.start_s)
        if sound is not None and info.has_audio:
            writer.add_audio(sound.of_recording(source, info.start_s), SOUND_RATE)
        return writer

    rendering = render_recording(
        source,
        table,
        components.anonymizer(),
        writer_for,
        on_miss=config.on_miss,
        threads=components.threads,
        progress=progress,
    )
    if sound is not None:
        rendering.failures.extend(sound.failures)
    return covered[0], rendering


def _timelines(
    table: TrackTable, config: TimelineConfig, classifier: EmotionClassifier
) -> Timelines:
    return build_timelines(
        table,
        config,
        unknown_below=classifier.unknown_below,
        correct=getattr(classifier, "correction", None),
    )


def _advice(components: Components, timelines: Timelines | None) -> list[Recommendation]:
    recommender = components.recommender()
    if recommender is None or timelines is None:
        return []
    return list(recommender.recommend(EmotionWindow(timelines.people)))


def audit_rendering(
    table: TrackTable,
    analysis: Analysis | None,
    rendering: Rendering,
    covered: Path,
    components: Components,
) -> Audit:
    """The account of a rendering; ``analysis`` is None if the table came from a file."""
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
    for failure in [*(analysis.failures if analysis else []), *rendering.failures]:
        recorder.failure(failure.stage, failure.error, failure.time_s)
    seen = analysis.damage if analysis else rendering.damage
    for place in seen:
        recorder.damage(Damage(place.time_s, place.what))
    if rendering.frames_in < table.frame_count:
        end_s = float(table.time_s[rendering.frames_in])
        missing = table.frame_count - rendering.frames_in
        recorder.damage(Damage(end_s, f"{missing} frames could not be decoded a second time"))
    if analysis is not None:
        _note_dismissed(recorder, analysis)
        for note in analysis.source.notes:
            recorder.note(note)
    for note in rendering.notes:
        recorder.note(note)
    with open_reader(covered, threads=components.threads) as reader:
        duration_out_s = reader.duration_s
    return recorder.finish(
        frames_out=rendering.frames_out,
        duration_out_s=duration_out_s,
        allow_no_faces=components.config.allow_no_faces,
    )


def _note_dismissed(recorder: AuditRecorder, analysis: Analysis) -> None:
    times = analysis.dismissed_s
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


def _summary(
    table: TrackTable,
    audit: Audit,
    agreement: Agreement | None,
    recommendations: list[Recommendation],
    files: list[Path],
) -> list[str]:
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
