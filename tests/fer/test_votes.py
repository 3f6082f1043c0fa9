"""Labels of ten people: majority, shares, targets, and what becomes of the rest."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from framework_fer import votes
from framework_training.fer import datasets
from framework_training.fer.division import joined
from framework_training.fer.finish import calibrations, folds, two_fold
from framework_training.fer.loop import cross_entropy, movement_loss
from hypothesis import given, settings
from hypothesis import strategies as st

from framework.errors import UserError
from framework.types import EMOTIONS
from tests.fer.synthetic import patterns

COUNTS = np.array(
    [
        [0, 0, 0, 9, 1, 0, 0, 0, 0, 0],
        [4, 4, 0, 0, 2, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 3, 0, 0, 6, 1, 0],
        [1, 1, 1, 1, 1, 1, 1, 1, 1, 1],
    ],
    np.uint8,
)


def voted(path: Path, counts: np.ndarray = COUNTS, **more: np.ndarray) -> Path:
    x, _ = patterns(len(counts))
    np.savez(path, x=x, y=np.array([3, 1, 4, 6], np.uint8), votes=counts, **more)
    return path


def test_the_majority_is_the_first_of_the_most_frequent_choices() -> None:
    assert votes.majority(COUNTS).tolist() == [3, 0, votes.OTHER, 0]


def test_choices_of_a_single_person_are_dropped_unless_nothing_is_left() -> None:
    shares = votes.shares(COUNTS)
    assert shares[0].tolist() == [0, 0, 0, 1, 0, 0, 0, 0, 0, 0]
    assert shares[1, [0, 1, 4]] == pytest.approx([0.4, 0.4, 0.2])
    assert shares[3] == pytest.approx([0.1] * 10)


def test_the_label_of_an_array_with_votes_is_the_majoritys(tmp_path: Path) -> None:
    path = voted(tmp_path / "v.npz")
    by_votes = datasets.load(path)
    assert by_votes.labels.tolist() == [3, 0, 0]
    assert by_votes.excluded == {"contempt": 1}
    assert by_votes.original is not None
    assert by_votes.original.tolist() == [3, 1, 6]
    everything = datasets.load(path, keep_other=True)
    assert everything.labels.tolist() == [3, 0, votes.OTHER, 0]
    assert not everything.excluded
    own = datasets.load(path, labelling="fer2013")
    assert own.labels.tolist() == [3, 1, 4, 6]


def test_groups_are_read_from_an_array_or_a_column(tmp_path: Path) -> None:
    path = voted(tmp_path / "v.npz", yaw=np.array(["0", "30", "60", "0"]))
    assert datasets.load(path, by="yaw").group == ("0", "30", "0")
    with pytest.raises(UserError, match="no array 'age'"):
        datasets.load(path, by="age")


@pytest.mark.parametrize("counts", [np.zeros((4, 10), np.uint8), COUNTS[:, :9], COUNTS[:3]])
def test_votes_of_another_shape_or_without_a_vote_are_refused(
    tmp_path: Path, counts: np.ndarray
) -> None:
    x, y = patterns(4)
    np.savez(tmp_path / "v.npz", x=x, y=y, votes=counts)
    with pytest.raises(UserError, match="expected votes"):
        datasets.load(tmp_path / "v.npz")


@pytest.mark.parametrize("scores", [np.full((4, 3), 1.5), np.zeros((4, 3), int), np.zeros(4)])
def test_scores_outside_0_to_1_or_of_another_shape_are_refused(
    tmp_path: Path, scores: np.ndarray
) -> None:
    with pytest.raises(UserError, match="expected scores"):
        datasets.load(voted(tmp_path / "v.npz", scores=scores))


def test_a_joined_set_keeps_votes_labels_and_scores_apart(tmp_path: Path) -> None:
    x, y = patterns(3)
    np.savez(tmp_path / "plain.npz", x=x, y=y)
    first = datasets.load(voted(tmp_path / "v.npz", scores=np.full((4, 2), 0.25)), keep_other=True)
    both = joined([first, datasets.load(tmp_path / "plain.npz")])
    assert both.votes is not None
    assert both.scores is not None
    assert both.original is not None
    assert np.isnan(both.votes[4:]).all()
    assert np.array_equal(both.votes[:4], COUNTS)
    assert both.scores[:4].tolist() == [[0.25, 0.25]] * 4
    assert np.isnan(both.scores[4:]).all()
    assert both.original.tolist() == [3, 1, 4, 6, -1, -1, -1]


def test_targets_are_the_votes_and_half_the_label_where_nobody_was_asked() -> None:
    counts = np.concatenate([COUNTS.astype(np.float32), np.full((1, 10), np.nan, np.float32)])
    labels = np.array([3, 0, votes.OTHER, 0, 3])
    wanted = votes.targets(labels, counts, np.array([3, 1, 4, 6, -1]), second=0.5)
    assert wanted.shape == (5, votes.OUTPUTS)
    assert np.allclose(wanted[:, votes.HEADS[0]].sum(axis=1), 1)
    assert wanted[:, votes.HEADS[1]].sum(axis=1).tolist() == [0.5, 0.5, 0.5, 0.5, 0.0]
    assert wanted[2, 7] == pytest.approx(6 / 9)
    assert wanted[4, 3] == 1.0
    assert wanted[1, votes.HEADS[1]].argmax() == 1


def test_a_head_without_targets_has_no_loss_and_no_gradient() -> None:
    logits = torch.randn(2, votes.OUTPUTS, requires_grad=True)
    targets = torch.zeros(2, votes.OUTPUTS)
    targets[:, 3] = 1.0
    cross_entropy(logits, targets, 0.1).backward()
    assert logits.grad is not None
    assert logits.grad[:, votes.HEADS[0]].abs().sum() > 0
    assert logits.grad[:, votes.HEADS[1]].abs().sum() == 0


def test_unknown_scores_teach_nothing() -> None:
    forecast = torch.zeros(2, 3, requires_grad=True)
    scores = torch.tensor([[1.0, float("nan"), 0.0], [float("nan")] * 3])
    loss = movement_loss(forecast, scores)
    loss.backward()
    assert loss.item() == pytest.approx(np.log(2))
    assert forecast.grad is not None
    assert forecast.grad[0, 1] == 0
    assert forecast.grad[1].abs().sum() == 0
    assert movement_loss(forecast, torch.full((2, 3), float("nan"))).item() == 0


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 10_000), st.floats(-4, 6))
def test_more_for_none_of_the_seven_lowers_the_top_and_keeps_the_answer(
    seed: int, other: float
) -> None:
    logits = np.random.default_rng(seed).normal(0, 2, (1, 10)).astype(np.float32)
    more = logits.copy()
    more[:, 7:] = np.maximum(more[:, 7:], other)

    def answer(rows: np.ndarray) -> np.ndarray:
        eight = votes.seven_and_other(rows).astype(np.float64)
        weights = np.exp(eight - eight.max())
        return votes.among_seven((weights / weights.sum()).astype(np.float32))

    plain, doubtful = answer(logits), answer(more)
    assert plain.shape == (1, len(EMOTIONS))
    assert plain.sum() == pytest.approx(1, abs=1e-5)
    assert doubtful.argmax() == plain.argmax()
    assert doubtful.max() <= plain.max() + 1e-6


def test_seven_and_other_keeps_the_probabilities_of_the_ten() -> None:
    logits = np.random.default_rng(0).normal(0, 3, (5, votes.OUTPUTS)).astype(np.float32)
    ten = torch.from_numpy(logits[:, votes.HEADS[0]]).softmax(1).numpy()
    eight = torch.from_numpy(votes.seven_and_other(logits)).softmax(1).numpy()
    assert np.allclose(eight[:, :7], ten[:, :7], atol=1e-5)
    assert np.allclose(eight[:, 7], ten[:, 7:].sum(axis=1), atol=1e-5)


def test_a_second_panel_agrees_where_the_first_was_of_one_mind() -> None:
    sure = np.zeros((50, 10))
    sure[np.arange(50), np.arange(50) % 7] = 10
    split = np.zeros((50, 10))
    split[:, [3, 4]] = 5
    assert votes.second_panel(sure) > 0.99
    assert 0.4 < votes.second_panel(split) < 0.75


def test_half_of_the_answers_are_calibrated_on_the_other_half(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    counts = rng.multinomial(10, [0.1] * 10, 120)
    x, y = patterns(120)
    np.savez(tmp_path / "v.npz", x=x, y=y, votes=counts)
    faces = datasets.load(tmp_path / "v.npz", keep_other=True)
    logits = rng.normal(0, 2, (120, votes.OUTPUTS)).astype(np.float32)
    half = folds(faces, seed=1)
    assert 50 <= half.sum() <= 70
    found = two_fold(logits, faces, seed=1)
    learned = np.flatnonzero(~half)
    steps = calibrations(logits[learned], faces.take(learned))
    assert np.allclose(found.answers[half], steps.answers(logits[half]))
    assert not np.allclose(found.answers[~half], steps.answers(logits[~half]))
    assert np.allclose(found.forecast.sum(axis=1), 1, atol=1e-5)
    assert np.allclose(found.fer2013.sum(axis=1), 1, atol=1e-5)
