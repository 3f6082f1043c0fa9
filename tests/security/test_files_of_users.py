"""Every file that a user hands us is read within limits and answers in one line."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from framework.config import parse_option, read_mapping
from framework.errors import ConfigError, UserError
from framework.keyfile import read_key
from framework.media import open_reader, probe
from framework.outputs import read_emotions
from framework.reading import UnfitFile, read_limited
from framework.table_file import load_table

HEADER = "# framework-tracks 1,width=64,height=48,frames={},duration_s=1.0,interval_s=0.2\n"
COLUMNS = "frame,time_s,state,track_id,x1,y1,x2,y2\n"

READERS: dict[str, Callable[[Path], object]] = {
    "recording": probe,
    "reader": open_reader,
    "configuration": read_mapping,
    "key": lambda path: read_key(path, lambda message: None),
    "table": load_table,
    "emotions": read_emotions,
}


def rules(path: Path) -> object:
    from framework_rules.load import load_rules

    return load_rules(path)


def encounter(path: Path) -> object:
    from framework_encounter.yaml_lines import read_document

    return read_document(path, "encounter file")


READERS |= {"rules": rules, "encounter": encounter}


def one_line(reader: str, path: Path) -> str:
    """The message with which a file is refused; it must come within a few seconds."""
    began = time.monotonic()
    with pytest.raises(UserError) as caught:
        READERS[reader](path)
    assert time.monotonic() - began < 40
    message = str(caught.value)
    assert "\n" not in message
    return message


@pytest.mark.parametrize("reader", READERS)
class TestEveryReader:
    def test_a_name_of_300_characters(self, tmp_path: Path, reader: str) -> None:
        one_line(reader, tmp_path / ("x" * 300))

    def test_a_device_without_an_end(self, reader: str) -> None:
        one_line(reader, Path("/dev/zero"))

    def test_a_folder(self, tmp_path: Path, reader: str) -> None:
        one_line(reader, tmp_path)

    def test_no_permission(
        self, tmp_path: Path, reader: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "closed"
        path.write_text("a")

        def refuse(self: Path, *args: object, **more: object) -> object:
            raise PermissionError(13, "Permission denied", str(self))

        monkeypatch.setattr(Path, "open", refuse)
        assert "ermission" in one_line(reader, path)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
class TestPipes:
    @pytest.mark.parametrize("reader", ["recording", "reader", "table", "emotions"])
    def test_what_is_read_more_than_once_must_be_a_file(self, tmp_path: Path, reader: str) -> None:
        os.mkfifo(tmp_path / "pipe")
        assert "pipe" in one_line(reader, tmp_path / "pipe")

    def test_a_pipe_without_a_writer_does_not_hang(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("framework.reading._PIPE_S", 0.2)
        os.mkfifo(tmp_path / "pipe")
        keep_open = os.open(tmp_path / "pipe", os.O_RDWR)
        try:
            with pytest.raises(UnfitFile, match="nobody writes"):
                read_limited(tmp_path / "pipe", 10)
        finally:
            os.close(keep_open)

    def test_a_key_from_a_command_is_read(self, tmp_path: Path) -> None:
        pipe = tmp_path / "pipe"
        os.mkfifo(pipe)
        handle = os.open(pipe, os.O_RDWR)

        def write() -> None:
            os.write(handle, b"a secret of many bytes")
            time.sleep(0.2)
            os.close(handle)

        thread = threading.Thread(target=write)
        thread.start()
        key = read_key(pipe, lambda message: None)
        thread.join()
        assert key == b"a secret of many bytes"

    def test_an_endless_pipe_is_cut_off(self) -> None:
        done = subprocess.run(
            [
                "bash",
                "-c",
                f"{sys.executable} -c 'import sys; from pathlib import Path; "
                "from framework.reading import read_limited; "
                "read_limited(Path(sys.argv[1]), 1000)' <(yes)",
            ],
            capture_output=True,
            text=True,
            check=False,
        )
        assert "larger than" in done.stderr


LAUGHS = "a0: &a0 [lol, lol]\n" + "".join(
    f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 10)
)


class TestYaml:
    @pytest.mark.parametrize("reader", ["configuration", "encounter", "rules"])
    @pytest.mark.parametrize(
        "text",
        [
            LAUGHS,
            "a: " + "[" * 3000,
            "a: " + "{b: " * 3000,
            "? " * 5000 + "a",
            "- " * 5000 + "a",
            "seed: " + "9" * 20_000,
            "seed: 2001-99-99",
            "seed: 0x" + "f" * 200_000,
            "a: " + "x" * 300_000,
            "? [a, b]\n: c",
            "a: !!python/object/apply:os.system [true]",
            "\0",
            "a: 'never closed",
            "%YAML 9.9\n---\na: b",
        ],
        ids=range(14),
    )
    def test_hostile_text(self, tmp_path: Path, reader: str, text: str) -> None:
        path = tmp_path / "run.yaml"
        path.write_text(text)
        try:
            READERS[reader](path)
        except UserError as error:
            assert "\n" not in str(error)
            assert len(str(error)) < 1000

    def test_a_billion_laughs_are_refused_by_name(self, tmp_path: Path) -> None:
        (tmp_path / "run.yaml").write_text(LAUGHS)
        assert "aliases" in one_line("configuration", tmp_path / "run.yaml")

    def test_a_large_file_is_refused_unread(self, tmp_path: Path) -> None:
        with (tmp_path / "run.yaml").open("wb") as file:
            file.truncate(2**32)
        assert "larger than" in one_line("configuration", tmp_path / "run.yaml")

    @pytest.mark.parametrize("value", ["9" * 6000, "[" * 5000, "2001-99-99", "*.csv", "1e999999"])
    def test_an_option_on_the_command_line(self, value: str) -> None:
        group, name, _ = parse_option(f"anonymizer.x={value}")
        assert (group, name) == ("anonymizer", "x")


class TestTables:
    def test_more_frames_than_the_file_can_hold(self, tmp_path: Path) -> None:
        path = tmp_path / "tracks.csv"
        path.write_text(HEADER.format(100_000_000) + COLUMNS + "0,0.0,frame,,,,,\n")
        assert "too short" in one_line("table", path)

    def test_a_line_without_an_end(self, tmp_path: Path) -> None:
        path = tmp_path / "tracks.csv"
        path.write_text(HEADER.format(1) + COLUMNS + "0,0.0,frame," + "x" * 2**20)
        assert "longer than" in one_line("table", path)

    def test_a_sparse_file_of_terabytes(self, tmp_path: Path) -> None:
        for reader in ("table", "emotions"):
            path = tmp_path / f"{reader}.csv"
            with path.open("wb") as file:
                file.truncate(2**42)
            assert "larger than" in one_line(reader, path)

    @pytest.mark.parametrize("number", ["1e400", "9" * 5000, "nan", "-1", "0x10", "1_000"])
    def test_numbers_in_the_first_line(self, tmp_path: Path, number: str) -> None:
        path = tmp_path / "tracks.csv"
        path.write_text(HEADER.format(number) + COLUMNS)
        with pytest.raises(ConfigError):
            load_table(path)


def test_a_picture_bomb_as_a_donor_is_refused(tmp_path: Path) -> None:
    from framework_fomm.donors.portrait import read_picture

    def chunk(name: bytes, body: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(name + body))
        return struct.pack(">I", len(body)) + name + body + check

    head = struct.pack(">IIBBBBB", 40_000, 40_000, 8, 2, 0, 0, 0)
    path = tmp_path / "donor.png"
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(bytes(2**20)))
        + chunk(b"IEND", b"")
    )
    with pytest.raises(UserError, match="million"):
        read_picture(path)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize(
    ("redirection", "status"),
    [
        (">/dev/full", 2),
        ("2>/dev/full", 0),
        ("2>&-", 0),
        (">&-", 0),
        (">&- 2>&-", 0),
        ("| head -0", None),
    ],
)
def test_outputs_that_are_full_or_closed(redirection: str, status: int | None) -> None:
    command = f"{sys.executable} -m framework --version {redirection}"
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, check=False, timeout=300
    )
    assert "Traceback" not in done.stderr
    assert "internal error" not in done.stderr
    assert "Exception ignored" not in done.stderr
    if status is not None:
        assert done.returncode == status, done.stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("redirection", ["2>/dev/full", "2>&-", ">&- 2>&-"])
def test_an_error_that_nobody_can_be_told_keeps_its_status(redirection: str) -> None:
    command = f"{sys.executable} -m framework run /nonexistent.mp4 {redirection}"
    done = subprocess.run(
        ["bash", "-c", command], capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
