"""From a container's timestamps to a time line that can be trusted."""

from __future__ import annotations

from fractions import Fraction


class PresentationClock:
    """Places frames on a strictly increasing time line that starts at 0.

    Containers are full of surprises: streams that start late, timestamps that are missing, occur
    twice, run backwards or jump by hours where two recordings were joined. Everything here is
    integer arithmetic in units of the container's time base, so a good timestamp survives exactly.

    * The first frame is at 0.
    * A missing timestamp is the previous one plus the previous frame's duration. A duration far
      below the nominal one is none: raw streams without timing have a tick where a picture is.
    * A timestamp that repeats or runs back a little moves to one unit after the previous frame.
    * One that runs back by more than ``BREAK_S``, or forward by more than ``GAP_S``, starts a new
      stretch, which is attached directly after the previous frame.

    Args:
        time_base: seconds for each unit of the timestamps.
        frame_rate: nominal frames a second, used where a duration is missing; 0 if unknown.
    """

    BREAK_S = 1.0
    GAP_S = 3600.0
    SHORTEST = 1 / 20
    """Of the nominal duration; below it a duration is taken for none."""

    def __init__(self, time_base: Fraction, frame_rate: Fraction | float = 0) -> None:
        if time_base <= 0:
            raise ValueError(f"time_base: expected a positive fraction, got {time_base}")
        self.time_base = time_base
        self._nominal = max(1, round(1 / (Fraction(frame_rate or 25) * time_base)))
        self._break = max(1, round(self.BREAK_S / time_base))
        self._gap = max(1, round(self.GAP_S / time_base))
        self._origin: int | None = None
        self._previous: int | None = None
        self._step = self._nominal
        self.repaired = 0
        """Timestamps that had to be changed so far."""
        self.unstamped = 0
        """Frames without a timestamp so far."""
        self.stretches: list[tuple[int, int]] = []
        """Of each stretch its first timestamp, and what is subtracted from its timestamps."""

    def place(self, pts: int | None, duration: int | None = None) -> int:
        """Time of the next frame, in units of the time base; more than that of the one before.

        Args:
            pts: presentation timestamp, or None if the container has none for this frame.
            duration: how long the frame is shown, in the same unit; None or 0 if unknown.
        """
        self.unstamped += pts is None
        if self._previous is None:
            self._origin = pts
            ticks = 0
        else:
            ticks = self._next(pts, self._previous)
        origin = self._origin
        known = self.stretches[-1][1] if self.stretches else None
        if pts is not None and origin is not None and origin != known:
            self.stretches.append((pts, origin))
        self._previous = ticks
        self._step = duration if duration and self.is_duration(duration) else self._nominal
        return ticks

    def is_duration(self, ticks: int) -> bool:
        """Whether a frame may last as long as the stream says, in units of the time base."""
        return self.SHORTEST * self._nominal <= ticks <= self._gap

    def _next(self, pts: int | None, previous: int) -> int:
        if pts is None:
            self.repaired += 1
            return previous + self._step
        if self._origin is None:  # earlier frames had no timestamp: count on from them
            self._origin = pts - previous - self._step
        ticks = pts - self._origin
        advance = ticks - previous
        if 0 < advance <= self._gap:
            return ticks
        self.repaired += 1
        if -self._break <= advance <= 0:
            return previous + 1
        ticks = previous + self._step
        self._origin = pts - ticks
        return ticks

    def seconds_of_pts(self, pts: int) -> float:
        """Where a timestamp would lie, as seconds; it is not placed."""
        return self.seconds(pts - self._origin) if self._origin is not None else 0.0

    @property
    def nominal_s(self) -> float:
        """Seconds of one frame at the nominal rate."""
        return self.seconds(self._nominal)

    def seconds(self, ticks: int) -> float:
        """Ticks of the time base as seconds."""
        return float(ticks * self.time_base)
