"""The resolution: observations in, track table out."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from framework.errors import ContractError
from framework.resolve.doubles import absorb_doubles
from framework.resolve.log import ObservationLog
from framework.resolve.options import ResolveOptions
from framework.resolve.path import Path, complete
from framework.resolve.reunite import reunited
from framework.resolve.sightings import Sightings
from framework.resolve.stitch import stitch
from framework.resolve.tracklets import Tracklet, collect, join
from framework.table import TrackTable

NO_FACE = "no face found"
"""The reason of a miss where nothing was detected or carried."""


@dataclass(frozen=True, eq=False)
class Resolution:
    """What came out, and what was left out.

    Attributes:
        table: who is where; every role is still unknown.
        dismissed: (k,) rows of the log that were taken for false alarms: weak, and alone in time.
        dismissed_seconds: for how long, summed over them.
        refused: (k,) those of ``dismissed`` in which a second look found no face.
    """

    table: TrackTable
    dismissed: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    dismissed_seconds: float = 0.0
    refused: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))


def resolve(
    log: ObservationLog,
    width: int,
    height: int,
    duration_s: float,
    options: ResolveOptions | None = None,
    empty_is_miss: bool = True,
    sightings: Sightings | None = None,
) -> Resolution:
    """Decide, knowing the whole recording, who is where in each frame.

    Args:
        log: what detector and tracker saw, every frame once.
        width, height: of the upright picture, pixels.
        duration_s: length of the recording, seconds.
        options: how far to reach; None takes the defaults.
        empty_is_miss: a frame in which no face is known is a miss.
        sightings: what the pictures say (:class:`framework.resolve.PictureWatch`); None: nothing is
            known but the boxes, so that unseen faces are covered by rule alone.

    Returns:
        A table in which every detection is covered that was not dismissed. Tracks are numbered from
        1 in the order in which they are first seen.

    Raises:
        ContractError: width or height is not positive.
    """
    if width < 1 or height < 1:
        raise ContractError(f"resolve: expected a positive picture size, got {width} x {height}")
    options = options or ResolveOptions()
    time_s = log.time_s()
    picture = (width, height)
    pieces = collect(log.rows(), time_s, sightings, picture)
    tracklets = absorb_doubles(pieces, time_s, options.keep_score)
    chains = stitch(tracklets, time_s, options, sightings, picture)

    kept: list[tuple[Tracklet, tuple[float, float]]] = []
    dismissed = [np.zeros(0, np.int64)]
    denied = [np.zeros(0, np.int64)]
    for person in np.unique(chains.person).tolist():
        members = np.flatnonzero(chains.person == person).tolist()
        seen = join([tracklets[m] for m in members])
        if sightings is not None and refused(seen, sightings, options):
            denied.append(seen.rows)
            continue
        alone = _unsupported(seen, time_s, options)
        dismissed.append(seen.rows_of(alone))
        if not alone.all():
            hold = (float(chains.hold_before[members[0]]), float(chains.hold_after[members[-1]]))
            kept.append((seen.take(~alone), hold))
    kept.sort(key=lambda k: (k[0].first, *k[0].xyxy[0].tolist()))

    paths = [complete(seen, time_s, picture, options, hold, sightings) for seen, hold in kept]
    number = reunited([seen for seen, _ in kept], paths, sightings, picture)
    table = _table(paths, number, log, width, height, duration_s, empty_is_miss)
    no = np.concatenate(denied)
    rows = np.sort(np.concatenate([*dismissed, no]))
    seconds = float(table.frame_duration_s[log.rows().frame[rows]].sum())
    return Resolution(table, rows, seconds, np.sort(no))


def _unsupported(
    seen: Tracklet, time_s: NDArray[np.float64], options: ResolveOptions
) -> NDArray[np.bool_]:
    """(n,) observations that are taken for false alarms: weak, and with nobody near in time.

    One strong observation vouches for everything that was joined with it.
    """
    if float(seen.score.max()) >= options.keep_score:
        return np.zeros(len(seen), bool)
    far = np.diff(time_s[seen.frame]) > options.support_s
    return np.asarray(np.append(True, far) & np.append(far, True))


def refused(seen: Tracklet, sightings: Sightings, options: ResolveOptions) -> bool:
    """Whether second looks say that what was never seen well is no face.

    They have to agree over time: half of them score less than ``second_score``, and none as much
    as a face that is seen well.
    """
    if float(seen.score.max()) >= options.keep_score:
        return False
    scores = [look.score for look in sightings.looks_at(seen.frame, seen.xyxy)]
    if not scores or max(scores) >= options.keep_score:
        return False
    return float(np.median(scores)) < options.second_score


def _table(
    paths: list[Path],
    number: list[int],
    log: ObservationLog,
    width: int,
    height: int,
    duration_s: float,
    empty_is_miss: bool,
) -> TrackTable:
    frame = np.concatenate([np.zeros(0, np.int64), *(p.frame for p in paths)])
    track = np.repeat(np.array(number, np.int64), [len(p.frame) for p in paths])
    order = np.lexsort((track, frame))
    misses = dict(log.failures)
    if empty_is_miss:
        empty = np.setdiff1d(np.arange(log.frame_count), frame)
        misses = {int(f): NO_FACE for f in empty} | misses
    boxes = np.concatenate([np.zeros((0, 4)), *(p.xyxy for p in paths)])
    return TrackTable(
        width=width,
        height=height,
        time_s=log.time_s(),
        duration_s=duration_s,
        frame=frame[order],
        track_id=track[order].astype(np.int64),
        xyxy=_outward(boxes)[order],
        score=np.concatenate([np.zeros(0, np.float32), *(p.score for p in paths)])[order],
        landmarks=np.concatenate([np.zeros((0, 5, 2)), *(p.landmarks for p in paths)])[
            order
        ].astype(np.float32),
        state=np.concatenate([np.zeros(0, np.int8), *(p.state for p in paths)])[order],
        misses=dict(sorted(misses.items())),
    )


def _outward(boxes: NDArray[np.float64]) -> NDArray[np.float32]:
    """To float32, rounded so that no box becomes smaller."""
    near = boxes.astype(np.float32)
    low = np.where(near > boxes, np.nextafter(near, np.float32(-np.inf)), near)
    high = np.where(near < boxes, np.nextafter(near, np.float32(np.inf)), near)
    return np.concatenate([low[:, :2], high[:, 2:]], axis=1).astype(np.float32)
