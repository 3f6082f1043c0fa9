"""Every way to ask for the wrong plugin is one line, status 2, and leaves nothing behind."""

from __future__ import annotations

from pathlib import Path

import pytest

from framework.cli.main import main


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["Grey Box"], "expected lower-case letters and digits"),
        (["9box"], "starting with a letter"),
        (["grey--box"], "expected lower-case"),
        (["../box"], "expected lower-case"),
        (["x" * 41], "40 characters at most"),
        (["grey-box", "--kind", "anonymiser"], "did you mean 'anonymizer'"),
        (["blur"], "clinical-empathy-framework"),
        (["redact"], "module framework_redact is installed already"),
    ],
)
def test_a_wrong_name_or_kind(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    words: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["plugin", "new", *arguments]) == 2
    captured = capsys.readouterr()
    (line,) = captured.err.splitlines()
    assert line.startswith("error: ")
    assert words in line
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_exists_is_left_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "mine"
    folder.mkdir()
    (folder / "work.txt").write_text("of weeks")
    assert main(["plugin", "new", "grey-box", "--out", str(folder)]) == 2
    assert "exists already" in capsys.readouterr().err
    assert [f.name for f in folder.iterdir()] == ["work.txt"]
    assert [f.name for f in tmp_path.iterdir()] == ["mine"]


def test_a_folder_that_cannot_be_made(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("in the way")
    assert main(["plugin", "new", "grey-box", "--out", str(tmp_path / "file" / "x")]) == 2
    assert capsys.readouterr().err.startswith("error: folder")


def test_the_folder_is_named_after_the_plugin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["plugin", "new", "grey_box", "--author", "A. Uthor"]) == 0
    assert "pip install -e '.[test]' && pytest" in capsys.readouterr().out
    folder = tmp_path / "framework-grey-box"
    assert {p.name for p in folder.iterdir()} >= {"pyproject.toml", "README.md", ".github"}
    assert "A. Uthor" in (folder / "LICENSE").read_text()
    text = "".join(p.read_text() for p in folder.rglob("*") if p.is_file())
    assert "$" not in text.replace("${", "")
