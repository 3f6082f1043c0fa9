from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

import pytest
from framework_encounter import make_encounter, run_encounter

from framework.types import Recommendation, Role
from tests.core.installed import install
from tests.encounter.conftest import camera
from tests.pipeline.conftest import parts
from tests.release.study_maker import copy_study, make_study

__all__ = ["camera", "parts"]

BASE = {"detector": "square", "fer": "happy", "anonymizer": "fill"}
OFFSET_S = 1.25


@pytest.fixture
def visit(parts: Path, camera: Callable[..., Path], tmp_path: Path) -> Iterator[Path]:
    """Results of an encounter: the doctor's camera starts 1.25 s late, and sees a dark face."""
    recordings = [
        {"file": str(camera("a.mkv", 80)), "shows": "patient"},
        {"file": str(camera("b.mkv", 40, seed=1)), "shows": "doctor", "offset_s": OFFSET_S},
    ]
    about = {"id": "enc-1", "recordings": recordings, "sync": "manual"}
    out = tmp_path / "results" / "enc-1"
    run_encounter(make_encounter(about), out=out, **BASE)
    advice = Recommendation(
        3.0, Role.DOCTOR, "a-rule", "Ask how she feels.", "why", "person-1", "sadness", 1, 3, 0.8
    )
    second = Recommendation(
        3.0, Role.DOCTOR, "b-rule", "Wait.", "why", "person-1", "sadness", 1, 3, 0.8
    )
    body = {
        "schema": "framework-recommendations",
        "schema_version": 1,
        "recommendations": [asdict(advice), asdict(second)],
    }
    (out / "doctor-view" / "recommendations.json").write_text(json.dumps(body))
    yield out


@pytest.fixture(scope="session")
def study_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the components that the study needs, installed as strangers' packages."""
    site = tmp_path_factory.mktemp("site")
    here = Path(__file__).parent
    for name, file in (
        ("fake-parts", here.parent / "pipeline" / "fake_parts.py"),
        ("study-parts", here / "study_parts.py"),
    ):
        install(site, name, file.read_text(encoding="utf-8"))
    return site


def forget(site: Path) -> None:
    for name, module in list(sys.modules.items()):
        if str(getattr(module, "__file__", "")).startswith(str(site)):
            del sys.modules[name]


@pytest.fixture(scope="session")
def study_template(study_site: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The study, made once and verified once."""
    from framework_release.build import build_release
    from framework_release.config import load_release_config

    root = tmp_path_factory.mktemp("template") / "all" / "study"
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(study_site))
        patch.delenv("FRAMEWORK_PLUGINS", raising=False)
        make_study(root)
        out = root.parent / "release"
        build_release(
            root,
            out,
            load_release_config(root / "release.yaml"),
            settings={"detector": "square"},
        )
    forget(study_site)
    return root


@pytest.fixture
def study(
    study_site: Path, study_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Path]:
    """A study of this test's own, with its first release beside it."""
    monkeypatch.syspath_prepend(str(study_site))
    monkeypatch.delenv("FRAMEWORK_PLUGINS", raising=False)
    yield copy_study(study_template, tmp_path / "all")
    forget(study_site)
