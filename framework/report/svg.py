"""The charts, as SVG text.

Every chart is drawn in a box of 1000 units that the page stretches to the width at hand, so it
holds shapes only; words stand beside it in HTML, where they keep their size and can be read aloud.
Colours come from the style sheet by class, so that light, dark and print each use their own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from framework.types import EMOTIONS, UNKNOWN, PersonTimeline

WIDTH = 1000.0
LANE = 12.0
LABELS: tuple[str, ...] = (*EMOTIONS, UNKNOWN)
ABSENT = "absent"
"""Instead of ``unknown`` where the person was not in view; drawn as nothing."""
MOST_BINS = 500


def runs(labels: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    """Stretches of the same label as (first, end, label), ``end`` exclusive."""
    start = 0
    for k in range(1, len(labels) + 1):
        if k == len(labels) or labels[k] != labels[start]:
            yield start, k, labels[start]
            start = k


def lanes(timeline: PersonTimeline, grid: Sequence[float]) -> str:
    """One lane for each label; a block where that label holds.

    The lane says by its place what the colour says again, for readers who see colours alike.

    Args:
        timeline: one person.
        grid: positions of vertical lines, 0 to 1 of the width.
    """
    height = LANE * len(LABELS)
    parts = [_open(height, "lanes")]
    for row in range(len(LABELS)):
        parts.append(
            f'<rect class="lane" x="0" y="{_n(row * LANE + 1)}" width="1000" '
            f'height="{_n(LANE - 2)}"/>'
        )
    parts.extend(_grid(grid, height))
    tops = {label: row * LANE + 1 for row, label in enumerate(LABELS)}
    parts.extend(_blocks(timeline, tops, LANE - 2))
    parts.append("</svg>")
    return "".join(parts)


def strip(timeline: PersonTimeline, grid: Sequence[float], height: float = 18.0) -> str:
    """The labels in one row, for comparing two analyses one above the other.

    In one row colour is all there is, and a grey for ``unknown`` would pass for ``neutral``; so it
    is not drawn, and the hatched ground shows.
    """
    parts = [_open(height, "strip"), *_absent(timeline, height)]
    parts.extend(_blocks(timeline, dict.fromkeys(EMOTIONS, 0.0), height))
    parts.extend(_grid(grid, height))
    parts.append("</svg>")
    return "".join(parts)


def _blocks(timeline: PersonTimeline, tops: Mapping[str, float], height: float) -> Iterator[str]:
    """A path for each label that has a place in ``tops``, with a block for each run of it."""
    unit = WIDTH / max(len(timeline), 1)
    blocks: dict[str, list[str]] = {label: [] for label in LABELS}
    for start, end, label in runs(shown(timeline)):
        if label not in tops:
            continue
        # At least one unit wide: a single second of an hour would vanish.
        width = max((end - start) * unit, 1.0)
        blocks[label].append(
            f"M{_n(start * unit)} {_n(tops[label])}h{_n(width)}v{_n(height)}h-{_n(width)}z"
        )
    yield from (f'<path class="e-{k}" d="{"".join(d)}"/>' for k, d in blocks.items() if d)


def _absent(timeline: PersonTimeline, height: float) -> Iterator[str]:
    """What blots out the hatched ground where nobody was there to be read."""
    unit = WIDTH / max(len(timeline), 1)
    path = "".join(
        f"M{_n(start * unit)} 0h{_n((end - start) * unit)}v{_n(height)}"
        f"h-{_n((end - start) * unit)}z"
        for start, end, label in runs(shown(timeline))
        if label == ABSENT
    )
    if path:
        yield f'<path class="absent" d="{path}"/>'


def shown(timeline: PersonTimeline) -> list[str]:
    """The labels, with :data:`ABSENT` where the person was not in view at all."""
    return [
        ABSENT if label == UNKNOWN and share <= 0 else label
        for label, share in zip(timeline.label, timeline.coverage.tolist(), strict=True)
    ]


def stacked(timeline: PersonTimeline, grid: Sequence[float], height: float = 110.0) -> str:
    """Probabilities stacked over time, hatched where nothing is known, blank out of view.

    More than :data:`MOST_BINS` seconds are averaged in groups, each over its known seconds.
    """
    values, known = binned(timeline.probabilities.astype(np.float64))
    unit = WIDTH / max(len(values), 1)
    top = np.cumsum(values, axis=1)
    bottom = np.concatenate([np.zeros((len(values), 1)), top[:, :-1]], axis=1)
    parts = [_open(height, "stack")]
    parts.extend(_absent(timeline, height))
    stretches = [(a, b) for a, b, yes in _flags(known) if yes]
    for column, emotion in enumerate(EMOTIONS):
        path = "".join(
            _band(a, b, unit, height, bottom[:, column], top[:, column]) for a, b in stretches
        )
        if path:
            parts.append(f'<path class="e-{emotion}" d="{path}"/>')
    parts.extend(_grid(grid, height))
    parts.append("</svg>")
    return "".join(parts)


def observed(timeline: PersonTimeline, height: float = 14.0) -> str:
    """Share of each second in which the face was seen, as a low area over time."""
    values = np.nan_to_num(timeline.coverage.astype(np.float64), nan=0.0)[:, None]
    shares, _ = binned(values)
    unit = WIDTH / max(len(shares), 1)
    zero = np.zeros(len(shares))
    path = _band(0, len(shares), unit, height, zero, shares[:, 0]) if len(shares) else ""
    return f'{_open(height, "seen")}<path class="observed" d="{path}"/></svg>'


def shares(counts: Sequence[int], height: float = 22.0) -> str:
    """One bar of 100 per cent, divided by label in the order of :data:`LABELS`.

    ``unknown`` comes last and is the hatched ground that is left.
    """
    total = sum(counts)
    parts = [_open(height, "shares")]
    x = 0.0
    for label, count in zip(LABELS, counts, strict=True):
        if not count or label == UNKNOWN:
            continue
        width = WIDTH * count / total
        parts.append(
            f'<rect class="e-{label}" x="{_n(x)}" y="0" width="{_n(width)}" height="{_n(height)}"/>'
        )
        x += width
    parts.append("</svg>")
    return "".join(parts)


def binned(rows: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """At most :data:`MOST_BINS` rows, each the mean of the known rows of its group.

    Returns:
        The means (zeros where a whole group is unknown) and whether each is known.
    """
    group = max(1, -(-len(rows) // MOST_BINS))
    count = -(-len(rows) // group)
    padded = np.full((count * group, rows.shape[1]), np.nan)
    padded[: len(rows)] = rows
    blocks = padded.reshape(count, group, rows.shape[1])
    known = ~np.isnan(blocks).any(axis=2)
    total = np.where(known[:, :, None], blocks, 0.0).sum(axis=1)
    number = known.sum(axis=1)
    return total / np.maximum(number, 1)[:, None], number > 0


def _flags(known: NDArray[np.bool_]) -> Iterator[tuple[int, int, bool]]:
    yield from ((a, b, label == "1") for a, b, label in runs(["1" if k else "0" for k in known]))


def _band(
    start: int,
    end: int,
    unit: float,
    height: float,
    low: NDArray[np.float64],
    high: NDArray[np.float64],
) -> str:
    """The area between two step functions over the bins [start, end)."""
    if float((high[start:end] - low[start:end]).max(initial=0.0)) <= 0:
        return ""
    path = [f"M{_n(start * unit)} {_n(height * (1 - high[start]))}"]
    for k in range(start, end):
        path.append(f"V{_n(height * (1 - high[k]))}H{_n((k + 1) * unit)}")
    for k in range(end - 1, start - 1, -1):
        path.append(f"V{_n(height * (1 - low[k]))}H{_n(k * unit)}")
    return "".join(path) + "z"


def _grid(positions: Sequence[float], height: float) -> list[str]:
    return [
        f'<line class="grid" x1="{_n(p * WIDTH)}" x2="{_n(p * WIDTH)}" y1="0" y2="{_n(height)}"/>'
        for p in positions
    ]


def _open(height: float, kind: str) -> str:
    return (
        f'<svg class="{kind}" viewBox="0 0 1000 {_n(height)}" preserveAspectRatio="none" '
        'aria-hidden="true" focusable="false">'
    )


def _n(value: float) -> str:
    """A number with at most two decimals, and no more digits than needed."""
    return f"{value:.2f}".rstrip("0").rstrip(".")
