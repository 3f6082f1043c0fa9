"""``framework advise``: what the rules would say to a stored timeline."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from framework.cli.console import say
from framework.cli.options import Option, RecommenderName

app = typer.Typer(rich_markup_mode=None)


@app.command("advise")
def advise(
    timeline: Annotated[
        Path,
        typer.Argument(
            metavar="TIMELINE",
            help="Folder of a run or encounter, an emotions.csv, or a timeline.csv.",
        ),
    ],
    rules: Annotated[
        str | None, typer.Option("--rules", metavar="FILE", help="A rule file (docs/rules.md).")
    ] = None,
    recommender: RecommenderName = None,
    option: Option = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-d", metavar="FILE", help="Also write recommendations.json here."),
    ] = None,
) -> None:
    """Try rules on a stored timeline; no video is read, and nothing is changed."""
    from framework.outputs import write_recommendations
    from framework_encounter.advice import advise as advise_on

    chosen = list(option or [])
    if rules is not None:
        chosen.append(f"recommender.rules={rules}")
    found = advise_on(timeline, recommender=recommender, options=chosen)
    for item in found:
        say(
            f"{item.time_s:7.0f} s  to {item.to}  {item.rule}  (evidence {item.start_s:.0f} to "
            f"{item.end_s:.0f} s, {item.time_s - item.start_s:.0f} s after the onset, "
            f"confidence {item.confidence:.2f})"
        )
        say(f"           {item.text}")
        say(f"           {item.reason}")
    say("1 recommendation" if len(found) == 1 else f"{len(found)} recommendations")
    if out is not None:
        write_recommendations(out, found)
        say(f"wrote {out}")
