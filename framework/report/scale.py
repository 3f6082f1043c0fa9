"""Times as people read them, and where to put ticks on a time axis."""

from __future__ import annotations

_STEPS_S = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400)


def clock(seconds: float) -> str:
    """``1:05`` for 65 seconds, ``1:02:03`` for 3723; rounded down to the second."""
    whole = int(seconds)
    hours, rest = divmod(whole, 3600)
    minutes, second = divmod(rest, 60)
    return f"{hours}:{minutes:02d}:{second:02d}" if hours else f"{minutes}:{second:02d}"


def length(seconds: float) -> str:
    """``9.2 s``, ``4 min 35 s`` or ``1 h 02 min``."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def ticks(span_s: float, most: int = 10) -> list[int]:
    """Round times from 0 on, at most ``most`` of them beside 0, none beyond ``span_s``."""
    step = next((s for s in _STEPS_S if span_s / s <= most), _STEPS_S[-1])
    return list(range(0, int(span_s) + 1, step))
