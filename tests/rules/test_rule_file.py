"""Reading rule files: what is wrong is said with line and field."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from framework_rules.config import RulesOptions
from framework_rules.load import load_rules, parse_rules
from framework_rules.recommender import build
from framework_rules.schema import Rule, RuleFile, SecondObservation
from hypothesis import given, settings
from hypothesis import strategies as st

from framework.errors import ConfigError
from framework.spec import BuildContext
from framework.types import NEGATIVE_EMOTIONS

GOOD = """\
version: 1
rules:
  - name: calm-down
    to: doctor
    observe:
      role: doctor
      emotions: [anger, disgust]
      min_probability: 0.6
    persistence_s: 4
    text: A short pause may help.
"""


def test_default_rules_hold_the_papers_two() -> None:
    rules = {rule.name: rule for rule in load_rules().rules}
    doctor, patient = rules["doctor-negative-expression"], rules["patient-negative-emotion"]
    assert doctor.observe is not None and patient.observe is not None
    assert set(doctor.observe.emotions) == {"anger", "disgust", "sadness"}
    assert (doctor.observe.role, doctor.to) == ("doctor", "doctor")
    assert set(patient.observe.emotions) == NEGATIVE_EMOTIONS
    assert (patient.observe.role, patient.to) == ("patient", "doctor")


def test_default_texts_neither_scold_nor_diagnose() -> None:
    for rule in load_rules().rules:
        words = rule.text.lower()
        for word in ("must", "should", "wrong", "bad", "fail", "depress", "disorder", "anxi", "!"):
            assert word not in words, (rule.name, word)


def test_good_file() -> None:
    rule = parse_rules(GOOD, "my.yaml").rules[0]
    assert rule.observe is not None
    assert rule.observe.leave == pytest.approx(0.42)
    assert rule.persistence_s == 4


@pytest.mark.parametrize(
    ("old", "new", "line", "field", "hint"),
    [
        ("anger,", "angry,", 7, "rules[0].observe.emotions[0]", "did you mean 'anger'"),
        ("[anger, disgust]", "[]", 7, "rules[0].observe.emotions", "at least 1"),
        ("to: doctor", "to: nurse", 4, "rules[0].to", "'doctor' or 'patient'"),
        ("persistence_s: 4", "persistance_s: 4", 9, "persistance_s", "'persistence_s'"),
        ("persistence_s: 4", "persistence_s: 0", 9, "rules[0].persistence_s", "greater than"),
        ("persistence_s: 4", "cool_down_s: no", 9, "rules[0].cool_down_s", "integer"),
        ("0.6", "1.6", 8, "rules[0].observe.min_probability", "less than or equal to 1"),
        ("0.6", "0.6\n      leave_probability: 0.7", 5, "rules[0].observe", "leave_probability"),
        ("calm-down", "Calm down", 3, "rules[0].name", "pattern"),
        ("A short pause", "A {mood} pause", 10, "rules[0].text", "{emotion} and {seconds}"),
        ("A short pause", "A {emotion:>99} pause", 10, "rules[0].text", "{emotion}"),
        ("A short pause", "A { pause", 10, "rules[0].text", "braces"),
        ("observe:", "obsrve:", 5, "rules[0].obsrve", "did you mean 'observe'"),
        ("version: 1", "version: 2", 1, "version", "expected 1"),
        ("persistence_s: 4", "absence: {role: patient}", 3, "rules[0]", "'observe' or 'absence'"),
    ],
)
def test_error_names_line_and_field(old: str, new: str, line: int, field: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_rules(GOOD.replace(old, new, 1), "my.yaml")
    message = str(caught.value)
    assert f"my.yaml, line {line}," in message
    assert field in message
    assert hint in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("text", "hint"),
    [
        ("", "empty"),
        ("- 1", "line 1"),
        ("rules: [1, 2", "no valid YAML"),
        ("version: 1\nversion: 1\n", "line 2: 'version' is there twice"),
        ("a: &x 1\nb: *x\n", "line 2: aliases"),
        ("a: \0", "no valid YAML"),
        ("version: 1\n", "rules: it is missing"),
        (GOOD + GOOD[GOOD.index("  - name") :], "unique"),
    ],
)
def test_broken_files(text: str, hint: str) -> None:
    with pytest.raises(ConfigError, match=r"my\.yaml") as caught:
        parse_rules(text, "my.yaml")
    assert hint in str(caught.value)


@settings(max_examples=120, deadline=None)
@given(
    st.text(max_size=60),
    st.integers(0, len(GOOD)),
    st.integers(0, 40),
)
def test_damaged_files_raise_nothing_else(junk: str, at: int, cut: int) -> None:
    try:
        parse_rules(GOOD[:at] + junk + GOOD[at + cut :], "my.yaml")
    except ConfigError as error:
        assert "\n" not in str(error)


def test_deeply_nested_file_is_refused() -> None:
    with pytest.raises(ConfigError):
        parse_rules("[" * 5000, "my.yaml")


def test_file_on_disk(tmp_path: Path) -> None:
    file = tmp_path / "my.yaml"
    file.write_text(GOOD, "utf-8")
    assert build(RulesOptions(rules=str(file)), BuildContext()).rules.rules[0].name == "calm-down"
    with pytest.raises(ConfigError, match="cannot be read"):
        load_rules(tmp_path / "missing.yaml")
    with pytest.raises(ConfigError, match="cannot be read"):
        load_rules(tmp_path)
    file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match="UTF-8"):
        load_rules(file)
    file.write_bytes(b"#" * 300_000)
    with pytest.raises(ConfigError, match="KiB"):
        load_rules(file)


DOC = Path(__file__).parents[2] / "docs" / "rules.md"


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", DOC.read_text("utf-8"), flags=re.S)


@pytest.mark.parametrize("block", _blocks("yaml"))
def test_every_example_in_the_documentation_is_valid(block: str) -> None:
    assert parse_rules(block, "docs/rules.md").rules


def test_documentation_shows_the_message_as_it_is() -> None:
    with pytest.raises(ConfigError) as caught:
        parse_rules(GOOD.replace("anger,", "angry,"), "my-rules.yaml")
    assert str(caught.value) in DOC.read_text("utf-8")


def test_documentation_names_every_field_and_default() -> None:
    text = DOC.read_text("utf-8")
    for model in (RuleFile, Rule, SecondObservation):
        for name, field in model.model_fields.items():
            (row,) = [x for x in text.splitlines() if x.startswith(f"| `{field.alias or name}` |")]
            if isinstance(field.default, int | float | str):
                shown = str(field.default).lower()
                assert shown in row, (name, shown)
