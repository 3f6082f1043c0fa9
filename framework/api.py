"""The main job from Python: :func:`run`, and its halves :func:`analyze` and :func:`render`.

>>> from framework import run                                          # doctest: +SKIP
>>> result = run("visit.mp4", anonymizer="blur", fer="resnet", out="results")  # doctest: +SKIP
>>> result.passed, result.audit.total.unprotected_s                    # doctest: +SKIP
(True, 0.0)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from framework.config import RunConfig, load_run_config
from framework.progress import Progress, silent

if TYPE_CHECKING:
    from framework.agreement import Agreement
    from framework.audit import Audit
    from framework.pipeline.analyze import Analysis
    from framework.pipeline.components import Components
    from framework.table import TrackTable
    from framework.timeline import Timelines
    from framework.types import Recommendation

Warn = Callable[[str], None]


def _ignore(message: str) -> None:
    del message


@dataclass(frozen=True)
class AnalysisResult:
    """What :func:`analyze` found.

    Attributes:
        table: the resolved tracks.
        files: what was written.
        passed: False if a component failed, the recording is damaged, or no face was found.
        reasons: why it did not pass.
        summary: what happened, in lines.
    """

    table: TrackTable
    files: list[Path]
    passed: bool
    reasons: list[str]
    summary: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class RunResult:
    """What :func:`run` and :func:`render` did.

    Attributes:
        table: the resolved tracks the covered recording was made from.
        timelines: emotions by second and person; None without a classifier.
        agreement: emotions before against after covering; None if that was not checked.
        recommendations: the advice.
        audit: what happened to every face in every frame.
        files: what was written.
        summary: what happened, in lines.
    """

    table: TrackTable
    timelines: Timelines | None
    agreement: Agreement | None
    recommendations: list[Recommendation]
    audit: Audit
    files: list[Path]
    summary: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether nothing stands against handing the result on, as far as the audit can see."""
        return self.audit.passed

    @property
    def reasons(self) -> list[str]:
        """Why it did not pass."""
        return list(self.audit.reasons)


def analyze(
    source: str | Path,
    *,
    out: str | Path = "framework-output",
    config: str | Path | None = None,
    options: Iterable[str] = (),
    progress: Progress = silent,
    **settings: Any,
) -> AnalysisResult:
    """Find, follow and read every face, and write ``tracks.csv`` for a person to correct.

    Args:
        source: a video, an image, or a folder of images.
        out: folder of the result.
        config: a ``run.yaml``.
        options: ``"group.name=value"`` texts, as after ``-o`` on the command line.
        progress: told how far the work is.
        settings: fields of :class:`framework.config.RunConfig`; None means "not given".

    Raises:
        UserError: the input or the configuration is not usable; nothing was written.
    """
    from framework.pipeline.delivery import TRACKS, Delivery
    from framework.table_file import save_table

    components = _components(config, options, settings)
    with Delivery(Path(out), Path(source)) as delivery:
        found = _analysis(Path(source), components, progress)
        save_table(found.table, delivery.path(TRACKS))
        files = delivery.publish(replaces=(TRACKS,), video=False)
    reasons = _analysis_reasons(found, components.config)
    people = len(found.table.track_ids())
    summary = [
        f"{found.table.frame_count} frames, {found.table.duration_s:.2f} s, {people} tracks, "
        f"{len(found.table.misses)} frames whose faces could not be established",
        *(f"wrote {file}" for file in files),
    ]
    return AnalysisResult(found.table, files, not reasons, reasons, summary)


def run(
    source: str | Path,
    *,
    out: str | Path = "framework-output",
    config: str | Path | None = None,
    options: Iterable[str] = (),
    key_file: str | Path | None = None,
    warn: Warn = _ignore,
    progress: Progress = silent,
    **settings: Any,
) -> RunResult:
    """Do the main job: cover every face, read the emotions, give advice, report.

    Args:
        source: a video, an image, or a folder of images.
        out: folder of the results.
        config: a ``run.yaml``.
        options: ``"group.name=value"`` texts, as after ``-o`` on the command line.
        key_file: the user's secret, from which donors are chosen.
        warn: told what the user should know before the work is done.
        progress: told how far the work is.
        settings: fields of :class:`framework.config.RunConfig`; None means "not given".

    Raises:
        UserError: the input or the configuration is not usable; nothing was written.
        CheckError: a frame could not be established, and ``on_miss`` is ``abort``.
    """
    components = _components(config, options, settings, key_file, warn)
    return _job(Path(source), Path(out), components, None, warn, progress)


def render(
    source: str | Path,
    tracks: str | Path,
    *,
    out: str | Path = "framework-output",
    config: str | Path | None = None,
    options: Iterable[str] = (),
    key_file: str | Path | None = None,
    warn: Warn = _ignore,
    progress: Progress = silent,
    **settings: Any,
) -> RunResult:
    """Cover the faces of a table that :func:`analyze` wrote and a person may have corrected.

    Args:
        tracks: the ``tracks.csv``. The other arguments are those of :func:`run`.

    Raises:
        UserError: as :func:`run`; also if the table does not validate (with line and column) or
            belongs to another recording.
    """
    from framework.table_file import load_table

    components = _components(config, options, settings, key_file, warn)
    return _job(Path(source), Path(out), components, load_table(Path(tracks)), warn, progress)


def _job(
    source: Path,
    out: Path,
    components: Components,
    table: TrackTable | None,
    warn: Warn,
    progress: Progress,
) -> RunResult:
    """Cover the faces of a table, or of the one that the analysis gives."""
    from framework.pipeline.delivery import Delivery
    from framework.pipeline.job import finish_job, refuse_early

    refuse_early(source, components)
    with Delivery(out, source) as delivery:
        if table is not None:
            return finish_job("render", source, table, components, delivery, None, warn, progress)
        found = _analysis(source, components, progress)
        return finish_job("run", source, found.table, components, delivery, found, warn, progress)


def _components(
    config: str | Path | None,
    options: Iterable[str],
    settings: dict[str, Any],
    key_file: str | Path | None = None,
    warn: Warn = _ignore,
) -> Components:
    from framework.keyfile import read_key
    from framework.pipeline.components import Components
    from framework.pipeline.lock import locked_registry

    run_config = load_run_config(Path(config) if config else None, options, **settings)
    key = read_key(Path(key_file), warn) if key_file is not None else None
    return Components(run_config, locked_registry(run_config), key)


def _analysis(source: Path, components: Components, progress: Progress) -> Analysis:
    from framework.errors import ContractError
    from framework.pipeline.analyze import analyze_recording

    found = analyze_recording(source, components, progress)
    if found.unprotected_s > 0:  # 0 by construction; a table that leaves a face open never renders
        raise ContractError(
            f"the resolution left {found.unprotected_s:.2f} face-seconds open; nothing was "
            f"written, please report this"
        )
    return found


def _analysis_reasons(found: Analysis, config: RunConfig) -> list[str]:
    reasons = []
    if not len(found.table) and not config.allow_no_faces:
        reasons.append("no face was found; look at the recording, and allow it if there is none")
    if found.failures:
        which = ", ".join(sorted({f"{f.stage}: {f.error}" for f in found.failures}))
        reasons.append(
            f"components failed {len(found.failures)} times ({which}); those frames are misses"
        )
    if found.damage:
        reasons.append(f"the source is damaged in {len(found.damage)} places")
    return reasons
