"""A file that cannot be read is told in words, without the system's message and its path."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from framework_encounter.cohort.counts import read_counts
from framework_encounter.joint_file import read_joint
from framework_encounter.spec import load_encounter

from framework.config import load_run_config
from framework.errors import UserError
from framework.keyfile import read_key
from framework.outputs import read_emotions
from framework.table_file import load_table

READERS: dict[str, Callable[[Path], object]] = {
    "counts": read_counts,
    "configuration": lambda path: load_run_config(path, ()),
    "timeline": read_joint,
    "encounter": load_encounter,
    "key": lambda path: read_key(path, lambda message: None),
    "emotions": read_emotions,
    "tracks": load_table,
}


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_a_folder_in_place_of_a_file(tmp_path: Path, reader: Callable[[Path], object]) -> None:
    with pytest.raises(UserError) as caught:
        reader(tmp_path)
    assert "it is a folder; give a file in it" in str(caught.value)
    assert "Errno" not in str(caught.value) and "output" not in str(caught.value)


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_a_file_that_is_not_there(tmp_path: Path, reader: Callable[[Path], object]) -> None:
    with pytest.raises(UserError, match="no such file"):
        reader(tmp_path / "none.csv")


@pytest.mark.parametrize("name", [n for n in READERS if n != "key"])
def test_a_file_that_is_no_text(tmp_path: Path, name: str) -> None:
    path = tmp_path / "visit.mp4"
    path.write_bytes(b"\0\0\0\x18ftypmp42\xff\xfe" * 20)
    with pytest.raises(UserError) as caught:
        READERS[name](path)
    assert "UTF-8" in str(caught.value)
    assert "codec" not in str(caught.value) and "\n" not in str(caught.value)


def test_an_open_key_file_is_told_where_permissions_mean_something(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "donor.key"
    path.write_bytes(b"0123456789abcdef")
    path.chmod(0o644)
    warnings: list[str] = []
    read_key(path, warnings.append)
    assert "chmod 600" in warnings.pop()
    monkeypatch.setattr("framework.keyfile.os", SimpleNamespace(name="nt"))
    read_key(path, warnings.append)
    assert warnings == []
