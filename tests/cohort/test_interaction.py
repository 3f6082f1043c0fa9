"""Synchrony, mimicry and lead over many encounters."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from framework_encounter.cohort.interaction import Measured, against_chance, read_outcomes, relate
from framework_encounter.dyad.files import write_interaction
from framework_encounter.dyad.interaction import Interaction

from framework.cli.main import main
from framework.errors import ConfigError
from tests.dyad.test_interaction import follows

Study = Callable[..., Path]


def measured(values: list[float], figure: str = "smile") -> list[Measured]:
    return [Measured(f"enc-{k}", {figure: v}) for k, v in enumerate(values)]


@pytest.fixture(scope="module")
def led() -> Interaction:
    return follows(1.0)


def test_a_figure_that_most_encounters_share_is_told_from_chance() -> None:
    generator = np.random.default_rng(2)
    (row,) = against_chance(measured((0.5 + generator.normal(0, 0.3, 40)).tolist()), least=10)
    assert row.encounters == 40 and row.p_value is not None and row.p_value < 0.001
    assert row.low is not None and row.high is not None and 0.3 < row.low < 0.5 < row.high < 0.7


def test_a_figure_without_effect_alarms_at_the_nominal_rate() -> None:
    alarms = 0
    for k in range(300):
        values = np.random.default_rng(k).normal(0, 1, 30)
        (row,) = against_chance(measured(values.tolist()), least=10)
        alarms += row.p_value is not None and row.p_value <= 0.05
    assert 5 <= alarms <= 27


def test_a_figure_with_few_encounters_is_hidden() -> None:
    (row,) = against_chance(measured([1.0] * 9), least=10)
    assert row.mean is None and row.p_value is None
    (row,) = relate(measured(list(range(9))), {f"enc-{k}": {"s": k} for k in range(9)}, least=10)
    assert row.rho is None


def test_an_outcome_in_the_same_order_has_rank_correlation_one() -> None:
    found = measured([0.1 * k for k in range(20)])
    outcomes = {f"enc-{k}": {"satisfaction": float(k**2), "same": 3.0} for k in range(20)}
    same, constant = relate(found, outcomes, least=10)
    assert same.rho == pytest.approx(1.0) and same.low is not None and same.low > 0.9
    assert constant.outcome == "same" and constant.rho is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("patient,satisfaction\n", "line 1: expected the columns 'id'"),
        ("id,satisfaction\nenc-1,good\n", "line 2, satisfaction: expected a number"),
        ("id,satisfaction\nenc-1,1,2\n", "line 2: expected 2 cells, got 3"),
        ("id,satisfaction\nenc-1,1\nenc-1,2\n", "line 3: the id 'enc-1' is there twice"),
        ("id,satisfaction\nenc-1,inf\n", "line 2, satisfaction: expected a finite number"),
    ],
)
def test_outcomes_that_do_not_validate_name_the_line(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "outcomes.csv"
    path.write_text(text)
    with pytest.raises(ConfigError, match=words):
        read_outcomes(path)


def test_the_command_writes_interaction_and_outcomes(
    study: Study, led: Interaction, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = study(12, seconds=180)
    for k in range(12):
        place = root / f"{k:02d}" / "doctor-view"
        place.mkdir(exist_ok=True)
        write_interaction(place, led, None, ())
    outcomes = tmp_path / "outcomes.csv"
    rows = "".join(f"enc-{k},{k}\n" for k in range(12))
    outcomes.write_text(f"id,satisfaction\n{rows}")
    out = tmp_path / "out"
    given = ["cohort", str(root), "--out", str(out), "--outcomes", str(outcomes)]
    assert main(given) == 0, capsys.readouterr().err
    with (out / "interaction.csv").open() as handle:
        figures = {row["figure"]: row for row in csv.DictReader(handle)}
    assert float(figures["smile: synchrony, effect size"]["mean"]) > 1
    assert figures["smile: true pair less pairs of different encounters, z"]["encounters"] == "12"
    assert float(figures["mimicry by the doctor, share beyond chance"]["mean"]) > 0
    assert (out / "outcomes.csv").exists()
    assert not (out / "interaction-by-encounter.csv").exists()
    assert "Between the two" in (out / "cohort.html").read_text()
    assert main([*given, "--per-encounter"]) == 0
    assert (out / "interaction-by-encounter.csv").read_text().count("\n") == 13
