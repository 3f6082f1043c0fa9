"""The one picture: privacy against utility, with intervals, as SVG."""

from __future__ import annotations

from html import escape

from framework_benchmark.results.cell import Cell
from framework_benchmark.results.evaluate import Results

WIDTH, HEIGHT = 720, 440
LEFT, RIGHT, TOP, BOTTOM = 64, 190, 24, 56


def pareto(results: Results) -> str:
    """Strongest attack (to the right: recognised more) against emotion kappa (up: more is left).

    The best place is the upper left corner. "" if no method has both figures.
    """
    points = []
    for method in results.methods:
        attack, emotion = results.strongest(method), _expression(results, method)
        if attack is not None and emotion is not None and emotion.value is not None:
            label = f"{method} (fallback)" if results.is_fallback(method) else method
            points.append((label, attack, emotion))
    if not points:
        return ""
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" class="pareto" '
        f'aria-label="Strongest attack against what is left of the expression">',
        f'<rect x="{LEFT}" y="{TOP}" width="{_x(1) - _x(0):.1f}" '
        f'height="{_y(0) - _y(1):.1f}" class="plot"/>',
    ]
    for tick in (0, 0.25, 0.5, 0.75, 1):
        parts += [
            f'<line x1="{_x(tick):.1f}" x2="{_x(tick):.1f}" y1="{_y(0):.1f}" y2="{_y(1):.1f}" '
            f'class="grid"/>',
            f'<line x1="{_x(0):.1f}" x2="{_x(1):.1f}" y1="{_y(tick):.1f}" y2="{_y(tick):.1f}" '
            f'class="grid"/>',
            f'<text x="{_x(tick):.1f}" y="{_y(0) + 18:.1f}" text-anchor="middle">{tick:g}</text>',
            f'<text x="{_x(0) - 8:.1f}" y="{_y(tick) + 4:.1f}" text-anchor="end">{tick:g}</text>',
        ]
    middle = f"{_y(0.5):.1f}"
    parts += [
        f'<text x="{_x(0.5):.1f}" y="{HEIGHT - 12}" text-anchor="middle">strongest attack, '
        f"normalised rank-1 (0: chance)</text>",
        f'<text x="16" y="{middle}" text-anchor="middle" transform="rotate(-90 16 {middle})">'
        f"{escape(points[0][2].metric)}</text>",
    ]
    labels = _spread([(_y(e.value or 0), m) for m, _, e in points])
    for number, (method, attack, emotion) in enumerate(points):
        parts += _point(number, method, attack, emotion, labels[method])
    return "".join([*parts, "</svg>"])


def _point(number: int, method: str, attack: Cell, emotion: Cell, label_y: float) -> list[str]:
    x, y = _x(attack.value or 0), _y(emotion.value or 0)
    parts = [f'<g class="m{number % 8}">']
    if attack.interval.low is not None and attack.interval.high is not None:
        a, b = _x(attack.interval.low), _x(attack.interval.high)
        parts.append(f'<line x1="{a:.1f}" x2="{b:.1f}" y1="{y:.1f}" y2="{y:.1f}" class="bar"/>')
    if emotion.interval.low is not None and emotion.interval.high is not None:
        a, b = _y(emotion.interval.low), _y(emotion.interval.high)
        parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{a:.1f}" y2="{b:.1f}" class="bar"/>')
    right = _x(1) + 14
    parts += [
        f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5"/>',
        f'<line x1="{x:.1f}" y1="{y:.1f}" x2="{right - 4:.1f}" y2="{label_y:.1f}" class="lead"/>',
        f'<text x="{right:.1f}" y="{label_y + 4:.1f}">{escape(method)}</text>',
        "</g>",
    ]
    return parts


def _spread(wanted: list[tuple[float, str]], gap: float = 18.0) -> dict[str, float]:
    """Heights of labels that do not overlap, in the order of the points."""
    placed: dict[str, float] = {}
    last = TOP - gap
    for y, name in sorted(wanted):
        last = placed[name] = max(y, last + gap)
    limit = float(HEIGHT - BOTTOM)
    for name in reversed(placed):  # those that were pushed out at the bottom come up again
        placed[name] = min(placed[name], limit)
        limit = placed[name] - gap
    return placed


def _expression(results: Results, method: str) -> Cell | None:
    kappa = results.get(method, "emotion kappa")
    return kappa if kappa is not None and kappa.value is not None else None


def _x(value: float) -> float:
    return LEFT + min(max(value, 0.0), 1.0) * (WIDTH - LEFT - RIGHT)


def _y(value: float) -> float:
    return TOP + (1 - min(max(value, 0.0), 1.0)) * (HEIGHT - TOP - BOTTOM)
