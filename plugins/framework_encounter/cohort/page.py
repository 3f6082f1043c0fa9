"""The cohort's page: self-contained, every chart drawn as SVG."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from framework.report.html import render_html
from framework.report.scale import length
from framework_encounter.cohort.counts import CountTable
from framework_encounter.cohort.interaction import Tested
from framework_encounter.cohort.read import Cohort
from framework_encounter.cohort.statistics import Outcome, wilson
from framework_encounter.cohort.summary import Bin, Difference, Interval, RoleSummary, Summary


def render_cohort(cohort: Cohort, summary: Summary, tests: Sequence[Tested] = ()) -> str:
    """The page of a cohort."""
    mean, spread, shortest, longest = summary.durations_s
    cards = [
        _card("Encounters", f"{summary.encounters:,}", f"left out: {summary.excluded}"),
        _card("Mean length", length(mean), f"standard deviation {length(spread)}"),
        _card("Shortest, longest", length(shortest), length(longest)),
        *(
            _card(
                f"{str(role.role).capitalize()} in view",
                f"{100 * role.detection:.1f} %",
                f"of {role.recorded_s:,} s; {100 * role.readable:.1f} % with a label",
            )
            for role in summary.roles
        ),
    ]
    # The axis reaches to the end of the longest whisker.
    ends = [x for r in summary.roles for c in r.cells for x in (c.share, *(c.clustered or ()))]
    top = max((x for x in ends if x is not None and math.isfinite(x)), default=1.0)
    top = min(1.0, math.ceil(max(top, 0.01) * 10) / 10)
    return render_html(
        "framework_encounter.cohort",
        title=f"{summary.encounters} encounters",
        subtitle=f"emotions by {summary.analysis}",
        cards=cards,
        remarks=summary.remarks,
        expressions_lead=(
            "Seconds with a label, by expression. The line is the clustered 95 % interval, from "
            f"{summary.resamples:,} cohorts drawn from the encounters with replacement. A cell "
            f"that fewer than {summary.least} encounters contribute to is hidden."
        ),
        roles=[_role(role, top) for role in summary.roles],
        comparison=[_difference(row, _reach(summary)) for row in summary.comparison],
        tests=_tests(summary.clustered, summary.naive, summary.cramers_v),
        between=[
            {
                "figure": t.figure,
                "n": "hidden" if t.mean is None else t.encounters,
                "mean": "" if t.mean is None else f"{t.mean:+.3f}",
                "interval": "" if t.low is None else f"{t.low:+.3f} to {t.high:+.3f}",
                "p": "" if t.p_value is None else f"{t.p_value:.3g}",
            }
            for t in tests
        ],
        histogram=_histogram(summary),
        excluded=[{"name": e.name, "reason": e.reason} for e in cohort.excluded],
    )


def render_counts(
    tables: Sequence[CountTable], naive: Outcome, v: float, remarks: Sequence[str]
) -> str:
    """The page of counts that somebody gives, without encounters behind them."""
    top = max((p / 100 for t in tables for p in t.percentages().values()), default=1.0)
    top = min(1.0, math.ceil(max(top, 0.01) * 10) / 10)
    roles = []
    for table in tables:
        rows = []
        for name, percent in table.percentages().items():
            bounds = wilson(table.counts[name], table.whole)
            rows.append(
                {
                    "name": name,
                    "count": f"{table.counts[name]:,}",
                    "share": f"{percent:.1f} %",
                    "bar": _bar(name, percent / 100, bounds, top),
                    "intervals": [_span(bounds, 100, 1)],
                }
            )
        roles.append(
            {
                "name": table.role,
                "detail": f"{table.whole:,} s",
                "top": f"{100 * top:.0f}",
                "intervals": ["naive 95 %"],
                "rows": rows,
            }
        )
    return render_html(
        "framework_encounter.cohort",
        title="Counts by expression",
        between=[],
        subtitle="from a table of counts",
        cards=[_card(t.role, f"{t.whole:,} s", f"{t.listed:,} listed") for t in tables],
        remarks=remarks,
        expressions_lead="Seconds by expression, of each role's total.",
        roles=roles,
        comparison=[],
        tests=_tests(None, naive, v),
        histogram=None,
        excluded=[],
    )


def _card(name: str, value: str, detail: str) -> dict[str, str]:
    return {"name": name, "value": value, "detail": detail}


def _role(role: RoleSummary, top: float) -> dict[str, Any]:
    rows = []
    for cell in role.cells:
        if cell.share is None:
            rows.append(
                {
                    "name": cell.expression,
                    "count": "hidden",
                    "share": "",
                    "bar": "",
                    "intervals": ["", "", ""],
                }
            )
            continue
        rows.append(
            {
                "name": cell.expression,
                "count": f"{cell.count:,}",
                "share": f"{100 * cell.share:.1f} %",
                "bar": _bar(cell.expression, cell.share, cell.clustered, top),
                "intervals": [
                    _span(cell.clustered, 100, 1),
                    _span(cell.naive, 100, 1),
                    f"{cell.encounters:,}",
                ],
            }
        )
    return {
        "name": str(role.role),
        "detail": f"{role.labelled_s:,} s in {role.encounters:,} encounters",
        "top": f"{100 * top:.0f}",
        "intervals": ["clustered 95 %", "naive 95 %", "encounters"],
        "rows": rows,
    }


def _difference(row: Difference, reach: float) -> dict[str, str]:
    if row.difference is None:
        blank = dict.fromkeys(("plot", "interval", "p", "naive", "phi", "effect"), "")
        return {"name": row.expression, "difference": "hidden", **blank}
    return {
        "name": row.expression,
        "difference": f"{100 * row.difference:+.1f}",
        "plot": _forest(row.difference, row.clustered, reach),
        "interval": _span(row.clustered, 100, 1),
        "p": _p(row.p_clustered_holm),
        "naive": _p(row.p_naive_holm),
        "phi": _number(row.phi, 3),
        "effect": _number(row.design_effect, 0),
    }


def _reach(summary: Summary) -> float:
    """Half the width of the plots of differences, as a share."""
    bounds = [
        abs(x)
        for row in summary.comparison
        if row.difference is not None
        for x in (row.difference, *(row.clustered or ()))
        if math.isfinite(x)
    ]
    return max(0.01, *bounds) * 1.05 if bounds else 1.0


def _tests(clustered: Outcome | None, naive: Outcome, v: float) -> list[dict[str, str]]:
    rows = []
    if clustered is not None and not math.isnan(clustered.p):
        text = (
            f"F({clustered.df}, {clustered.df2}) = {clustered.statistic:.2f}, {_p_is(clustered.p)}"
        )
        rows.append({"name": "clustered (Wald, by encounter)", "value": text})
    if not math.isnan(naive.p):
        text = f"chi-square({naive.df}) = {naive.statistic:,.1f}, {_p_is(naive.p)}"
        rows.append({"name": "naive (every second independent)", "value": text})
        rows.append({"name": "Cramer's V", "value": f"{v:.3f}"})
    return rows


def _histogram(summary: Summary) -> dict[str, Any]:
    """Bars whose areas are numbers of encounters: bins differ in width."""
    bins = summary.histogram
    first, span = bins[0].start_min, bins[-1].end_min - bins[0].start_min
    most = max(b.encounters / (b.end_min - b.start_min) for b in bins)

    def bar(b: Bin) -> str:
        width = 1000 * (b.end_min - b.start_min) / span
        high = _n(115 * b.encounters / (b.end_min - b.start_min) / most)
        left = 1000 * (b.start_min - first) / span
        return f"M{_n(left + 1)} 120v-{high}h{_n(width - 2)}v{high}z"

    edges = [b.start_min for b in bins]
    words = ", ".join(f"{b.start_min} to {b.end_min} min: {b.encounters}" for b in bins)
    if len(bins) == 1:  # one bar says nothing
        words = f"{words} (too few for bins of at least {summary.least})"
        return {"plot": "", "ticks": [], "words": f"Encounters by length: {words}."}
    return {
        "plot": (
            '<svg class="bins" viewBox="0 0 1000 120" preserveAspectRatio="none" '
            'aria-hidden="true" focusable="false">'
            f'<path class="dot" d="{"".join(map(bar, bins))}"/></svg>'
        ),
        "ticks": [{"left": _n(100 * (m - first) / span), "text": f"{m} min"} for m in edges],
        "words": f"Encounters by length: {words}. Areas are numbers; every bin holds at least "
        f"{summary.least}.",
    }


def _bar(expression: str, share: float, bounds: Interval | None, top: float) -> str:
    def x(value: float) -> str:
        return _n(1000 * min(max(value / top, 0.0), 1.0))

    parts = [f'<rect class="e-{expression}" x="0" y="2" width="{x(share)}" height="12"/>']
    if bounds is not None and all(math.isfinite(b) for b in bounds):
        low, high = x(bounds[0]), x(bounds[1])
        parts.append(f'<path class="whisker" d="M{low} 8H{high}M{low} 4v8M{high} 4v8"/>')
    return _svg(parts)


def _forest(value: float, bounds: Interval | None, reach: float) -> str:
    def x(at: float) -> str:
        return _n(500 + 500 * min(max(at / reach, -1.0), 1.0))

    parts = ['<line class="zero" x1="500" x2="500" y1="0" y2="16"/>']
    if bounds is not None and all(math.isfinite(b) for b in bounds):
        low, high = x(bounds[0]), x(bounds[1])
        parts.append(f'<path class="whisker" d="M{low} 8H{high}M{low} 4v8M{high} 4v8"/>')
    centre = float(x(value))
    parts.append(f'<rect class="dot" x="{_n(centre - 5)}" y="4" width="10" height="8"/>')
    return _svg(parts)


def _svg(parts: Iterable[str]) -> str:
    return (
        '<svg class="cell" viewBox="0 0 1000 16" preserveAspectRatio="none" aria-hidden="true" '
        f'focusable="false">{"".join(parts)}</svg>'
    )


def _span(bounds: Interval | None, scale: float, digits: int) -> str:
    if bounds is None or not all(math.isfinite(b) for b in bounds):
        return "-"
    return f"{scale * bounds[0]:.{digits}f} to {scale * bounds[1]:.{digits}f}"


def _number(value: float | None, digits: int) -> str:
    return "-" if value is None or math.isnan(value) else f"{value:.{digits}f}"


def _p(value: float | None) -> str:
    if value is None or math.isnan(value):
        return "-"
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _p_is(value: float) -> str:
    text = _p(value)
    return f"P {text}" if text.startswith("<") else f"P = {text}"


def _n(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
