"""docs/release.md is walked as a data manager would, command by command."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from pathlib import Path

import pytest

from framework.cli.main import main

pytest.importorskip("c2pa", reason="pip install c2pa-python")
pytest.importorskip("pyarrow", reason="pip install pyarrow")

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "release.md").read_text(encoding="utf-8")


def blocks(kind: str) -> list[str]:
    return re.findall(rf"<!-- walk: {re.escape(kind)} -->\n```\w+\n(.*?)```", PAGE, re.DOTALL)


def test_the_walk_runs_as_it_is_written(
    study: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(study.parent)
    shutil.rmtree(study / "release")  # nothing was released before
    (yaml_block,) = blocks("release.yaml")
    # The test's faces are coloured squares: a detector and a recogniser of their own know them.
    (study / "release.yaml").write_text(yaml_block + "recognizers: [colour]\n")
    commands = [line for block in blocks("run") for line in block.splitlines() if line]
    assert [c.split()[2] for c in commands] == ["build", "check", "withdraw"]
    told = []
    for command in commands:
        program, *arguments = shlex.split(command)
        assert program == "framework"
        if arguments[1] != "check":
            arguments += ["--detector", "square"]
        assert main(arguments) == 0, command
        told.append(capsys.readouterr().out)
    for line in ("version 1.0.0: 10 encounters of 10 people, 2 left out", "wrote consultations"):
        assert line in told[0] and line in PAGE
    assert "left out enc-11: the patient's consent is 'research'" in told[0]
    description = json.loads(Path("consultations-2/dataset_description.json").read_text())
    assert description["DatasetVersion"] == "1.1.0"
    assert "1 participant withdrew" in Path("consultations-2/CHANGES").read_text()
    assert Path("verdict.html").is_file() and Path("consultations/README.md").is_file()


def test_every_key_of_the_release_file_and_every_consent_word_is_documented() -> None:
    from framework_release.config import ReleaseConfig
    from framework_release.consent import WORDS

    table = PAGE[PAGE.index("## release.yaml") : PAGE.index("## The data set")]
    for key in ReleaseConfig.model_fields:
        assert f"`{key}`" in table, key
    for word in WORDS:
        assert f"| `{word}` |" in PAGE


def test_every_exporter_is_documented() -> None:
    from framework_release.plugin import framework_exporters

    for spec in framework_exporters():
        assert f"| `{spec.name}` |" in PAGE


def test_the_comparison_of_repositories_names_a_source_for_each_number() -> None:
    page = (DOCS / "release-repositories.md").read_text(encoding="utf-8")
    listed, sources = page.split("## Sources")
    used = {int(n) for group in re.findall(r"\[(\d[\d, ]*)\]", listed) for n in group.split(",")}
    given = {int(n) for n in re.findall(r"^(\d+)\. ", sources, re.MULTILINE)}
    assert used <= given and len(re.findall(r"<https://", sources)) >= len(given)
