"""What the report is made from."""

from __future__ import annotations

from dataclasses import dataclass, field

from framework.agreement import Agreement
from framework.audit import Audit
from framework.manifest import Manifest
from framework.timeline import TimelineConfig, Timelines
from framework.types import Recommendation


@dataclass(frozen=True, slots=True)
class ReportData:
    """Everything the report shows.

    Attributes:
        audit: what happened to every face. manifest: how the result was made. timelines: emotions
        by second; None if they were not analysed. timeline_config: the thresholds behind
        ``unknown``. unknown_below: the classifier's own threshold on the top probability, 0 to 1.
        recommendations: the advice, or None if no recommender was used. agreement: emotions before
        and after covering; None if they were not compared. title: heading of the page. video: file
        name of the output beside the report, for links to a moment of it; None: no links.
    """

    audit: Audit
    manifest: Manifest
    timelines: Timelines | None = None
    timeline_config: TimelineConfig = field(default_factory=TimelineConfig)
    unknown_below: float = 0.0
    recommendations: tuple[Recommendation, ...] | None = None
    agreement: Agreement | None = None
    title: str = "Covered recording"
    video: str | None = None
