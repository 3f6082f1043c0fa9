"""Mimicry, synchrony and lead of one encounter, from what was read of both people.

The patient is always the first and the doctor the second, so a positive lag says that the patient
leads. A figure that cannot be computed is absent with a reason, never 0.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from framework.episodes import Episode
from framework.errors import UserError
from framework.types import EMOTIONS, NEGATIVE_EMOTIONS, PersonTimeline, Role
from framework_encounter.dyad.mimicry import Mimicry, Reaction, mimicry, reactions
from framework_encounter.dyad.options import DyadOptions
from framework_encounter.dyad.phases import PhaseChange, compare_spans, halves, thirds
from framework_encounter.dyad.series import Pair, Series, on_common_grid
from framework_encounter.dyad.surrogates import Synchrony, surrogate_synchrony
from framework_encounter.dyad.windowed import Peaks, WindowedCorrelation, windowed_correlation

_AT = {name: k for k, name in enumerate(EMOTIONS)}
_NEGATIVE = [_AT[name] for name in EMOTIONS if name in NEGATIVE_EMOTIONS]

CONTRASTS: Mapping[str, Callable[[NDArray[np.float32]], Series]] = {
    "smile": lambda p: p[:, _AT["happiness"]].astype(np.float64),
    "negative": lambda p: p[:, _NEGATIVE].sum(axis=1, dtype=np.float64),
    "valence": lambda p: (p[:, _AT["happiness"]] - p[:, _NEGATIVE].sum(axis=1)).astype(np.float64),
}
"""Continuous expression from the classifier's probabilities (k, 7): the probability of happiness,
of the negative emotions together, and the first less the second."""


@dataclass(frozen=True)
class Track:
    """Everything that was read of one person.

    Attributes:
        role: patient or doctor.
        time_s: (k,) ascending, on the shared clock.
        values: name of a continuous expression -> (k,).
        timeline: labels by the second.
    """

    role: Role
    time_s: Series
    values: Mapping[str, Series]
    timeline: PersonTimeline


@dataclass(frozen=True)
class SeriesFigures:
    """Synchrony of one continuous expression.

    Attributes:
        name: of the expression.
        pair: both series on one grid; None if they could not be put there.
        windows, peaks, synchrony: None if they could not be computed.
        changes: between parts of the conversation.
        absent: figure -> why it is not there.
    """

    name: str
    pair: Pair | None = None
    windows: WindowedCorrelation | None = None
    peaks: Peaks | None = None
    synchrony: Synchrony | None = None
    changes: tuple[PhaseChange, ...] = ()
    absent: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Interaction:
    """What happens between the two in one encounter.

    Attributes:
        options: how it was computed.
        series: synchrony by continuous expression.
        mimicry: (leader's role, figures), by expression.
        reactions: of the doctor to negative episodes of the patient.
        absent: figure -> why it is not there.
    """

    options: DyadOptions
    series: tuple[SeriesFigures, ...]
    mimicry: tuple[tuple[Role, Mimicry], ...]
    reactions: tuple[Reaction, ...]
    absent: Mapping[str, str] = field(default_factory=dict)

    def of(self, name: str) -> SeriesFigures | None:
        """The figures of one continuous expression, or None."""
        return next((s for s in self.series if s.name == name), None)


@dataclass(frozen=True)
class Kept:
    """How much of the synchrony is left in the covered recordings.

    Attributes:
        name: of the continuous expression.
        original, covered: mean |z| over the segments that both could be read in.
        difference: covered less original.
        interval: 95 %, by resampling segments.
        segments: how many.
        effect_original, effect_covered: effect sizes against surrogates.
    """

    name: str
    original: float
    covered: float
    difference: float
    interval: tuple[float, float]
    segments: int
    effect_original: float
    effect_covered: float


def between(
    patient: Track, doctor: Track, episodes: Sequence[Episode], options: DyadOptions, seed: int = 0
) -> Interaction:
    """Everything between the two of one encounter.

    Args:
        patient, doctor: what was read of each.
        episodes: negative episodes; those of the patient are used.
        options: windows, lags, surrogates.
        seed: of surrogates and resampling.
    """
    names = [name for name in patient.values if name in doctor.values]
    series = tuple(_series(name, patient, doctor, options, seed) for name in names)
    absent: dict[str, str] = {}
    found: list[tuple[Role, Mimicry]] = []
    a, b, start = _labels(patient.timeline, doctor.timeline)
    for expression in EMOTIONS:
        if expression == "neutral":  # the absence of an expression is not mimicked
            continue
        for leader, first, second in ((Role.PATIENT, a, b), (Role.DOCTOR, b, a)):
            try:
                figures = mimicry(
                    first,
                    second,
                    expression=expression,
                    start_s=start,
                    window_s=options.mimicry_window_s,
                    seed=seed,
                )
            except UserError as error:
                absent["mimicry"] = str(error)
                continue
            found.append((leader, figures))
    starts = [e.start_s for e in episodes if e.role == Role.PATIENT]
    first_s = float(doctor.timeline.second[0]) if len(doctor.timeline) else 0.0
    answered = reactions(
        starts, doctor.timeline.label, start_s=first_s, window_s=options.reaction_window_s
    )
    if not starts:
        absent["reactions"] = "the patient shows no negative episode"
    return Interaction(options, series, tuple(found), tuple(answered), absent)


def kept(original: Interaction, covered: Interaction, seed: int = 0) -> list[Kept]:
    """What covering does to synchrony, for each expression that both hold."""
    found = []
    for before in original.series:
        after = covered.of(before.name)
        if before.synchrony is None or after is None or after.synchrony is None:
            continue
        assert before.pair is not None and after.pair is not None
        a, b = _matched(before.pair, before.synchrony, after.pair, after.synchrony, original)
        both = np.isfinite(a) & np.isfinite(b)
        if both.sum() < 2:
            continue
        change = (b - a)[both]
        generator = np.random.default_rng(seed)
        drawn = change[generator.integers(0, len(change), (2000, len(change)))].mean(axis=1)
        low, high = np.percentile(drawn, [2.5, 97.5])
        found.append(
            Kept(
                before.name,
                float(a[both].mean()),
                float(b[both].mean()),
                float(change.mean()),
                (float(low), float(high)),
                int(both.sum()),
                before.synchrony.effect_size,
                after.synchrony.effect_size,
            )
        )
    return found


def _matched(
    first: Pair, a: Synchrony, second: Pair, b: Synchrony, interaction: Interaction
) -> tuple[Series, Series]:
    """Segment values of both, where segments begin at about the same time."""
    length = interaction.options.segment_s
    shift = round((second.time_s[0] - first.time_s[0]) / length)
    x = a.z[max(shift, 0) :]
    y = b.z[max(-shift, 0) :]
    count = min(len(x), len(y))
    return x[:count], y[:count]


def _series(
    name: str, patient: Track, doctor: Track, options: DyadOptions, seed: int
) -> SeriesFigures:
    try:
        pair = on_common_grid(
            patient.time_s, patient.values[name], doctor.time_s, doctor.values[name]
        )
    except UserError as error:
        return SeriesFigures(name, absent={"synchrony": str(error), "lead": str(error)})
    absent: dict[str, str] = {}
    windows = peaks = synchrony = None
    try:
        windows = windowed_correlation(
            pair.first,
            pair.second,
            rate_hz=pair.rate_hz,
            window_s=options.window_s,
            step_s=options.step_s,
            max_lag_s=options.max_lag_s,
        )
        peaks = windows.peaks()
        if not peaks.found:
            absent["lead"] = "no window has a peak"
    except UserError as error:
        absent["lead"] = str(error)
    try:
        synchrony = surrogate_synchrony(
            pair.first,
            pair.second,
            rate_hz=pair.rate_hz,
            segment_s=options.segment_s,
            max_lag_s=options.max_lag_s,
            surrogates=options.surrogates,
            seed=seed,
        )
    except UserError as error:
        absent["synchrony"] = str(error)
    changes: tuple[PhaseChange, ...] = ()
    if synchrony is not None:
        try:
            changes = _changes(pair, synchrony, options, seed)
        except UserError as error:
            absent["phases"] = str(error)
    return SeriesFigures(name, pair, windows, peaks, synchrony, changes, absent)


def _changes(
    pair: Pair, synchrony: Synchrony, options: DyadOptions, seed: int
) -> tuple[PhaseChange, ...]:
    start = pair.time_s[0] + np.arange(len(synchrony.z)) * options.segment_s
    duration = float(pair.time_s[-1] + 1 / pair.rate_hz)
    spans = dict(options.spans) or (halves if options.phases == "halves" else thirds)(duration)
    return tuple(compare_spans(start, synchrony.z, spans, length_s=options.segment_s, seed=seed))


def _labels(a: PersonTimeline, b: PersonTimeline) -> tuple[list[str], list[str], float]:
    """Labels of the seconds that both timelines hold, and the first of these seconds."""
    if not len(a) or not len(b):
        return [], [], 0.0
    start, end = max(a.second[0], b.second[0]), min(a.second[-1], b.second[-1]) + 1

    def part(timeline: PersonTimeline) -> list[str]:
        first = int(start - timeline.second[0])
        return list(timeline.label[first : first + max(0, int(end - start))])

    return part(a), part(b), float(start)


def contrasts(probabilities: Iterable[NDArray[np.float32]]) -> dict[str, Series]:
    """The continuous expressions of classified faces.

    Args:
        probabilities: arrays (k, 7) in the order of ``EMOTIONS``, put one after another.
    """
    rows = [np.asarray(p, np.float32).reshape(-1, len(EMOTIONS)) for p in probabilities]
    together = np.concatenate(rows) if rows else np.zeros((0, len(EMOTIONS)), np.float32)
    return {name: contrast(together) for name, contrast in CONTRASTS.items()}
