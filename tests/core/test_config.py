from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from framework.config import load_run_config, parse_option
from framework.errors import ConfigError


def test_precedence_is_defaults_then_file_then_options(tmp_path: Path) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(
        "anonymizer: mask\nfer_rate: 2\nanonymizer.shape: box\n"
        "options:\n  detector: {size: 320, threshold: 0.5}\n"
    )
    config = load_run_config(file, ["detector.size=480"], fer_rate=None, on_miss="drop")
    assert (config.anonymizer, config.fer_rate, config.on_miss) == ("mask", 2.0, "drop")
    assert config.options_of("detector") == {"size": 480, "threshold": 0.5}
    assert config.options_of("anonymizer") == {"shape": "box"}
    assert config.fer == "resnet"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("anonymiser: blur\n", "unknown option .*anonymiser; did you mean 'anonymizer'"),
        ("fer_rate: 0\n", "fer_rate.*> 0, <= 240.*got 0"),
        ("on_miss: pass\n", "on_miss.*'cover', 'drop' or 'abort'.*got 'pass'"),
        ("anonymizer: [\n", "line 2"),
        ("- a\n", "expected 'key: value' lines"),
        ("options: 3\n", "'options' expects"),
        ("options: {blur: 3}\n", "'options' expects"),
    ],
)
def test_a_file_that_does_not_validate_is_one_line(
    tmp_path: Path, text: str, expected: str
) -> None:
    file = tmp_path / "run.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=expected) as caught:
        load_run_config(file)
    assert "\n" not in str(caught.value)


def test_a_missing_file_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file"):
        load_run_config(tmp_path / "none.yaml")


@pytest.mark.parametrize("text", ["kernel", "kernel=3", ".x=3", "a.=3", "=3"])
def test_an_option_of_the_wrong_form_shows_the_right_one(text: str) -> None:
    with pytest.raises(ConfigError, match=r"GROUP\.NAME=VALUE"):
        parse_option(text)


@given(
    st.integers(),
    st.sampled_from(["anonymizer", "fer"]),
    st.from_regex(r"[a-z_]{1,8}", fullmatch=True),
)
def test_option_values_are_read_as_yaml(value: int, group: str, name: str) -> None:
    assert parse_option(f"{group}.{name}={value}") == (group, name, value)


def test_option_values_keep_text_and_equals_signs() -> None:
    assert parse_option("fer.weights=a=b.pth") == ("fer", "weights", "a=b.pth")
    assert parse_option("x.y=") == ("x", "y", "")
    assert parse_option("x.y=true") == ("x", "y", True)
    assert parse_option("x.y=[") == ("x", "y", "[")
    assert parse_option("mask.colour=#00ff00") == ("mask", "colour", "#00ff00")
