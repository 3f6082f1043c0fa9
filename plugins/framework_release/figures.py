"""What was measured on this very set: faces covered, attackers' success, expression kept.

Encounters, not seconds, are the independent observations: intervals come from drawing encounters
anew (percentile bootstrap, 2,000 draws, seed 0), and for counts of people, or where every encounter
is alike, from the binomial distribution (Clopper and Pearson 1934).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta

from framework.agreement import LABELS_AFTER, from_confusion
from framework.types import EMOTIONS, Role
from framework_release.results import Camera
from framework_release.selection import Chosen

DRAWS = 2000
FEWEST = 5
"""Encounters from which an interval is given; fewer say nothing about others."""


@dataclass(frozen=True, slots=True)
class Share:
    """A share with its interval.

    Attributes:
        value: 0 to 1; None where there is nothing to divide by.
        low, high: 95 % interval; None where there are too few encounters.
        n: denominator.
        unit: what was counted.
    """

    value: float | None
    low: float | None
    high: float | None
    n: float
    unit: str


@dataclass(frozen=True)
class Attacker:
    """One recogniser that tried to know people again.

    Attributes:
        name: of the recogniser.
        people: tried, an encounter's recordings each counted.
        recognised: of them, in at least one frame.
        share: recognised of tried.
        power: mean share of the originals' own frames that it recognises; what its silence is
            worth.
    """

    name: str
    people: int
    recognised: int
    share: Share
    power: float | None


@dataclass(frozen=True)
class Figures:
    """Every figure of a set.

    Attributes:
        encounters, recordings, hours: how much there is.
        covered: shares of the face-seconds by what became of them.
        events: what components reported, counted.
        searched: frames of the covered recordings that were searched for faces again.
        exposed_s: face-seconds that this search found outside every cover.
        attackers: by recogniser.
        kept: share of seconds with the same label after covering, by label before, and ``all``.
        kappa: Cohen's kappa over all seconds; None where it is undefined or was not measured.
    """

    encounters: int
    recordings: int
    hours: float
    covered: dict[str, Share]
    events: dict[str, int]
    searched: int
    exposed_s: float
    attackers: tuple[Attacker, ...]
    kept: dict[str, Share]
    kappa: float | None


FATES = {
    "covered_s": "covered where a detector or a person had put the box",
    "carried_s": "covered where the box was carried between detections",
    "fully_covered_s": "covered with the whole frame",
    "dropped_s": "left out with their frame",
    "unprotected_s": "left uncovered",
}


def measure(chosen: Sequence[Chosen]) -> Figures:
    """All figures of what is released."""
    cameras = [(k, c) for k, one in enumerate(chosen) for c in one.results.cameras]
    fates = np.zeros((len(chosen), len(FATES)))
    events: dict[str, int] = {}
    for k, camera in cameras:
        total = camera.audit.get("total", {})
        fates[k] += [float(total.get(name) or 0.0) for name in FATES]
        for name, count in total.get("events", {}).items():
            events[name] = events.get(name, 0) + int(count)
    covered = {name: _ratio(fates[:, [j]], fates, "face-seconds") for j, name in enumerate(FATES)}
    confusion = _confusions(chosen)
    kept = {
        label: _ratio(confusion[:, i, [i]], confusion[:, i, :], "seconds")
        for i, label in enumerate(EMOTIONS)
        if confusion[:, i, :].sum()
    }
    if confusion.sum():
        diagonal = np.einsum("kii->ki", confusion[:, :, : len(EMOTIONS)])
        kept["all"] = _ratio(diagonal, confusion.reshape(len(chosen), -1), "seconds")
    pooled = from_confusion("total", Role.UNKNOWN, confusion.sum(axis=0).astype(np.int64))
    return Figures(
        encounters=len(chosen),
        recordings=len(cameras),
        hours=sum(c.duration_s for _, c in cameras) / 3600,
        covered=covered,
        events=dict(sorted(events.items())),
        searched=sum(int(_search(c).get("frames", 0)) for _, c in cameras),
        exposed_s=sum(float(_search(c).get("exposed_s") or 0.0) for _, c in cameras),
        attackers=_attackers(chosen),
        kept=kept,
        kappa=pooled.kappa,
    )


def _search(camera: Camera) -> Mapping[str, Any]:
    """What the second search of a covered recording found."""
    found = camera.audit.get("search")
    return found if isinstance(found, Mapping) else {}


def _confusions(chosen: Sequence[Chosen]) -> NDArray[np.float64]:
    """Seconds by label before and after, shape (encounters, 7, 8)."""
    counts = np.zeros((len(chosen), len(EMOTIONS), len(LABELS_AFTER)))
    for k, one in enumerate(chosen):
        for camera in one.results.cameras:
            seen = one.verdicts.get(camera.name, {}).get("expression") or {}
            for before, after in seen.items():
                for label, seconds in after.items():
                    counts[k, EMOTIONS.index(before), LABELS_AFTER.index(label)] += seconds
    return counts


def _attackers(chosen: Sequence[Chosen]) -> tuple[Attacker, ...]:
    tried: dict[str, list[bool]] = {}
    power: dict[str, list[float]] = {}
    for one in chosen:
        for camera in one.results.cameras:
            for judged in one.verdicts[camera.name]["recognizers"].values():
                name = str(judged["recognizer"])
                for person in judged["people"].values():
                    tried.setdefault(name, []).append(bool(person["recognised"]))
                if judged.get("power") is not None:
                    power.setdefault(name, []).append(float(judged["power"]))
    return tuple(
        Attacker(
            name,
            len(results),
            sum(results),
            binomial(sum(results), len(results), "people"),
            float(np.mean(power[name])) if name in power else None,
        )
        for name, results in sorted(tried.items())
    )


def binomial(successes: int, n: int, unit: str) -> Share:
    """A share of independent people with its exact interval.

    >>> round(binomial(0, 10, "people").high, 3)
    0.308
    """
    if not n:
        return Share(None, None, None, 0, unit)
    low = float(beta.ppf(0.025, successes, n - successes + 1)) if successes else 0.0
    high = float(beta.ppf(0.975, successes + 1, n - successes)) if successes < n else 1.0
    return Share(successes / n, low, high, n, unit)


def _ratio(part: NDArray[np.float64], whole: NDArray[np.float64], unit: str) -> Share:
    """Sum of ``part`` over sum of ``whole``, rows being encounters."""
    top, bottom = part.sum(axis=1), whole.sum(axis=1)
    total = float(bottom.sum())
    if total <= 0:
        return Share(None, None, None, 0, unit)
    value = float(top.sum()) / total
    used = int((bottom > 0).sum())
    if used < FEWEST:
        return Share(value, None, None, total, unit)
    low, high = _bootstrap(
        len(top), lambda i: float(top[i].sum()) / max(float(bottom[i].sum()), 1e-12)
    )
    if low == high and value in (0.0, 1.0):
        # All encounters alike: drawing them anew shows no spread, which is not the same as none.
        exact = binomial(used if value else 0, used, unit)
        return Share(value, exact.low, exact.high, total, unit)
    return Share(value, low, high, total, unit)


def _bootstrap(n: int, statistic: Callable[[NDArray[np.int64]], float]) -> tuple[float, float]:
    rng = np.random.Generator(np.random.PCG64(0))
    values = [statistic(rng.integers(0, n, n)) for _ in range(DRAWS)]
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


def method_of(one: Chosen) -> str:
    """How the patient of an encounter was covered, as its manifest says."""
    chosen = str(one.results.manifest.get("settings", {}).get("anonymizer", "unknown"))
    by_role = dict(part.partition("=")[::2] for part in chosen.split(","))
    return by_role.get("patient") or by_role.get("doctor") or chosen


def measure_each(chosen: Sequence[Chosen]) -> list[tuple[str, Figures]]:
    """The figures of each method's encounters, by its name."""
    names = sorted({method_of(one) for one in chosen})
    return [(name, measure([c for c in chosen if method_of(c) == name])) for name in names]


def methods(chosen: Sequence[Chosen]) -> list[dict[str, Any]]:
    """Each way in which recordings were covered, with its components, weights and licences."""
    found: dict[str, dict[str, Any]] = {}
    for one in chosen:
        manifest = one.results.manifest
        name = method_of(one)
        entry = found.setdefault(
            name, {"name": name, "encounters": 0, "synthetic": False, "components": {}}
        )
        entry["encounters"] += 1
        entry["synthetic"] = entry["synthetic"] or one.results.synthetic
        for c in manifest.get("components", ()):
            key = (c["kind"], c["name"], c["version"])
            entry["components"][key] = {
                **{k: c[k] for k in ("kind", "name", "summary", "distribution", "version")},
                "licence": c["licence"],
                "weights": [
                    {k: w.get(k) for k in ("file", "sha256", "licence", "trained_on", "source")}
                    for w in c["weights"]
                ],
            }
    for entry in found.values():
        entry["components"] = [entry["components"][k] for k in sorted(entry["components"])]
    return [found[name] for name in sorted(found)]
