"""Everything a run of one recording leaves, written into the folder that is published."""

from __future__ import annotations

from framework.agreement import Agreement
from framework.audit import Audit, write_audit
from framework.config import RunConfig
from framework.manifest import Manifest, write_manifest
from framework.outputs import write_emotion_frames, write_emotions, write_recommendations
from framework.pipeline import delivery as names
from framework.pipeline.components import NONE
from framework.pipeline.delivery import Delivery
from framework.report import ReportData, write_report
from framework.report.strip import covered_strip
from framework.table import TrackTable
from framework.timeline import Timelines
from framework.types import Recommendation


def write_results(
    delivery: Delivery,
    config: RunConfig,
    table: TrackTable,
    audit: Audit,
    manifest: Manifest,
    before: Timelines | None,
    after: Timelines | None,
    agreement: Agreement | None,
    advice: list[Recommendation],
    video: str,
) -> None:
    """Write everything but the covered recording.

    Args:
        before, after: emotions of the original and of the covered recording; None: not read.
        video: file name of the covered recording.

    Raises:
        MediaError: a file cannot be written.
    """
    if before is not None:
        write_emotions(delivery.path(names.EMOTIONS), before.people)
        if before.corrected:
            write_emotions(delivery.path(names.EMOTIONS_RAW), before.raw)
        if config.per_frame:
            write_emotion_frames(delivery.path(names.EMOTION_FRAMES), table)
        write_recommendations(delivery.path(names.RECOMMENDATIONS), advice)
    write_audit(audit, delivery.path(names.AUDIT))
    write_manifest(manifest, delivery.path(names.MANIFEST))
    report = ReportData(
        audit=audit,
        manifest=manifest,
        timelines=before,
        recommendations=tuple(advice) if config.recommender != NONE else None,
        agreement=agreement,
        after=after.raw if after is not None else None,
        video=video,
        strip=tuple(covered_strip(delivery.path(video), table)),
    )
    write_report(delivery.path(names.REPORT), report)
