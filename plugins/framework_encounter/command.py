"""``framework encounter run``: several cameras, one conversation."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from framework.cli.console import finish, progress_bars, warner
from framework.cli.options import (
    Config,
    KeyFile,
    Label,
    Option,
    Out,
    Quiet,
    takes_settings,
    with_label,
)
from framework.errors import ConfigError

if TYPE_CHECKING:
    from framework_encounter.spec import Encounter

app = typer.Typer(
    help="Several cameras, one conversation.", no_args_is_help=True, rich_markup_mode=None
)

Camera = typer.Option(metavar="FILE")


@app.callback()
def group() -> None:
    """Several cameras, one conversation."""


@app.command("run")
@takes_settings(without=("role", "people", "per_frame"))
def run(
    file: Annotated[
        Path | None, typer.Argument(metavar="[ENCOUNTER.yaml]", help="An encounter file.")
    ] = None,
    patient: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Camera that shows the patient.")
    ] = None,
    doctor: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Camera that shows the doctor.")
    ] = None,
    both: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Camera that shows both.")
    ] = None,
    patient_side: Annotated[
        str | None,
        typer.Option("--patient-side", help="Where the patient is in --both: left or right."),
    ] = None,
    patient_picture: Annotated[
        Path | None,
        typer.Option("--patient-picture", metavar="FILE", help="Picture of the patient's face."),
    ] = None,
    doctor_picture: Annotated[
        Path | None,
        typer.Option("--doctor-picture", metavar="FILE", help="Picture of the doctor's face."),
    ] = None,
    recognizer: Annotated[
        str | None, typer.Option(metavar="NAME", help="Recogniser that compares with pictures.")
    ] = None,
    sync: Annotated[
        str | None,
        typer.Option(
            help="audio, timecode, creation-time, or manual=SECONDS (when the other camera starts "
            "on the patient camera's clock) [audio]."
        ),
    ] = None,
    encounter_id: Annotated[
        str | None, typer.Option("--id", help="Pseudonym of the encounter [encounter].")
    ] = None,
    voice_activity: Annotated[
        bool | None,
        typer.Option(
            "--voice-activity",
            help="Find out when somebody speaks; no sound is kept.",
            show_default=False,
        ),
    ] = None,
    doctor_scores: Annotated[
        str | None,
        typer.Option(
            "--doctor-scores", help="Who gets the doctor's emotions: doctor-view or shared."
        ),
    ] = None,
    out: Out = Path("framework-output"),
    config: Config = None,
    option: Option = None,
    key_file: KeyFile = None,
    label: Label = None,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Cover every camera, say who is who, and read both people over one clock.

    Give an encounter file, or the recordings. Writes a folder for each camera, encounter.json,
    timeline.csv, episodes.csv, changes.csv and report.html; the doctor's emotions and the advice go
    to the folder doctor-view.
    """
    from framework_encounter.run import run_encounter
    from framework_encounter.spec import load_encounter

    changes = _changes(
        sync,
        encounter_id,
        voice_activity,
        doctor_scores,
        recognizer,
        patient_picture,
        doctor_picture,
    )
    given = {"--patient": patient, "--doctor": doctor, "--both": both}
    if file is not None:
        named = [name for name, value in given.items() if value is not None]
        if named or patient_side:
            raise ConfigError(
                f"{(named or ['--patient-side'])[0]} and an encounter file: give one of them; the "
                "file names its recordings itself"
            )
        encounter = _with(load_encounter(file), changes)
    else:
        encounter = _from_options(patient, doctor, both, patient_side, changes)
    with progress_bars(quiet) as progress:
        result = run_encounter(
            encounter,
            out=out,
            config=config,
            options=with_label(option, label),
            key_file=key_file,
            warn=warner(quiet),
            progress=progress,
            **settings,
        )
    finish(result.summary, result.passed, result.reasons, quiet)


def _changes(
    sync: str | None,
    encounter_id: str | None,
    voice_activity: bool | None,
    doctor_scores: str | None,
    recognizer: str | None,
    patient_picture: Path | None,
    doctor_picture: Path | None,
) -> dict[str, Any]:
    """What the command line says of the encounter, under the names of the encounter file."""
    found: dict[str, Any] = {}
    if sync is not None:
        found["sync"], found["offset_s"] = parse_sync(sync)
    values = {
        "id": encounter_id,
        "voice_activity": voice_activity,
        "doctor_scores": doctor_scores,
        "recognizer": recognizer,
    }
    found |= {key: value for key, value in values.items() if value is not None}
    pictures = {"patient": patient_picture, "doctor": doctor_picture}
    given = {role: str(path) for role, path in pictures.items() if path is not None}
    return found | ({"references": given} if given else {})


def parse_sync(text: str) -> tuple[str, float | None]:
    """``manual=1.25s`` as ("manual", 1.25); any other method as (method, None).

    Raises:
        ConfigError: no method of this name, or no number.
    """
    method, equals, value = text.partition("=")
    if method == "manual":
        match = re.fullmatch(r"\s*([+-]?\d+(?:\.\d+)?|[+-]?\.\d+)\s*s?\s*", value)
        if not match:
            raise ConfigError(f"--sync {text}: expected manual=SECONDS, as in manual=1.25s")
        return method, float(match[1])
    if equals or method not in ("audio", "timecode", "creation-time"):
        raise ConfigError(
            f"--sync {text}: expected audio, timecode, creation-time or manual=SECONDS"
        )
    return method, None


def _from_options(
    patient: Path | None,
    doctor: Path | None,
    both: Path | None,
    patient_side: str | None,
    changes: dict[str, Any],
) -> Encounter:
    from framework_encounter.spec import SIDES, make_encounter

    recordings: list[dict[str, Any]] = []
    if patient is not None:
        recordings.append({"file": str(patient), "shows": "patient"})
    if doctor is not None:
        recordings.append({"file": str(doctor), "shows": "doctor"})
    if both is not None:
        regions: dict[str, Any] = {}
        if patient_side is not None:
            if patient_side not in SIDES:
                raise ConfigError(f"--patient-side {patient_side}: expected left or right")
            other = "right" if patient_side == "left" else "left"
            regions = {"patient": SIDES[patient_side], "doctor": SIDES[other]}
        recordings.append({"file": str(both), "shows": ["patient", "doctor"], "regions": regions})
    elif patient_side is not None:
        raise ConfigError("--patient-side says where the patient is in --both; give that, too")
    if not recordings:
        raise ConfigError("no recording: give an encounter file, --patient and --doctor, or --both")
    return _with_values({"recordings": recordings}, changes, make_encounter)


def _with(encounter: Encounter, changes: dict[str, Any]) -> Encounter:
    from framework_encounter.spec import make_encounter

    return _with_values(encounter.model_dump(), changes, make_encounter)


def _with_values(values: dict[str, Any], changes: dict[str, Any], make: Any) -> Encounter:
    """The command line on top of what is known of the encounter."""
    changes = dict(changes)
    offset = changes.pop("offset_s", None)
    recognizer = changes.pop("recognizer", None)
    references = {**values.get("references", {}), **changes.pop("references", {})}
    values = values | changes | {"references": references}
    if recognizer is not None:
        values["matching"] = {**values.get("matching", {}), "recognizer": recognizer}
    if "sync" in changes:
        recordings = [dict(r) for r in values["recordings"]]
        for r in recordings:
            r["offset_s"] = None
        shared = next((k for k, r in enumerate(recordings) if "patient" in r["shows"]), 0)
        others = [r for k, r in enumerate(recordings) if k != shared]
        if offset is not None:
            if len(others) != 1:
                raise ConfigError(
                    f"--sync manual gives one offset, and there are {len(others)} other "
                    "recordings; give offset_s for each in an encounter file"
                )
            others[0]["offset_s"] = offset
        values["recordings"] = recordings
    encounter: Encounter = make(values)
    return encounter
