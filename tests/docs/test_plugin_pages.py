"""Every code block under docs/plugins is executed, and what is generated there is current."""

from __future__ import annotations

import importlib
import re
import shlex
import subprocess
import sys
import tomllib
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from framework.config import RunConfig
from framework.media import open_writer
from framework.media.source import MediaKind, SourceInfo
from framework.scaffold.generate import KINDS
from framework.spec import Kind
from framework.testing import Subject, all_good, run_checks, scenes
from tests.core.installed import make_environment

ROOT = Path(__file__).parents[2]
PAGES = [
    *sorted((ROOT / "docs" / "plugins").glob("*.md")),
    *(ROOT / "docs" / name for name in ("first-anonymizer.md", "first-recording.md", "compare.md")),
]
FENCE = re.compile(r"^```(\w+)(?: title=\"([^\"]+)\")?\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    language: str
    title: str
    text: str


def blocks(page: Path) -> list[Block]:
    return [Block(*match.groups("")) for match in FENCE.finditer(page.read_text(encoding="utf-8"))]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder on the path of imports; what is imported from it is forgotten afterwards."""
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.syspath_prepend(str(tmp_path / "src"))
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if (getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
            del sys.modules[name]


def write_files(page: Path, place: Path) -> list[Path]:
    """The blocks with a title, as files."""
    written = []
    for block in blocks(page):
        if block.title.endswith(".py"):
            path = place / block.title
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(block.text, encoding="utf-8")
            written.append(path)
    return written


def command_of(words: list[str]) -> tuple[Any, list[str]]:
    """The command object that ``framework ...`` leads to, and the words after it."""
    from framework.cli.main import app

    command: Any = typer.main.get_command(app)
    rest = words[1:]
    while rest and hasattr(command, "commands"):
        if (found := command.get_command(None, rest[0])) is None:
            break
        command, rest = found, rest[1:]
    return command, rest


def check_shell(text: str) -> None:
    """Every ``framework`` line names a command that exists, with options that exist."""
    for line in text.splitlines():
        words = shlex.split(line, comments=True)
        if not words:
            continue
        assert words[0] in {"framework", "pip", "python", "pytest", "cd"}, line
        if words[0] != "framework":
            continue
        command, rest = command_of(words)
        known = {name for p in command.params for name in (*p.opts, *p.secondary_opts)}
        used = {word.partition("=")[0] for word in rest if re.match(r"-{1,2}[a-z]", word)}
        assert used <= known, (line, used - known)
        assert command.name != "framework" or words == ["framework"], line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_runs(page: Path, place: Path) -> None:
    write_files(page, place)
    names: dict[str, Any] = {"__name__": f"docs_{page.stem}"}
    for block in blocks(page):
        if block.language == "python" and block.title:
            module = block.title.removeprefix("src/").removesuffix(".py").replace("/", ".")
            importlib.import_module(module)
        elif block.language == "python":
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                exec(compile(block.text, f"{page.name}", "exec"), names)
        elif block.language == "toml":
            entries = tomllib.loads(block.text)["project"]["entry-points"]["framework.plugins"]
            assert all(re.fullmatch(r"[\w.]+", module) for module in entries.values())
        elif block.language == "yaml":
            RunConfig.model_validate(yaml.safe_load(block.text))
        elif block.language == "sh":
            check_shell(block.text)
        else:
            pytest.fail(f"{page.name}: a block of '{block.language}', which no test can run")


@pytest.mark.parametrize("kind", [k for k in Kind if k is not Kind.DETECTOR])
def test_the_example_of_each_kind_keeps_its_contract(kind: Kind, place: Path) -> None:
    # The detector's example takes longest and is checked with the generated packages.
    files = write_files(ROOT / "docs" / "plugins" / f"{kind}.md", place)
    package = files[0].parent.name
    plugin = importlib.import_module(f"{package}.plugin")
    (spec,) = getattr(plugin, kind.hook)()
    results = run_checks(Subject.from_spec(kind, spec, plugin_module=f"{package}.plugin"))
    assert all_good(results), [r for r in results if r.status == "failed"]


def test_the_first_anonymizer_has_fifteen_lines_and_keeps_its_contract(place: Path) -> None:
    (path,) = write_files(ROOT / "docs" / "plugins" / "index.md", place)
    assert len(path.read_text().splitlines()) == 15
    (spec,) = importlib.import_module("grey_box").framework_anonymizers()
    results = run_checks(Subject.from_spec("anonymizer", spec, plugin_module="grey_box"))
    assert all_good(results), [r for r in results if r.status == "failed"]


def test_the_first_anonymizer_is_built_installed_and_used_as_the_page_says(tmp_path: Path) -> None:
    page = ROOT / "docs" / "plugins" / "index.md"
    source = tmp_path / "source"
    source.mkdir()
    for block in blocks(page):
        if block.title:
            (source / block.title).write_text(block.text, encoding="utf-8")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    offline = ["--no-deps", "--no-build-isolation", "--no-index", "-w", str(tmp_path)]
    subprocess.run([*pip, "wheel", *offline, str(source)], check=True, capture_output=True)
    python = make_environment(tmp_path, list(tmp_path.glob("*.whl")))
    visit = SourceInfo(MediaKind.VIDEO, 320, 240, 10, None, None, "mp4", "h264")
    with open_writer(tmp_path / "visit.mp4", visit) as writer:
        for k in range(8):
            box = (110.0 + 2 * k, 60.0, 200.0 + 2 * k, 185.0)
            writer.write(scenes.picture(320, 240, [box], seed=1), k / 10)
    used = []
    for block in blocks(page):
        for line in block.text.splitlines() if block.language == "sh" else ():
            words = shlex.split(line)
            if words[0] == "framework" and words[1] in ("plugins", "check", "run"):
                command = [str(python), "-m", "framework.cli.main", *words[1:]]
                done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
                assert done.returncode == 0, (line, done.stdout[-2000:], done.stderr[-2000:])
                used.append(done.stdout)
        if len(used) == 3:
            break
    assert "framework-grey-box 0.1.0" in used[0]
    assert "0 failed" in used[1]
    assert (tmp_path / "framework-output" / "anonymized.mp4").stat().st_size > 0


def test_every_kind_has_a_page() -> None:
    assert {f"{kind}.md" for kind in KINDS} <= {page.name for page in PAGES}


def test_what_is_generated_is_current() -> None:
    command = [sys.executable, str(ROOT / "tools" / "plugin_docs.py"), "--check"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
