"""The store: versions, damage, a full disk, erased templates."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import numpy as np
import pytest
from framework_benchmark.store import Row, Store, StoreError, key_of


def _row(key: str, status: str = "ok", size: int = 3) -> Row:
    values = np.random.default_rng(0).normal(size=size)
    payload = {"x": values} if status == "ok" else {}
    return Row(key, "blur", "probe", "i1", "faces", status, "", payload)


def test_rows_come_back_as_they_went_in(tmp_path: Path) -> None:
    with Store(tmp_path / "s.sqlite") as store:
        store.put(_row("k"))
        assert store.has("k") and not store.has("other")
        found = store.get("k")
        assert found is not None
        assert np.array_equal(found.payload["x"], _row("k").payload["x"])


def test_failures_are_kept_and_tried_again(tmp_path: Path) -> None:
    with Store(tmp_path / "s.sqlite") as store:
        store.put(_row("k", "failed"))
        assert not store.has("k")
        assert store.get("k") is not None


def test_merging_prefers_what_worked(tmp_path: Path) -> None:
    with Store(tmp_path / "a.sqlite") as a, Store(tmp_path / "b.sqlite") as b:
        a.put(_row("k", "failed"))
        b.put(_row("k"))
        assert a.merge(b) == 1
        assert a.has("k")
        b.put(_row("l", "failed"))
        a.put(_row("l"))
        a.merge(b)
        assert a.has("l")


def test_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    Store(path).__exit__(None, None, None)
    with sqlite3.connect(path) as db:
        db.execute("UPDATE meta SET value = '99' WHERE name = 'schema'")
    with pytest.raises(StoreError, match="written in format 99, this version reads"):
        Store(path)


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    path.write_bytes(b"this is no database, and longer than a header would be" * 30)
    with pytest.raises(StoreError, match="results"):
        Store(path)
    with pytest.raises(StoreError, match="no such file"):
        Store(tmp_path / "none.sqlite", create=False)


def test_a_full_disk_is_one_line_and_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    with Store(path) as store:
        store.put(_row("kept"))
        store._db.execute("PRAGMA max_page_count = 14")
        with pytest.raises(StoreError, match="the disk is full"):
            for k in range(100):
                store.put(_row(f"k{k}", size=2000))
    with Store(path) as store:
        assert store.has("kept")


def test_templates_are_erased_from_the_file(tmp_path: Path) -> None:
    path = tmp_path / "s.sqlite"
    marker = np.frombuffer(b"IDENTIFIES-SOMEBODY-" * 3, np.uint8)
    with Store(path) as store:
        # stored without compression to be findable: random bytes do not compress
        noise = np.random.default_rng(0).integers(0, 256, 4000, dtype=np.uint8)
        store.put_template("t", {"vectors": np.concatenate([noise, marker])})
        packed = store._db.execute("SELECT payload FROM template").fetchone()[0]
        assert packed[200:260] in path.read_bytes()
        store.forget_templates()
        assert store.count_templates() == 0
        assert packed[200:260] not in path.read_bytes()


def test_keys_depend_on_everything_and_on_no_order() -> None:
    assert key_of(a=1, b=[1, 2]) == key_of(b=[1, 2], a=1)
    assert key_of(a=1, b=[1, 2]) != key_of(a=1, b=[2, 1])
    assert len({key_of(seed=s) for s in range(50)}) == 50


def test_a_transaction_keeps_rows_after_an_error_and_drops_them_after_an_interrupt(
    tmp_path: Path,
) -> None:
    with Store(tmp_path / "s.sqlite") as store:
        for key, error in (("a", ValueError), ("b", KeyboardInterrupt)):
            with pytest.raises(error), store.transaction():
                store.put(_row(key))
                raise error
        assert store.has("a") and not store.has("b")
        with store.transaction():
            store.put(_row("c"))
        assert store.has("c")
