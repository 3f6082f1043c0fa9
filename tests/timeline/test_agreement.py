from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy.spatial.distance import jensenshannon

from framework.agreement import cohen_kappa, compare, from_confusion, jensen_shannon
from framework.errors import ContractError
from framework.types import EMOTIONS, UNKNOWN, Role
from tests.timeline.tables import timeline

labels = st.lists(st.sampled_from([*EMOTIONS, UNKNOWN]), min_size=1, max_size=40)
known = st.lists(st.sampled_from(EMOTIONS[:4]), min_size=1, max_size=40)


def reference_kappa(a: list[str], b: list[str]) -> float | None:
    """Cohen (1960) straight from its definition, over pairs of labels."""
    n = len(a)
    observed = sum(x == y for x, y in zip(a, b, strict=True)) / n
    chance = sum((a.count(c) / n) * (b.count(c) / n) for c in set(a) | set(b))
    return None if chance >= 1 - 1e-12 else (observed - chance) / (1 - chance)


def test_an_unchanged_recording_agrees_in_full() -> None:
    before = [timeline(["anger", "neutral", UNKNOWN, "neutral"])]
    result = compare(before, before)
    (person,) = result.people
    assert (person.n, person.agreement, person.kappa, person.jsd) == (3, 1.0, 1.0, 0.0)
    assert result.total.n == 3 and result.total.kappa == 1.0


def test_a_known_case() -> None:
    before = [timeline(["anger", "anger", "neutral", "neutral"])]
    after = [timeline(["anger", "neutral", "neutral", "neutral"])]
    total = compare(before, after).total
    assert total.agreement == 0.75
    assert total.kappa == pytest.approx(0.5)  # p_o 0.75, p_e 0.5
    assert total.confusion[EMOTIONS.index("anger"), EMOTIONS.index("neutral")] == 1


def test_a_second_that_can_no_longer_be_read_is_a_disagreement() -> None:
    before = [timeline(["anger", "neutral", "sadness", "fear"])]
    after = [timeline(["anger", UNKNOWN, UNKNOWN, UNKNOWN])]
    (person,) = compare(before, after).people
    assert (person.n, person.n_unknown, person.agreement) == (4, 3, 0.25)


def test_a_face_that_is_gone_agrees_in_nothing_and_has_a_disjoint_distribution() -> None:
    before = [timeline(["anger", "neutral"])]
    for after in ([], [timeline([UNKNOWN, UNKNOWN])]):
        (person,) = compare(before, after).people
        assert (person.agreement, person.kappa, person.jsd) == (0.0, 0.0, 1.0)


def test_what_was_unknown_before_is_not_counted() -> None:
    result = compare([timeline([UNKNOWN, "anger", "fear"])], [timeline(["anger", "anger", "fear"])])
    assert result.total.n == 2 and result.total.agreement == 1.0


def test_nothing_readable_before_gives_no_figure_and_says_so() -> None:
    (person,) = compare([timeline([UNKNOWN])], [timeline(["anger"])]).people
    assert person.n == 0
    assert person.agreement is person.kappa is person.jsd is None
    assert "no second" in person.note
    assert compare([], []).total.agreement is None


def test_kappa_is_undefined_for_one_expression_and_says_so() -> None:
    (person,) = compare([timeline(["neutral"] * 3)], [timeline(["neutral"] * 3)]).people
    assert person.agreement == 1.0 and person.kappa is None
    assert "undefined" in person.note
    (person,) = compare([timeline(["neutral"] * 3)], [timeline(["neutral"] * 2 + ["fear"])]).people
    assert person.kappa == 0.0
    assert "says nothing" in person.note


def test_seconds_are_matched_by_their_number() -> None:
    after = [timeline(["fear", "anger"], first=1)]
    (person,) = compare([timeline(["anger", "fear", "anger"])], after).people
    assert (person.n, person.n_unknown, person.agreement) == (3, 1, 2 / 3)


def test_people_are_matched_by_name_and_the_total_pools_their_seconds() -> None:
    before = [timeline(["anger"] * 3, "person-1"), timeline(["fear"], "person-2", Role.DOCTOR)]
    after = [timeline(["neutral"], "person-2"), timeline(["anger"] * 3, "person-1")]
    result = compare(before, after)
    assert [p.agreement for p in result.people] == [1.0, 0.0]
    assert result.people[1].role == Role.DOCTOR
    assert (result.total.n, result.total.agreement) == (4, 0.75)
    with pytest.raises(ContractError, match="each person once"):
        compare(before + before, after)


@settings(max_examples=150, deadline=None)
@given(labels, labels)
def test_everything_is_bounded(a: list[str], b: list[str]) -> None:
    (p,) = compare([timeline(a)], [timeline(b)]).people
    assert p.n == sum(x != UNKNOWN for x in a) == p.confusion.sum()
    if p.n:
        assert p.agreement is not None and 0 <= p.agreement <= 1
        assert p.jsd is not None and 0 <= p.jsd <= 1
        assert p.kappa is None or -1 <= p.kappa <= 1


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(EMOTIONS), st.sampled_from(EMOTIONS)), min_size=1))
def test_between_readable_recordings_it_is_symmetric(pairs: list[tuple[str, str]]) -> None:
    a, b = [timeline([p[i] for p in pairs]) for i in (0, 1)]
    one, other = compare([a], [b]).total, compare([b], [a]).total
    assert one.agreement == other.agreement
    assert one.kappa == (None if other.kappa is None else pytest.approx(other.kappa))
    assert one.jsd == pytest.approx(other.jsd, abs=1e-12)


@settings(max_examples=150, deadline=None)
@given(known, st.data())
def test_kappa_is_what_its_definition_says(a: list[str], data: st.DataObject) -> None:
    after = st.sampled_from([*EMOTIONS[:4], UNKNOWN])
    b = data.draw(st.lists(after, min_size=len(a), max_size=len(a)))
    (p,) = compare([timeline(a)], [timeline(b)]).people
    expected = reference_kappa(a, b)
    assert p.kappa == (None if expected is None else pytest.approx(expected, abs=1e-9))


@settings(max_examples=100, deadline=None)
@given(npst.arrays(np.int64, (2, 8), elements=st.integers(0, 10_000)))
def test_the_divergence_is_scipys_distance_squared(counts: np.ndarray) -> None:
    p, q = counts.astype(np.float64)
    if not p.sum() or not q.sum():
        with pytest.raises(ValueError, match="positive sum"):
            jensen_shannon(p, q)
        return
    expected = jensenshannon(p, q, base=2) ** 2
    assert jensen_shannon(p, q) == pytest.approx(expected, abs=1e-9)


@settings(max_examples=50, deadline=None)
@given(npst.arrays(np.int64, (7, 8), elements=st.integers(0, 50)))
def test_stored_counts_give_the_figures_again(counts: np.ndarray) -> None:
    p = from_confusion("total", Role.UNKNOWN, counts)
    assert p.n == counts.sum()
    assert p.kappa == cohen_kappa(counts)
