"""``synchrony.csv``, ``mimicry.csv`` and ``reactions.csv`` of one encounter."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from framework.atomic import atomic_text
from framework.types import Role
from framework_encounter.dyad.interaction import Interaction, Kept, SeriesFigures
from framework_encounter.dyad.surrogates import PARTS

SYNCHRONY = "synchrony.csv"
MIMICRY = "mimicry.csv"
REACTIONS = "reactions.csv"
SYNCHRONY_COLUMNS = (
    "source",
    "series",
    "figure",
    "value",
    "low",
    "high",
    "p_value",
    "n",
    "unit",
    "note",
)
MIMICRY_COLUMNS = (
    "source",
    "expression",
    "leader",
    "follower",
    "onsets",
    "mimicked",
    "rate",
    "expected",
    "p_value",
    "shared_s",
    "mean_delay_s",
    "events_s",
)
REACTION_COLUMNS = ("start_s", "readable", "before", "after", "delay_s")
_PEOPLE = {"first_leads": "patient_leads", "second_leads": "doctor_leads"}

Row = Sequence[object]


def write_interaction(
    folder: Path, original: Interaction, covered: Interaction | None, changes: Sequence[Kept]
) -> None:
    """Write the three files.

    Args:
        folder: where to.
        original, covered: figures of the originals and of the covered recordings; None if those
            were not read again.
        changes: what covering did to synchrony.

    Raises:
        MediaError: a file cannot be written.
    """
    sources = [("original", original), *([("covered", covered)] if covered is not None else [])]
    rows = [(source, *row) for source, found in sources for row in _synchrony(found)]
    rows += [("covered less original", *row) for row in _kept(changes)]
    _write(folder / SYNCHRONY, SYNCHRONY_COLUMNS, rows)
    rows = [(source, *row) for source, found in sources for row in _mimicry(found)]
    _write(folder / MIMICRY, MIMICRY_COLUMNS, rows)
    _write(
        folder / REACTIONS,
        REACTION_COLUMNS,
        [
            (f"{r.start_s:g}", int(r.readable), r.before, r.after or "", _number(r.delay_s))
            for r in original.reactions
        ],
    )


def _write(path: Path, columns: Sequence[str], rows: Sequence[Row]) -> None:
    with atomic_text(path) as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)


def _synchrony(found: Interaction) -> Iterator[Row]:
    for series in found.series:
        yield from _of_series(series)


def _of_series(s: SeriesFigures) -> Iterator[Row]:
    if s.synchrony is not None:
        n = s.synchrony.segments
        for name in PARTS:
            part = getattr(s.synchrony, name)
            figure = _PEOPLE.get(name, name)
            low, high = part.interval or (None, None)
            yield (
                s.name,
                f"{figure}_effect_size",
                *map(_number, (part.effect_size, low, high, part.p_value)),
                n,
                "segments",
                "",
            )
            for which in ("observed", "pseudo"):
                value = _number(getattr(part, which))
                yield (s.name, f"{figure}_{which}_z", value, "", "", "", n, "segments", "")
        yield (
            s.name,
            "patient_less_doctor_leads_z",
            _number(s.synchrony.leads),
            "",
            "",
            _number(s.synchrony.leads_p),
            n,
            "segments",
            "",
        )
    if s.peaks is not None and s.windows is not None and "lead" not in s.absent:
        lag = s.peaks.lag_s[np.isfinite(s.peaks.lag_s)]
        half = 0.5 * float(s.windows.lag_s[1] - s.windows.lag_s[0])
        figures = {
            "windows_with_peak_share": s.peaks.found,
            "patient_leads_share": s.peaks.first_leads(half),
            "doctor_leads_share": s.peaks.second_leads(half),
            "patient_leads_mean_lag_s": _mean(lag[lag > half]),
            "doctor_leads_mean_lag_s": _mean(-lag[lag < -half]),
            "peak_mean_r": _mean(s.peaks.r[np.isfinite(s.peaks.r)]),
        }
        for figure, share in figures.items():
            yield (s.name, figure, _number(share), "", "", "", len(s.peaks.lag_s), "windows", "")
    if s.pair is not None:
        yield (s.name, "readable_share", _number(s.pair.readable), "", "", "", "", "", "")
        yield (s.name, "rate_hz", _number(s.pair.rate_hz), "", "", "", "", "", "")
    for c in s.changes:
        note = f"{c.second} less {c.first}"
        low, high = map(_number, c.interval)
        n = sum(c.segments)
        yield (s.name, "change_z", _number(c.change), low, high, "", n, "segments", note)
    for figure, why in sorted(s.absent.items()):
        yield (s.name, figure, "", "", "", "", "", "", f"absent: {why}")


def _kept(changes: Sequence[Kept]) -> Iterator[Row]:
    for k in changes:
        low, high = map(_number, k.interval)
        yield (
            k.name,
            "absolute_observed_z",
            _number(k.difference),
            low,
            high,
            "",
            k.segments,
            "segments",
            "",
        )


def _mimicry(found: Interaction) -> Iterator[Row]:
    for leader, m in found.mimicry:
        follower = Role.DOCTOR if leader == Role.PATIENT else Role.PATIENT
        yield (
            m.expression,
            leader,
            follower,
            m.onsets,
            m.mimicked,
            _number(m.rate),
            _number(m.expected) if m.onsets else "",
            _number(m.p_value),
            f"{m.shared_s:g}",
            _number(_mean(np.array(m.delays_s))) if m.delays_s else "",
            " ".join(f"{t:g}" for t in m.events_s),
        )


def _mean(values: np.ndarray) -> float:
    return float(values.mean()) if len(values) else float("nan")


def _number(value: float | None) -> str:
    return "" if value is None or not np.isfinite(value) else f"{value:.6g}"
