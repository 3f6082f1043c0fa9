"""Broken packages that pip installed from wheels, met by the command in processes of its own."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.core.installed import make_environment, make_wheel

from .conftest import bright, pictures
from .test_broken_plugins import BROKEN, HEAD

Clip = Callable[..., Path]

MORE = {
    "missing-dependency": (
        "print('hello')\nimport module_that_is_nowhere",
        "No module named 'module_that_is_nowhere'; pip install what brings",
    ),
    "no-decorator": ("def framework_anonymizers(): return []", "lacks the decorator @hookimpl"),
    "raises-when-asked": (
        HEAD + "@hookimpl\ndef framework_anonymizers(): raise OSError('disk')",
        "OSError: disk; tell its author, or pip uninstall z-raises-when-asked",
    ),
}
NEEDY = HEAD + (
    "@hookimpl\n"
    "def framework_anonymizers():\n"
    "    yield ComponentSpec('needy', 'x', 'module_that_is_nowhere:Box', 'fake_parts:NoOptions',\n"
    "        requires=('needed-package>=2',))\n"
    "    yield ComponentSpec('no-class', 'x', 'fake_parts:Nothing', 'fake_parts:NoOptions')\n"
)


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The interpreter of an environment with one good package and every broken one."""
    root = tmp_path_factory.mktemp("installed")
    good = (Path(__file__).parent / "fake_parts.py").read_text(encoding="utf-8")
    sources = {f"z-{name}": source for name, (source, _) in {**BROKEN, **MORE}.items()}
    sources |= {"fake-parts": good, "needy-parts": NEEDY}
    return make_environment(root, [make_wheel(root, n, text) for n, text in sources.items()])


def framework(python: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    environment.pop("FRAMEWORK_PLUGINS", None)
    command = [str(python), "-m", "framework.cli.main", *arguments]
    done = subprocess.run(
        command, cwd=python.parent, env=environment, capture_output=True, text=True, timeout=300
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def test_each_is_listed_with_what_to_do(python: Path) -> None:
    listing = framework(python, "plugins")
    assert listing.returncode == 0
    assert "hello" not in listing.stdout  # what a plugin prints would spoil --json
    for name, (_, words) in {**BROKEN, **MORE}.items():
        (line,) = [text for text in listing.stdout.splitlines() if f"(z-{name} 1.0)" in text]
        assert words in line
        assert "pip uninstall" in line or "install a matching version" in line, line
    problems = json.loads(framework(python, "plugins", "--json").stdout)["problems"]
    ours = [p["distribution"] for p in problems if p["distribution"].startswith("z-")]
    assert sorted(ours) == sorted(f"z-{name}" for name in {**BROKEN, **MORE})


@pytest.mark.parametrize(
    ("name", "status", "words"),
    [
        ("fill", 0, ""),
        ("wrong", 1, "components failed"),
        ("crash", 1, "components failed"),
        ("lazy", 1, "components failed"),
        ("needy", 2, "pip install needed-package>=2"),
        ("no-class", 2, "has no attribute 'Nothing'"),
        ("old", 2, "unknown anonymizer 'old'"),
    ],
)
def test_no_face_gets_out(
    python: Path, clip: Clip, tmp_path: Path, name: str, status: int, words: str
) -> None:
    out = tmp_path / "out"
    command = ["run", str(clip(frames=16)), "--detector", "square", "--anonymizer", name]
    done = framework(python, *command, "--fer", "none", "--out", str(out), "--quiet")
    assert done.returncode == status, done.stderr
    errors = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    if status == 2:
        assert len(errors) == 1 and words in errors[0]
        assert not out.exists()
    else:
        assert words in done.stderr + done.stdout
        images = pictures(out / "anonymized.mp4")
        assert len(images) == 16
        assert all(bright(image) == 0 for image in images)
