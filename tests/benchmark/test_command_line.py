"""The command line: bad input is one line and status 2."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from framework_benchmark.config import load_benchmark_config
from framework_benchmark.outputs.compare import KEY
from framework_benchmark.outputs.files import FORMAT, VERSION
from framework_benchmark.store import FILE, Row, Store

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


@pytest.mark.parametrize("data", ["clips:none", "whatever", "manifest:none.csv", "labelled:x.txt"])
def test_data_that_cannot_be_used_leaves_nothing(
    data: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "a" / "b"
    chosen = ["--anonymizers", "mask", "--recognizers", "lbp", "--fer", "resnet"]
    assert main(["benchmark", "--data", data, *chosen, "--out", str(out)]) == 2
    assert capsys.readouterr().err.count("expected one of") <= 1
    assert list(tmp_path.iterdir()) == []


def test_a_store_that_holds_something_stays(tmp_path: Path) -> None:
    row = Row("key", "mask", "probe", "item", "faces", "ok", "", {})
    for _ in range(2):
        with pytest.raises(RuntimeError), Store(tmp_path / FILE) as store:
            store.put(row)
            raise RuntimeError
        assert (tmp_path / FILE).is_file()


def test_comparing_what_was_measured_on_different_data_warns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cell = dict.fromkeys(KEY, "") | {"metric": "emotion kappa", "method": "blur", "value": 0.25}
    for name, data in (("a", "synthetic"), ("b", "lfw:faces"), ("c", "synthetic")):
        plan = {"config": {"data": data}}
        content = {"format": FORMAT, "version": VERSION, "plan": plan, "cells": [cell]}
        (tmp_path / name).mkdir()
        (tmp_path / name / "leaderboard.json").write_text(json.dumps(content))
    assert main(["benchmark", "compare", str(tmp_path / "a"), str(tmp_path / "b")]) == 0
    printed = capsys.readouterr()
    assert "measured on different data" in printed.err
    assert "emotion kappa" in printed.out
    assert main(["benchmark", "compare", str(tmp_path / "a"), str(tmp_path / "c")]) == 0
    assert capsys.readouterr().err == ""
