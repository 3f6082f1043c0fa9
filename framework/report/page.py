"""Puts the page together and writes it."""

from __future__ import annotations

from pathlib import Path

from framework.agreement import LABELS_AFTER
from framework.atomic import write_text
from framework.report import views
from framework.report.data import ReportData
from framework.report.html import render_html
from framework.report.limits import limits
from framework.report.svg import LABELS


def write_report(path: Path, data: ReportData) -> None:
    """Write the page.

    Raises:
        MediaError: the file cannot be written.
    """
    write_text(path, render_report(data))


def render_report(data: ReportData) -> str:
    """The page as HTML. Every text is escaped; only the charts drawn here are not."""
    return render_html(
        "framework.report",
        title=data.title,
        subtitle=views.subtitle(data),
        audit=data.audit,
        strip=data.strip,
        cards=views.cards(data),
        synthetic=data.manifest.synthetic_media,
        labels=LABELS,
        labels_after=LABELS_AFTER,
        people=views.person_views(data),
        people_total=len(data.timelines.people) if data.timelines else 0,
        analysed=data.timelines is not None,
        evidence_rule=views.evidence_rule(data),
        distribution=views.distribution(data),
        advised=views.advised(data),
        advice=views.advice_rows(data),
        compared=data.agreement is not None,
        agreement=views.agreement_rows(data),
        comparison=views.comparison_views(data),
        confusion=views.confusion_rows(data),
        exposures=views.exposure_rows(data.audit),
        incidents=views.incidents(data.audit),
        search=views.search_facts(data.audit),
        components=(components := views.component_rows(data)),
        weights=[(c["name"], w) for c in components for w in c["weights"]],
        manifest=data.manifest,
        limits=limits(data),
    )
