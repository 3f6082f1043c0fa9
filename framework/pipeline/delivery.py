"""The output folder: results appear together when everything is done, or not at all.

Everything is written into a hidden folder inside the output folder and moved out at the end.
Results of an earlier run stay until then; those that the new run does not produce are removed with
them, so that the folder never holds files of two runs. Nothing else in the folder is touched, see
:mod:`framework.pipeline.published`.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from pathlib import Path
from types import TracebackType

from framework.atomic import explain
from framework.errors import MediaError
from framework.media import default_suffix
from framework.media.source import SourceInfo
from framework.pipeline.folder_lock import FolderLock
from framework.pipeline.published import (
    LIST,
    MARK,
    PLAN,
    STAGING_PREFIX,
    Entry,
    files_in,
    list_text,
    read_list,
    recover,
    refuse_foreign,
    switch,
)

VIDEO_STEM = "anonymized"
TRACKS = "tracks.csv"
EMOTIONS = "emotions.csv"
EMOTIONS_RAW = "emotions_raw.csv"
EMOTION_FRAMES = "emotions_frames.csv"
MEASURES = "measures.csv"
MEASURE_SECONDS = "measures_seconds.csv"
RECOMMENDATIONS = "recommendations.json"
REPORT = "report.html"
AUDIT = "audit.json"
MANIFEST = "manifest.json"
ALWAYS = (REPORT, AUDIT, MANIFEST)
"""What every run writes beside the covered recording."""
NAMES = (
    EMOTIONS,
    EMOTIONS_RAW,
    EMOTION_FRAMES,
    MEASURES,
    MEASURE_SECONDS,
    RECOMMENDATIONS,
    REPORT,
    AUDIT,
    MANIFEST,
)


class Delivery:
    """A staging folder that becomes the output folder's content on :meth:`publish`.

    Use as a context manager: leaving it without publishing removes everything that was written.

    Args:
        out: the output folder; made if missing.
        source: the recording; its place must not be where an output goes.
        names: files that will be written, as far as they are known: refused at once if somebody
            else's are in their place.

    Raises:
        MediaError: the folder cannot be made or written, another run is at work in it, or an output
            would replace a file that is not ours, the source above all.
    """

    def __init__(self, out: Path, source: Path, names: tuple[str, ...] = ()) -> None:
        self.out = out
        try:
            _refuse_source(out, source)
            self._made = not out.exists()
            out.mkdir(parents=True, exist_ok=True)
            self._lock = FolderLock(out)
        except OSError as error:
            raise MediaError(f"output folder: {explain(error)}") from None
        except ValueError:
            raise MediaError("output folder: its name has a zero byte; check it") from None
        try:
            recover(out)
            listed = read_list(out)
            if source.resolve() in {(out / name).resolve() for name in listed}:
                raise MediaError(
                    "the recording is itself a result in the output folder; choose another folder "
                    "(--out)"
                )
            refuse_foreign(out, list(names), listed)
            self._folder = Path(tempfile.mkdtemp(prefix=STAGING_PREFIX, dir=out))
            (self._folder / MARK).touch()
            self.staging = self._folder / "new"
            self.staging.mkdir()
        except BaseException as error:
            self._lock.release()
            if isinstance(error, OSError):
                raise MediaError(f"output folder: {explain(error)}") from None
            raise

    def path(self, name: str) -> Path:
        """Where a file of this name is written until it is published."""
        return self.staging / name

    def video(self, info: SourceInfo) -> Path:
        """Where the covered recording is written; its suffix follows the source's kind."""
        return self.path(self.video_name(info))

    @staticmethod
    def video_name(info: SourceInfo) -> str:
        """Name of the covered recording."""
        return VIDEO_STEM + default_suffix(info)

    def publish(self, replaces: tuple[str, ...] = NAMES, video: bool = True) -> list[Path]:
        """Move everything to the output folder and remove what an earlier run left there.

        Args:
            replaces: names of files and folders of an earlier run that are removed, as far as a
                run wrote them and nobody changed them.
            video: whether its covered recording is removed as well.

        Returns:
            The published files and folders, by name.

        Raises:
            MediaError: it cannot be done, or a file that is not ours is in the way. The folder is
                as before.
        """
        try:
            listed = read_list(self.out)
            new = files_in(self.staging)
            refuse_foreign(self.out, new, listed)
            fresh = sorted(item.name for item in self.staging.iterdir())
            stale = [n for n in listed if _is_replaced(n, replaces, video) or n in new]
            old = [n for n in stale if listed[n].fits(self.out / n)]
            kept = {n: entry for n, entry in listed.items() if n not in stale}
            written = {n: Entry.of(self.staging / n) for n in new}
            (self.staging / LIST).write_text(list_text(kept | written), encoding="utf-8")
            switch(self.out, self._folder, old)
            return [self.out / name for name in fresh]
        except OSError as error:
            raise MediaError(f"output folder: {explain(error)}") from None

    def __enter__(self) -> Delivery:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            # A plan that could neither be carried out nor taken back needs what is in there.
            if not (self.out / PLAN).exists():
                shutil.rmtree(self._folder, ignore_errors=True)
            if self._made and error is not None:
                with contextlib.suppress(OSError):
                    self.out.rmdir()  # stays if somebody put something into it
        finally:
            self._lock.release()


def _is_replaced(name: str, replaces: tuple[str, ...], video: bool) -> bool:
    """Whether a listed file belongs to what a command replaces."""
    first = Path(name).parts[0]
    is_video = first == VIDEO_STEM or Path(first).stem == VIDEO_STEM
    return first in replaces or (video and is_video)


def _refuse_source(out: Path, source: Path) -> None:
    here, there = source.resolve(), out.resolve()
    clash = here == there or (here.parent == there and here.stem == VIDEO_STEM)
    if clash or (source.is_dir() and there.is_relative_to(here)):
        raise MediaError(
            "the output would replace or mix with the recording; choose another folder (--out)"
        )
