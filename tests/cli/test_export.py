"""``framework export``: all files or none, and the results are only read."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from framework.cli.main import main
from tests.core.installed import install

SOURCE = """
from pydantic import BaseModel, ConfigDict, Field
from framework import ComponentSpec, UserError, hookimpl

class Options(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    fail: bool = Field(False, description="raise after the first file")

class Copy:
    def __init__(self, options, context):
        self.options = options

    def export(self, result, out):
        path = out / "copy.csv"
        path.write_text((result / "emotions.csv").read_text())
        if self.options.fail:
            raise UserError("the second table is missing")
        return [path]

@hookimpl
def framework_exporters():
    yield ComponentSpec("copy", "a copy", __name__ + ":Copy", __name__ + ":Options")
"""


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delenv("FRAMEWORK_PLUGINS", raising=False)
    install(tmp_path, "stranger-copy", SOURCE)
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / "emotions.csv").write_text("second\n")
    yield folder
    sys.modules.pop("stranger_copy", None)


def test_files_appear_in_a_new_folder_and_are_named(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "a" / "out"
    assert main(["export", str(results), "--to", "copy", "-d", str(out)]) == 0
    assert capsys.readouterr().out == f"wrote {out / 'copy.csv'}\n"
    assert [p.name for p in out.iterdir()] == ["copy.csv"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none", "--to", "copy"], "no such folder"),
        (["results", "--to", "coppy"], "unknown exporter 'coppy'; did you mean 'copy'"),
        (["results", "--to", "copy", "-o", "exporter.fial=1"], "did you mean 'fail'"),
        (["results", "--to", "copy", "-o", "copy.fail=1"], "expected exporter.NAME=VALUE"),
        (["results", "--to", "copy", "-o", "exporter.fail=true"], "the second table is missing"),
    ],
)
def test_what_cannot_be_exported_is_one_line_and_leaves_nothing(
    arguments: list[str],
    message: str,
    results: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(p.name for p in tmp_path.iterdir() if p.name != "__pycache__")
    assert main(["export", *arguments, "-d", "out"]) == 2
    printed = capsys.readouterr().err
    assert message in printed and printed.count("\n") == 1
    assert sorted(p.name for p in tmp_path.iterdir() if p.name != "__pycache__") == before


def test_a_folder_with_files_is_not_overwritten(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "full"
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    assert main(["export", str(results), "--to", "copy", "-d", str(out)]) == 2
    assert "not an empty folder" in capsys.readouterr().err
    assert (out / "mine.txt").read_text() == "mine"
