"""Every mistake a user can make has its own line, status 2, and leaves nothing behind."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from framework.cli.main import main
from tests.core.installed import install

Clip = Callable[..., Path]
FAKES = ["--detector", "square", "--anonymizer", "fill", "--fer", "happy", "--quiet"]


def refused(capsys: pytest.CaptureFixture[str], *arguments: str, status: int = 2) -> str:
    """Run the command, expect one error line and this status, return the line."""
    got = main(list(arguments))
    captured = capsys.readouterr()
    assert got == status, captured.err
    lines = [line for line in captured.err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, captured.err
    assert "Traceback" not in captured.err
    return lines[0]


@pytest.mark.parametrize(
    ("name", "content", "expected"),
    [
        ("missing.mp4", None, "no such file"),
        ("empty.mp4", b"", "empty"),
        ("text.mp4", b"this is no video at all\n" * 40, "not a video"),
        ("noise.mp4", bytes(range(256)) * 64, "not a video"),
    ],
)
def test_what_is_no_recording(
    parts: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    content: bytes | None,
    expected: str,
) -> None:
    source = tmp_path / name
    if content is not None:
        source.write_bytes(content)
    out = tmp_path / "out"
    line = refused(capsys, "run", str(source), "--out", str(out), *FAKES)
    assert expected in line
    assert not out.exists()


def test_an_unknown_component_is_named_with_the_nearest(
    parts: Path, clip: Clip, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out = str(clip(frames=2)), str(tmp_path / "out")
    line = refused(capsys, "run", source, "--anonymizer", "blurr", "--fer", "none", "--out", out)
    assert "unknown anonymizer 'blurr'; did you mean 'blur'?" in line
    line = refused(capsys, "run", source, *FAKES, "-o", "anonymiser.x=1", "--out", out)
    assert "unknown option group 'anonymiser'; did you mean 'anonymizer'?" in line
    line = refused(capsys, "run", source, *FAKES, "--on-miss", "pass", "--out", out)
    assert "on_miss" in line
    assert "'cover', 'drop' or 'abort'" in line
    assert not (tmp_path / "out").exists()


def test_an_option_out_of_range_names_field_range_and_value(
    parts: Path, clip: Clip, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "out")
    for option, words in {
        "tracker.nonsense=1": ("unknown option tracker.nonsense",),
        "timeline.min_samples=0": ("timeline.min_samples", ">= 1", "got 0"),
        "resolve.carry_s=-1": ("resolve.carry_s", ">= 0", "got -1"),
        "video.codec=divx": ("video.codec", "divx"),
        "novalue": ("GROUP.NAME=VALUE",),
    }.items():
        line = refused(capsys, "run", str(clip(frames=2)), *FAKES, "-o", option, "--out", out)
        assert all(word in line for word in words), line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (["-a", "none"], "leaves faces uncovered"),
        (["-o", "video.codec=mjpeg"], "does not go into .mp4"),
        (["-o", "timeline.min_samples=0"], "timeline.min_samples"),
        (["-o", "recommender.rules=no-such-file.yaml"], "no-such-file.yaml"),
    ],
)
@pytest.mark.parametrize("command", [["run"], ["encounter", "run", "--patient"]])
def test_what_can_be_refused_is_refused_before_the_recording_is_analysed(
    parts: Path,
    clip: Clip,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    command: list[str],
    more: list[str],
    expected: str,
) -> None:
    def hours(*arguments: object, **named: object) -> None:
        pytest.fail("the recording was analysed first")

    monkeypatch.setattr("framework.pipeline.run.Run.analyze", hours)
    out = tmp_path / "out"
    source = str(clip(frames=2))
    line = refused(capsys, *command, source, *FAKES, *more, "--out", str(out))
    assert expected in line
    assert not out.exists()


def test_the_output_may_not_replace_the_recording(
    parts: Path, tmp_path: Path, clip: Clip, capsys: pytest.CaptureFixture[str]
) -> None:
    source = clip(frames=2).rename(tmp_path / "anonymized.mkv")
    before = source.read_bytes()
    line = refused(capsys, "run", str(source), *FAKES, "--out", str(tmp_path))
    assert "choose another folder" in line
    assert source.read_bytes() == before


def test_an_output_folder_that_cannot_be_made(
    parts: Path, tmp_path: Path, clip: Clip, capsys: pytest.CaptureFixture[str]
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    line = refused(capsys, "run", str(clip(frames=2)), *FAKES, "--out", str(blocked))
    assert "output folder" in line
    assert blocked.read_text() == "in the way"


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_an_output_folder_without_permission(
    parts: Path, tmp_path: Path, clip: Clip, capsys: pytest.CaptureFixture[str]
) -> None:
    locked = tmp_path / "locked"
    locked.mkdir(mode=0o500)
    line = refused(capsys, "run", str(clip(frames=2)), *FAKES, "--out", str(locked / "out"))
    assert "permission" in line


def test_a_component_whose_package_is_missing(
    parts: Path, tmp_path: Path, clip: Clip, capsys: pytest.CaptureFixture[str]
) -> None:
    install(
        parts,
        "needy-plugin",
        "from framework import ComponentSpec, hookimpl\n"
        "@hookimpl\n"
        "def framework_anonymizers():\n"
        "    yield ComponentSpec('needy', 'x', 'no_such_module:build', 'fake_parts:NoOptions',\n"
        "                        requires=('its-package',))\n",
    )
    out = str(tmp_path / "out")
    fakes = ["--detector", "square", "--fer", "none", "--quiet"]
    line = refused(capsys, "run", str(clip(frames=2)), *fakes, "-a", "needy", "--out", out)
    assert "pip install its-package" in line


def test_a_broken_plugin_is_listed_and_not_fatal(
    parts: Path, tmp_path: Path, clip: Clip, capsys: pytest.CaptureFixture[str]
) -> None:
    install(parts, "broken-plugin", "raise RuntimeError('no licence server')")
    assert main(["plugins"]) == 0
    assert "broken-plugin 1.0), load: RuntimeError: no licence server" in capsys.readouterr().out
    out = str(tmp_path / "out")
    assert main(["run", str(clip(frames=3)), *FAKES, "--out", out]) == 0


def test_a_rule_file_that_does_not_validate(
    parts: Path, tmp_path: Path, clip: Clip, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = tmp_path / "my.yaml"
    rules.write_text("rules:\n  - name: x\n    nonsense: 3\n")
    out = tmp_path / "out"
    option = f"recommender.rules={rules}"
    line = refused(capsys, "run", str(clip(frames=2)), *FAKES, "-o", option, "--out", str(out))
    assert "line" in line
    assert not out.exists()


def test_a_key_file_that_is_missing_short_or_open(
    parts: Path, tmp_path: Path, clip: Clip, capsys: pytest.CaptureFixture[str]
) -> None:
    source, out, key = str(clip(frames=2)), str(tmp_path / "out"), tmp_path / "donor.key"
    command = ["run", source, "--detector", "square", "-a", "fill", "--fer", "none", "--out", out]
    line = refused(capsys, *command, "--key-file", str(key))
    assert "no such file" in line
    assert "head -c 32" in line
    key.write_bytes(b"short")
    assert "at least 16 bytes" in refused(capsys, *command, "--key-file", str(key))
    key.write_bytes(b"x" * 32)
    key.chmod(0o644)
    assert main([*command, "--key-file", str(key)]) == 0
    assert "chmod 600" in capsys.readouterr().err


def test_usage_errors_are_one_line_too(capsys: pytest.CaptureFixture[str]) -> None:
    assert "SOURCE" in refused(capsys, "run")
    assert "--nonsense" in refused(capsys, "plugins", "--nonsense")
    assert "unknown component 'nothing'" in refused(capsys, "plugins", "--options", "nothing")
    refused(capsys, "wrong-command")


def test_a_table_of_another_recording_is_refused(
    parts: Path, tmp_path: Path, clip: Clip, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    fakes = ["--detector", "square", "--fer", "none", "--quiet"]
    assert main(["analyze", str(clip(frames=4)), *fakes, "--out", str(tmp_path)]) == 0
    tracks = str(tmp_path / "tracks.csv")
    other = str(clip(frames=4, fps=10))
    more = ["--detector", "square", "-a", "fill", "--fer", "none"]
    line = refused(capsys, "render", other, "--tracks", tracks, *more, "--out", str(out))
    assert "render the recording that was analysed" in line
    assert not out.exists()
