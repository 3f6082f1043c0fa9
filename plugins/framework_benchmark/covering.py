"""Runs one anonymizer over one item, as the second pass of a run does, and takes the time."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from framework_faceset.subject import Subject
from numpy.typing import NDArray

from framework.errors import ContractError
from framework.harness import Recording
from framework.pipeline.cover import Coverer
from framework.protocols import Anonymizer, PreparedAnonymizer, ReportingAnonymizer
from framework.table import EmotionSamples, TrackTable
from framework.types import Frame, Image

X264 = {"crf": "18", "preset": "veryfast", "x264-params": "threads=1"}
"""One thread: with several, the bits depend on how many there are."""
FALLBACK = "fallback"
"""Kind of the event by which an anonymizer says that it did something simpler than its method."""
HELD_FRAMES, HELD_S = 6, 0.08
"""A still is shown to an anonymizer that looks ahead for so many frames, so many seconds apart."""


@dataclass(frozen=True, eq=False)
class Covered:
    """What an anonymizer made of an item.

    Attributes:
        images: n covered pictures.
        seconds: (k,) time of each call over the frames of the call, one entry a frame; the first
            call and the preparation are left out where there is more than one call.
        prepare_s: seconds of preparation (once an item).
        exposed: (n,) bool: the subject's face came back as it was.
        peak_bytes: highest resident memory of the process during the work; 0 if not known.
        fallback: (n,) bool: the anonymizer says that it did something simpler than its method to
            the subject. Empty: it says nothing.
        held: a still picture that was shown as a recording in which nothing moves.
    """

    images: list[Image]
    seconds: NDArray[np.float64]
    prepare_s: float
    exposed: NDArray[np.bool_]
    peak_bytes: int = 0
    fallback: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, bool))
    held: bool = False


@dataclass(frozen=True)
class _View:
    """An item as an anonymizer may look at it before rendering."""

    table: TrackTable
    recording: Recording

    def frames(self, indices: Iterable[int]) -> Iterator[Frame]:
        for i in sorted({int(i) for i in indices}):
            if 0 <= i < len(self.recording.frames):
                yield self.recording.frames[i]


def cover(
    anonymizer: Anonymizer,
    recording: Recording,
    subject: Subject,
    samples: EmotionSamples | None = None,
) -> Covered:
    """Cover every face of an item. Exceptions of the anonymizer are the caller's.

    An anonymizer that looks ahead (a swap that measures motion against a neutral frame) can do
    nothing with a single picture but fall back to something simpler. It is shown a still for
    :data:`HELD_FRAMES` frames, and the last of them is what is released.

    Args:
        samples: how the original reads, as the first pass of a run leaves it in the table for
            anonymizers that look ahead.
    """
    table = subject.table
    held = len(recording.frames) == 1 and isinstance(anonymizer, PreparedAnonymizer)
    if held:
        recording, table = _held(recording, table)
    elif samples is not None:
        table = table.with_samples(samples)
    _reset_peak()
    coverer = Coverer(anonymizer)
    start = time.perf_counter()
    coverer.prepare(_View(table, recording))
    prepare_s = time.perf_counter() - start
    images: list[Image] = []
    seconds: list[float] = []
    size = coverer.batch_size
    exposed = np.zeros(len(recording.frames), bool)
    for k in range(0, len(recording.frames), size):
        frames = recording.frames[k : k + size]
        for made in coverer.cover(frames, [table.tracks_at(f.index) for f in frames]):
            if made.image is None:
                assert made.error is not None
                raise made.error
            exposed[made.frame.index] = subject.track_id in made.left_open
            images.append(made.image)
        seconds += [coverer.took_s / len(frames)] * len(frames)
    fallback = _fallback(coverer, subject.track_id, len(images))
    if held:
        images, exposed, fallback = images[-1:], exposed[-1:], fallback[-1:]
    warm = seconds[size:] or seconds
    return Covered(images, np.array(warm), prepare_s, exposed, _peak(), fallback, held)


def _held(recording: Recording, table: TrackTable) -> tuple[Recording, TrackTable]:
    """The recording and the table of somebody who holds still."""
    n, m = HELD_FRAMES, len(table)
    first = recording.frames[0]
    times = np.arange(n, dtype=np.float64) * HELD_S
    frames = [Frame(first.bgr, i, float(t)) for i, t in enumerate(times)]
    duration_s = n * HELD_S
    longer = replace(
        table,
        time_s=times,
        duration_s=duration_s,
        frame=np.repeat(np.arange(n), m),
        track_id=np.tile(table.track_id, n),
        xyxy=np.tile(table.xyxy, (n, 1)),
        score=np.tile(table.score, n),
        landmarks=np.tile(table.landmarks, (n, 1, 1)),
        state=np.tile(table.state, n),
        samples=EmotionSamples.empty(),
    )
    return Recording(frames, duration_s), longer


def _fallback(coverer: Coverer, track_id: int, count: int) -> NDArray[np.bool_]:
    """(n,) frames in which the anonymizer says it fell back; empty if it reports nothing."""
    if not isinstance(coverer.anonymizer, ReportingAnonymizer):
        return np.zeros(0, bool)
    found = np.zeros(count, bool)
    for event in coverer.drain_events():
        if event.kind == FALLBACK and event.track_id == track_id and 0 <= event.index < count:
            found[event.index] = True
    return found


def reencode(frames: Sequence[Frame]) -> list[Image]:
    """Encode and decode in memory (H.264, CRF 18): the noise floor of every utility figure."""
    import io

    import av
    from av.video.reformatter import ColorRange, Colorspace

    from framework.media.frame_maker import FrameMaker
    from framework.media.picture import PictureConverter

    height, width = frames[0].bgr.shape[:2]
    to_yuv, to_bgr = FrameMaker("yuv420p"), PictureConverter()
    even = (height + height % 2, width + width % 2)
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as out:
        stream = out.add_stream("libx264", rate=25, options=X264)
        stream.height, stream.width, stream.pix_fmt = *even, "yuv420p"
        stream.codec_context.colorspace = int(Colorspace.ITU709)
        stream.codec_context.color_range = int(ColorRange.MPEG)
        for frame in frames:
            pad = ((0, even[0] - height), (0, even[1] - width), (0, 0))
            padded = np.pad(frame.bgr, pad, mode="edge")
            out.mux(stream.encode(to_yuv.make(padded)))
        out.mux(stream.encode(None))
    buffer.seek(0)
    with av.open(buffer, "r") as back:
        images = [
            np.ascontiguousarray(to_bgr.convert(f)[:height, :width]) for f in back.decode(video=0)
        ]
    if len(images) != len(frames):
        raise ContractError(f"re-encoding: expected {len(frames)} frames, got {len(images)}")
    return images


def _reset_peak() -> None:
    """Start a new measurement of peak memory, where the system can (Linux)."""
    try:
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    except OSError:
        return


def _peak() -> int:
    """Highest resident memory since the last reset, bytes; 0 where the system does not tell."""
    try:
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, UnicodeDecodeError):
        return 0
    return 0
