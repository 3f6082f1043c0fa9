"""Synchrony, mimicry and lead over many encounters; the encounter is the unit of every test."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import stats

from framework.errors import ConfigError, UserError
from framework.reading import why_unreadable
from framework.types import EMOTIONS, Role
from framework_encounter.cohort.read import DOCTOR_VIEW, TIMELINE, Cohort, Stored
from framework_encounter.dyad.files import MIMICRY, SYNCHRONY
from framework_encounter.dyad.interaction import contrasts
from framework_encounter.dyad.surrogates import pseudo_pairs

SERIES = ("smile", "negative", "valence")
"""Continuous expressions of an encounter whose synchrony is counted."""
FIGURES = {
    "absolute_effect_size": "synchrony, effect size",
    "in_phase_effect_size": "in phase, effect size",
    "anti_phase_effect_size": "in anti-phase, effect size",
    "patient_less_doctor_leads_z": "patient leads less doctor leads, z",
}
"""Figures of ``synchrony.csv`` that chance would put at 0, and what they are called."""
FEWEST = 5
"""A test of fewer encounters can't be significant, whatever they show."""


@dataclass(frozen=True)
class Measured:
    """Figures of one encounter.

    Attributes:
        name: its pseudonym.
        values: figure -> value; what an encounter could not give is not there.
    """

    name: str
    values: Mapping[str, float]


@dataclass(frozen=True)
class Tested:
    """One figure over the encounters.

    Attributes:
        figure: its name.
        encounters: how many have it.
        mean, low, high: mean and 95 % interval (BCa bootstrap over encounters); None if hidden.
        p_value: two-sided, Wilcoxon's signed-rank test against 0; None if hidden.
    """

    figure: str
    encounters: int
    mean: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None


@dataclass(frozen=True)
class Related:
    """A figure against an outcome.

    Attributes:
        figure, outcome: their names.
        encounters: how many have both.
        rho, low, high: Spearman's rank correlation and its 95 % interval (bootstrap over
            encounters); None if hidden or if one of the two is constant.
        p_value: two-sided; None likewise.
    """

    figure: str
    outcome: str
    encounters: int
    rho: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None


def read_interactions(cohort: Cohort) -> list[Measured]:
    """The figures of each encounter, from what ``framework encounter run`` left."""
    return [
        Measured(e.name, {**_synchrony(e), **_mimicry(e)})
        for e in cohort.encounters
        if e.folder is not None
    ]


def add_pseudo_pairs(cohort: Cohort, found: Sequence[Measured], *, seed: int = 0) -> list[Measured]:
    """Add how much more in step each pair is than with partners from other encounters.

    Computed from the seconds in ``timeline.csv``, so at one sample a second.

    Raises:
        UserError: fewer than three encounters show both people.
    """
    series: dict[str, tuple[np.ndarray, np.ndarray]] = {}
    for e in cohort.encounters:
        both = _seconds(e)
        if both is not None:
            series[e.name] = both
    names = list(series)
    pairs = pseudo_pairs(
        [series[n][0] for n in names], [series[n][1] for n in names], rate_hz=1.0, seed=seed
    )
    more = {n: float(true - pseudo) for n, (true, pseudo) in zip(names, pairs, strict=True)}
    label = "smile: true pair less pairs of different encounters, z"
    return [
        Measured(m.name, {**m.values, label: more[m.name]})
        if np.isfinite(more.get(m.name, np.nan))
        else m
        for m in found
    ]


def against_chance(found: Sequence[Measured], *, least: int, seed: int = 0) -> list[Tested]:
    """Each figure against what chance gives, with the encounter as the unit.

    Args:
        found: figures of each encounter.
        least: a figure that fewer encounters have is hidden.
        seed: of the bootstrap.
    """
    results = []
    for figure in _figure_names(found):
        values = np.array([m.values[figure] for m in found if figure in m.values])
        if len(values) < max(least, FEWEST):
            results.append(Tested(figure, len(values)))
            continue
        if float(np.ptp(values)) == 0:
            mean = float(values[0])
            results.append(Tested(figure, len(values), mean, mean, mean, None))
            continue
        bounds = stats.bootstrap((values,), np.mean, rng=np.random.default_rng(seed))
        low, high = bounds.confidence_interval
        p = float(stats.wilcoxon(values, zero_method="zsplit").pvalue)
        results.append(
            Tested(figure, len(values), float(values.mean()), float(low), float(high), p)
        )
    return results


def relate(
    found: Sequence[Measured],
    outcomes: Mapping[str, Mapping[str, float]],
    *,
    least: int,
    seed: int = 0,
) -> list[Related]:
    """Rank correlation of each figure with each outcome.

    Args:
        found: figures of each encounter.
        outcomes: encounter -> outcome -> value.
        least: a pair that fewer encounters have is hidden.
        seed: of the bootstrap.
    """
    names = list(dict.fromkeys(name for row in outcomes.values() for name in row))
    results = []
    for figure in _figure_names(found):
        for outcome in names:
            rows = [
                (m.values[figure], outcomes[m.name][outcome])
                for m in found
                if figure in m.values and outcome in outcomes.get(m.name, {})
            ]
            pairs = np.array(rows, np.float64).reshape(-1, 2)
            shown = len(pairs) >= max(least, FEWEST) and bool((np.ptp(pairs, axis=0) > 0).all())
            if not shown:
                results.append(Related(figure, outcome, len(pairs)))
                continue
            rho, p = stats.spearmanr(pairs[:, 0], pairs[:, 1])
            low, high = _spearman_interval(pairs, seed)
            results.append(Related(figure, outcome, len(pairs), float(rho), low, high, float(p)))
    return results


def read_outcomes(path: Path) -> dict[str, dict[str, float]]:
    """Outcomes by encounter: a CSV whose first column is ``id`` and whose others are numbers.

    An empty cell is a missing outcome.

    Raises:
        ConfigError: the file cannot be read or a cell is no number; the message names the line.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            rows = list(csv.reader(handle))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path.name}: {why_unreadable(error)}") from None
    except csv.Error as error:
        raise ConfigError(f"{path.name}: {error}; expected comma-separated values") from None
    if not rows or not rows[0] or rows[0][0].strip() != "id" or len(rows[0]) < 2:
        raise ConfigError(
            f"{path.name}, line 1: expected the columns 'id' and one or more outcomes"
        )
    names = [name.strip() for name in rows[0][1:]]
    found: dict[str, dict[str, float]] = {}
    for line, row in enumerate(rows[1:], start=2):
        if not row:
            continue
        if len(row) != len(rows[0]):
            raise ConfigError(
                f"{path.name}, line {line}: expected {len(rows[0])} cells, got {len(row)}"
            )
        if row[0] in found:
            raise ConfigError(f"{path.name}, line {line}: the id '{row[0]}' is there twice")
        values = {}
        for name, cell in zip(names, row[1:], strict=True):
            if not cell.strip():
                continue
            try:
                values[name] = float(cell)
            except ValueError:
                raise ConfigError(
                    f"{path.name}, line {line}, {name}: expected a number, got '{cell[:20]}'"
                ) from None
            if not np.isfinite(values[name]):
                raise ConfigError(f"{path.name}, line {line}, {name}: expected a finite number")
        found[row[0]] = values
    return found


def _figure_names(found: Sequence[Measured]) -> list[str]:
    return list(dict.fromkeys(name for m in found for name in m.values))


def _spearman_interval(pairs: np.ndarray, seed: int) -> tuple[float, float]:
    generator = np.random.default_rng(seed)
    drawn = pairs[generator.integers(0, len(pairs), (2000, len(pairs)))]
    ranks = stats.rankdata(drawn, axis=1)
    ranks -= ranks.mean(axis=1, keepdims=True)
    x, y = ranks[..., 0], ranks[..., 1]
    with np.errstate(invalid="ignore", divide="ignore"):
        rho = (x * y).sum(axis=1) / np.sqrt((x * x).sum(axis=1) * (y * y).sum(axis=1))
    low, high = np.nanpercentile(rho, [2.5, 97.5])
    return float(low), float(high)


def _rows(encounter: Stored, name: str) -> list[dict[str, str]]:
    """Rows of a file of the doctor's view, or of the shared one; none if it is not there."""
    assert encounter.folder is not None
    for place in (encounter.folder / DOCTOR_VIEW / name, encounter.folder / name):
        if place.is_file():
            try:
                with place.open(encoding="utf-8", newline="") as handle:
                    return list(csv.DictReader(handle))
            except (OSError, UnicodeDecodeError, csv.Error):
                return []
    return []


def _synchrony(encounter: Stored) -> dict[str, float]:
    found = {}
    for row in _rows(encounter, SYNCHRONY):
        words = FIGURES.get(row.get("figure", ""))
        if row.get("source") != "original" or row.get("series") not in SERIES or words is None:
            continue
        value = _float(row.get("value"))
        if value is not None:
            found[f"{row['series']}: {words}"] = value
    return found


def _mimicry(encounter: Stored) -> dict[str, float]:
    """Share of onsets that were answered beyond what chance expects, by who answers."""
    onsets: dict[str, float] = {}
    beyond: dict[str, float] = {}
    for row in _rows(encounter, MIMICRY):
        who = row.get("follower", "")
        if row.get("source") != "original" or who not in (Role.PATIENT, Role.DOCTOR):
            continue
        n, m, e = (_float(row.get(k)) for k in ("onsets", "mimicked", "expected"))
        if n and m is not None and e is not None:
            onsets[who] = onsets.get(who, 0.0) + n
            beyond[who] = beyond.get(who, 0.0) + m - e
    return {
        f"mimicry by the {who}, share beyond chance": beyond[who] / onsets[who] for who in onsets
    }


def _seconds(encounter: Stored) -> tuple[np.ndarray, np.ndarray] | None:
    """Smile of patient and doctor by the second, from the stored timeline."""
    series = []
    rows = _rows(encounter, TIMELINE)
    for role in (Role.PATIENT, Role.DOCTOR):
        columns = [f"{role}_{name}" for name in EMOTIONS]
        if not rows or any(column not in rows[0] for column in columns):
            return None
        values = [[_float(row[column]) for column in columns] for row in rows]
        table = np.array([[np.nan if v is None else v for v in row] for row in values], np.float32)
        series.append(contrasts([table])["smile"])
    return series[0], series[1]


def _float(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if np.isfinite(value) else None


def interaction_of(
    cohort: Cohort, *, least: int, seed: int = 0
) -> tuple[list[Measured], list[Tested], list[str]]:
    """Everything about the two people of each encounter.

    Returns:
        Figures by encounter, tests, and remarks; all empty where no encounter has both people.
    """
    found = read_interactions(cohort)
    if not any(m.values for m in found):
        return [], [], []
    notes = []
    try:
        found = add_pseudo_pairs(cohort, found, seed=seed)
    except UserError as error:
        notes.append(f"pairs of different encounters were not compared: {error}")
    without = sum(not m.values for m in found)
    if without:
        notes.append(f"{without} encounters have no figures between the two people")
    return found, against_chance(found, least=least, seed=seed), notes
