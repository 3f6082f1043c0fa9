from __future__ import annotations

import enum
import getpass
import json
import platform
import subprocess
import sys
from pathlib import Path
from typing import Literal

import pytest
from framework_rules.load import parse_rules
from framework_rules.recommender import Rules
from pydantic import BaseModel, Field

from framework.config import RunConfig
from framework.manifest import (
    REDACTED,
    build_manifest,
    component_record,
    redact_options,
    write_manifest,
)
from framework.spec import ComponentSpec, Kind, WeightSpec
from framework.timeline import TimelineConfig


class Shape(enum.StrEnum):
    BOX = "box"
    ELLIPSE = "ellipse"


class Inner(BaseModel):
    reference: str = ""
    size: int = 3


class Options(BaseModel):
    kernel: int = Field(default=31, ge=1)
    baseline: Literal["auto", "none"] = "none"
    shape: Shape = Shape.BOX
    colour: str = "#000000"
    rules: Path | None = None
    donor: str = "random"
    folder: Path = Path("results")
    weights: list[float | str] = []
    people: dict[str, str] = {}
    inner: Inner = Inner()


def spec(*weights: WeightSpec) -> ComponentSpec:
    return ComponentSpec(
        "blur", "covers faces by a blur", "m:f", "m:C", weights=weights, licence="MIT"
    )


def test_what_cannot_name_anything_is_kept() -> None:
    given = Options(
        kernel=61, baseline="auto", shape=Shape.ELLIPSE, colour="#ff8800", weights=[1.5]
    )
    safe = redact_options(given)
    assert safe["kernel"] == 61
    assert safe["baseline"] == "auto"
    assert safe["shape"] == "ellipse"
    assert safe["colour"] == "#ff8800"
    assert safe["weights"] == [1.5]
    assert safe["donor"] == "random"  # the default
    assert safe["rules"] is None
    json.dumps(safe)


def test_what_the_user_typed_freely_is_replaced() -> None:
    given = Options(
        rules=Path("/home/mueller/rules.yaml"),
        donor="mueller",
        folder=Path("visits/mueller"),
        weights=["mueller.onnx", 2],
        people={"mueller": "patient mueller"},
        inner=Inner(reference="mueller.png", size=4),
    )
    safe = redact_options(given)
    assert "mueller" not in json.dumps(safe)
    assert safe["rules"] == safe["donor"] == safe["folder"] == REDACTED
    assert safe["weights"] == [REDACTED, 2]
    assert safe["inner"] == {"reference": REDACTED, "size": 4}
    assert safe["people"] == REDACTED
    # A path is replaced even where it is the default: defaults can hold a home folder.
    assert redact_options(Options())["folder"] == REDACTED
    assert redact_options(None) == {}


def test_names_of_components_are_no_secret() -> None:
    manifest = build_manifest(
        "run", [component_record("anonymizer", spec(), None)], settings=Options(donor="blur")
    )
    assert manifest.settings["donor"] == "blur"
    none = build_manifest("run", [], settings=Options(donor="none"))
    assert none.settings["donor"] == "none"
    assert build_manifest("run", [], settings=Options(donor="x")).settings["donor"] == REDACTED
    record = component_record("anonymizer", spec(), None)
    for text in ("patient=blur,doctor=blur", "doctor=blur"):
        made = build_manifest("run", [record], settings=Options(donor=text))
        assert made.settings["donor"] == text
    for text in ("mueller=blur", "patient=mueller", "patient=blur,mueller", "patient="):
        made = build_manifest("run", [record], settings=Options(donor=text))
        assert made.settings["donor"] == REDACTED


def test_thresholds_in_force_are_recorded_whole() -> None:
    stages = {"timeline": TimelineConfig(smoothing_s=5)}
    settings = RunConfig(options={"timeline": {"smoothing_s": 5}, "recommender": {"rules": "x"}})
    made = build_manifest("run", [], settings=settings, stages=stages).settings["options"]
    assert set(made) == {"timeline"} and made["timeline"]["smoothing_s"] == 5
    assert made["timeline"]["min_samples"] == TimelineConfig().min_samples


def test_a_rule_files_numbers_are_recorded_and_its_words_are_not() -> None:
    text = """version: 1
rules:
  - name: dr-mueller-tense
    observe: {role: doctor, emotions: [anger], min_probability: 0.45}
    persistence_s: 7
    text: Dear Dr Mueller, breathe.
"""
    details = Rules(parse_rules(text, "x.yaml")).manifest_details()
    record = component_record("recommender", spec(), None, details=details)
    (rule,) = record.details["rules"]
    assert rule["persistence_s"] == 7
    assert rule["observe"]["min_probability"] == 0.45
    assert rule["observe"]["emotions"] == ["anger"] and rule["observe"]["role"] == "doctor"
    assert "ueller" not in json.dumps(record.details)


def test_what_a_component_says_of_itself_cannot_name_anybody() -> None:
    details = {"limit": 3, "note": "mueller", "Herr Mueller": 1, "inner": {"who": ["mueller", 2]}}
    record = component_record("recommender", spec(), None, details=details)
    assert record.details == {"limit": 3, "note": REDACTED, "inner": {"who": [REDACTED, 2]}}


def test_weights_are_named_with_hash_and_licence_unless_the_user_brought_them() -> None:
    packaged = WeightSpec("package:w/a.onnx", "ab" * 32, "MIT", ("WIDER FACE",), "paper", True)
    brought = [
        WeightSpec(file, "", "unknown", (), "the user")
        for file in ("/home/mueller/w.onnx", "mueller.onnx", "C:\\mueller\\w.onnx")
    ]
    record = component_record(Kind.ANONYMIZER, spec(packaged, *brought), None)
    assert record.kind == "anonymizer"
    assert record.weights[0]["file"] == "package:w/a.onnx"
    assert record.weights[0]["sha256"] == "ab" * 32
    assert record.weights[0]["trained_on"] == ("WIDER FACE",)
    assert [w["file"] for w in record.weights[1:]] == [REDACTED] * 3


def test_the_manifest_says_how_and_not_of_whom(tmp_path: Path) -> None:
    path = tmp_path / "manifest.json"
    record = component_record(
        "anonymizer", spec(), Options(donor="mueller"), distribution="some-package", version="1.2"
    )
    manifest = build_manifest("run", [record], seeds={"run": 7}, synthetic_media=True)
    write_manifest(manifest, path)
    text = path.read_text(encoding="utf-8")
    body = json.loads(text)
    assert (body["schema"], body["schema_version"]) == ("framework-manifest", 1)
    assert body["components"][0]["distribution"] == "some-package"
    assert body["seeds"] == {"run": 7} and body["synthetic_media"] is True
    assert body["packages"]["numpy"] and "pip" not in body["packages"]
    for secret in ("mueller", platform.node(), str(Path.home()), str(tmp_path)):
        if len(secret) > 3:
            assert secret not in text
    if len(getpass.getuser()) > 4:
        assert getpass.getuser() not in text


def test_versions_are_read_without_importing_anything_heavy() -> None:
    code = (
        "import sys; from framework.manifest import build_manifest; build_manifest('run', []);"
        "bad = {'torch', 'cv2', 'onnxruntime', 'av', 'scipy'} & set(sys.modules);"
        "sys.exit(str(bad) if bad else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "module", ["timeline", "agreement", "audit", "table_file", "outputs", "report"]
)
def test_importing_the_outputs_costs_little(module: str) -> None:
    code = (
        f"import sys; import framework.{module};"
        "bad = {'torch', 'cv2', 'onnxruntime', 'av', 'scipy', 'jinja2'} & set(sys.modules);"
        "sys.exit(str(bad) if bad else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
