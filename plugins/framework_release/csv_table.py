"""Tables as CSV, TSV and Parquet, always with the same bytes for the same rows."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from framework.atomic import atomic_text
from framework.errors import ComponentError, MediaError
from framework_release.seconds import Column


def cell(value: Any, empty: str = "") -> str:
    """A cell as text: numbers without noise, ``empty`` for None."""
    if value is None:
        return empty
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.6f}".rstrip("0").rstrip(".") if abs(value) < 1e12 else repr(value)
    return str(value)


def write_csv(
    path: Path,
    columns: Sequence[str],
    rows: Iterable[Mapping[str, Any]],
    *,
    delimiter: str = ",",
    empty: str = "",
) -> Path:
    """Write a table: UTF-8, line feeds, a header.

    Raises:
        MediaError: it cannot be written.
    """
    with atomic_text(path) as handle:
        writer = csv.writer(handle, delimiter=delimiter, lineterminator="\n")
        writer.writerow(columns)
        for row in rows:
            writer.writerow([cell(row.get(c), empty) for c in columns])
    return path


def write_tsv(path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Path:
    """Write a table as BIDS wants it: tabs, ``n/a`` for what is not there.

    Raises:
        MediaError: it cannot be written.
    """
    with atomic_text(path) as handle:
        handle.write("\t".join(columns) + "\n")
        for row in rows:
            cells = [" ".join(cell(row.get(c), "n/a").split()) or "n/a" for c in columns]
            handle.write("\t".join(cells) + "\n")
    return path


def write_parquet(path: Path, columns: Sequence[Column], rows: Sequence[Mapping[str, Any]]) -> Path:
    """Write a table as Parquet, with the codebook's text as each field's description.

    Raises:
        ComponentError: pyarrow is not installed.
        MediaError: it cannot be written.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise ComponentError(
            "Parquet needs pyarrow; run: pip install 'clinical-empathy-framework[parquet]'"
        ) from None
    kinds = {"text": pa.string(), "integer": pa.int64(), "number": pa.float64()}
    schema = pa.schema(
        [
            pa.field(c.name, kinds[c.kind], metadata={"description": c.text.encode()})
            for c in columns
        ]
    )
    data = [[_typed(row.get(c.name), c.kind) for row in rows] for c in columns]
    arrays = [pa.array(values, f.type) for values, f in zip(data, schema, strict=True)]
    temporary = path.with_name(f".{path.name}.partial")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_arrays(arrays, schema=schema), temporary, compression="zstd")
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise MediaError(
            f"cannot write {path.name}: {error.strerror or 'writing failed'}"
        ) from None
    return path


def _typed(value: Any, kind: str) -> Any:
    if value is None:
        return None
    return str(value) if kind == "text" else float(value) if kind == "number" else int(value)
