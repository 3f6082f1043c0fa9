"""Numbers as text, and tables as aligned lines."""

from __future__ import annotations

from collections.abc import Sequence

from framework_benchmark.statistics.bootstrap import Interval

NOTHING = "-"


def number(value: float | None, digits: int = 2) -> str:
    """``0.13``; ``-`` where there is none. No negative zero."""
    if value is None:
        return NOTHING
    text = f"{value:.{digits}f}"
    return text.lstrip("-") if float(text) == 0 else text


def with_interval(found: Interval | None, digits: int = 2) -> str:
    """``0.13 [0.08, 0.21]``."""
    if found is None or found.value is None:
        return NOTHING
    if found.low is None or found.high is None:
        return number(found.value, digits)
    return (
        f"{number(found.value, digits)} [{number(found.low, digits)}, {number(found.high, digits)}]"
    )


def aligned(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table; the first column to the left, the others too, two spaces between."""
    widths = [max(len(r[c]) for r in [header, *rows]) for c in range(len(header))]
    lines = [
        "  ".join(cell.ljust(w) for cell, w in zip(r, widths, strict=True)).rstrip()
        for r in [header, *rows]
    ]
    lines.insert(1, "  ".join("-" * w for w in widths))
    return lines
