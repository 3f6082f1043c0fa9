from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from framework.errors import ContractError
from framework.table import TrackTable
from framework.timeline import (
    TimelineConfig,
    aggregate,
    build_timelines,
    count_seconds,
    person_name,
    smooth,
)
from framework.types import EMOTIONS, UNKNOWN, Role
from tests.timeline.tables import distributions, peak, table, tables

LENIENT = TimelineConfig(min_samples=1, min_coverage=0.0, min_quality=0.0)


def steady(samples_per_second: int = 5, seconds: int = 3, emotion: str = "sadness") -> TrackTable:
    n = 10 * seconds
    every = 10 // samples_per_second
    return table(
        [k / 10 for k in range(n)],
        float(seconds),
        [(k, 1) for k in range(n)],
        samples=[(k, 1, emotion, 0.8, 0.9) for k in range(0, n, every)],
    )


def test_a_steady_face_has_a_label_in_every_second() -> None:
    (person,) = build_timelines(steady()).people
    assert person.person == person_name(1) == "person-1"
    assert person.label == ("sadness",) * 3
    assert person.samples.tolist() == [5, 5, 5]
    np.testing.assert_allclose(person.coverage, 1.0)
    np.testing.assert_allclose(person.quality, 0.9, rtol=1e-6)
    np.testing.assert_allclose(person.probabilities[:, EMOTIONS.index("sadness")], 0.8, rtol=1e-6)


def test_probabilities_are_weighted_by_quality() -> None:
    t = table(
        [0.0, 0.5],
        1.0,
        [(0, 1), (1, 1)],
        samples=[(0, 1, "anger", 1.0, 0.9), (1, 1, "happiness", 1.0, 0.3)],
    )
    (person,) = build_timelines(t, LENIENT).people
    assert person.label == ("anger",)
    assert person.probabilities[0, EMOTIONS.index("anger")] == pytest.approx(0.75)
    assert person.quality[0] == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("config", "unknown_below", "why"),
    [
        (TimelineConfig(min_samples=6), 0.0, "too few samples"),
        (TimelineConfig(min_quality=0.95), 0.0, "poor quality"),
        (TimelineConfig(), 0.85, "not confident"),
    ],
)
def test_without_enough_evidence_a_second_is_unknown(
    config: TimelineConfig, unknown_below: float, why: str
) -> None:
    t = steady()
    dense = table(
        [k / 10 for k in range(30)],
        3.0,
        [(k, 1) for k in range(30)],
        samples=[(k, 1, "sadness", 0.8, 0.9) for k in range(0, 30, 2)],
        interval_s=0.1,
    )
    t = dense if config.min_samples == 6 else t
    (person,) = build_timelines(t, config, unknown_below=unknown_below).people
    assert person.label == (UNKNOWN,) * 3, why
    assert np.isnan(person.probabilities).all()
    assert (person.samples == 5).all()  # the evidence is still told


def test_a_face_seen_too_briefly_is_unknown() -> None:
    t = table(
        [k / 10 for k in range(10)],
        1.0,
        [(k, 1) for k in range(10)],
        carried=[(k, 1) for k in range(2, 10)],
        samples=[(0, 1, "fear", 0.9, 0.9), (1, 1, "fear", 0.9, 0.9)],
        interval_s=0.1,
    )
    (person,) = build_timelines(t).people
    assert person.coverage[0] == pytest.approx(0.2)
    assert person.label == (UNKNOWN,)
    (person,) = build_timelines(t, TimelineConfig(min_coverage=0.2)).people
    assert person.label == ("fear",)


def test_frames_of_uneven_length_count_by_their_time_not_their_number() -> None:
    # The face is seen in the first frame only, which lasts 2.5 of the 3 seconds.
    t = table([0.0, 2.5, 2.6, 2.7, 2.8, 2.9], 3.0, [(0, 1)], samples=[(0, 1, "neutral", 0.9, 0.9)])
    (person,) = build_timelines(t, TimelineConfig(min_samples=1)).people
    np.testing.assert_allclose(person.coverage, [1.0, 1.0, 0.5], atol=1e-6)
    # The one look was in the first second; of the others nothing is known, however long it lasted.
    assert person.label == ("neutral", UNKNOWN, UNKNOWN)


def test_the_broken_last_second_is_measured_by_the_part_that_exists() -> None:
    t = table(
        [k / 10 for k in range(13)],
        1.3,
        [(k, 1) for k in range(13)],
        samples=[(k, 1, "anger", 0.9, 0.9) for k in (10, 12)],
    )
    (person,) = build_timelines(t).people
    assert len(person) == 2
    assert person.coverage[1] == pytest.approx(1.0)
    assert person.label[1] == "anger"


def test_a_recording_that_cannot_have_more_samples_needs_no_more() -> None:
    slow = table(
        [0.0, 1.0, 2.0],
        3.0,
        [(0, 1), (1, 1), (2, 1)],
        samples=[(k, 1, "surprise", 0.9, 0.9) for k in range(3)],
    )
    assert build_timelines(slow).people[0].label == ("surprise",) * 3
    sparse = steady(samples_per_second=1)
    assert build_timelines(sparse).people[0].label == (UNKNOWN,) * 3
    asked = sparse.with_samples(
        type(sparse.samples)(
            sparse.samples.frame,
            sparse.samples.track_id,
            sparse.samples.probabilities,
            sparse.samples.quality,
            interval_s=1.0,
        )
    )
    assert build_timelines(asked).people[0].label == ("sadness",) * 3


@pytest.mark.parametrize("duration_s", [0.0, 0.04])
def test_a_still_image_has_one_second(duration_s: float) -> None:
    still = table([0.0], duration_s, [(0, 3)], samples=[(0, 3, "happiness", 0.9, 0.9)])
    (person,) = build_timelines(still).people
    assert person.label == ("happiness",)
    assert person.coverage[0] == pytest.approx(1.0)


def test_an_empty_recording_and_one_without_faces_have_no_people() -> None:
    assert build_timelines(table([], 0.0, [])).people == ()
    assert count_seconds(table([], 0.0, [])) == 0
    assert build_timelines(table([0.0, 0.5], 1.0, [])).people == ()


def test_bystanders_are_not_analysed() -> None:
    t = table(
        [0.0],
        1.0,
        [(0, 1), (0, 2)],
        samples=[(0, 1, "anger", 0.9, 0.9), (0, 2, "anger", 0.9, 0.9)],
        roles={1: Role.BYSTANDER, 2: Role.DOCTOR},
    )
    (person,) = build_timelines(t).people
    assert (person.person, person.role) == ("person-2", Role.DOCTOR)


def test_samples_of_quality_zero_count_alike_and_are_up_to_the_threshold() -> None:
    t = table(
        [0.0, 0.5],
        1.0,
        [(0, 1), (1, 1)],
        samples=[(0, 1, "anger", 1.0, 0.0), (1, 1, "happiness", 0.6, float("nan"))],
    )
    (person,) = build_timelines(t, LENIENT).people
    assert person.label == ("anger",)
    assert build_timelines(t).people[0].label == (UNKNOWN,)


def test_a_correction_changes_what_is_shown_and_keeps_the_raw_values() -> None:
    seen: list[tuple[tuple[int, ...], tuple[int, ...]]] = []

    def correct(probabilities: np.ndarray, quality: np.ndarray) -> np.ndarray:
        seen.append((probabilities.shape, quality.shape))
        return np.tile(np.array(peak("neutral", 1.0), np.float32), (len(probabilities), 1))

    both = build_timelines(steady(), correct=correct)
    assert both.corrected
    assert seen == [((15, 7), (15,))]
    assert both.people[0].label == ("neutral",) * 3
    assert both.raw[0].label == ("sadness",) * 3
    plain = build_timelines(steady())
    assert not plain.corrected and plain.people == plain.raw


@pytest.mark.parametrize("wrong", [lambda p, q: p[:1], lambda p, q: p * 2, lambda p, q: p * np.nan])
def test_a_correction_that_is_no_distribution_is_refused(wrong: object) -> None:
    with pytest.raises(ContractError, match="correction: expected"):
        build_timelines(steady(), correct=wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "values",
    [
        {"min_samples": 0},
        {"min_coverage": 1.1},
        {"min_quality": -0.1},
        {"smoothing_s": 31},
        {"x": 1},
    ],
)
def test_thresholds_are_bounded(values: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        TimelineConfig.model_validate(values)


def test_smoothing_averages_neighbours_and_never_fills_the_unknown() -> None:
    nan = [np.nan] * 7
    rows = np.array(
        [peak("anger", 1.0), peak("anger", 1.0), peak("fear", 1.0), nan, peak("fear", 1)]
    )
    result = smooth(rows, 3)
    anger, fear = EMOTIONS.index("anger"), EMOTIONS.index("fear")
    np.testing.assert_allclose(result[:, anger], [1, 2 / 3, 0.5, np.nan, 0], atol=1e-12)
    np.testing.assert_allclose(result[:, fear], [0, 1 / 3, 0.5, np.nan, 1], atol=1e-12)
    np.testing.assert_array_equal(smooth(rows, 2), result)  # even counts as the next odd
    assert smooth(rows, 0) is rows


@settings(max_examples=60, deadline=None)
@given(tables(), st.floats(0, 1))
def test_unknown_is_never_guessed_and_known_is_a_distribution(t: TrackTable, below: float) -> None:
    config = TimelineConfig()
    for person in build_timelines(t, config, unknown_below=below).people:
        assert len(person) == count_seconds(t)
        assert ((person.coverage >= 0) & (person.coverage <= 1)).all()
        for k, label in enumerate(person.label):
            row = person.probabilities[k]
            if label == UNKNOWN:
                assert np.isnan(row).all()
                continue
            assert row.sum() == pytest.approx(1.0, abs=1e-4)
            assert row.min() >= 0
            assert label == EMOTIONS[int(row.argmax())]
            assert row.max() >= below - 1e-5
            assert person.samples[k] >= 1
            assert person.coverage[k] >= config.min_coverage - 1e-5
            assert person.quality[k] >= config.min_quality - 1e-5


@settings(max_examples=60, deadline=None)
@given(tables())
def test_no_sample_is_lost_or_counted_twice(t: TrackTable) -> None:
    counted = sum(int(p.samples.sum()) for p in build_timelines(t, LENIENT).people)
    analysed = [t.role_of(int(i)) != Role.BYSTANDER for i in t.samples.track_id]
    assert counted == sum(analysed)


@settings(max_examples=60, deadline=None)
@given(st.data(), st.integers(1, 30), st.integers(1, 5))
def test_aggregation_keeps_the_mass_and_stays_within_the_samples(
    data: st.DataObject, count: int, seconds: int
) -> None:
    p = data.draw(distributions(count))
    quality = data.draw(
        st.lists(st.floats(0, 1, width=32), min_size=count, max_size=count).map(np.float32)
    )
    second = np.array(
        data.draw(st.lists(st.integers(0, seconds - 1), min_size=count, max_size=count))
    )
    means, number, mean_quality = aggregate(p, quality, second, seconds)
    assert number.sum() == count
    for k in range(seconds):
        mine = p[second == k]
        if not len(mine):
            assert np.isnan(means[k]).all() and np.isnan(mean_quality[k])
            continue
        assert means[k].sum() == pytest.approx(1.0, abs=1e-5)
        assert (means[k] >= mine.min(axis=0) - 1e-6).all()
        assert (means[k] <= mine.max(axis=0) + 1e-6).all()
        assert 0 <= mean_quality[k] <= 1


@settings(max_examples=40, deadline=None)
@given(tables(), st.integers(2, 9))
def test_smoothing_changes_no_unknown_and_keeps_distributions(t: TrackTable, width: int) -> None:
    plain = build_timelines(t, LENIENT).people
    smoothed = build_timelines(t, LENIENT.model_copy(update={"smoothing_s": width})).people
    for a, b in zip(plain, smoothed, strict=True):
        assert [x == UNKNOWN for x in a.label] == [x == UNKNOWN for x in b.label]
        known = ~np.isnan(b.probabilities).any(axis=1)
        np.testing.assert_allclose(b.probabilities[known].sum(axis=1), 1.0, atol=1e-4)


@settings(max_examples=40, deadline=None)
@given(tables())
def test_coverage_is_the_observed_time(t: TrackTable) -> None:
    """Summed over the recording, coverage is the time on screen of the observed frames."""
    seconds = count_seconds(t)
    existing = np.minimum(np.arange(1, seconds + 1), t.duration_s) - np.arange(seconds)
    for person in build_timelines(t).people:
        track = int(person.person.removeprefix("person-"))
        rows = t.rows_of_track(track)
        seen = t.frame[rows[t.state[rows] != 1]]
        expected = float(t.frame_duration_s[seen].sum())
        assert float(person.coverage @ existing) == pytest.approx(expected, abs=1e-3)
