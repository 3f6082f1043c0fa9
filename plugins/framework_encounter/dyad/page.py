"""What happens between the two, on the encounter's page: a heat map, lanes, and sentences."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.report.scale import clock
from framework.types import Role
from framework_encounter.dyad.interaction import Interaction, Kept, SeriesFigures
from framework_encounter.dyad.series import Series
from framework_encounter.dyad.windowed import WindowedCorrelation

COLUMNS = 160
"""Most columns of a heat map; more windows are averaged."""
LEVELS = 9
"""Steps of colour from -1 to 1; the middle one is drawn as nothing."""
ALPHA = 0.05

NOT_MEANT = (
    "Synchrony says that two faces change together more often than chance. It does not say that "
    "one felt what the other felt, that the conversation was good, or that one caused the other. "
    "One encounter is one case: compare groups with framework cohort."
)


def interaction_view(
    original: Interaction, covered: Interaction | None, changes: Sequence[Kept], span: float
) -> dict[str, Any]:
    """What the template needs.

    Args:
        original, covered: figures before and after covering.
        changes: what covering did to synchrony.
        span: length of the shared clock, seconds.
    """
    return {
        "series": [_series_view(s, span) for s in original.series],
        "mimicry": [
            {
                "leader": str(leader),
                "follower": str(_other(leader)),
                "expression": m.expression,
                "onsets": m.onsets,
                "mimicked": m.mimicked,
                "rate": "-" if m.rate is None else f"{100 * m.rate:.0f} %",
                "expected": f"{m.expected:.1f}",
                "p": _p(m.p_value),
                "shared": f"{m.shared_s:.0f} s",
            }
            for leader, m in original.mimicry
            if m.onsets
        ],
        "lanes": [
            {
                "name": f"{_other(leader)} answers",
                "chart": _marks(
                    [t for who, m in original.mimicry if who == leader for t in m.events_s], span
                ),
            }
            for leader in (Role.PATIENT, Role.DOCTOR)
        ],
        "window": f"{original.options.mimicry_window_s:g}",
        "reactions": _reactions(original),
        "absent": [f"{name}: {why}" for name, why in sorted(original.absent.items())],
        "kept": [
            {
                "name": k.name,
                "original": f"{k.effect_original:.2f}",
                "covered": f"{k.effect_covered:.2f}",
                "difference": f"{k.difference:+.3f} [{k.interval[0]:+.3f}, {k.interval[1]:+.3f}]",
                "n": k.segments,
            }
            for k in changes
        ],
        "not_read_again": covered is None,
        "not_meant": NOT_MEANT,
    }


def _series_view(s: SeriesFigures, span: float) -> dict[str, Any]:
    return {
        "name": s.name,
        "sentences": [*_synchrony_words(s), *_lead_words(s), *_change_words(s)],
        "absent": [f"{name}: {why}" for name, why in sorted(s.absent.items())],
        "map": heat_map(s.windows, s.pair.time_s[0] if s.pair else 0.0, span)
        if s.windows is not None
        else "",
        "lags": f"{s.windows.lag_s[-1]:g}" if s.windows is not None else "",
    }


def _synchrony_words(s: SeriesFigures) -> list[str]:
    if s.synchrony is None:
        return []
    part = s.synchrony.absolute
    low_high = f" [{part.interval[0]:.2f}, {part.interval[1]:.2f}]" if part.interval else ""
    more = part.p_value <= ALPHA
    text = (
        f"The two change together {'more than' if more else 'no more than'} chance would have it: "
        f"effect size {part.effect_size:.2f}{low_high}, p {_p(part.p_value)}, from "
        f"{s.synchrony.segments} segments against {s.synchrony.surrogates} shuffled orders."
    )
    together, apart = s.synchrony.in_phase, s.synchrony.anti_phase
    if more and together.p_value <= ALPHA < apart.p_value:
        text += " They rise and fall at the same time."
    elif more and apart.p_value <= ALPHA < together.p_value:
        text += " One rises where the other falls."
    return [text]


def _lead_words(s: SeriesFigures) -> list[str]:
    if s.peaks is None or s.windows is None or "lead" in s.absent:
        return []
    half = 0.5 * float(s.windows.lag_s[1] - s.windows.lag_s[0])
    patient, doctor = s.peaks.first_leads(half), s.peaks.second_leads(half)
    return [
        f"In the windows with a peak ({100 * s.peaks.found:.0f} % of {len(s.peaks.lag_s)}) the "
        f"patient leads in {100 * patient:.0f} % and the doctor in {100 * doctor:.0f} %."
    ]


def _change_words(s: SeriesFigures) -> list[str]:
    found = []
    for c in s.changes:
        low, high = c.interval
        sure = "" if low > 0 or high < 0 else ", which may be chance"
        found.append(
            f"From the {c.first} to the {c.second} synchrony changes by {c.change:+.3f} "
            f"[{low:+.3f}, {high:+.3f}]{sure}."
        )
    return found


def _reactions(found: Interaction) -> list[dict[str, str]]:
    return [
        {
            "time": clock(r.start_s),
            "text": "the doctor's face could not be read"
            if not r.readable
            else f"stayed {r.before}"
            if r.after is None
            else f"{r.before}, after {r.delay_s:g} s {r.after}",
        }
        for r in found.reactions
    ]


def _other(role: Role) -> Role:
    return Role.DOCTOR if role == Role.PATIENT else Role.PATIENT


def _p(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if value >= 0.0015 else "0.001 or less"


def _marks(times: Sequence[float], span: float) -> str:
    path = "".join(f"M{_short(1000 * t / max(span, 1))} 0h3v14h-3z" for t in sorted(times))
    return (
        '<svg class="seen" viewBox="0 0 1000 14" preserveAspectRatio="none" aria-hidden="true" '
        f'focusable="false"><path class="change" d="{path}"/></svg>'
    )


def heat_map(windows: WindowedCorrelation, start_s: float, span: float) -> str:
    """Correlation by time (across) and lag (up: the patient leads), as one small SVG.

    Neighbouring windows are averaged to at most :data:`COLUMNS` columns. Red is positive, blue
    negative, and nothing is drawn where nothing is known or r is near 0.
    """
    r = _columns(windows.r)
    cells = np.where(np.isfinite(r), np.rint((r + 1) / 2 * (LEVELS - 1)), -1).astype(int)
    lags = len(windows.lag_s)
    last = start_s + float(windows.start_s[-1]) + windows.window_s
    left = 1000 * start_s / max(span, 1)
    width = 1000 * (last - start_s) / max(span, 1) / len(r)
    paths = []
    for level in range(LEVELS):
        if level == LEVELS // 2:
            continue
        d = "".join(
            f"M{_short(left + first * width)} {lags - 1 - row}h{_short(length * width)}v1"
            f"h-{_short(length * width)}z"
            for row in range(lags)
            for first, length in _runs(cells[:, row] == level)
        )
        if d:
            strength = abs(level - LEVELS // 2) / (LEVELS // 2)
            side = "warm" if level > LEVELS // 2 else "cold"
            paths.append(f'<path class="{side}" fill-opacity="{strength:.2f}" d="{d}"/>')
    middle = lags / 2
    return (
        f'<svg class="heat" viewBox="0 0 1000 {lags}" preserveAspectRatio="none" '
        f'aria-hidden="true" focusable="false">{"".join(paths)}'
        f'<path class="zero" d="M0 {middle}h1000"/></svg>'
    )


def _columns(r: Series) -> Series:
    if len(r) <= COLUMNS:
        return r
    parts = np.array_split(np.arange(len(r)), COLUMNS)
    columns: Series = np.stack([_mean_of_known(r[p]) for p in parts])
    return columns


def _mean_of_known(rows: Series) -> Series:
    known = np.isfinite(rows)
    count = known.sum(axis=0)
    mean: Series = np.where(
        count > 0, np.where(known, rows, 0.0).sum(axis=0) / np.maximum(count, 1), np.nan
    )
    return mean


def _runs(here: NDArray[np.bool_]) -> list[tuple[int, int]]:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], here, [False]]).astype(int)))
    return [(int(a), int(b - a)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


def _short(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")
