"""What the report is made from."""

from __future__ import annotations

from dataclasses import dataclass

from framework.agreement import Agreement
from framework.audit import Audit
from framework.manifest import Manifest
from framework.report.strip import StripFrame
from framework.timeline import Timelines
from framework.types import PersonTimeline, Recommendation


@dataclass(frozen=True, slots=True)
class ReportData:
    """Everything the report shows.

    Attributes:
        audit: what happened to every face.
        manifest: how the result was made.
        timelines: emotions by second; None if they were not analysed.
        recommendations: the advice, or None if no recommender was used.
        agreement: emotions before and after covering; None if they were not compared.
        after: the timelines of the covered recording behind ``agreement``, to be drawn below those
            of the original; None: figures alone.
        title: heading of the page.
        video: file name of the output beside the report, for links to a moment of it;
            None: no links.
        strip: frames of the covered recording; empty: none are shown.
    """

    audit: Audit
    manifest: Manifest
    timelines: Timelines | None = None
    recommendations: tuple[Recommendation, ...] | None = None
    agreement: Agreement | None = None
    after: tuple[PersonTimeline, ...] | None = None
    title: str = "Covered recording"
    video: str | None = None
    strip: tuple[StripFrame, ...] = ()
