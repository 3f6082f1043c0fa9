"""``framework benchmark``: compare anonymizers, and look at stored results."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from framework.cli.console import progress_bars, say, warn, warner
from framework.cli.options import Device, Out, Quiet, Seed, Threads

app = typer.Typer(rich_markup_mode=None)


@app.callback(invoke_without_command=True)
def benchmark(
    context: typer.Context,
    data: Annotated[
        str | None,
        typer.Option(
            "--data",
            metavar="SET",
            help="synthetic, lfw:DIR, stills:DIR, clips:DIR, labelled:FILE, manifest:FILE.csv, or "
            "a plugin's [synthetic].",
        ),
    ] = None,
    out: Out = Path("benchmark-output"),
    config: Annotated[
        Path | None, typer.Option("--config", "-c", metavar="FILE", help="A benchmark.yaml.")
    ] = None,
    anonymizers: Annotated[
        str | None,
        typer.Option("--anonymizers", metavar="A,B", help="What to compare [mask,blur,pixelate]."),
    ] = None,
    recognizers: Annotated[
        str | None,
        typer.Option("--recognizers", metavar="A,B", help="Attackers [all that are installed]."),
    ] = None,
    fer: Annotated[
        str | None,
        typer.Option("--fer", metavar="A,B", help="Emotion classifiers [all that are installed]."),
    ] = None,
    attacks: Annotated[
        str | None, typer.Option("--attacks", metavar="T0,T1", help="Attacks to run [T0 to T5].")
    ] = None,
    metrics: Annotated[
        str | None,
        typer.Option("--metrics", metavar="A,B", help="Metrics [all that are installed]."),
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option(
            "--option",
            "-o",
            metavar="GROUP.NAME=VALUE",
            help="For instance detector.size=320, anonymizer:blur.cells=[4,6,8] (a sweep) or "
            "recognizer:dlib.jitters=2. Repeatable.",
        ),
    ] = None,
    data_name: Annotated[
        str | None,
        typer.Option("--data-name", help="Name under which components may have been trained."),
    ] = None,
    persons: Annotated[int | None, typer.Option("--persons", help="Most persons [200].")] = None,
    fit: Annotated[
        int | None, typer.Option("--fit", help="Most persons attackers learn from [100].")
    ] = None,
    probes: Annotated[
        int | None, typer.Option("--probes", help="Most released items a person [2].")
    ] = None,
    frames: Annotated[
        int | None, typer.Option("--frames", help="Most frames of a clip [150].")
    ] = None,
    few: Annotated[
        int | None, typer.Option("--few", help="Size of the small gallery [10].")
    ] = None,
    resamples: Annotated[
        int | None, typer.Option("--resamples", help="Resamples of the bootstrap [2000].")
    ] = None,
    seed: Seed = None,
    threads: Threads = None,
    device: Device = None,
    keep_templates: Annotated[
        bool | None,
        typer.Option(
            "--keep-templates",
            help="Keep embeddings in the store (they identify people).",
            show_default=False,
        ),
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Compare anonymizers: what protects against which attacker, and what it costs.

    Run it again with the same --out to add what is new; nothing is measured twice.
    """
    if context.invoked_subcommand is not None:
        return
    from framework_benchmark.config import load_benchmark_config
    from framework_benchmark.outputs.report import report
    from framework_benchmark.runner import run_benchmark

    settings = load_benchmark_config(
        config,
        option or [],
        data=data,
        anonymizers=anonymizers,
        recognizers=recognizers,
        fer=fer,
        attacks=attacks,
        metrics=metrics,
        data_name=data_name,
        persons=persons,
        fit=fit,
        probes=probes,
        frames=frames,
        few=few,
        resamples=resamples,
        seed=seed,
        threads=threads,
        device=device,
        keep_templates=keep_templates,
    )
    with progress_bars(quiet) as progress:
        bench = run_benchmark(settings, out, warn=warner(quiet), progress=progress)
    lines = report(bench, out)
    if not quiet:
        for line in lines:
            say(line)


@app.command("compare")
def compare(
    first: Annotated[Path, typer.Argument(metavar="A", help="Output folder of a benchmark.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="Another one.")],
) -> None:
    """Show what changed between two benchmarks, person by person where they are the same."""
    from framework_benchmark.outputs.compare import change_table, changes, read_leaderboard
    from framework_benchmark.outputs.text import aligned

    a, b = read_leaderboard(first), read_leaderboard(second)
    found = changes(a, b)
    if a["plan"]["config"]["data"] != b["plan"]["config"]["data"]:
        warn("the two were measured on different data: differences say little about the methods")
    if not found:
        say("no figure is in both")
        return
    table = change_table(found)
    for line in aligned(table.header, table.rows):
        say(line)


@app.command("merge")
def merge(
    first: Annotated[Path, typer.Argument(metavar="A", help="Output folder of a benchmark.")],
    second: Annotated[Path, typer.Argument(metavar="B", help="Another one.")],
    out: Annotated[Path, typer.Option("--out", "-d", metavar="DIR", help="The merged store.")],
) -> None:
    """Put the results of two machines into one store.

    Run the benchmark with the same settings and this --out for the tables.
    """
    from framework_benchmark.store import FILE, Store

    with Store(out / FILE) as target:
        for folder in (first, second):
            with Store(folder / FILE, create=False) as source:
                say(f"{target.merge(source)} results from {folder.name}")
