"""``framework run``, ``analyze`` and ``render``: the main job, whole and in halves."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from framework.cli.console import progress_bars, say, warn
from framework.errors import EXIT_CHECK_FAILED

Source = Annotated[
    Path, typer.Argument(metavar="SOURCE", help="A video, an image, or a folder of images.")
]
Out = Annotated[Path, typer.Option("--out", "-d", metavar="DIR", help="Where the results go.")]
Config = Annotated[Path | None, typer.Option("--config", "-c", metavar="FILE", help="A run.yaml.")]
Option = Annotated[
    list[str] | None,
    typer.Option(
        "--option",
        "-o",
        metavar="GROUP.NAME=VALUE",
        help="An option of a component or stage, as in anonymizer.kernel=31. Repeatable.",
    ),
]
DetectorName = Annotated[
    str | None, typer.Option("--detector", metavar="NAME", help="Face detector [retinaface].")
]
TrackerName = Annotated[
    str | None, typer.Option("--tracker", metavar="NAME", help="Face tracker [bytetrack].")
]
AnonymizerName = Annotated[
    str | None,
    typer.Option("--anonymizer", "-a", metavar="NAME", help="How faces are covered [blur]."),
]
FerName = Annotated[
    str | None,
    typer.Option("--fer", metavar="NAME", help="Emotion classifier, or 'none' [resnet]."),
]
RecommenderName = Annotated[
    str | None,
    typer.Option("--recommender", metavar="NAME", help="Source of advice, or 'none' [rules]."),
]
RoleName = Annotated[
    str | None, typer.Option("--role", help="Whom the recording shows: patient or doctor.")
]
People = Annotated[
    int | None,
    typer.Option(
        "--people",
        help="How many people belong to the encounter; the others are "
        "bystanders, covered and not analysed [1].",
    ),
]
Rate = Annotated[
    float | None, typer.Option("--fer-rate", help="Emotion samples a second and person [5].")
]
OnMiss = Annotated[
    str | None,
    typer.Option(
        "--on-miss",
        help="Frames whose faces could not be established: cover (the "
        "whole frame), drop or abort [cover].",
    ),
]
NoFaces = Annotated[
    bool | None,
    typer.Option(
        "--allow-no-faces", help="Let frames without any face pass as they are.", show_default=False
    ),
]
Audio = Annotated[
    str | None,
    typer.Option("--audio", help="drop, anonymize or keep. A voice identifies a person [drop]."),
]
VoiceName = Annotated[
    str | None,
    typer.Option(
        "--voice", metavar="NAME", help="Voice anonymizer of --audio anonymize [silence]."
    ),
]
PerFrame = Annotated[
    bool | None, typer.Option("--per-frame", help="Also write a row for each classified face.")
]
Recheck = Annotated[
    bool | None,
    typer.Option(
        "--recheck/--no-recheck",
        help="Repeat the emotion analysis on the result [recheck].",
        show_default=False,
    ),
]
Threads = Annotated[int | None, typer.Option("--threads", help="CPU threads [all cores].")]
Device = Annotated[str | None, typer.Option("--device", help="auto, cpu or cuda [auto].")]
Seed = Annotated[int | None, typer.Option("--seed", help="Seed of everything random [0].")]
Licence = Annotated[
    str | None,
    typer.Option(
        "--licence-policy", help="What all weights must allow: any, research or commercial [any]."
    ),
]
KeyFile = Annotated[
    Path | None,
    typer.Option("--key-file", metavar="FILE", help="Your secret, from which donors are chosen."),
]
Label = Annotated[
    bool | None,
    typer.Option(
        "--label/--no-label", help="Mark synthetic faces with a visible label.", show_default=False
    ),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print errors and nothing else.")]


def mount(app: typer.Typer) -> None:
    """Add the commands to the application."""
    app.command("run")(run)
    app.command("analyze")(analyze)
    app.command("render")(render)


def run(
    source: Source,
    out: Out = Path("framework-output"),
    config: Config = None,
    anonymizer: AnonymizerName = None,
    fer: FerName = None,
    detector: DetectorName = None,
    tracker: TrackerName = None,
    recommender: RecommenderName = None,
    option: Option = None,
    role: RoleName = None,
    people: People = None,
    fer_rate: Rate = None,
    on_miss: OnMiss = None,
    allow_no_faces: NoFaces = None,
    audio: Audio = None,
    voice: VoiceName = None,
    per_frame: PerFrame = None,
    recheck: Recheck = None,
    threads: Threads = None,
    device: Device = None,
    seed: Seed = None,
    licence_policy: Licence = None,
    key_file: KeyFile = None,
    label: Label = None,
    quiet: Quiet = False,
) -> None:
    """Cover every face, read the emotions, give advice, and report what was done.

    Writes the covered recording, emotions.csv, recommendations.json, report.html, audit.json and
    manifest.json. Exit status: 0 good, 1 the result fails its own check, 2 it could not run.
    """
    from framework.api import run as run_recording

    with progress_bars(quiet) as progress:
        result = run_recording(
            source,
            out=out,
            config=config,
            options=with_label(option, label),
            detector=detector,
            tracker=tracker,
            anonymizer=anonymizer,
            fer=fer,
            recommender=recommender,
            role=role,
            people=people,
            fer_rate=fer_rate,
            on_miss=on_miss,
            allow_no_faces=allow_no_faces,
            audio=audio,
            voice=voice,
            per_frame=per_frame,
            recheck=recheck,
            threads=threads,
            device=device,
            seed=seed,
            licence_policy=licence_policy,
            key_file=key_file,
            warn=_ignore if quiet else warn,
            progress=progress,
        )
    finish(result.summary, result.passed, result.reasons, quiet)


def analyze(
    source: Source,
    out: Out = Path("framework-output"),
    config: Config = None,
    fer: FerName = None,
    detector: DetectorName = None,
    tracker: TrackerName = None,
    option: Option = None,
    role: RoleName = None,
    people: People = None,
    fer_rate: Rate = None,
    allow_no_faces: NoFaces = None,
    threads: Threads = None,
    device: Device = None,
    quiet: Quiet = False,
) -> None:
    """First half: write tracks.csv, which a person can correct before it is rendered."""
    from framework.api import analyze as analyze_recording

    with progress_bars(quiet) as progress:
        result = analyze_recording(
            source,
            out=out,
            config=config,
            options=option or (),
            detector=detector,
            tracker=tracker,
            fer=fer,
            role=role,
            people=people,
            fer_rate=fer_rate,
            allow_no_faces=allow_no_faces,
            threads=threads,
            device=device,
            progress=progress,
        )
    finish(result.summary, result.passed, result.reasons, quiet)


def render(
    source: Source,
    tracks: Annotated[
        Path, typer.Option("--tracks", metavar="FILE", help="tracks.csv of framework analyze.")
    ],
    out: Out = Path("framework-output"),
    config: Config = None,
    anonymizer: AnonymizerName = None,
    fer: FerName = None,
    detector: DetectorName = None,
    recommender: RecommenderName = None,
    option: Option = None,
    on_miss: OnMiss = None,
    allow_no_faces: NoFaces = None,
    audio: Audio = None,
    voice: VoiceName = None,
    per_frame: PerFrame = None,
    recheck: Recheck = None,
    threads: Threads = None,
    device: Device = None,
    seed: Seed = None,
    licence_policy: Licence = None,
    key_file: KeyFile = None,
    label: Label = None,
    quiet: Quiet = False,
) -> None:
    """Second half: cover every face of a track table, and write what 'framework run' writes."""
    from framework.api import render as render_recording

    with progress_bars(quiet) as progress:
        result = render_recording(
            source,
            tracks,
            out=out,
            config=config,
            options=with_label(option, label),
            detector=detector,
            anonymizer=anonymizer,
            fer=fer,
            recommender=recommender,
            on_miss=on_miss,
            allow_no_faces=allow_no_faces,
            audio=audio,
            voice=voice,
            per_frame=per_frame,
            recheck=recheck,
            threads=threads,
            device=device,
            seed=seed,
            licence_policy=licence_policy,
            key_file=key_file,
            warn=_ignore if quiet else warn,
            progress=progress,
        )
    finish(result.summary, result.passed, result.reasons, quiet)


def with_label(option: list[str] | None, label: bool | None) -> list[str]:
    """``--no-label`` is short for an option of the anonymizer that makes synthetic faces."""
    extra = [] if label is None else [f"anonymizer.label={'true' if label else 'false'}"]
    return [*(option or []), *extra]


def _ignore(message: str) -> None:
    del message


def finish(summary: list[str], passed: bool, reasons: list[str], quiet: bool) -> None:
    """Print what was done, and why it did not pass; exit status 1 if so."""
    if not quiet:
        for line in summary:
            say(line)
    if not passed:
        for reason in reasons:
            warn(reason)
        raise typer.Exit(EXIT_CHECK_FAILED)
