"""``framework encounter analyze`` and ``render``: two halves, and a correction in between.

``analyze`` writes a track table for each camera and ``analysis.json``, which holds what the second
half needs beside them: the clocks, and how it was decided who is who. ``render`` reads both.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from framework.atomic import write_text
from framework.errors import ConfigError, ContractError, MediaError
from framework.pipeline.delivery import Delivery
from framework.pipeline.run import Run
from framework.plain_data import from_plain, to_plain
from framework.progress import Progress, silent
from framework.table_file import load_table, save_table
from framework_encounter.clock import Clock, camera_name, shared_clocks
from framework_encounter.references import select_recognizer
from framework_encounter.roles import Casting
from framework_encounter.run import (
    EncounterResult,
    camera_notes,
    check_lengths,
    finish_encounter,
    participants_only,
    refuse_sources,
)
from framework_encounter.spec import Encounter
from framework_encounter.stages import (
    analyze_camera,
    corrected,
    cover_camera,
    named,
    refuse_early,
    say_who_is_who,
)
from framework_encounter.stored import casting_of, plain_casting, table_names

ANALYSIS = "analysis.json"
SCHEMA, SCHEMA_VERSION = "framework-encounter-analysis", 1


@dataclass(frozen=True)
class EncounterAnalysis:
    """What :func:`analyze_encounter` found.

    Attributes:
        clocks: of every recording.
        castings: who is who in every recording.
        files: what was written.
        reasons: what stands against rendering it as it is; empty if nothing does.
        summary: what happened, in lines.
    """

    clocks: list[Clock]
    castings: list[Casting]
    files: list[Path]
    reasons: list[str]
    summary: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether no component failed and no recording is damaged."""
        return not self.reasons


def analyze_encounter(
    encounter: Encounter,
    *,
    out: str | Path = "framework-output",
    config: str | Path | None = None,
    options: Iterable[str] = (),
    warn: Callable[[str], None] = lambda message: None,
    progress: Progress = silent,
    **settings: Any,
) -> EncounterAnalysis:
    """Find, follow and read everybody in every camera, and say who is who.

    Args:
        encounter: which recordings belong together.
        out: folder of the track tables.
        config, options, warn, progress, settings: as for :func:`framework.analyze`.

    Raises:
        UserError: something is not usable, or it is not clear who is who; nothing was written.
    """
    run = _run(encounter, config, options, None, warn, progress, settings)
    sources = [Path(r.file) for r in encounter.recordings]
    refuse_sources(Path(out), sources)
    recognizer = refuse_early(encounter, run)
    clocks = shared_clocks(encounter)
    for note in filter(None, (clock.note for clock in clocks)):
        warn(note)
    analyses = [
        analyze_camera(run.telling(named(progress, camera_name(encounter, k))), source)
        for k, source in enumerate(sources)
    ]
    tables = [found.table for found in analyses]
    castings = say_who_is_who(encounter, run, recognizer, tables)
    check_lengths(encounter, clocks, tables)
    names = table_names(encounter)
    with Delivery(Path(out), sources[0]) as delivery:
        for name, casting in zip(names, castings, strict=True):
            save_table(casting.table, delivery.path(name))
        body = {
            "schema": SCHEMA,
            "schema_version": SCHEMA_VERSION,
            "id": encounter.id,
            "shows": [list(r.shows) for r in encounter.recordings],
            "clocks": to_plain(clocks),
            "castings": [plain_casting(casting) for casting in castings],
            "tables": [_digest(delivery.path(name)) for name in names],
        }
        write_text(delivery.path(ANALYSIS), json.dumps(body, indent=1) + "\n")
        files = delivery.publish(replaces=(*names, ANALYSIS), video=False)
    reasons, summary = [], []
    for k, (found, casting) in enumerate(zip(analyses, castings, strict=True)):
        camera = camera_name(encounter, k)
        if found.failures:
            which = ", ".join(sorted({f"{f.stage}: {f.error}" for f in found.failures}))
            reasons.append(
                f"{camera}: components failed {len(found.failures)} times ({which}); those frames "
                "are misses"
            )
        if found.damage:
            reasons.append(f"{camera}: the source is damaged in {len(found.damage)} places")
        table = casting.table
        summary.append(
            f"{camera}: {table.frame_count} frames, {table.duration_s:.2f} s, "
            f"{len(table.track_ids())} people, {len(table.misses)} frames whose faces could not be "
            "established"
        )
        summary += [f"{camera}: {note}" for note in camera_notes(clocks[k], casting)]
    summary += [f"wrote {file}" for file in files]
    return EncounterAnalysis(clocks, castings, files, reasons, summary)


def render_encounter(
    encounter: Encounter,
    tracks: str | Path,
    *,
    out: str | Path = "framework-output",
    config: str | Path | None = None,
    options: Iterable[str] = (),
    key_file: str | Path | None = None,
    warn: Callable[[str], None] = lambda message: None,
    progress: Progress = silent,
    **settings: Any,
) -> EncounterResult:
    """Cover every camera by tables that a person may have corrected, and read both people.

    Args:
        encounter: the one that was analysed.
        tracks: folder that :func:`analyze_encounter` wrote.
        out, config, options, key_file, warn, progress, settings: as for
            :func:`framework_encounter.run_encounter`.

    Raises:
        UserError: as there; also if a table does not validate (with line and column) or belongs to
            another recording.
    """
    run = _run(encounter, config, options, key_file, warn, progress, settings)
    sources = [Path(r.file) for r in encounter.recordings]
    refuse_sources(Path(out), sources)
    refuse_early(encounter, run)
    clocks, castings = read_analysis(encounter, Path(tracks))
    recognizer = select_recognizer(encounter, run.components)
    with Delivery(Path(out), sources[0]) as delivery:
        covered = []
        for k, source in enumerate(sources):
            mine = run.telling(named(progress, f"camera {k + 1}"))
            folder = delivery.path(f"camera-{k + 1}")
            folder.mkdir()
            covered.append(cover_camera(mine, source, castings[k], None, folder))
        return finish_encounter(
            encounter, run, recognizer, clocks, castings, covered, delivery, "encounter render"
        )


def read_analysis(encounter: Encounter, folder: Path) -> tuple[list[Clock], list[Casting]]:
    """The clocks, and who is who by the track tables as they are now.

    Raises:
        MediaError: a file is missing or damaged.
        ConfigError: a table does not validate, or the folder is of another encounter.
    """
    try:
        body = json.loads((folder / ANALYSIS).read_bytes())
        if (body["schema"], body["schema_version"]) != (SCHEMA, SCHEMA_VERSION):
            raise ValueError("another format")
        clocks: list[Clock] = from_plain(list[Clock], body["clocks"])
        stored: Sequence[dict[str, Any]] = body["castings"]
        written: Sequence[str] = body["tables"]
        shows = [tuple(names) for names in body["shows"]]
    except FileNotFoundError:
        raise MediaError(
            f"{folder}: no {ANALYSIS} in it; 'framework encounter analyze' writes one"
        ) from None
    except (OSError, ValueError, KeyError, TypeError, ContractError):
        raise MediaError(
            f"{folder / ANALYSIS}: damaged or of another version; run 'framework encounter "
            "analyze' again"
        ) from None
    if shows != [recording.shows for recording in encounter.recordings]:
        raise ConfigError(
            f"{folder}: the cameras of its analysis show other people than the ones given; give "
            "the same recordings in the same order"
        )
    castings = []
    for k, name in enumerate(table_names(encounter)):
        table = load_table(folder / name)
        casting = casting_of(stored[k], table, ANALYSIS)
        if _digest(folder / name) != written[k]:
            camera = camera_name(encounter, k)
            casting = corrected(casting, table, encounter.recordings[k], camera)
        castings.append(casting)
    return clocks, castings


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _run(
    encounter: Encounter,
    config: str | Path | None,
    options: Iterable[str],
    key_file: str | Path | None,
    warn: Callable[[str], None],
    progress: Progress,
    settings: dict[str, Any],
) -> Run:
    return Run.configured(
        config,
        options,
        adapt=participants_only,
        key=lambda warn: secrets.token_bytes(32),
        key_file=key_file,
        more_groups=("recognizer",) if encounter.references else (),
        warn=warn,
        progress=progress,
        **settings,
    )
