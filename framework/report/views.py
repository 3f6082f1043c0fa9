"""From results to what the page's template prints: numbers as text, charts as SVG."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from framework.agreement import LABELS_AFTER, PersonAgreement
from framework.audit import Audit, Exposure
from framework.report import svg
from framework.report.data import ReportData
from framework.report.scale import clock, length, ticks
from framework.types import EMOTIONS, UNKNOWN, PersonTimeline, Recommendation, Role

MOST_PEOPLE = 12
"""People whose timelines are drawn; everybody is in the tables."""


@dataclass(frozen=True, slots=True)
class Card:
    """One of the figures at the top."""

    name: str
    value: str
    detail: str
    tone: str = ""


def cards(data: ReportData) -> list[Card]:
    """The figures somebody looks for first."""
    audit = data.audit
    bare = audit.total.unprotected_s
    found = [
        Card(
            "Unprotected",
            "not searched" if bare is None else f"{bare:.2f} s",
            "face-seconds that left uncovered or can be recognised, found in the result",
            "" if bare is None else ("bad" if audit.total.unprotected_frames else "good"),
        ),
        Card(
            "Faces covered",
            length(
                sum(p.exposure.present_s - (p.exposure.unprotected_s or 0.0) for p in audit.people)
                - audit.total.dropped_s
            ),
            f"face-seconds, {_count(len(audit.people), 'person', 'people')} in the track table",
        ),
        Card(
            "Frames",
            f"{audit.frames_out:,}",
            f"written, of {audit.frames_in:,} read; {audit.frames_fully_covered:,} covered whole",
        ),
    ]
    if data.timelines is not None:
        people = data.timelines.people
        labelled = sum(1 for p in people for label in p.label if label != UNKNOWN)
        seen = sum(1 for p in people for share in p.coverage if share > 0)
        found.append(
            Card(
                "Readable",
                _percent(labelled, seen),
                f"{labelled:,} of {seen:,} seconds with a face in them have a label",
            )
        )
    if data.agreement is not None:
        total = data.agreement.total
        value = "-" if total.agreement is None else f"{100 * total.agreement:.1f} %"
        kappa = "undefined" if total.kappa is None else f"{total.kappa:.2f}"
        found.append(
            Card(
                "Same emotion",
                value,
                f"after covering, of {total.n:,} labelled seconds; kappa {kappa}",
            )
        )
    if advised(data):
        found.append(Card("Advice", str(len(_advice(data))), "recommendations, each with evidence"))
    return found


def subtitle(data: ReportData) -> str:
    """The run in one line."""
    parts = [length(data.audit.duration_in_s), f"{data.audit.frames_in:,} frames"]
    wanted = {"anonymizer": "faces covered by", "emotion-classifier": "emotions by"}
    for component in data.manifest.components:
        if component.kind in wanted:
            parts.append(f"{wanted[component.kind]} {component.name}")
    return " · ".join(parts)


def person_views(data: ReportData) -> list[dict[str, Any]]:
    """Charts of the people with the most labelled seconds, in order of their names."""
    return [_person(data, p) for p in _drawn(data)]


def _drawn(data: ReportData) -> list[PersonTimeline]:
    if data.timelines is None:
        return []
    ranked = sorted(data.timelines.people, key=_labelled, reverse=True)
    chosen = {p.person for p in ranked[:MOST_PEOPLE] if _labelled(p) or int(p.samples.sum())}
    return [p for p in data.timelines.people if p.person in chosen]


def _grid(timeline: PersonTimeline) -> list[float]:
    span = max(len(timeline), 1)
    return [t / span for t in ticks(span)]


def _ticks(timeline: PersonTimeline) -> list[dict[str, str]]:
    """Words under the axis; one close to the right end would stand out of the page."""
    span = max(len(timeline), 1)
    return [
        {"left": _css(100 * t / span), "text": clock(t)}
        for t in ticks(span)
        if t / span < 0.97 or t == 0
    ]


def _person(data: ReportData, timeline: PersonTimeline) -> dict[str, Any]:
    span = max(len(timeline), 1)
    grid = _grid(timeline)
    marks = [
        {"left": _css(100 * min(max(a.time_s / span, 0.0), 1.0)), "number": number}
        for number, a in enumerate(_advice(data), start=1)
        if a.about == timeline.person
    ]
    labelled = _labelled(timeline)
    seen = int((timeline.coverage > 0).sum())
    return {
        "name": timeline.person,
        "role": _role(timeline.role),
        "summary": (
            f"in view in {seen:,} of {len(timeline):,} seconds, {labelled:,} of them with a label"
        ),
        "lanes": svg.lanes(timeline, grid),
        "stack": svg.stacked(timeline, grid),
        "observed": svg.observed(timeline),
        "marks": marks,
        "ticks": _ticks(timeline),
        "spoken": _spoken(timeline),
    }


def _spoken(timeline: PersonTimeline) -> str:
    """The chart in words, for readers who do not see it."""
    counts = Counter(timeline.label)
    shares = ", ".join(
        f"{label} {_percent(counts[label], len(timeline))}" for label in svg.LABELS if counts[label]
    )
    return f"Emotions of {timeline.person} over time: {shares or 'nothing'}."


def distribution(data: ReportData) -> list[dict[str, Any]]:
    """Seconds by label: a row for each person who was in view, and a bar."""
    rows = []
    for timeline in data.timelines.people if data.timelines else ():
        counts = Counter(timeline.label)
        # Seconds in which somebody was not in the picture tell nothing about readability.
        counts[UNKNOWN] -= int((timeline.coverage <= 0).sum())
        values = [max(0, counts[label]) for label in svg.LABELS]
        total = sum(values)
        if not total:
            continue
        rows.append(
            {
                "name": timeline.person,
                "role": _role(timeline.role),
                "n": f"{total:,}",
                "cells": [
                    {"count": f"{v:,}", "share": f"{100 * v / total:.1f} %" if v else "-"}
                    for v in values
                ],
                "bar": svg.shares(values),
            }
        )
    return rows


def advised(data: ReportData) -> bool:
    """Whether anybody could have been advised: without timelines there is nothing to advise on."""
    return data.recommendations is not None and data.timelines is not None


def advice_rows(data: ReportData) -> list[dict[str, Any]]:
    """The advice in order of time."""
    return [
        {
            "number": number,
            "time": clock(a.time_s),
            "window": f"{clock(a.start_s)} to {clock(a.end_s)}",
            "link": None if data.video is None else f"{data.video}#t={max(0.0, a.start_s):.1f}",
            "to": _role(a.to),
            "text": a.text,
            "reason": a.reason,
            "rule": a.rule,
            "about": a.about,
            "emotion": a.emotion,
            "confidence": f"{100 * a.confidence:.0f} %",
        }
        for number, a in enumerate(_advice(data), start=1)
    ]


def _advice(data: ReportData) -> list[Recommendation]:
    return sorted(data.recommendations or (), key=lambda a: a.time_s)


def agreement_rows(data: ReportData) -> list[dict[str, Any]]:
    """Agreement of each person with labelled seconds, then the total."""
    if data.agreement is None:
        return []
    people = [p for p in data.agreement.people if p.n]
    listed = [*people, data.agreement.total] if len(people) != 1 else people
    return [
        {
            "name": "all together" if p.person == "total" else p.person,
            "role": "" if p.person == "total" else _role(p.role),
            "total": p.person == "total",
            "n": f"{p.n:,}",
            "unknown": f"{p.n_unknown:,} ({_percent(p.n_unknown, p.n)})",
            "agreement": "-" if p.agreement is None else f"{100 * p.agreement:.1f} %",
            "agreement_interval": _interval(p.agreement_interval, 100, 1),
            "kappa": "undefined" if p.kappa is None else f"{p.kappa:.3f}",
            "kappa_interval": "" if p.kappa is None else _interval(p.kappa_interval, 1, 2),
            "jsd": "-" if p.jsd is None else f"{p.jsd:.3f}",
            "note": p.note,
        }
        for p in listed
    ]


def _interval(bounds: tuple[float, float] | None, scale: float, digits: int) -> str:
    if bounds is None:
        return ""
    low, high = (f"{scale * value:.{digits}f}" for value in bounds)
    return f"{low} to {high}"


def comparison_views(data: ReportData) -> list[dict[str, Any]]:
    """The labels before and after as strips, for the people who are drawn."""
    if data.after is None or data.timelines is None:
        return []
    after = {timeline.person: timeline for timeline in data.after}
    rows = []
    for timeline in _drawn(data):
        later = after.get(timeline.person)
        if not _labelled(timeline) or later is None or len(later) != len(timeline):
            continue
        grid = _grid(timeline)
        rows.append(
            {
                "name": timeline.person,
                "role": _role(timeline.role),
                "before": svg.strip(timeline, grid),
                "after": svg.strip(later, grid),
                "ticks": _ticks(timeline),
            }
        )
    return rows


def confusion_rows(data: ReportData) -> list[dict[str, Any]]:
    """The total's confusion matrix: labels before that occur, each with its seconds after."""
    if data.agreement is None:
        return []
    total: PersonAgreement = data.agreement.total
    rows = []
    for i, before in enumerate(EMOTIONS):
        counts = [int(c) for c in total.confusion[i]]
        n = sum(counts)
        if n:
            cells = [
                {
                    "count": f"{c:,}" if c else "·",
                    "heat": _css(c / n),
                    "same": LABELS_AFTER[j] == before,
                    "strong": c / n > 0.55,
                }
                for j, c in enumerate(counts)
            ]
            rows.append({"label": before, "n": f"{n:,}", "cells": cells})
    return rows


def exposure_rows(audit: Audit) -> list[dict[str, Any]]:
    """Face-seconds of each person and in total."""
    rows = [_exposure(p.person, _role(p.role), p.exposure) for p in audit.people]
    return [*rows, {**_exposure("total", "", audit.total), "total": True}]


def _exposure(name: str, role: str, exposure: Exposure) -> dict[str, Any]:
    seconds = (
        exposure.present_s,
        exposure.covered_s,
        exposure.carried_s,
        exposure.fully_covered_s,
        exposure.dropped_s,
    )
    return {
        "name": name,
        "role": role,
        "seconds": [f"{s:.2f}" for s in seconds],
        "unprotected": seconds_or_unknown(exposure.unprotected_s),
        "bad": bool(exposure.unprotected_frames),
        "events": ", ".join(f"{kind} {n:,}" for kind, n in exposure.events.items()) or "-",
        "total": False,
    }


def seconds_or_unknown(seconds: float | None) -> str:
    """Face-seconds, or that nobody looked."""
    return "not searched" if seconds is None else f"{seconds:.2f}"


def search_facts(audit: Audit) -> list[tuple[str, str]]:
    """What the search of the result did, as names and values; empty without one."""
    search = audit.search
    if not search.searched:
        return []
    facts = [
        ("Frames searched", f"{search.frames:,} ({search.frames_per_s:.1f} a second)"),
        ("Searched by", ", ".join(search.detectors)),
        ("Faces found in covers", f"{search.ours:,} of {search.faces:,}"),
        ("No face in an enlarged look", f"{search.unconfirmed:,}"),
        ("Compared with the original by", search.recognizer or "detail alone"),
    ]
    for one in search.compared:
        detail = "-" if one.detail is None else f"{one.detail:.2f}"
        known = "-" if one.recognised is None else f"{100 * one.recognised:.0f} %"
        facts.append((f"{one.person}: left of the face", f"detail {detail}, recognised in {known}"))
    return facts


def incidents(audit: Audit) -> list[dict[str, str]]:
    """Faces in the result, failures, damage and dismissed detections, in order of time."""
    found: list[tuple[float, dict[str, str]]] = []
    for face in audit.search.exposed:
        left, top, width, height = face.place
        what = (
            f"{face.reason}, until {clock(face.end_s)} ({face.face_s:.2f} face-seconds), "
            f"{width} x {height} pixels at {left}, {top}"
        )
        found.append((face.start_s, _incident("face in the result", face.start_s, what)))
    for failure in audit.failures:
        when = -1.0 if failure.time_s is None else failure.time_s
        place = f" ({failure.where})" if failure.where else ""
        times = "" if failure.count == 1 else f", {failure.count:,} times from here on"
        found.append(
            (
                when,
                _incident("failure", when, f"{failure.exception} in {failure.stage}{place}{times}"),
            )
        )
    for damage in audit.damage:
        lost = "" if damage.lost_s is None else f"; {damage.lost_s:.2f} s lost"
        found.append(
            (damage.time_s, _incident("damaged source", damage.time_s, f"{damage.what}{lost}"))
        )
    for dropped in audit.dismissed:
        frames = _count(dropped.frames, "frame", "frames")
        what = f"taken for a false alarm and left uncovered ({frames}): {dropped.reason}"
        found.append((dropped.start_s, _incident("detection", dropped.start_s, what)))
    return [row for _, row in sorted(found, key=lambda item: item[0])]


def _incident(kind: str, time_s: float, what: str) -> dict[str, str]:
    return {"kind": kind, "time": "-" if time_s < 0 else f"{clock(time_s)}", "what": what}


def component_rows(data: ReportData) -> list[dict[str, Any]]:
    """Every component with its options and weights."""
    return [
        {
            "kind": c.kind.replace("-", " "),
            "name": c.name,
            "summary": c.summary,
            "package": f"{c.distribution} {c.version}".strip() or "-",
            "licence": c.licence or "-",
            "options": ", ".join(f"{k}={v}" for k, v in c.options.items()) or "-",
            "weights": [
                {
                    "file": str(w["file"]).rpartition(":")[2].rpartition("/")[2],
                    "sha": str(w["sha256"])[:12] or "not declared",
                    "licence": w["licence"],
                    "trained_on": ", ".join(w["trained_on"]) or "not declared",
                    "source": w["source"],
                    "commercial": "yes" if w["commercial_use"] else "no",
                }
                for w in c.weights
            ],
        }
        for c in data.manifest.components
    ]


def evidence_rule(data: ReportData) -> str:
    """When a second is ``unknown``, in a sentence with this run's thresholds."""
    if data.timelines is None:
        return ""
    c = data.timelines.config
    text = (
        f"A second is unknown, and never guessed, if fewer than {c.min_samples} faces were "
        "classified in it (or as many as this recording can have), if the face was observed for "
        f"less than {100 * c.min_coverage:.0f} % of it, if the mean face quality is below "
        f"{c.min_quality:g}, or if no emotion reaches a probability of "
        f"{data.timelines.unknown_below:g}."
    )
    if c.smoothing_s > 1:
        text += (
            " Probabilities are smoothed by a centred moving average of "
            f"{c.smoothing_s // 2 * 2 + 1} seconds."
        )
    else:
        text += " Nothing is smoothed."
    if data.timelines.corrected:
        text += " Each person's resting face is corrected for; the raw values are kept as well."
    return text


def _labelled(timeline: PersonTimeline) -> int:
    return sum(1 for label in timeline.label if label != UNKNOWN)


def _role(role: Role) -> str:
    return "role unknown" if role == Role.UNKNOWN else str(role)


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.0f} %" if whole else "-"


def _count(n: int, one: str, many: str) -> str:
    return f"{n:,} {one if n == 1 else many}"


def _css(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".")
