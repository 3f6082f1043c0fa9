from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

_EXAMPLE = Path(__file__).parents[2] / "examples" / "bench_cohort.py"


@pytest.fixture(scope="session")
def bench() -> Any:
    """The program that makes synthetic encounters."""
    spec = importlib.util.spec_from_file_location("bench_cohort", _EXAMPLE)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def study(tmp_path: Path, bench: Any) -> Callable[..., Path]:
    """Writes a folder of synthetic encounters: ``study(12, seconds=60)``."""

    def make(count: int, seconds: int = 60, **more: Any) -> Path:
        root = tmp_path / "study"
        generator = np.random.default_rng(7)
        for k in range(count):
            bench.write_encounter(root / f"{k:02d}", f"enc-{k}", seconds + k, generator, **more)
        return root

    return make
