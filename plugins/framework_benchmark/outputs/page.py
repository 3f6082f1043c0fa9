"""benchmark.html: everything on one page that needs nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from framework.atomic import write_text
from framework.report.html import render_html
from framework_benchmark.outputs.pareto import pareto
from framework_benchmark.outputs.tables import all_tables
from framework_benchmark.results.evaluate import Results


def write_page(
    results: Results,
    environment: dict[str, Any],
    command: str,
    pictures: list[tuple[str, str]],
    path: Path,
) -> None:
    """Write the page.

    Args:
        pictures: of :func:`framework_benchmark.outputs.strip.strip`.
    """
    write_text(path, render_page(results, environment, command, pictures))


def render_page(
    results: Results,
    environment: dict[str, Any],
    command: str,
    pictures: list[tuple[str, str]],
) -> str:
    """The page as HTML; every text is escaped, only the picture drawn here is not."""
    return render_html(
        "framework_benchmark.outputs",
        data=results.plan["config"]["data"],
        tables=all_tables(results),
        pareto=pareto(results),
        pictures=pictures,
        notes=results.notes,
        contamination=sorted(results.plan["contamination"].items()),
        environment=environment,
        command=command,
    )
