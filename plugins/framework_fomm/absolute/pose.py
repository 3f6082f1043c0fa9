"""From readings of one person to what the donor does: absolute, and steady over time.

The expression is that of the coefficients and of the named expression, which mean the same on every
face; nothing is measured against the person's own rest, so an expression that lasts stays. From a
recording comes what the coefficients don't tell: how the points move about their own median beyond
what the expression explains. That is speech, and the shape of a face in it cancels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from framework_measures import gaze, mesh
from framework_measures.reading import Reading
from numpy.typing import NDArray

from framework_fomm.absolute import manner
from framework_fomm.absolute.basis import Basis
from framework_fomm.absolute.retarget import LIDS_SHUT, Gaze
from framework_fomm.config import FommOptions
from framework_fomm.expression import gaussian
from framework_fomm.smoothing import OneEuro

Floats = NDArray[np.float64]

NAMED = ("anger", "disgust", "fear", "happiness", "sadness", "surprise")
"""Named expressions that are part of an expression's entries, after the coefficients."""

SHARPEN = 2.5
"""Exponent on the shares of the named expressions."""

FACE_QUICKER = 2.5
"""A face moves this much faster than the head it is in: its filter is so much shorter."""
NAMED_SLOWER = 3.0
"""And what it would be called changes slower."""
_FEW = 12  # frames from which a median tells a face from its movement
_MOVING = 0.6  # of the strengthening, for what moves: its movement is seen itself
_OPEN_QUANTILE = 0.6  # of the opening of eyes over a recording: they are open most of the time
_BLINK = (0.5, 0.85)  # shares of it that are shut, and that are no blink
_DETAIL = 0.9  # of the movement that the expression doesn't explain
_DETAIL_LIMIT = 0.12  # eye units; more is a point that was lost
_LIVE_SECONDS = 8.0  # over which a stream's usual shape is known
_TRUSTED_S = 1.0  # before which it is known too little


@dataclass(frozen=True)
class HeadPlace:
    """Where a head is in the picture: middle of its stable points, pixels for an eye unit, lean."""

    x: float
    y: float
    unit: float
    roll: float  # radians, clockwise


@dataclass(frozen=True)
class Pose:
    """What a donor does in one frame."""

    expression: Floats
    displacement: Floats  # (478, 3) eye units, of a mean face
    lids: tuple[float, float]  # how open the right and the left eye are; 1 is usual
    gaze: Gaze
    yaw: float
    pitch: float
    place: HeadPlace


@dataclass(frozen=True)
class Track:
    """Readings of ``n`` frames as arrays."""

    head: Floats  # (n, 4) x, y, log unit, roll
    turn: Floats  # (n, 2) yaw, pitch
    gaze: Floats  # (n, 2) right, down
    lids: Floats  # (n, 2) opening of the right and the left eye, 1 is the reference's
    expression: Floats  # (n, k)
    front: Floats  # (n, 478, 3) eye units


def entries(reading: Reading, votes: Sequence[str]) -> Floats:
    """(k,) the entries of a reading's expression, in the order of the basis.

    The named expression is sharpened: where the reader hesitates between two, the donor shows the
    likelier rather than a mixture that people would call neither.
    """
    sharp = reading.votes**SHARPEN
    sharp = sharp / max(1e-12, float(sharp.sum()))
    named = [sharp[list(votes).index(name)] for name in NAMED]
    return np.concatenate([reading.coefficients, named])


def track_of(readings: Sequence[Reading], votes: Sequence[str], reference: Floats) -> Track:
    """Readings as arrays."""
    head, turn, eyes, lids, expression, front = [], [], [], [], [], []
    usual = [gaze.lid_gap(reference, eye) for eye, _ in mesh.EYES]
    target = reference[list(mesh.STABLE)].mean(0)
    for reading in readings:
        rotation, scale, middle = mesh.fit_rotation(reading.points, reference)
        yaw, pitch, roll = mesh.angles(rotation)
        shape = scale * (reading.points - middle) @ rotation.T + target
        head.append((middle[0], middle[1], math.log(1 / scale), math.radians(roll)))
        turn.append((yaw, pitch))
        eyes.append(gaze.in_head(shape, reference))
        gaps = [gaze.lid_gap(shape, eye) for eye, _ in mesh.EYES]
        lids.append([gap / own for gap, own in zip(gaps, usual, strict=True)])
        expression.append(entries(reading, votes))
        front.append(shape)
    lean = np.unwrap(np.array([h[3] for h in head]))
    heads = np.array(head)
    heads[:, 3] = lean
    return Track(
        heads,
        np.array(turn),
        np.array(eyes),
        np.array(lids),
        np.array(expression),
        np.array(front),
    )


def whole(
    track: Track, time_s: Floats, basis: Basis, options: FommOptions, seed: int = 0
) -> list[Pose]:
    """Poses of a recording, times ascending: filtered without lag.

    Args:
        seed: of what ``motion=normalised`` shifts in time.
    """
    head_s = options.steadiness_s
    face_s = head_s / FACE_QUICKER
    head = gaussian(track.head, time_s, head_s)
    turn = gaussian(track.turn, time_s, head_s)
    eyes = gaussian(track.gaze, time_s, face_s)
    lids = gaussian(track.lids, time_s, face_s)
    if len(time_s) >= _FEW:
        lids = np.minimum(lids, _blinking(lids))
    coefficients = gaussian(track.expression[:, : -len(NAMED)], time_s, face_s)
    named = gaussian(track.expression[:, -len(NAMED) :], time_s, NAMED_SLOWER * head_s)
    expression = np.concatenate([coefficients, named], 1)
    if options.motion != "full":
        expression = manner.normalised(expression, time_s, basis.neutral, seed)
    if options.motion == "coarse":
        expression = manner.coarse(expression, time_s, basis.neutral)
        expression = gaussian(expression, time_s, head_s)
    moved = np.stack([basis.move(e) for e in expression])
    if len(time_s) < _FEW or options.motion != "full":
        displacement = basis.factors() * moved
    else:
        rest = track.front - np.stack([basis.move(e) for e in track.expression])
        beyond = _limited(gaussian(rest - np.median(rest, axis=0), time_s, face_s))
        usual = np.median(moved, axis=0)
        displacement = basis.factors() * usual + basis.factors(_MOVING) * (moved - usual) + beyond
    return [
        _pose(head[i], turn[i], eyes[i], lids[i], expression[i], displacement[i])
        for i in range(len(time_s))
    ]


def _blinking(lids: Floats) -> Floats:
    """(n, 2) openings in which what falls to half of a recording's usual opening is shut.

    The reader finds blinks too shallow. A squint that lasts is usual, and isn't touched.
    """
    share = lids / np.maximum(np.quantile(lids, _OPEN_QUANTILE, axis=0), 1e-6)
    (shut, narrow), (half, slight) = LIDS_SHUT, _BLINK
    return np.asarray(shut + (share - half) * (narrow - shut) / (slight - half), np.float64)


def _pose(
    head: Floats,
    turn: Floats,
    eyes: Floats,
    lids: Floats,
    expression: Floats,
    displacement: Floats,
) -> Pose:
    place = HeadPlace(float(head[0]), float(head[1]), math.exp(head[2]), float(head[3]))
    looking = Gaze(float(eyes[0]), float(eyes[1]))
    open_by = (float(lids[0]), float(lids[1]))
    return Pose(expression, displacement, open_by, looking, float(turn[0]), float(turn[1]), place)


def _limited(detail: Floats) -> Floats:
    size = np.linalg.norm(detail, axis=-1, keepdims=True)
    factor = _DETAIL * np.minimum(1.0, _DETAIL_LIMIT / np.maximum(size, 1e-9))
    result = detail * factor
    result[..., 2] = 0.0  # depth is read too roughly for that
    return np.asarray(result, np.float64)


class LivePose:
    """Poses of a stream, one by one: the past alone is known."""

    def __init__(self, basis: Basis, options: FommOptions) -> None:
        self._basis = basis
        self._detailed = options.motion == "full"
        self._coarse = options.motion == "coarse"
        quick = options.smoothing * FACE_QUICKER
        self._head = OneEuro(options.smoothing, options.responsiveness)
        self._size = OneEuro(options.smoothing / 2, 1.0)
        self._turn = OneEuro(options.smoothing, options.responsiveness / 40)
        self._eyes = OneEuro(quick, options.responsiveness / 20)
        self._lids = OneEuro(2 * quick, options.responsiveness)
        self._face = OneEuro(quick, options.responsiveness)
        self._named = OneEuro(options.smoothing / NAMED_SLOWER, 1.0)
        self._detail = OneEuro(quick, options.responsiveness)
        self._usual: Floats | None = None
        self._since: float | None = None
        self._last: float | None = None

    def __call__(self, track: Track, time_s: float) -> Pose:
        """The next pose; ``track`` holds one frame."""
        x, y, log_unit, roll = track.head[0]
        unit = math.exp(log_unit)
        middle = self._head(np.array([x, y]), time_s, unit=unit)
        size, lean = self._size(np.array([[log_unit], [roll]]), time_s)[:, 0]
        named = self._named(track.expression[0, -len(NAMED) :], time_s)
        coefficients = self._face(track.expression[0, : -len(NAMED), None], time_s)[:, 0]
        expression = np.concatenate([coefficients, named])
        if self._coarse:
            step = manner.STEP
            neutral = self._basis.neutral
            expression = neutral + step * np.round((expression - neutral) / step)
        head = np.array([*middle, size, lean])
        displacement = self._displacement(track, expression, time_s)
        turn = self._turn(track.turn[0][:, None], time_s)[:, 0]
        eyes = self._eyes(track.gaze[0][:, None], time_s)[:, 0]
        lids = self._lids(track.lids[0][:, None], time_s)[:, 0]
        return _pose(head, turn, eyes, lids, expression, displacement)

    def _displacement(self, track: Track, expression: Floats, time_s: float) -> Floats:
        """As in a recording, against the usual shape and expression so far."""
        basis = self._basis
        moved = basis.move(expression)
        if not self._detailed:
            return np.asarray(basis.factors() * moved)
        rest = track.front[0] - basis.move(track.expression[0])
        both = np.stack([rest, moved])
        if self._usual is None or self._since is None or self._last is None:
            self._usual, self._since, self._last = both, time_s, time_s
        dt = max(0.0, time_s - self._last)
        self._last = time_s
        known = min(_LIVE_SECONDS, time_s - self._since)
        self._usual = self._usual + (dt / (known + dt) if dt else 0.0) * (both - self._usual)
        trust = min(1.0, known / _TRUSTED_S)
        beyond = trust * _limited(self._detail(rest - self._usual[0], time_s))
        usual = trust * self._usual[1] + (1 - trust) * moved
        return np.asarray(
            basis.factors() * usual + basis.factors(_MOVING) * (moved - usual) + beyond
        )

    def restart(self) -> None:
        """Forget the filters' past; the usual shape stays known."""
        for one in (self._head, self._size, self._turn, self._eyes, self._face, self._named):
            one.reset()
        self._lids.reset()
        self._detail.reset()
