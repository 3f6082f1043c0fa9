"""The command line: bad input is one line and status 2."""

from __future__ import annotations

from pathlib import Path

import pytest

from framework.benchmark.config import load_benchmark_config
from framework.benchmark.store import FILE, Store
from framework.cli.main import main


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--anonymizers", "blurr"], "unknown anonymizer 'blurr'; did you mean 'blur'"),
        (["--recognizers", "dlibb"], "unknown recognizer 'dlibb'"),
        (["-o", "blur.cells=4"], "unknown option group 'blur'; expected one of: anonymizer:blur"),
        (["-o", "anonymizer:fomm.x=4"], "unknown option group 'anonymizer:fomm'"),
        (["-o", "anonymizer:blur.sells=4"], "did you mean 'cells'"),
        (["--data", "lfw:/no/such/folder"], "no such folder"),
        (["--attacks", "T9"], "attacks"),
        (["--persons", "1"], "persons"),
        (["--config", "none.yaml"], "no such file"),
        (["compare", "none", "none"], "no such file"),
        (["merge", "none", "none", "--out", "o"], "no such file"),
    ],
)
def test_bad_input(
    arguments: list[str],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["benchmark", *arguments]) == 2
    printed = capsys.readouterr().err
    assert message in printed
    errors = [line for line in printed.splitlines() if line.startswith("error:")]
    assert len(errors) == 1


def test_options_of_an_anonymizer_are_a_sweep_when_they_are_a_list(tmp_path: Path) -> None:
    file = tmp_path / "benchmark.yaml"
    file.write_text("anonymizers: [pixelate, {name: blur, options: {margin: 0.1}}]\n")
    config = load_benchmark_config(file, ["anonymizer:blur.cells=[4,6]"])
    assert [m for m in config.methods() if m[0] in ("blur", "pixelate")] == [
        ("pixelate", {}),
        ("blur", {"cells": 4, "margin": 0.1}),
        ("blur", {"cells": 6, "margin": 0.1}),
    ]


def test_a_store_of_another_version_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Store(tmp_path / FILE) as store:
        store._set("schema", "99")
    assert main(["benchmark", "--out", str(tmp_path), "--anonymizers", "mask"]) == 2
    assert "written in format 99" in capsys.readouterr().err


def test_merge_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name in ("a", "b"):
        with Store(tmp_path / name / FILE):
            pass
    out = tmp_path / "c"
    assert (
        main(["benchmark", "merge", str(tmp_path / "a"), str(tmp_path / "b"), "-d", str(out)]) == 0
    )
    assert "0 results from a" in capsys.readouterr().out
    assert (out / FILE).is_file()
