"""The main job from Python: :func:`run`, and its halves :func:`analyze` and :func:`render`.

>>> from framework import run                                          # doctest: +SKIP
>>> result = run("visit.mp4", anonymizer="blur", fer="resnet", out="results")  # doctest: +SKIP
>>> result.passed, result.audit.total.unprotected_s                    # doctest: +SKIP
(True, 0.0)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Unpack

from framework.config import RunConfig
from framework.progress import Progress, silent
from framework.settings import Settings

if TYPE_CHECKING:
    from framework.agreement import Agreement
    from framework.audit import Audit
    from framework.pipeline.passes import Analysis
    from framework.table import TrackTable
    from framework.timeline import Timelines
    from framework.types import Frame, Recommendation, Tracks

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

    def data_frame(self) -> Any:
        """One row a second and person, with the columns of ``emotions.csv``.

        Returns:
            A ``pandas.DataFrame``; a list of dictionaries where pandas is not installed
            (``pip install clinical-empathy-framework[dataframe]``).
        """
        from framework.result_views import as_data_frame, seconds

        return as_data_frame(seconds(self.timelines.people if self.timelines is not None else ()))

    def frames(self) -> Iterator[tuple[Frame, Tracks]]:
        """Every frame of the covered recording, with the tracks that are covered in it.

        Raises:
            MediaError: the covered recording is not there any more.
        """
        from framework.pipeline.delivery import VIDEO_STEM
        from framework.result_views import covered_frames

        video = next(file for file in self.files if file.stem == VIDEO_STEM)
        return covered_frames(video, self.table)


def analyze(
    source: str | Path,
    *,
    out: str | Path = "framework-output",
    config: str | Path | None = None,
    options: Iterable[str] = (),
    progress: Progress = silent,
    **settings: Unpack[Settings],
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
    from framework.pipeline.run import Run
    from framework.table_file import save_table

    work = Run.configured(config, options, progress=progress, **settings)
    with Delivery(Path(out), Path(source), (TRACKS,)) as delivery:
        found = work.resolve(work.analyze(Path(source)))
        save_table(found.table, delivery.path(TRACKS))
        files = delivery.publish(replaces=(TRACKS,), video=False)
    reasons = _analysis_reasons(found, work.config)
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
    **settings: Unpack[Settings],
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
    from framework.pipeline.delivery import ALWAYS, Delivery
    from framework.pipeline.run import Run

    work = Run.configured(
        config, options, key_file=key_file, warn=warn, progress=progress, **settings
    )
    recording = Path(source)
    work.refuse_early(recording)
    with Delivery(Path(out), recording, ALWAYS) as delivery:
        found = work.resolve(work.analyze(recording))
        rendering = work.render(recording, found.table, delivery.video, found)
        searched = work.search_again(found.table, rendering)
        return work.deliver(delivery, "run", found.table, found, rendering, searched)


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
    **settings: Unpack[Settings],
) -> RunResult:
    """Cover the faces of a table that :func:`analyze` wrote and a person may have corrected.

    Args:
        tracks: the ``tracks.csv``. The other arguments are those of :func:`run`.

    Raises:
        UserError: as :func:`run`; also if the table does not validate (with line and column) or
            belongs to another recording.
    """
    from framework.pipeline.delivery import ALWAYS, Delivery
    from framework.pipeline.run import Run
    from framework.table_file import load_table

    work = Run.configured(
        config, options, key_file=key_file, warn=warn, progress=progress, **settings
    )
    recording, table = Path(source), load_table(Path(tracks))
    work.refuse_early(recording)
    with Delivery(Path(out), recording, ALWAYS) as delivery:
        rendering = work.render(recording, table, delivery.video, None)
        searched = work.search_again(table, rendering)
        return work.deliver(delivery, "render", table, None, rendering, searched)


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
