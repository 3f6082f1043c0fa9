"""Tables of counts, their percentages, and what does not add up in them."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from framework.errors import ConfigError, MediaError
from framework.reading import why_unreadable
from framework.suggest import did_you_mean
from framework.types import EMOTIONS, UNKNOWN

TOTAL = "total"
COLUMNS = ("role", "expression", "count")


@dataclass(frozen=True)
class CountTable:
    """Seconds by expression for one role.

    Attributes:
        role: for instance ``doctor``.
        counts: seconds of each expression that is listed.
        total: the total that is given; None: the sum of what is listed.
        printed: percentages as somebody printed them, where known.
    """

    role: str
    counts: Mapping[str, int]
    total: int | None = None
    printed: Mapping[str, float] = field(default_factory=dict)

    @property
    def listed(self) -> int:
        """Sum of what is listed."""
        return sum(self.counts.values())

    @property
    def whole(self) -> int:
        """What percentages are of."""
        return self.listed if self.total is None else self.total

    def percentages(self) -> dict[str, float]:
        """Percentage of each listed expression, 0 to 100."""
        whole = self.whole
        return {name: 100 * n / whole if whole else 0.0 for name, n in self.counts.items()}


def remarks(table: CountTable) -> list[str]:
    """What a reader should know: parts that do not sum, percentages that do not follow."""
    found = []
    missing = table.whole - table.listed
    if missing:
        unlisted = [name for name in EMOTIONS if name not in table.counts]
        away = f"{abs(missing):,} {'short of' if missing > 0 else 'above'}"
        text = (
            f"{table.role}: the listed expressions sum to {table.listed:,}, {away} the total of "
            f"{table.whole:,}"
        )
        if unlisted and missing > 0:
            text += f"; not listed: {', '.join(unlisted)}"
        found.append(text)
    for name, percent in table.percentages().items():
        printed = table.printed.get(name)
        if printed is not None and f"{percent:.1f}" != f"{printed:.1f}":
            found.append(
                f"{table.role}, {name}: {printed:.1f} % is printed, {table.counts[name]:,} of "
                f"{table.whole:,} is {percent:.1f} %"
            )
    return found


def read_counts(path: Path) -> list[CountTable]:
    """Read a CSV with the columns role, expression, count, and perhaps printed_percent.

    A row whose expression is ``total`` gives a role's total.

    Raises:
        MediaError: it cannot be read.
        ConfigError: it does not validate; the message names the line.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            reader = csv.DictReader(handle)
            head = list(reader.fieldnames or ())
            rows = [(reader.line_num, row) for row in reader]
    except OSError as error:
        raise MediaError(f"counts: {why_unreadable(error)}") from None
    except (UnicodeDecodeError, csv.Error):
        raise ConfigError("counts: expected CSV in UTF-8") from None
    missing = [column for column in COLUMNS if column not in head]
    if missing:
        raise ConfigError(f"counts, line 1: missing column {', '.join(missing)}")
    counts: dict[str, dict[str, int]] = {}
    totals: dict[str, int] = {}
    printed: dict[str, dict[str, float]] = {}
    for line, row in rows:
        role, name = row["role"].strip(), row["expression"].strip()
        try:
            value = int(row["count"])
            percent = (row.get("printed_percent") or "").strip()
            if percent:
                printed.setdefault(role, {})[name] = float(percent)
        except ValueError as error:
            raise ConfigError(f"counts, line {line}: {error}") from None
        if value < 0:
            raise ConfigError(f"counts, line {line}: expected a count of at least 0, got {value}")
        if name == TOTAL:
            totals[role] = value
            counts.setdefault(role, {})
        elif name not in (*EMOTIONS, UNKNOWN):
            raise ConfigError(
                f"counts, line {line}: unknown expression '{name}'"
                f"{did_you_mean(name, (*EMOTIONS, UNKNOWN, TOTAL))}"
            )
        elif name in counts.setdefault(role, {}):
            raise ConfigError(f"counts, line {line}: {role} {name} is there twice")
        else:
            counts[role][name] = value
    return [CountTable(r, c, totals.get(r), printed.get(r, {})) for r, c in counts.items()]
