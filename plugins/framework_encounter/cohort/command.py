"""``framework cohort``: statistics over many encounters."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from framework.cli.console import say, warner
from framework.cli.options import Quiet
from framework.errors import ConfigError

app = typer.Typer(rich_markup_mode=None)


@app.command("cohort")
def cohort(
    folder: Annotated[
        Path | None,
        typer.Argument(metavar="DIR", help="Folder with the outputs of many encounters or runs."),
    ] = None,
    counts: Annotated[
        Path | None,
        typer.Option(
            "--counts", metavar="FILE", help="Instead: a CSV with role, expression and count."
        ),
    ] = None,
    out: Annotated[
        Path, typer.Option("--out", "-d", metavar="DIR", help="Where the results go.")
    ] = Path("framework-cohort"),
    min_encounters: Annotated[
        int,
        typer.Option(
            "--min-encounters",
            min=2,
            max=1000,
            help="Encounters that must stand behind every figure.",
        ),
    ] = 10,
    allow_mixed: Annotated[
        bool,
        typer.Option(
            "--allow-mixed",
            help="Also count outputs that were analysed in another way than most.",
            show_default=False,
        ),
    ] = False,
    resamples: Annotated[
        int, typer.Option(min=200, max=100_000, help="Samples of the bootstrap.")
    ] = 2000,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the bootstrap.")] = 0,
    outcomes: Annotated[
        Path | None,
        typer.Option(
            "--outcomes",
            metavar="FILE",
            help="A CSV with id and numbers, for instance satisfaction: each is related to "
            "synchrony and mimicry.",
        ),
    ] = None,
    per_encounter: Annotated[
        bool,
        typer.Option(
            "--per-encounter",
            help="Also write synchrony and mimicry of each encounter. Not for handing on.",
            show_default=False,
        ),
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Count expressions by role, compare doctors with patients, and say what was left out.

    Writes summary.csv, expressions.csv, comparison.csv, excluded.csv and cohort.html, and where
    both people were read interaction.csv: synchrony, mimicry and lead.
    """
    from framework_encounter.cohort import (
        read_cohort,
        read_counts,
        summarise,
        write_cohort,
        write_counts_report,
    )
    from framework_encounter.cohort.interaction import interaction_of, read_outcomes, relate
    from framework_encounter.cohort.outputs import write_interaction

    if (folder is None) == (counts is None):
        raise ConfigError("give a folder of outputs, or --counts FILE")
    lines: list[str] = []
    if counts is not None:
        files, notes = write_counts_report(out, tables := read_counts(counts))
        for table in tables:
            shares = ", ".join(f"{k} {v:.1f} %" for k, v in table.percentages().items())
            lines.append(f"{table.role}: {table.whole:,} seconds; {shares}")
    else:
        assert folder is not None
        found = read_cohort(folder, allow_mixed=allow_mixed)
        for item in found.excluded:
            warner(quiet)(f"left out: {item.folder} ({item.name}): {item.reason}")
        summary = summarise(found, least=min_encounters, resamples=resamples, seed=seed)
        given = read_outcomes(outcomes) if outcomes is not None else {}
        by_encounter, tests, remarks = interaction_of(found, least=min_encounters, seed=seed)
        files = write_cohort(out, found, summary, tests)
        notes = [*summary.remarks, *remarks]
        if tests:
            related = relate(by_encounter, given, least=min_encounters, seed=seed)
            files += write_interaction(out, tests, related, by_encounter if per_encounter else ())
        elif given or per_encounter:
            notes.append("no encounter has synchrony.csv or mimicry.csv; run the encounters again")
        mean, spread, shortest, longest = summary.durations_s
        lines.append(
            f"{summary.encounters} encounters, {summary.excluded} left out; length {mean:.0f} s "
            f"(SD {spread:.0f}), {shortest:.0f} to {longest:.0f} s"
        )
        for role in summary.roles:
            shares = ", ".join(
                f"{c.expression} {100 * c.share:.1f} %"
                for c in role.cells
                if c.share is not None and c.count
            )
            lines.append(f"{role.role}: {role.labelled_s:,} labelled seconds; {shares}")
    if not quiet:
        lines += [*(f"note: {note}" for note in notes), *(f"wrote {file}" for file in files)]
        for line in lines:
            say(line)
