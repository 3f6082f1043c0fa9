"""leaderboard.csv, leaderboard.json, tables.md, tables.tex."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from framework.atomic import write_text
from framework_benchmark.outputs.tables import Table, all_tables
from framework_benchmark.results.cell import Cell
from framework_benchmark.results.evaluate import Results

FORMAT = "framework-benchmark-leaderboard"
VERSION = 1
COLUMNS = (
    "method",
    "axis",
    "metric",
    "attack",
    "component",
    "gallery",
    "value",
    "low",
    "high",
    "persons",
    "items",
    "failures",
    "contamination",
    "interval",
    "note",
)


def write_files(
    results: Results, environment: dict[str, Any], command: str, out: Path
) -> list[Path]:
    """Write the four files; each appears complete or not at all."""
    contents = {
        "leaderboard.csv": leaderboard_csv(results),
        "leaderboard.json": json.dumps(
            leaderboard(results, environment, command), indent=1, allow_nan=False
        )
        + "\n",
        "tables.md": markdown(all_tables(results)),
        "tables.tex": latex(all_tables(results)),
    }
    for name, text in contents.items():
        write_text(out / name, text)
    return [out / name for name in contents]


def leaderboard_csv(results: Results) -> str:
    """One row a figure."""
    buffer = io.StringIO()
    writer = csv.DictWriter(buffer, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for cell in results.cells:
        row = cell_row(cell)
        writer.writerow({k: "" if row[k] is None else row[k] for k in COLUMNS})
    return buffer.getvalue()


def cell_row(cell: Cell) -> dict[str, Any]:
    """A figure as plain values."""
    found = cell.interval
    return {
        "method": cell.method,
        "axis": str(cell.axis),
        "metric": cell.metric,
        "attack": cell.attack,
        "component": cell.component,
        "gallery": cell.gallery,
        "value": _rounded(found.value),
        "low": _rounded(found.low),
        "high": _rounded(found.high),
        "persons": found.persons,
        "items": cell.items,
        "failures": cell.failures,
        "contamination": cell.contamination,
        "interval": found.method,
        "note": cell.note,
    }


def leaderboard(results: Results, environment: dict[str, Any], command: str) -> dict[str, Any]:
    """Everything, as JSON values; the figures by person are under ``by_person``."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "command": command,
        "environment": environment,
        "plan": results.plan,
        "notes": results.notes,
        "methods": results.methods,
        "cells": [
            cell_row(c) | ({"by_person": dict(c.persons)} if c.persons else {})
            for c in results.cells
        ],
        "comparisons": [asdict(c) for c in results.comparisons],
        "equivalence": {
            method: {f: {e: asdict(v) for e, v in by.items()} for f, by in classifiers.items()}
            for method, classifiers in results.equivalence.items()
        },
        "failures": [asdict(f) for f in results.failures],
    }


def markdown(tables: list[Table]) -> str:
    """Tables in GitHub's Markdown."""
    parts = []
    for table in tables:
        lines = [f"## {table.title}", ""]
        if table.caption:
            lines += [table.caption, ""]
        lines.append("| " + " | ".join(table.header) + " |")
        lines.append("|" + "---|" * len(table.header))
        lines += [
            "| " + " | ".join(c.replace("|", "\\|") for c in row) + " |" for row in table.rows
        ]
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


_TEX = str.maketrans(
    {
        "&": r"\&",
        "%": r"\%",
        "$": r"\$",
        "#": r"\#",
        "_": r"\_",
        "{": r"\{",
        "}": r"\}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "\\": r"\textbackslash{}",
        "<": r"\textless{}",
        ">": r"\textgreater{}",
    }
)


def latex(tables: list[Table]) -> str:
    """Tables for a paper; needs the package booktabs."""
    parts = []
    for table in tables:
        caption = f"{table.title}. {table.caption}".strip().translate(_TEX)
        rows = [" & ".join(c.translate(_TEX) for c in row) + r" \\" for row in table.rows]
        parts.append(
            "\n".join(
                [
                    r"\begin{table}",
                    rf"\caption{{{caption}}}",
                    rf"\begin{{tabular}}{{{'l' * len(table.header)}}}",
                    r"\toprule",
                    " & ".join(c.translate(_TEX) for c in table.header) + r" \\",
                    r"\midrule",
                    *rows,
                    r"\bottomrule",
                    r"\end{tabular}",
                    r"\end{table}",
                ]
            )
        )
    return "\n\n".join(parts) + "\n"


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.6g}")
