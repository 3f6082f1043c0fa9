"""Weights for research only are optional, named once, and never needed for covering faces."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from framework.cli.main import main
from framework.registry import Registry
from framework.spec import Kind

Clip = Callable[..., Path]
PACKAGE = "framework_weights_research"


@pytest.fixture
def without_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """As after an installation of the MIT wheel alone."""
    find = importlib.util.find_spec

    def found(name: str, package: str | None = None) -> Any:
        return None if name == PACKAGE else find(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", found)


@pytest.mark.parametrize(
    ("arguments", "kind", "file"),
    [
        (["--fer", "resnet"], "emotion-classifier 'resnet'", "resnet.safetensors"),
        (["--fer", "effnet"], "emotion-classifier 'effnet'", "effnet.safetensors"),
        (["--fer", "none", "-a", "fomm"], "anonymizer 'fomm'", "fomm.safetensors"),
    ],
)
def test_a_component_without_its_weights_says_what_to_install_and_the_licence(
    parts: Path,
    clip: Clip,
    tmp_path: Path,
    without_weights: None,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    kind: str,
    file: str,
) -> None:
    out = tmp_path / "out"
    source = str(clip(frames=2))
    assert main(["run", source, "--detector", "square", *arguments, "-d", str(out)]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith(f"error: {kind}: weights {file} are not installed")
    assert "their licence is: research only" in printed
    assert "pip install 'clinical-empathy-framework[research]'" in printed
    assert printed.count("\n") == 1 and not out.exists()


@pytest.mark.parametrize("policy", [[], ["--licence-policy", "commercial"]])
def test_faces_are_covered_without_the_package_and_the_user_is_told_what_is_missing(
    parts: Path,
    clip: Clip,
    tmp_path: Path,
    without_weights: None,
    capsys: pytest.CaptureFixture[str],
    policy: list[str],
) -> None:
    out = tmp_path / "out"
    source = str(clip(frames=4))
    assert main(["run", source, "--detector", "square", "-d", str(out), *policy]) == 0
    assert (out / "anonymized.mp4").stat().st_size > 0
    manifest = json.loads((out / "manifest.json").read_text())
    names = [c["name"] for c in manifest["components"]]
    assert names[:4] == ["square", "bytetrack", "blur", "rules"]
    # Who searches the result and compares it with the original.
    assert [c["kind"] for c in manifest["components"][4:]] == ["detector", "recognizer"]
    lines = [line for line in capsys.readouterr().err.splitlines() if "emotions" in line]
    assert len(lines) == 1 and lines[0].startswith("warning: emotions are not read")


def test_a_commercial_run_uses_no_research_weights_even_if_they_are_installed(
    parts: Path, clip: Clip, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    policy = ["--licence-policy", "commercial"]
    source = str(clip(frames=4))
    assert main(["run", source, "--detector", "square", "-d", str(out), *policy]) == 0
    manifest = json.loads((out / "manifest.json").read_text())
    assert all(not w for c in manifest["components"] for w in [c["weights"]])
    assert "weights for research only" not in capsys.readouterr().err
    asked = ["run", source, "--detector", "square", "--fer", "resnet", "-d", str(out), *policy]
    assert main(asked) == 2
    assert "not declared to allow commercial use" in capsys.readouterr().err


def test_a_run_names_its_research_weights_once(
    parts: Path, clip: Clip, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = str(clip(frames=4)), tmp_path / "out"
    assert main(["run", source, "--detector", "square", "--no-recheck", "-d", str(out)]) == 0
    printed = capsys.readouterr()
    lines = [line for line in printed.err.splitlines() if "research only" in line]
    assert len(lines) == 1
    assert lines[0].startswith("warning: weights for research only: resnet.safetensors")


def test_the_wheel_of_the_framework_has_no_research_weights() -> None:
    plugins = Path(__file__).parents[2] / "plugins"
    inside = {p.name for p in plugins.rglob("*") if p.suffix in (".safetensors", ".onnx", ".npz")}
    declared = {
        w.file.rpartition("/")[2]
        for c in Registry.load(only=()).components.values()
        for w in c.spec.weights
        if not w.commercial_use
    }
    assert declared and not inside & declared
    assert Registry.load(only=()).get(Kind.ANONYMIZER, "blur").spec.weights == ()


def test_doctor_is_content_without_the_package(
    without_weights: None, capsys: pytest.CaptureFixture[str]
) -> None:
    main(["doctor"])
    printed = capsys.readouterr().out
    assert "anonymizer fomm: not installed (research only" in printed
    assert "everything the reference components need is here" in printed
