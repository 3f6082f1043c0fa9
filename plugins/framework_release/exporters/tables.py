"""Tables for statistics: Parquet, and long CSV for SPSS and R."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from framework.types import EMOTIONS
from framework_release.csv_table import write_csv, write_parquet
from framework_release.exporters.options import NoOptions
from framework_release.results import read_results
from framework_release.seconds import TABLES, Row, rows

MEASURES = (*EMOTIONS, "coverage", "quality")
LONG_COLUMNS = ("id", "person", "role", "second", "label", "measure", "value")


class ParquetExporter:
    """Writes ``seconds.parquet``, ``episodes.parquet`` and ``advice.parquet``."""

    def __init__(self, options: NoOptions, context: Any = None) -> None:
        del options

    def export(self, result: Path, out: Path) -> list[Path]:
        """See :class:`framework.Exporter`."""
        found = rows(read_results(result))
        return [
            write_parquet(out / f"{name}.parquet", columns, found[name])
            for name, columns in TABLES.items()
        ]


class LongCsvExporter:
    """Writes ``seconds_long.csv``: one row a second, person and measure, no column for a measure.

    The form that ``lme4`` and ``MIXED`` want; ``tidyr::pivot_wider(names_from = measure)`` and
    ``CASESTOVARS`` give one column a measure.
    """

    def __init__(self, options: NoOptions, context: Any = None) -> None:
        del options

    def export(self, result: Path, out: Path) -> list[Path]:
        """See :class:`framework.Exporter`."""
        results = read_results(result)
        name = results.id or result.resolve().name
        return [
            write_csv(
                out / "seconds_long.csv", LONG_COLUMNS, long_rows(name, rows(results)["seconds"])
            )
        ]


def long_rows(name: str, seconds: list[Row]) -> Iterator[Row]:
    """The rows of the long table; a measure that was not taken has an empty value."""
    for row in seconds:
        for measure in MEASURES:
            yield {
                "id": name,
                **{key: row[key] for key in ("person", "role", "second", "label")},
                "measure": measure,
                "value": row[measure],
            }
