"""What ``framework plugin new`` writes can be built, installed and listed, and passes its tests.

One environment for all kinds. It sees the packages of this one, so that nothing is downloaded.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from framework.scaffold import new_plugin, plan_plugin
from framework.scaffold.generate import KINDS
from framework.spec import Kind
from tests.core.installed import make_environment


def run(command: list[str], folder: Path) -> str:
    """Run a command and return what it printed; its output is the message when it fails."""
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    for name in ("FRAMEWORK_PLUGINS", "PYTEST_ADDOPTS"):
        environment.pop(name, None)
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    return done.stdout


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an environment and the installed wheels of one plugin of each kind."""
    root = tmp_path_factory.mktemp("generated")
    sources = []
    for kind in KINDS:
        plan = plan_plugin(f"sample-{kind}", kind)
        sources.append(root / plan.distribution)
        new_plugin(plan, sources[-1])
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    run(
        [*pip, "wheel", "--no-deps", "--no-build-isolation", "--no-index", "-w", "wheels"]
        + [str(source) for source in sources],
        root,
    )
    wheels = sorted((root / "wheels").glob("*.whl"))
    assert len(wheels) == len(KINDS)
    make_environment(root, wheels)
    return root


def test_every_generated_plugin_is_listed(site: Path) -> None:
    python = str(site / "env" / "bin" / "python")
    listing = json.loads(run([python, "-m", "framework.cli.main", "plugins", "--json"], site))
    ours = "framework-sample-"
    found = {c["kind"] for c in listing["components"] if c["distribution"].startswith(ours)}
    assert found == set(Kind)
    commands = {c["name"] for c in listing["commands"] if c["distribution"].startswith(ours)}
    assert commands == {"sample-command"}
    assert [p for p in listing["problems"] if p["distribution"].startswith(ours)] == []


def test_every_generated_plugin_passes_its_tests(site: Path) -> None:
    python = str(site / "env" / "bin" / "python")
    command = [python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib"]
    folders = [str(site / f"framework-sample-{kind}" / "tests") for kind in KINDS]
    run([*command, *folders], site)
