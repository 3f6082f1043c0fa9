"""Readers of the different sources."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from pathlib import Path

from framework.errors import MediaError
from framework.media.decoding import DecodingPass, SeekError
from framework.media.probe import look_at_video
from framework.media.reader import Reader
from framework.media.source import Damage
from framework.media.still import list_images, probe_folder, read_image
from framework.media.truncation import is_cut_off
from framework.types import Frame

_SEEKABLE = frozenset({"mp4", "matroska"})


class VideoReader(Reader):
    """Reads the video stream of a file, or an animation.

    Args:
        path: the file.
        threads: decoder threads; 0 lets the decoder choose.

    Raises:
        MediaError: see :func:`framework.media.probe`.
    """

    def __init__(self, path: Path, threads: int = 0) -> None:
        look = look_at_video(path)
        super().__init__(look.info)
        self._look = look
        self._path = path
        self._threads = threads

    def _new_pass(self) -> DecodingPass:
        look = self._look
        return DecodingPass(
            self._path,
            self._threads,
            look.pixel_aspect,
            look.orientation,
            look.crop,
            transparent=look.transparent,
        )

    def _read(self, *, record: bool = True) -> Generator[Frame]:
        run = self._new_pass()
        if record:
            self.damage = run.damage  # shared: damage shows as soon as it is met
        with closing(run.frames()) as frames:
            for frame, doubtful in frames:
                if record and doubtful:
                    self.damaged_frames.add(frame.index)
                yield frame
        if record:
            self._finish(run)

    def _finish(self, run: DecodingPass) -> None:
        """Compare what came with what was declared, once everything is decoded."""
        declared = self.info.duration_s or 0.0
        missing = declared - run.end_s
        count = self.info.frame_count
        if count is None:
            breaks_off = missing > max(2.5 * run.step_s, 0.1)
        else:
            breaks_off = run.count < count and missing > 1.5 * run.step_s
        cut_off = is_cut_off(self._path)
        if breaks_off and not cut_off and run.skipped_at:
            what = f"a part is unreadable; from here on times are up to {missing:.1f} s early"
            self.damage.extend(Damage(time_s, what) for time_s in run.skipped_at)
        elif breaks_off or cut_off:
            what = "the recording breaks off"
            if missing > 0.05:
                what += f": the last {missing:.1f} s are missing"
            self.damage.append(Damage(run.end_s, what))
        elif run.broke_off:
            self.damage.append(Damage(run.end_s, f"reading stopped ({run.broke_off})"))
        # The length of the last frame is often kept in the header only. AVI's counts empty slots.
        whole = not self.damage and declared > run.last_s and self.info.container != "avi"
        self._end_s = declared if whole else run.end_s
        if run.count and run.clock.unstamped == run.count:
            self.notes.append(
                f"the recording has no times of its own; {1 / run.clock.nominal_s:g} pictures a "
                "second were assumed"
            )
        elif run.clock.repaired:
            self.notes.append(f"{run.clock.repaired} timestamps were missing or out of order")
        if run.resized:
            self.notes.append("the picture changes its size; all were scaled to the first one's")

    def _pick(self, wanted: list[int], times: Sequence[float]) -> Generator[Frame]:
        done = -1
        if len(times) and self.info.container in _SEEKABLE:
            wanted = [i for i in wanted if i < len(times)]
            try:
                with closing(self._new_pass().pick(wanted, times)) as frames:
                    for frame in frames:
                        done = frame.index
                        yield frame
                return
            except SeekError:
                pass  # the slow way for the rest
        yield from super()._pick([i for i in wanted if i > done], times)


class ImageReader(Reader):
    """Reads a still image: one frame, without a duration.

    Raises:
        MediaError: it cannot be read, or is damaged.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(read_image(path)[1])
        self._path = path

    def _read(self, *, record: bool = True) -> Generator[Frame]:
        yield Frame(read_image(self._path)[0], 0, 0.0)


class FolderReader(Reader):
    """Reads a folder of images, in natural order of their names.

    Args:
        path: the folder.
        sequence: its images are the frames of one recording, and not pictures of their own.

    Raises:
        MediaError: there is no image in it, or the first one is damaged; while reading: an image
            of a sequence has another size than the first.
    """

    def __init__(self, path: Path, *, sequence: bool = False) -> None:
        super().__init__(probe_folder(path, sequence=sequence))
        self._paths = list_images(path)

    def _read(self, *, record: bool = True) -> Generator[Frame]:
        delivered = 0
        for position, path in enumerate(self._paths):
            time_s = position / self.info.frame_rate
            try:
                picture, info = read_image(path)
            except MediaError:
                if record:
                    what = f"image {position + 1} of {len(self._paths)} is damaged"
                    self.damage.append(Damage(time_s, what))
                continue
            size = (info.width, info.height)
            if not self.info.independent and size != (self.info.width, self.info.height):
                raise MediaError(
                    f"{path}: {info.width}x{info.height}, but the first image of the folder is "
                    f"{self.info.width}x{self.info.height}; one recording needs one size"
                )
            yield Frame(picture, delivered, time_s)
            delivered += 1
