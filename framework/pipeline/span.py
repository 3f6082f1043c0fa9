"""A part of a recording as if it were the whole: what lies outside is in no output.

Times start again at 0 with the first frame of the part, as in every recording.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import replace

from framework.errors import MediaError
from framework.media import Damage, Reader
from framework.pipeline.parts import Span
from framework.types import Frame


class SpanReader(Reader):
    """Reads a part of what another reader reads.

    The frames before it are decoded and not looked at; where it starts is found when this is made.

    Args:
        inner: the reader of the whole recording; closed with this one.
        span: which part.

    Raises:
        MediaError: the recording ends before the part starts.
    """

    def __init__(self, inner: Reader, span: Span) -> None:
        self._inner, self._span = inner, span
        self._lead: list[float] = []
        first: float | None = None
        for frame in inner:
            if frame.time_s >= span.start_s:
                first = frame.time_s
                break
            self._lead.append(frame.time_s)
        if first is None:
            last = f"{self._lead[-1]:.1f} s" if self._lead else "0 s"
            raise MediaError(
                f"span {span}: the recording's last frame is at {last}; give a part that it has"
            )
        self._first = first
        info, end = inner.info, span.end_s
        declared = info.duration_s
        if end is not None:
            declared = end if declared is None else min(end, declared)
        super().__init__(
            replace(
                info,
                start_s=info.start_s + first,
                duration_s=None if declared is None else max(0.0, declared - first),
                frame_count=None,
                notes=(*info.notes, f"only {span} of the recording was used"),
            )
        )

    def close(self) -> None:
        super().close()
        self._inner.close()

    def _read(self, *, record: bool = True) -> Generator[Frame]:
        end, skipped = self._span.end_s, len(self._lead)
        ended = False
        for frame in self._inner:
            if frame.index < skipped:
                continue
            if record:
                self._note_damage(frame)
            if end is not None and frame.time_s >= end:
                if record:
                    self._end_s = frame.time_s - self._first
                ended = True
                break
            yield Frame(frame.bgr, frame.index - skipped, frame.time_s - self._first)
        if record and not ended:
            self._note_damage(None)
            self._end_s = self._inner.duration_s - self._first
        if record:
            known = set(self.notes)
            self.notes += [note for note in self._inner.notes if note not in known]

    def _note_damage(self, frame: Frame | None) -> None:
        """Damage that lies in the part, on its own clock."""
        skipped, end = len(self._lead), self._span.end_s
        self.damage[:] = [
            Damage(
                max(0.0, place.time_s - self._first),
                place.what,
                None if place.frame is None else place.frame - skipped,
            )
            for place in self._inner.damage
            if place.time_s >= self._first and (end is None or place.time_s < end)
        ]
        self.damaged_frames = {
            index - skipped for index in self._inner.damaged_frames if index >= skipped
        }
        if frame is not None and end is not None and frame.time_s >= end:
            self.damaged_frames.discard(frame.index - skipped)

    def _pick(self, wanted: list[int], times: Sequence[float]) -> Generator[Frame]:
        skipped = len(self._lead)
        whole = [*self._lead, *(time + self._first for time in times)] if len(times) else []
        for frame in self._inner.frames([index + skipped for index in wanted], whole):
            yield Frame(frame.bgr, frame.index - skipped, frame.time_s - self._first)
