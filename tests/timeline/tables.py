"""Track tables for the tests: small ones by hand, arbitrary ones by hypothesis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from framework.table import EmotionSamples, RowState, TrackTable
from framework.types import EMOTIONS, PersonTimeline, Role


def table(
    times: Sequence[float],
    duration_s: float,
    rows: Sequence[tuple[int, int]],
    *,
    carried: Sequence[tuple[int, int]] = (),
    samples: Sequence[tuple[int, int, str, float, float]] = (),
    interval_s: float = 0.2,
    roles: Mapping[int, Role] | None = None,
    misses: Mapping[int, str] | None = None,
) -> TrackTable:
    """``rows``: (frame, track); ``samples``: (frame, track, emotion, probability, quality)."""
    rows = sorted(rows)
    m = len(rows)
    state = [RowState.CARRIED if r in carried else RowState.DETECTED for r in rows]
    return TrackTable(
        width=320,
        height=240,
        time_s=np.array(times, np.float64),
        duration_s=duration_s,
        frame=np.array([r[0] for r in rows], np.int64),
        track_id=np.array([r[1] for r in rows], np.int64),
        xyxy=np.tile(np.array([10, 20, 60, 80], np.float32), (m, 1)),
        score=np.ones(m, np.float32),
        landmarks=np.full((m, 5, 2), np.nan, np.float32),
        state=np.array(state, np.int8).reshape(m),
        roles=dict(roles or {}),
        misses=dict(misses or {}),
        samples=EmotionSamples(
            frame=np.array([s[0] for s in samples], np.int64),
            track_id=np.array([s[1] for s in samples], np.int64),
            probabilities=np.array([peak(s[2], s[3]) for s in samples], np.float32).reshape(-1, 7),
            quality=np.array([s[4] for s in samples], np.float32),
            interval_s=interval_s,
        ),
    )


def peak(emotion: str, probability: float) -> list[float]:
    """A distribution with this probability on one emotion and the rest spread evenly."""
    rest = (1.0 - probability) / 6
    return [probability if name == emotion else rest for name in EMOTIONS]


def timeline(
    labels: Sequence[str], person: str = "person-1", role: Role = Role.PATIENT, first: int = 0
) -> PersonTimeline:
    """One second for each label; ``unknown`` has no probabilities."""
    n = len(labels)
    rows = [peak(x, 0.7) if x in EMOTIONS else [float("nan")] * 7 for x in labels]
    known = np.array([x in EMOTIONS for x in labels], bool)
    return PersonTimeline(
        person=person,
        role=role,
        second=np.arange(first, first + n),
        probabilities=np.array(rows, np.float32).reshape(n, 7),
        label=tuple(labels),
        samples=np.where(known, 5, 0).astype(np.int64),
        coverage=np.where(known, 1.0, 0.0).astype(np.float32),
        quality=np.where(known, 0.8, np.nan).astype(np.float32),
    )


def distributions(count: int) -> st.SearchStrategy[np.ndarray]:
    """(count, 7) float32 rows with sum 1, some of them with zeros and ones."""
    weights = npst.arrays(
        np.float32, (count, 7), elements=st.floats(0, 1, width=32, allow_subnormal=False)
    )

    def normalised(w: np.ndarray) -> np.ndarray:
        total = w.sum(axis=1, keepdims=True)
        rows = np.where(total > 1e-3, w / np.maximum(total, 1e-3), np.eye(7)[0])
        return (rows / rows.sum(axis=1, keepdims=True)).astype(np.float32)

    return weights.map(normalised)


@st.composite
def tables(draw: st.DrawFn) -> TrackTable:
    """Anything a run could leave: variable frame rate, gaps, misses, roles, samples or none."""
    n = draw(st.integers(1, 14))
    steps = draw(st.lists(st.floats(0.001, 2.5), min_size=n, max_size=n))
    times = np.concatenate([[0.0], np.cumsum(steps)[:-1]])
    pairs = draw(st.sets(st.tuples(st.integers(0, n - 1), st.integers(0, 4)), max_size=30))
    rows = np.array(sorted(pairs), np.int64).reshape(-1, 2)
    m = len(rows)
    finite = st.floats(-500, 5000, width=32)
    corner = draw(npst.arrays(np.float32, (m, 2), elements=finite))
    extent = draw(npst.arrays(np.float32, (m, 2), elements=st.floats(1, 500, width=32)))
    landmarks = draw(npst.arrays(np.float32, (m, 5, 2), elements=finite))
    hidden = draw(npst.arrays(np.bool_, m))
    landmarks[hidden] = np.nan
    chosen = np.flatnonzero(draw(npst.arrays(np.bool_, m)))
    unit = st.floats(0, 1, width=32)
    return TrackTable(
        width=draw(st.integers(1, 8000)),
        height=draw(st.integers(1, 8000)),
        time_s=times,
        duration_s=float(times[-1] + steps[-1]),
        frame=rows[:, 0],
        track_id=rows[:, 1],
        xyxy=np.hstack([corner, corner + extent]).astype(np.float32),
        score=draw(npst.arrays(np.float32, m, elements=unit)),
        landmarks=landmarks,
        state=draw(npst.arrays(np.int8, m, elements=st.sampled_from([0, 1]))),
        roles=draw(
            st.dictionaries(
                st.sampled_from(sorted(set(rows[:, 1].tolist())) or [0]),
                st.sampled_from([Role.PATIENT, Role.DOCTOR, Role.BYSTANDER]),
            )
        )
        if m
        else {},
        misses=draw(
            st.dictionaries(
                st.integers(0, n - 1),
                st.sampled_from(["detector failed", 'a "quoted, reason"', "=1+1; no"]),
                max_size=3,
            )
        ),
        samples=EmotionSamples(
            frame=rows[chosen, 0],
            track_id=rows[chosen, 1],
            probabilities=draw(distributions(len(chosen))),
            quality=draw(npst.arrays(np.float32, len(chosen), elements=unit)),
            interval_s=draw(st.sampled_from([0.0, 0.1, 0.2, 1.0])),
        ),
    )
