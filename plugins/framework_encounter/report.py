"""The encounter's page: both people over one clock, advice marked and linked to the recordings."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from framework.agreement import PersonAgreement
from framework.atomic import write_text
from framework.audit import Audit
from framework.episodes import Episode
from framework.report import svg
from framework.report.html import render_html
from framework.report.limits import limits_of
from framework.report.scale import clock as clock_text
from framework.report.scale import length, ticks
from framework.timeline import TimelineConfig
from framework.types import EMOTIONS, UNKNOWN, PersonTimeline, Recommendation, Role
from framework_encounter.changes import MIN_SEGMENT_S, ChangePoint
from framework_encounter.clock import Clock
from framework_encounter.dyad.of_encounter import Dyad
from framework_encounter.dyad.page import interaction_view
from framework_encounter.joint import Joint, Voice

JUMPS = 60
"""Links to the recording along a person's lanes, at most about so many."""


@dataclass(frozen=True)
class CameraView:
    """What the page says of one camera.

    Attributes:
        name: ``camera-1``, also the folder of its outputs.
        shows: roles in words.
        video: file name of the covered recording.
        clock: how its time becomes shared time.
        audit: what happened to every face.
        notes: remarks on roles and clock.
        agreement: before and after covering, by person.
    """

    name: str
    shows: str
    video: str
    clock: Clock
    audit: Audit
    notes: tuple[str, ...]
    agreement: tuple[PersonAgreement, ...] = ()


@dataclass(frozen=True)
class EncounterPage:
    """Everything one view of the report shows.

    Attributes:
        title: pseudonym of the encounter.
        joint: timelines of the people this view may show.
        cameras: in order.
        root: from this page to the folder with the cameras' outputs, ``""`` or ``"../"``.
        view_note: who this page is for, and what is left out of it.
        config, unknown_below: thresholds behind the timelines; None without analysis.
        advice: None: not part of this view.
        dyad: what happens between the two; None: not part of this view, or never read.
    """

    title: str
    joint: Joint
    cameras: tuple[CameraView, ...]
    root: str
    view_note: str
    reasons: tuple[str, ...]
    synthetic: bool
    config: TimelineConfig | None
    unknown_below: float
    advice: tuple[Recommendation, ...] | None
    episodes: tuple[Episode, ...]
    changes: tuple[ChangePoint, ...]
    dyad: Dyad | None = None


def write_page(path: Path, page: EncounterPage) -> None:
    """Write the page.

    Raises:
        MediaError: the file cannot be written.
    """
    write_text(path, render_page(page))


def render_page(page: EncounterPage) -> str:
    """The page as HTML. Every text is escaped; only the charts drawn here are not."""
    span = max(page.joint.seconds, 1)
    who = {p.person: str(p.role) for p in page.joint.people}
    roles = [p.role for p in page.joint.people]
    return render_html(
        "framework_encounter",
        title=page.title,
        subtitle=f"{length(page.joint.seconds)} · {_cameras(len(page.cameras))} · "
        + (" and ".join(str(r) for r in roles) or "no emotions analysed"),
        view_note=page.view_note,
        reasons=page.reasons,
        synthetic=page.synthetic,
        cameras=[_camera(page, c) for c in page.cameras],
        people=[_person(page, p, span) for p in page.joint.people] if page.config else [],
        evidence=_evidence(page),
        labels=svg.LABELS,
        ticks=_ticks(span),
        speech=_speech_rows(page.joint.voice, span),
        speech_note=page.joint.voice.note if page.joint.voice is not None else "",
        advice=None
        if page.advice is None
        else [_advice(page, n, a) for n, a in enumerate(page.advice, start=1)],
        episodes=[
            {
                "who": who.get(e.person, e.person),
                "start": clock_text(e.start_s),
                "end": clock_text(e.end_s),
                "emotion": e.emotion,
                "strength": f"{e.strength:.2f}",
                "readable": f"{e.readable_s} s",
                "links": _links(page, e.start_s),
            }
            for e in sorted(page.episodes, key=lambda e: (e.start_s, e.person))
        ],
        changes=[
            {
                "who": who.get(c.person, c.person),
                "time": clock_text(c.time_s),
                "links": _links(page, c.time_s),
                "rises": c.rises,
                "falls": c.falls,
                "by": f"{c.by:.2f}",
            }
            for c in sorted(page.changes, key=lambda c: (c.time_s, c.person))
        ],
        change_rule=(
            "A change is marked where the mean of all seven probabilities becomes another one: "
            "optimal partitioning with squared error, segments of at least "
            f"{MIN_SEGMENT_S} readable seconds."
        ),
        agreement=[
            {
                "camera": c.name,
                "who": str(a.role),
                "n": a.n,
                "same": "-" if a.agreement is None else f"{100 * a.agreement:.1f} %",
                "kappa": "undefined" if a.kappa is None else f"{a.kappa:.2f}",
            }
            for c in page.cameras
            for a in c.agreement
            if a.role in roles
        ],
        dyad=None
        if page.dyad is None
        else interaction_view(page.dyad.original, page.dyad.covered, page.dyad.kept, span),
        limits=limits_of(page.synthetic, page.config is not None),
    )


def padded(timeline: PersonTimeline, seconds: int) -> PersonTimeline:
    """The timeline over [0, seconds), with nobody in view where it was not recorded."""
    first = int(timeline.second[0]) if len(timeline) else 0
    after = max(0, seconds - first - len(timeline))
    blank = np.full((1, len(EMOTIONS)), np.nan, np.float32)
    return replace(
        timeline,
        second=np.arange(first + len(timeline) + after),
        probabilities=np.concatenate(
            [blank.repeat(first, 0), timeline.probabilities, blank.repeat(after, 0)]
        ),
        label=(UNKNOWN,) * first + timeline.label + (UNKNOWN,) * after,
        samples=np.pad(timeline.samples, (first, after)),
        coverage=np.pad(timeline.coverage, (first, after)),
        quality=np.pad(timeline.quality, (first, after), constant_values=np.nan),
    )


def _camera(page: EncounterPage, camera: CameraView) -> dict[str, Any]:
    sync, own = camera.clock.sync, camera.clock.method == "own"
    bare = camera.audit.total.unprotected_s
    return {
        "name": camera.name,
        "link": f"{page.root}{camera.name}/{camera.video}",
        "shows": camera.shows,
        "method": "shared clock" if own else camera.clock.method,
        "offset": f"{sync.offset_s:.3f} s",
        "drift": _drift(camera.clock),
        "confidence": f"{sync.confidence:.2f}" if sync.windows else "-",
        "unprotected": "not searched" if bare is None else f"{bare:.2f} s",
        "bare": bool(bare),
        "notes": camera.notes,
    }


def _drift(clock: Clock) -> str:
    if clock.method != "audio":
        return "-"
    # A line through a few seconds has no slope worth a number; synchronise() leaves it at 0 then.
    return f"{1e6 * clock.sync.drift:.0f} ppm" if clock.sync.drift else "too short to tell"


def _person(page: EncounterPage, timeline: PersonTimeline, span: int) -> dict[str, Any]:
    whole = padded(timeline, span)
    grid = [t / span for t in ticks(span)]
    counts = Counter(timeline.label)
    labelled = len(timeline) - counts[UNKNOWN]
    seen = int((timeline.coverage > 0).sum())
    shares = ", ".join(f"{k} {counts[k]} s" for k in svg.LABELS if counts[k])
    return {
        "name": str(timeline.role),
        "id": timeline.person,
        "summary": f"recorded for {len(timeline):,} s, in view in {seen:,}, "
        f"{labelled:,} of them with a label",
        "spoken": f"Emotions of the {timeline.role} over time: {shares or 'nothing'}.",
        "lanes": svg.lanes(whole, grid),
        "jumps": _jumps(page, timeline, span),
        "stack": svg.stacked(whole, grid),
        "changes": _marks([c.time_s for c in page.changes if c.person == timeline.person], span),
        "marks": [
            {"left": _css(100 * min(max(a.time_s / span, 0.0), 1.0)), "number": n}
            for n, a in enumerate(page.advice or (), start=1)
            if a.about in (timeline.person, str(timeline.role))
        ],
    }


def _advice(page: EncounterPage, number: int, advice: Recommendation) -> dict[str, Any]:
    return {
        "number": number,
        "time": clock_text(advice.time_s),
        "to": str(advice.to),
        "text": advice.text,
        "reason": advice.reason,
        "window": f"{clock_text(advice.start_s)} to {clock_text(advice.end_s)}",
        "latency": f"{advice.time_s - advice.start_s:.0f}",
        "confidence": f"{100 * advice.confidence:.0f} %",
        "rule": advice.rule,
        "links": _links(page, advice.start_s),
    }


def _links(page: EncounterPage, time_s: float) -> list[dict[str, str]]:
    """The moment in every covered recording that was running then, on its own clock."""
    links = [(camera.name, _link(page, camera, time_s)) for camera in page.cameras]
    return [{"name": name, "to": to} for name, to in links if to]


def _link(page: EncounterPage, camera: CameraView, time_s: float) -> str:
    """A moment of the shared clock in one recording; empty if it was not running.

    Browsers and players know ``#t=`` (W3C Media Fragments).
    """
    own = camera.clock.own(time_s)
    if not -0.5 <= own < camera.audit.duration_in_s:  # less than half a second early is its start
        return ""
    return f"{page.root}{camera.name}/{camera.video}#t={max(own, 0.0):.1f}"


def _evidence(page: EncounterPage) -> str:
    c = page.config
    if c is None:
        return ""
    smoothing = (
        f"Probabilities are smoothed by a centred moving average of {c.smoothing_s // 2 * 2 + 1} s."
        if c.smoothing_s > 1
        else "Nothing is smoothed."
    )
    return (
        f"A second is unknown, and never guessed, with fewer than {c.min_samples} classified faces,"
        f" less than {100 * c.min_coverage:.0f}\u00a0% in view, a mean quality below "
        f"{c.min_quality:g}, or no probability of {page.unknown_below:g}. {smoothing} "
        "Where both cameras see somebody, each second is that of the camera which reads the face "
        "better."
    )


def _ticks(span: int) -> list[dict[str, str]]:
    return [
        {"left": _css(100 * t / span), "text": clock_text(t)}
        for t in ticks(span)
        if t / span < 0.97 or t == 0
    ]


def _marks(times: Sequence[float], span: int) -> str:
    path = "".join(f"M{_css(1000 * t / span)} 0h2v14h-2z" for t in times)
    return (
        '<svg class="seen" viewBox="0 0 1000 14" preserveAspectRatio="none" aria-hidden="true" '
        f'focusable="false"><path class="change" d="{path}"/></svg>'
    )


def _speech_rows(voice: Voice | None, span: int) -> list[dict[str, str]]:
    """Charts of who speaks when: by role if that could be told, else by whomever."""
    if voice is None:
        return []
    rows = {f"{role} speaks": share for role, share in voice.speakers.items()}
    rows = rows or {"speech": voice.speech}
    return [
        {"name": name, "chart": _speech(voice.second.tolist(), share.tolist(), span)}
        for name, share in rows.items()
    ]


def _speech(seconds: Sequence[int], shares: Sequence[float], span: int) -> str:
    path = []
    for second, share in zip(seconds, shares, strict=True):
        if np.isfinite(share) and share > 0:
            high = 14 * share
            left, width = 1000 * second / span, 1000 / span
            path.append(
                f"M{_css(left)} {_css(14 - high)}h{_css(width)}v{_css(high)}h-{_css(width)}z"
            )
    return (
        '<svg class="seen" viewBox="0 0 1000 14" preserveAspectRatio="none" aria-hidden="true" '
        f'focusable="false"><path class="observed" d="{"".join(path)}"/></svg>'
    )


def _jumps(page: EncounterPage, timeline: PersonTimeline, span: int) -> list[dict[str, str]]:
    """Stretches of a person's lanes, each with the place in the recording that shows them."""
    found = []
    source = page.joint.cameras[page.joint.people.index(timeline)]
    first = int(timeline.second[0]) if len(timeline) else 0
    starts = ticks(span, most=JUMPS)
    for start, end in zip(starts, [*starts[1:], span], strict=True):
        here = source[max(0, start - first) : max(0, end - first)]
        shown = here[here >= 0]
        if end <= start or not len(shown):
            continue
        camera = page.cameras[int(np.bincount(shown).argmax())]
        link = _link(page, camera, max(float(start), float(first)))
        if link:
            found.append(
                {
                    "to": link,
                    "left": _css(100 * start / span),
                    "width": _css(100 * (end - start) / span),
                    "title": f"{camera.name} at {clock_text(start)}",
                }
            )
    return found


def _cameras(count: int) -> str:
    return "1 camera" if count == 1 else f"{count} cameras"


def _css(value: float) -> str:
    return f"{value:.3f}".rstrip("0").rstrip(".")


def roles_in_words(roles: Sequence[Role]) -> str:
    """``patient and doctor``."""
    return " and ".join(str(role) for role in roles)
