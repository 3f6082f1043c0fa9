"""``release build``: from a study's folder to a data set, all of it or nothing."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from framework import __version__
from framework.atomic import explain, write_text
from framework.errors import CheckError, ConfigError, MediaError
from framework.progress import Progress, silent
from framework.table_file import load_table
from framework_release.about import About
from framework_release.anonymity import Generalised, generalise
from framework_release.bids import (
    changes_text,
    participants,
    synthetic_statement,
    write_json,
    write_root,
    write_session,
)
from framework_release.checksums import read_sums, release_files, write_sums
from framework_release.citation import write_citation, write_crate, write_datacite
from framework_release.config import ReleaseConfig
from framework_release.credentials import SigningKey, load_key, own_key
from framework_release.croissant import describe
from framework_release.csv_table import write_csv, write_tsv
from framework_release.datasheet import write_datasheet
from framework_release.figures import measure, measure_each, methods
from framework_release.identity import label, labels, study_secret
from framework_release.media import Released, Treatment, has_audio, release_recording, tidy
from framework_release.names import Session
from framework_release.results import Results
from framework_release.selection import Chosen, LeftOut, Selection, select
from framework_release.study import Study, read_study
from framework_release.tables import release_tables, write_tables
from framework_release.versions import Version, next_version, read_history, write_history
from framework_release.withdrawals import withdrawn_people

FORMAT = "framework-release"
FORMAT_VERSION = 1
FIXED_TIME = 946684800
"""Time of every file in the release: 2000-01-01T00:00:00Z, the same whenever it is built."""
SUBJECTS, LEFT_OUT = "subjects.csv", "left-out.csv"
TRACK_COLUMNS = ("frame", "time_s", "state", "track_id", "x1", "y1", "x2", "y2")


@dataclass(frozen=True)
class BuildResult:
    """What was built.

    Attributes:
        out: the release.
        version: of it.
        sessions: what is in it.
        left_out: what is not, and why.
        groups: what was done to the groups.
        summary: what happened, in lines.
    """

    out: Path
    version: Version
    sessions: tuple[Session, ...]
    left_out: tuple[LeftOut, ...]
    groups: Generalised
    summary: list[str] = field(default_factory=list)


def build_release(
    root: Path,
    out: Path,
    config: ReleaseConfig,
    *,
    settings: Mapping[str, Any] | None = None,
    warn: Callable[[str], None] = lambda message: None,
    progress: Progress = silent,
) -> BuildResult:
    """Build the next version of a study's release, or the present one again.

    Args:
        root: the study's folder.
        out: folder of the release; new, empty, or an unchanged release of ours, which is replaced.
        settings: for verification: ``detector``, ``tracker``, ``threads``, ``device``.

    Raises:
        UserError: something is not usable; nothing was written to ``out``.
        CheckError: nothing may be released; the reasons are in the study's ``release`` folder.
    """
    study = read_study(root)
    _refuse_place(out, study)
    secret = study_secret(study.private)
    key = _signing_key(config, study.private)
    withdrawn = withdrawn_people(study)
    chosen = select(study, config, withdrawn, settings=settings, warn=warn, progress=progress)
    _write_left_out(study, chosen)
    if not chosen.chosen:
        raise CheckError(
            f"nothing may be released: all {len(chosen.left_out)} encounters were left out; the "
            f"reasons are in {study.private / LEFT_OUT}"
        )
    sessions = _sessions(chosen.chosen, secret, config.task)
    groups, shown = _groups(sessions, config)
    history = _history(study, config, sessions, shown, chosen, key)
    about = _describe(config, history, sessions, groups, chosen, key)
    with _staging(out) as staging:
        _write(staging, study, sessions, shown, about, history, secret, key, progress)
    write_history(study.private, history)
    _write_subjects(study, sessions)
    version = history[-1]
    summary = [
        f"version {version.version}: {len(sessions)} encounters of "
        f"{len({s.subject for s in sessions})} people, {len(chosen.left_out)} left out",
        *(f"left out {one.id}: {one.reason}" for one in chosen.left_out),
        *(f"groups: {step}" for step in groups.steps),
        f"wrote {out}",
    ]
    return BuildResult(out, version, tuple(sessions), chosen.left_out, groups, summary)


def _describe(
    config: ReleaseConfig,
    history: Sequence[Version],
    sessions: Sequence[Session],
    groups: Generalised,
    selection: Selection,
    key: SigningKey | None,
) -> About:
    """What every description of the release says."""
    chosen = [s.chosen for s in sessions]
    signer = ""
    if key is not None:
        signer = (
            "an own test certificate, which proves that nothing changed, not who signed"
            if key.own
            else f"{config.publisher}, with its own certificate"
        )
    return About(
        config=config,
        version=history[-1].version,
        date=history[-1].date,
        figures=measure(chosen),
        methods=methods(chosen),
        participants=len({s.subject for s in sessions}),
        per_method=measure_each(chosen),
        steps=groups.steps,
        left_out=dict(sorted(Counter(o.rule for o in selection.left_out).items())),
        signer=signer,
    )


def _refuse_place(out: Path, study: Study) -> None:
    place, home = out.resolve(), study.root.resolve()
    if home.is_relative_to(place) or place.is_relative_to(home):
        raise ConfigError(
            f"--out {out}: a release does not lie in its study, nor the study in it; originals lie "
            f"there. Choose a folder elsewhere"
        )
    if not out.exists():
        return
    if not out.is_dir():
        raise ConfigError(f"--out {out}: a file has this name; choose another folder")
    if any(out.iterdir()) and not _ours(out):
        raise ConfigError(
            f"--out {out}: there are files in it that are no release of ours, or that were added; "
            f"choose a new or empty folder"
        )


def _ours(out: Path) -> bool:
    """Whether every file in a folder is one that a build of ours wrote."""
    try:
        sums, _ = read_sums(out)
        about = json.loads((out / "release.json").read_text(encoding="utf-8"))
    except (MediaError, OSError, ValueError):
        return False
    return about.get("format") == FORMAT and set(release_files(out)) <= set(sums)


def _signing_key(config: ReleaseConfig, private: Path) -> SigningKey | None:
    if config.credentials == "none":
        return None
    if config.certificate is not None and config.private_key is not None:
        return load_key(config.certificate, config.private_key)
    return own_key(private)


def _sessions(chosen: Sequence[Chosen], secret: bytes, task: str) -> list[Session]:
    """New labels, and sessions of one person in a random order; sorted by both."""
    names = labels({c.encounter.person for c in chosen}, secret)
    by_person: dict[str, list[Chosen]] = {}
    for one in chosen:
        by_person.setdefault(names[one.encounter.person], []).append(one)
    return [
        Session(subject, number, task, one)
        for subject in sorted(by_person)
        for number, one in enumerate(
            sorted(by_person[subject], key=lambda c: label(f"session:{c.encounter.id}", secret)),
            start=1,
        )
    ]


def _groups(
    sessions: Sequence[Session], config: ReleaseConfig
) -> tuple[Generalised, dict[str, Mapping[str, str]]]:
    """Groups of each subject, generalised."""
    cells: dict[str, dict[str, str]] = {}
    for session in sessions:
        row = session.chosen.encounter.cells
        for column in config.groups:
            if column not in row:
                raise ConfigError(
                    f"groups: encounters.csv has no column {column}; check release.yaml"
                )
            value = row[column]
            mine = cells.setdefault(session.subject, {})
            if column == config.age_column and column in mine:
                value = min(value, mine[column], key=_years)  # of several visits, the first
            if mine.setdefault(column, value) != value and column != config.age_column:
                raise ConfigError(
                    f"groups: column {column} differs between encounters of one person "
                    f"({session.chosen.encounter.id}); a group must be the same in all of them"
                )
            mine[column] = value
    subjects = sorted({s.subject for s in sessions})
    people = [cells.get(s, {}) for s in subjects]
    age = config.age_column if config.age_column in config.groups else None
    found = generalise(people, config.groups, config.k, age, config.age_band)
    return found, dict(zip(subjects, found.rows, strict=True))


def _years(text: str) -> float:
    try:
        return float(text.replace(",", "."))
    except ValueError:
        return float("inf")


def _history(
    study: Study,
    config: ReleaseConfig,
    sessions: Sequence[Session],
    groups: Mapping[str, Mapping[str, str]],
    selection: Selection,
    key: SigningKey | None,
) -> list[Version]:
    inputs = {
        "format": FORMAT_VERSION,
        "framework": __version__,
        "config": config.model_dump(mode="json", exclude={"certificate", "private_key"}),
        "certificate": hashlib.sha256(key.chain).hexdigest() if key else "",
        "sessions": [
            {
                "label": s.stem,
                "files": dict(s.chosen.files),
                "verdicts": s.chosen.verdicts,
                "cameras": [c.name for c in s.chosen.results.cameras],
            }
            for s in sessions
        ],
        "groups": groups,
        "left_out": sorted(o.rule for o in selection.left_out),
    }
    content = hashlib.sha256(json.dumps(inputs, sort_keys=True, default=str).encode()).hexdigest()
    secret = study_secret(study.private)
    gone = {e.person for e in study.encounters if e.id in withdrawn_people(study)}
    return next_version(
        read_history(study.private),
        content,
        sorted({s.subject for s in sessions}),
        config.version,
        withdrawn=[label(f"person:{p}", secret) for p in gone],
    )


@contextlib.contextmanager
def _staging(out: Path) -> Iterator[Path]:
    """A folder beside ``out`` that takes its place when everything is in it."""
    token = secrets.token_hex(4)
    staging = out.with_name(f".{out.name}.{token}.partial")
    old = out.with_name(f".{out.name}.{token}.old")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        staging.mkdir()
        yield staging
        if out.exists():
            out.replace(old)
        staging.replace(out)
    except OSError as error:
        raise MediaError(f"cannot write the release: {explain(error)}") from None
    finally:
        if old.exists() and not out.exists():
            old.replace(out)
        shutil.rmtree(staging, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)


def _write(
    root: Path,
    study: Study,
    sessions: Sequence[Session],
    groups: Mapping[str, Mapping[str, str]],
    about: About,
    history: Sequence[Version],
    secret: bytes,
    key: SigningKey | None,
    progress: Progress,
) -> None:
    config = about.config
    released: dict[tuple[str, str], dict[str, Released]] = {}
    cache, used = study.private / "recordings", set[str]()
    for k, session in enumerate(sessions):
        progress("write", k, len(sessions))
        results = session.chosen.results
        sentence = _sentence(results)
        mine: dict[str, Released] = {}
        for camera in results.cameras:
            assert camera.file is not None
            audio = config.audio == "keep" and has_audio(camera.file)
            treatment = Treatment(
                synthetic=results.synthetic,
                sentence=sentence,
                watermark=results.synthetic and config.watermark,
                keep_audio=audio,
                key=key,
                secret=secret,
            )
            target = root / session.recording(camera, audio)
            mine[camera.name] = release_recording(camera.file, target, treatment, cache, used)
        write_session(root, session, mine, config, sentence)
        if config.tracks:
            _write_tracks(root, study, session, mine)
        released[session.participant_id, session.session_id] = mine
    progress("write", len(sessions), len(sessions))
    tidy(cache, used)
    write_tables(root, release_tables(sessions, released), config.parquet)
    people = participants(sessions, groups, config.groups)
    write_root(root, sessions, config, people, about.version, __version__)
    write_text(root / "CHANGES", changes_text([asdict(v) for v in history]))
    write_datasheet(root, about)
    write_citation(root, about)
    write_datacite(root, about)
    write_json(root / "release.json", _release_json(about, sessions, released))
    write_json(root / "croissant.json", describe(root, about))
    write_crate(root, about)
    write_sums(root)
    _fix_times(root)


def _sentence(results: Results) -> str:
    method = str(results.manifest.get("settings", {}).get("anonymizer", "not stated"))
    return f"{synthetic_statement(results.synthetic)} Method: {method}."


def _write_tracks(root: Path, study: Study, session: Session, made: Mapping[str, Released]) -> None:
    """Boxes by frame, where the release asks for them; never landmarks, which are of the face."""
    for camera in session.chosen.results.cameras:
        digits = camera.name.rpartition("-")[2]
        number = int(digits) - 1 if digits.isdigit() else 0
        place = study.tracks(session.chosen.encounter, number)
        if place is None:
            continue
        table = load_table(place)
        rows = [
            {
                "frame": int(table.frame[i]),
                "time_s": float(table.time_s[table.frame[i]]),
                "state": "carried" if int(table.state[i]) == 1 else "found",
                "track_id": int(table.track_id[i]),
                **{
                    name: round(float(v), 2)
                    for name, v in zip(("x1", "y1", "x2", "y2"), table.xyxy[i], strict=True)
                },
            }
            for i in range(len(table))
        ]
        recording = Path(session.recording(camera, made[camera.name].audio))
        name = recording.stem.rpartition("_")[0] + "_tracks.tsv"
        write_tsv(root / recording.parent / name, TRACK_COLUMNS, rows)


def _release_json(
    about: About,
    sessions: Sequence[Session],
    released: Mapping[tuple[str, str], Mapping[str, Released]],
) -> dict[str, Any]:
    """What ``release check`` holds the release to; no names, and no counts of few people."""
    config = about.config
    recordings = {
        session.recording(c, made[c.name].audio): {
            "synthetic": session.chosen.results.synthetic,
            "watermark": made[c.name].watermarked,
            "credentials": made[c.name].signed,
            "audio": made[c.name].audio,
        }
        for session in sessions
        for made in [released[session.participant_id, session.session_id]]
        for c in session.chosen.results.cameras
    }
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "framework": __version__,
        "version": about.version,
        "date": about.date,
        "bids_extension": "BEP047",
        "k": config.k,
        "groups": list(config.groups),
        "generalised": list(about.steps),
        "access": config.access,
        "audio": config.audio,
        "recognizers": [a.name for a in about.figures.attackers],
        "methods": [{k: v for k, v in m.items() if k != "encounters"} for m in about.methods],
        "recordings": recordings,
    }


def _fix_times(root: Path) -> None:
    for path in [*root.rglob("*"), root]:
        os.utime(path, (FIXED_TIME, FIXED_TIME))


def _write_left_out(study: Study, selection: Selection) -> None:
    rows = [asdict(one) for one in selection.left_out]
    write_csv(study.private / LEFT_OUT, ("id", "rule", "reason"), rows)


def _write_subjects(study: Study, sessions: Sequence[Session]) -> None:
    """Who is who, for the data manager alone."""
    rows = [
        {
            "id": s.chosen.encounter.id,
            "person": s.chosen.encounter.cells.get("person", ""),
            "participant_id": s.participant_id,
            "session_id": s.session_id,
        }
        for s in sessions
    ]
    columns = ("id", "person", "participant_id", "session_id")
    write_csv(study.private / SUBJECTS, columns, rows)
