"""The output folder: results appear together when everything is done, or not at all.

Everything is written into a hidden folder inside the output folder and moved out at the end.
Results of an earlier run stay until then; those that the new run does not produce are removed with
them, so that the folder never holds files of two runs.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path
from types import TracebackType

from framework.atomic import explain
from framework.errors import MediaError
from framework.media import default_suffix
from framework.media.source import SourceInfo

VIDEO_STEM = "anonymized"
TRACKS = "tracks.csv"
EMOTIONS = "emotions.csv"
EMOTIONS_RAW = "emotions_raw.csv"
EMOTION_FRAMES = "emotions_frames.csv"
RECOMMENDATIONS = "recommendations.json"
REPORT = "report.html"
AUDIT = "audit.json"
MANIFEST = "manifest.json"
NAMES = (EMOTIONS, EMOTIONS_RAW, EMOTION_FRAMES, RECOMMENDATIONS, REPORT, AUDIT, MANIFEST)


class Delivery:
    """A staging folder that becomes the output folder's content on :meth:`publish`.

    Use as a context manager: leaving it without publishing removes everything that was written.

    Args:
        out: the output folder; made if missing.
        source: the recording; its place must not be where an output goes.

    Raises:
        MediaError: the folder cannot be made or written, or an output would replace the source.
    """

    def __init__(self, out: Path, source: Path) -> None:
        self.out = out
        self._source = source
        self._refuse_source()
        self._made = not out.exists()
        try:
            out.mkdir(parents=True, exist_ok=True)
            self.staging = Path(tempfile.mkdtemp(prefix=".framework-", dir=out))
        except OSError as error:
            raise MediaError(f"output folder: {explain(error)}") from None

    def _refuse_source(self) -> None:
        source = self._source.resolve()
        out = self.out.resolve()
        clash = source == out or (source.parent == out and source.stem == VIDEO_STEM)
        if clash or (source.is_dir() and out.is_relative_to(source)):
            raise MediaError(
                "the output would replace or mix with the recording; choose another folder (--out)"
            )

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

        Returns:
            The published files, by name.
        """
        try:
            stale = [self.out / name for name in replaces]
            if video:
                stale += [*self.out.glob(f"{VIDEO_STEM}.*"), self.out / VIDEO_STEM]
            fresh = sorted(self.staging.iterdir())
            for old in stale:
                if old.is_dir():
                    shutil.rmtree(old)
                else:
                    old.unlink(missing_ok=True)
            moved = []
            for item in fresh:
                target = self.out / item.name
                item.replace(target)
                moved.append(target)
            return moved
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
        shutil.rmtree(self.staging, ignore_errors=True)
        if self._made and error is not None and not any(self.out.iterdir()):
            self.out.rmdir()
