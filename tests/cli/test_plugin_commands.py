"""Commands that plugins bring: listed, imported when called, isolated when broken."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from framework.cli.commands import OWN, load_command
from framework.cli.main import main
from framework.core_commands import CORE_COMMANDS
from framework.registry import Registry
from framework.testing import check_command
from tests.core.installed import install, make_environment, make_wheel

COUNT = """
import typer
from framework import CommandSpec, hookimpl

app = typer.Typer()

@app.command()
def main(number: int) -> None:
    "Count to a number."
    from framework.errors import CheckError
    if number > 9:
        raise CheckError("the number is too large")
    typer.echo(f"counted to {number}")

@hookimpl
def framework_commands():
    yield CommandSpec("NAME", "count to a number", TARGET)
"""


def command(name: str, target: str = '__name__ + ":app"') -> str:
    return COUNT.replace("NAME", name).replace("TARGET", target)


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delenv("FRAMEWORK_PLUGINS", raising=False)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if (tmp_path / f"{name}.py").exists():
            del sys.modules[name]


def test_every_command_of_the_core_loads() -> None:
    for spec in CORE_COMMANDS:
        assert load_command(spec, "the framework").name == spec.name
        assert len(spec.summary) <= 90, spec.name


def test_help_imports_neither_numbers_nor_models_nor_any_command() -> None:
    code = (
        "import sys; from framework.cli.main import main; status = main(['--help']); "
        "names = {name.partition('.')[0] for name in sys.modules} & "
        "{'numpy', 'pydantic', 'yaml', 'torch', 'cv2', 'onnxruntime', 'av', 'scipy'}; "
        "loaded = [m for m in sys.modules if m.startswith('framework.cli.')]; "
        "print('LOADED', sorted(names), sorted(loaded)); sys.exit(status)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    line = done.stdout.splitlines()[-1]
    assert (
        line
        == "LOADED [] ['framework.cli.commands', 'framework.cli.console', 'framework.cli.main']"
    )


def test_a_wheel_s_command_is_listed_and_called_with_its_exit_status(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, "stranger-count", command("count"))
    python = make_environment(tmp_path, [wheel])

    def framework(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(python), "-m", "framework", *arguments], capture_output=True, text=True
        )

    assert "count to a number" in framework("--help").stdout
    assert framework("count", "3").stdout == "counted to 3\n"
    refused = framework("count", "10")
    assert (refused.returncode, refused.stderr) == (1, "error: the number is too large\n")
    wrong = framework("count", "three")
    assert wrong.returncode == 2 and wrong.stderr.startswith("error: ")
    listed = json.loads(framework("plugins", "--json").stdout)["commands"]
    assert ("stranger-count", "count") in [(c["distribution"], c["name"]) for c in listed]


def test_a_command_that_does_not_load_is_one_line_and_status_2(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (site / "breaks.py").write_text("raise RuntimeError('at import')")
    (site / "lacks.py").write_text("import no_such_package_anywhere")
    (site / "plain.py").write_text("app = print")
    for k, target in enumerate(("breaks:app", "lacks:app", "plain:app", "plain:nothing")):
        install(site, f"stranger-{k}", command(f"broken-{k}", f'"{target}"'))
    expected = (
        "does not load (breaks:app): RuntimeError: at import",
        "needs package 'no_such_package_anywhere', which is not installed; run: pip install",
        "expected plain:app to be a typer.Typer, got builtin_function_or_method",
        "does not load (plain:nothing): AttributeError",
    )
    for k, text in enumerate(expected):
        assert main([f"broken-{k}"]) == 2
        printed = capsys.readouterr().err
        assert printed.startswith("error: ") and printed.count("\n") == 1
        assert text in printed
    assert main(["--help"]) == 0, "the others are listed all the same"


@pytest.mark.parametrize("name", sorted(OWN))
def test_a_name_of_the_core_is_refused(site: Path, name: str) -> None:
    install(site, "stranger-shadow", command(name))
    registry = Registry.load()
    assert name not in registry.commands
    (problem,) = [p for p in registry.problems if p.distribution == "stranger-shadow"]
    assert problem.error == f"command '{name}' is the framework's own; that one is used"


def test_of_two_commands_with_one_name_the_first_wins(site: Path) -> None:
    install(site, "a-first", command("twin"))
    install(site, "b-second", command("twin"))
    registry = Registry.load()
    assert registry.commands["twin"].distribution == "a-first"
    assert any("already provided by a-first" in p.error for p in registry.problems)


def test_the_kit_checks_a_command(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    install(site, "stranger-count", command("count"))
    assert {r.status for r in check_command("count")} == {"passed"}
    assert main(["check", "command:count"]) == 0
    assert "3 passed, 0 failed" in capsys.readouterr().out
    install(site, "stranger-bad", command("bad", '"no_such_module_anywhere:app"'))
    assert main(["check", "command:bad"]) == 1
    assert "FAILED  target-loads" in capsys.readouterr().out
    assert main(["check", "command:cound"]) == 2
    assert "did you mean 'count'" in capsys.readouterr().err


def test_a_misspelt_command_suggests_one_of_a_plugin(
    site: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install(site, "stranger-count", command("count"))
    assert main(["cuont", "3"]) == 2
    assert "did you mean 'count'" in capsys.readouterr().err
