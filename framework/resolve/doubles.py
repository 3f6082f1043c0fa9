"""Boxes that belong to faces which have a box already.

A detector sometimes sees a face and a part of it, or, where two faces overlap, a third one made of
both. As people of their own they would confuse who is who. They are merged into the faces they lie
on, whose boxes grow by them, so that nothing that was detected is left open.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from framework.boxes import common_area, covered_share
from framework.resolve.tracklets import SAME_FACE_IOU, Tracklet

INSIDE = 0.65
"""A box with this share of its area inside another face's box may be a second box on that face."""

GHOST_S = 1.0
"""A face made of two others lasts no longer: while they pass each other, seconds."""

GHOST_COVER = 0.6
"""What the others' boxes cover of it in each frame, 0 to 1."""


def absorb_doubles(
    tracklets: list[Tracklet], time_s: NDArray[np.float64], keep_score: float
) -> list[Tracklet]:
    """The same tracklets without second boxes.

    A tracklet is a second box if, in every one of its frames, it lies mostly inside the box of one
    and the same stronger tracklet, or overlaps it and is weaker than ``keep_score`` throughout; or
    if it is short and always covered by stronger tracklets together.

    Args:
        tracklets: in order of their first frame.
        time_s: (frames,) presentation times, seconds.
        keep_score: score of a face that was seen well, 0 to 1.
    """
    at: list[list[int]] = [[] for _ in range(len(time_s))]
    for number, tracklet in enumerate(tracklets):
        for frame in tracklet.frame.tolist():
            at[frame].append(number)
    crowded = {n for members in at if len(members) > 1 for n in members}
    result = list(tracklets)
    gone: set[int] = set()
    weight = [float(t.score.sum()) for t in tracklets]
    for number in sorted(crowded, key=lambda n: (weight[n], n)):
        guest = result[number]
        beside = [
            [n for n in at[f] if n not in gone and weight[n] > weight[number]]
            for f in guest.frame.tolist()
        ]
        hosts = _hosts(guest, beside, result, keep_score)
        if hosts is None and time_s[guest.last] - time_s[guest.first] <= GHOST_S:
            hosts = _ghost_hosts(guest, beside, result)
        if hosts is None:
            continue
        for host in sorted(set(hosts)):
            mine = np.array([h == host for h in hosts])
            result[host] = _united(result[host], guest.take(mine))
        gone.add(number)
    return [t for n, t in enumerate(result) if n not in gone]


def _hosts(
    guest: Tracklet, beside: list[list[int]], tracklets: list[Tracklet], keep_score: float
) -> list[int] | None:
    """The tracklet that the guest is a second box of, for each frame; None if there is none."""
    always = set(beside[0]).intersection(*beside[1:])
    for host in sorted(always, key=lambda n: (-float(tracklets[n].score.sum()), n)):
        boxes = _boxes_at(tracklets[host], guest.frame)
        shared = common_area(guest.xyxy, boxes)
        own = common_area(guest.xyxy, guest.xyxy)
        double = shared >= INSIDE * np.maximum(own, 1e-9)
        if float(guest.score.max()) < keep_score:
            other = common_area(boxes, boxes)
            double |= shared >= SAME_FACE_IOU * np.maximum(own + other - shared, 1e-9)
        if double.all():
            return [host] * len(guest)
    return None


def _ghost_hosts(
    guest: Tracklet, beside: list[list[int]], tracklets: list[Tracklet]
) -> list[int] | None:
    """For each frame the tracklet that overlaps the guest most, if together they cover it."""
    hosts = []
    for row, members in enumerate(beside):
        if not members:
            return None
        frame = guest.frame[row : row + 1]
        boxes = np.concatenate([_boxes_at(tracklets[n], frame) for n in members])
        if covered_share(guest.xyxy[row], boxes) < GHOST_COVER:
            return None
        shared = common_area(np.repeat(guest.xyxy[row : row + 1], len(boxes), axis=0), boxes)
        hosts.append(members[int(shared.argmax())])
    return hosts


def _boxes_at(tracklet: Tracklet, frames: NDArray[np.int64]) -> NDArray[np.float64]:
    """The boxes of a tracklet in some of its frames."""
    return tracklet.xyxy[np.searchsorted(tracklet.frame, frames)]


def _united(host: Tracklet, guest: Tracklet) -> Tracklet:
    """The host, its boxes grown to contain the guest's, whose frames are all among its own."""
    where = np.searchsorted(host.frame, guest.frame)
    xyxy = host.xyxy.copy()
    xyxy[where, :2] = np.minimum(xyxy[where, :2], guest.xyxy[:, :2])
    xyxy[where, 2:] = np.maximum(xyxy[where, 2:], guest.xyxy[:, 2:])
    rows = np.concatenate([host.rows, guest.rows])
    row_frame = np.concatenate([host.row_frame, guest.row_frame])
    return replace(host, xyxy=xyxy, rows=rows, row_frame=row_frame)
