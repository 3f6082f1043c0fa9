"""The kit itself: sound components pass, broken ones fail the check that is about them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict, Field

from framework.cli.main import main
from framework.errors import ComponentError, ConfigError
from framework.spec import ComponentSpec, Kind, WeightSpec
from framework.testing import CheckResult, Status, Subject, all_good, conformance, run_checks
from framework.testing.kit import CHECKS, checks_of, run_check
from tests.testing import broken_anonymizers as parts


def results(subject: Subject) -> dict[str, CheckResult]:
    return {result.name: result for result in run_checks(subject)}


def test_sound_anonymizer_passes_everything() -> None:
    found = run_checks(Subject.from_factory("anonymizer", parts.Sound))
    assert all_good(found)
    assert {r.status for r in found} == {Status.PASSED}
    assert any("ms a frame" in r.message for r in found)


@pytest.mark.parametrize(("broken", "capabilities", "check"), parts.BROKEN)
def test_broken_anonymizer_fails_its_check(
    broken: type[parts.Sound], capabilities: frozenset[str], check: str
) -> None:
    subject = Subject.from_factory("anonymizer", broken, capabilities)
    (chosen,) = [c for c in checks_of(subject) if c.name == check]
    result = run_check(chosen, subject)
    assert result.status == Status.FAILED
    assert result.message
    assert "\n" not in result.message


def test_capabilities_choose_the_checks() -> None:
    plain = {c.name for c in checks_of(Subject.from_factory("anonymizer", parts.Sound))}
    batched = Subject.from_factory("anonymizer", parts.Sound, frozenset({"batch"}))
    assert {c.name for c in checks_of(batched)} - plain == {"batch-equals-single"}


def test_announcing_unprotected_skips_the_covering_and_nothing_else() -> None:
    found = results(Subject.from_factory("anonymizer", parts.Sound, frozenset({"unprotected"})))
    skipped = {name for name, r in found.items() if r.status == Status.SKIPPED}
    assert skipped == {name for name in found if name.startswith("covers-")}


def test_known_gap_is_strict() -> None:
    gaps = {"reset-restores": "the counter goes on"}
    found = results(Subject.from_factory("anonymizer", parts.ResetDoesNothing, known_gaps=gaps))
    assert found["reset-restores"].status == Status.XFAIL
    assert found["reset-restores"].message == "the counter goes on"
    assert all_good(found.values())
    found = results(Subject.from_factory("anonymizer", parts.Sound, known_gaps=gaps))
    assert found["reset-restores"].status == Status.FAILED
    assert "remove it" in found["reset-restores"].message


def test_covering_faces_cannot_be_a_gap() -> None:
    gaps = {"covers-each-track": "hard"}
    with pytest.raises(ConfigError, match="unprotected"):
        checks_of(Subject.from_factory("anonymizer", parts.FirstTrackOnly, known_gaps=gaps))


def test_unknown_gap_is_named() -> None:
    with pytest.raises(ConfigError, match="did you mean 'reset-restores'"):
        checks_of(
            Subject.from_factory("anonymizer", parts.Sound, known_gaps={"reset-restore": "x"})
        )


def test_what_cannot_be_built_is_not_called() -> None:
    def explode() -> parts.Sound:
        raise RuntimeError("no disk")

    found = results(Subject.from_factory("anonymizer", explode))
    assert found["can-be-built"].status == Status.FAILED
    assert "no disk" in found["can-be-built"].message
    others = [r for name, r in found.items() if name != "can-be-built"]
    assert all(r.status == Status.SKIPPED for r in others)


def test_missing_methods_are_named() -> None:
    found = results(Subject.from_factory("tracker", parts.Sound))
    assert "lacks update" in found["can-be-built"].message


def test_every_kind_has_checks_with_a_sentence_each() -> None:
    assert set(CHECKS) == set(Kind)
    for checks in CHECKS.values():
        assert len(checks) >= 6
        assert len({c.name for c in checks}) == len(checks)
        assert all(c.about.endswith((".", ":")) for c in checks)


class GoodOptions(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    strength: int = Field(default=3, ge=1, le=9, description="How much. Unit: none.")


class OpenOptions(BaseModel):
    strength: int = Field(default=3, ge=1, le=9, description="How much.")


class NoLimit(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    strength: float | None = Field(default=None, ge=0, description="How much.")


class NoDescription(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    strength: int = Field(default=3, ge=1, le=9)


def build(options: BaseModel, context: object) -> parts.Sound:
    return parts.Sound()


def spec(config: str = "GoodOptions", **changes: object) -> ComponentSpec:
    fields: dict[str, object] = {
        "name": "grey-box",
        "summary": "a grey box",
        "factory": f"{__name__}:build",
        "config": f"{__name__}:{config}",
        "licence": "MIT",
    }
    return ComponentSpec(**{**fields, **changes})  # type: ignore[arg-type]


def described(description: ComponentSpec, plugin_module: str | None = None) -> Subject:
    return Subject.from_spec("anonymizer", description, plugin_module=plugin_module)


def failure(subject: Subject, name: str) -> str:
    """Message with which one check fails; empty if it passes."""
    (chosen,) = [c for c in checks_of(subject) if c.name == name]
    result = run_check(chosen, subject)
    return result.message if result.status == Status.FAILED else ""


def test_sound_description_passes() -> None:
    assert all_good(run_checks(described(spec())))


@pytest.mark.parametrize(
    ("description", "check", "hint"),
    [
        (spec("OpenOptions"), "options-are-documented-and-bounded", "extra"),
        (spec("NoLimit"), "options-are-documented-and-bounded", "upper limit"),
        (spec("NoDescription"), "options-are-documented-and-bounded", "strength"),
        (spec(licence=""), "description-is-complete", "licence"),
        (spec(name="Grey Box"), "description-is-complete", "name"),
        (spec(api=99), "description-is-complete", "api"),
        (spec(factory="nowhere:build"), "factory-and-options-can-be-imported", "nowhere"),
        (
            spec(weights=(WeightSpec("framework:none.bin", "0" * 64, "MIT", ("x",), "y"),)),
            "weights-are-what-they-are-declared-to-be",
            "none.bin",
        ),
        (
            spec(weights=(WeightSpec("framework:types.py", "0" * 64, "MIT", ("x",), "y"),)),
            "weights-are-what-they-are-declared-to-be",
            "expected sha256 0000",
        ),
        (
            spec(weights=(WeightSpec("framework:types.py", "", "MIT", ("x",), "y"),)),
            "weights-are-what-they-are-declared-to-be",
            "no sha256",
        ),
        (
            spec(weights=(WeightSpec("mine.onnx", "", "", ("x",), "y"),)),
            "weights-are-what-they-are-declared-to-be",
            "no licence",
        ),
    ],
)
def test_flawed_description_fails_its_check(
    description: ComponentSpec, check: str, hint: str
) -> None:
    assert hint in failure(described(description), check)


def test_heavy_plugin_module_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "heavy_plugin.py").write_text("import cv2\n", "utf-8")
    monkeypatch.syspath_prepend(str(tmp_path))
    check = "plugin-module-is-light"
    assert "cv2" in failure(described(spec(), "heavy_plugin"), check)
    assert "cannot be imported" in failure(described(spec(), "missing_plugin"), check)
    assert failure(described(spec(), "framework_redact.plugin"), check) == ""


@conformance(parts.Sound, kind="anonymizer")
def test_decorator_with_a_class(check: Callable[[], str]) -> None:
    check()


@conformance(parts.ResetDoesNothing, kind="anonymizer", xfail={"reset-restores": "goes on"})
def test_decorator_with_a_gap(check: Callable[[], str]) -> None:
    check()


@conformance(spec(), kind="anonymizer", options={"strength": 4})
def test_decorator_with_a_description(check: Callable[[], str]) -> None:
    check()


def test_decorator_refuses_what_it_does_not_know() -> None:
    with pytest.raises(ComponentError, match="did you mean 'blur'"):
        conformance("anonymizer:blurr")
    with pytest.raises(ConfigError, match="KIND:NAME"):
        conformance("blur")
    with pytest.raises(ConfigError, match="cells"):
        conformance("anonymizer:blur", options={"cells": 0})
    with pytest.raises(TypeError, match="kind"):
        conformance(parts.Sound)


def test_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "anonymizer:mask"]) == 0
    out = capsys.readouterr().out
    assert "ok      covers-each-track" in out
    assert "0 failed" in out


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["blur"], "KIND:NAME"),
        (["anonymizer:blurr"], "did you mean 'blur'"),
        (["anonymizer:blur", "-o", "blur.cells=3"], "options of 'anonymizer'"),
        (["anonymizer:blur", "-o", "anonymizer.cells=99"], "anonymizer.cells"),
    ],
)
def test_command_line_errors(
    arguments: list[str], hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", *arguments]) == 2
    error = capsys.readouterr().err
    assert hint in error
    assert error.count("\n") == 1


def test_importing_the_kit_is_light() -> None:
    code = (
        "import sys, framework.testing\n"
        "heavy = {'torch', 'cv2', 'onnxruntime', 'av', 'scipy', 'pytest'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
