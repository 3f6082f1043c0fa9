"""The description is light, and what the user gets wrong is said in one line."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from framework.errors import ComponentError, ConfigError, WeightsError
from framework.registry import Registry
from framework.spec import BuildContext, Kind


def test_describing_imports_nothing_heavy() -> None:
    code = (
        "import sys, framework_fomm.plugin as p; list(p.framework_anonymizers());"
        "print([m for m in ('torch', 'cv2', 'safetensors') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout.strip() == "[]", result.stderr


def test_built_through_the_registry(weight_file: Path, tmp_path: Path) -> None:
    registry = Registry.load()
    options = {"weights": str(weight_file), "output": "crop"}
    swap = registry.create(Kind.ANONYMIZER, "fomm", options, BuildContext(threads=1, key=b"k"))
    assert swap.options.output == "crop"

    def fails(error: type[Exception], match: str, **changes: object) -> None:
        with pytest.raises(error, match=match) as caught:
            registry.create(
                Kind.ANONYMIZER, "fomm", {**options, **changes}, BuildContext(device="cpu")
            )
        assert "\n" not in str(caught.value)

    fails(WeightsError, "no such file", weights=str(tmp_path / "none.pth.tar"))
    fails(ConfigError, "output", output="hologram")
    fails(ConfigError, "margin", margin=0.0)  # less than the default of any other cover
    fails(ConfigError, "wings", wings=2)
    fails(ComponentError, "donors add", donors="user", donor_folder=str(tmp_path / "empty"))


def test_a_missing_gpu_is_said(weight_file: Path) -> None:
    import torch

    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(ComponentError, match="--device cpu"):
        Registry.load().create(
            Kind.ANONYMIZER,
            "fomm",
            {"weights": str(weight_file)},
            BuildContext(device="cuda"),
        )
