"""Everything a benchmark leaves in its folder, and the lines for the terminal."""

from __future__ import annotations

from pathlib import Path

from framework_benchmark.outputs.environment import command, environment
from framework_benchmark.outputs.files import write_files
from framework_benchmark.outputs.page import write_page
from framework_benchmark.outputs.strip import strip
from framework_benchmark.outputs.tables import headline
from framework_benchmark.outputs.text import aligned
from framework_benchmark.results.evaluate import evaluate
from framework_benchmark.runner import Bench
from framework_benchmark.store import FILE, Store

PAGE = "benchmark.html"


def report(bench: Bench, out: Path) -> list[str]:
    """Evaluate the store in ``out``, write every output, and return the table for the terminal."""
    with Store(out / FILE, create=False) as store:
        results = evaluate(bench, store)
    where, how = environment(bench.config.threads), command(bench.config)
    files = write_files(results, where, how, out)
    write_page(results, where, how, strip(bench), out / PAGE)
    table = headline(results)
    lines = [*aligned(table.header, table.rows), "", table.caption]
    lines += [f"note: {note}" for note in results.notes]
    failed = {f.method: f.error for f in results.failures}
    lines += [f"failed: {method}: {error}" for method, error in failed.items()]
    lines += [f"wrote {file}" for file in [*files, out / PAGE]]
    return lines
