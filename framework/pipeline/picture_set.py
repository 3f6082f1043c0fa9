"""A folder of stills: pictures that have nothing to do with one another.

They go through a run as the frames of one recording, a second each, so that there is one table, one
audit and one report, and so that second k of every table is picture k. Nothing is carried from one
picture to another: no face, no person, no donor.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from framework.resolve import ResolveOptions, assign_roles
from framework.table import TrackTable
from framework.types import Role, Tracks

ALONE = {
    "max_gap_s": 0.0,
    "carry_s": 0.0,
    "keep_score": 0.0,
    "smooth_s": 0.0,
    "smooth_landmarks_s": 0.0,
}
"""Options of the resolution under which each picture stands alone. A weak detection has no other
picture that could confirm it, so that all of them are covered."""


def alone(options: ResolveOptions) -> ResolveOptions:
    """The options of a run for pictures that stand alone."""
    return options.model_copy(update=ALONE)


class FreshIdentities:
    """Gives the tracks of every picture numbers that no other picture has."""

    def __init__(self) -> None:
        self._next = 1

    def renumbered(self, tracks: Tracks) -> Tracks:
        """The tracks of the next picture."""
        first, self._next = self._next, self._next + len(tracks)
        ids = np.arange(first, self._next, dtype=np.int64)
        return replace(tracks, track_id=ids)


def assign_in_each(table: TrackTable, main: Role, people: int) -> TrackTable:
    """Roles picture by picture: in each the largest faces have the main role.

    Args:
        table: a resolved table of pictures that stand alone.
        main: the role of the main people.
        people: how many of them a picture shows.
    """
    roles: dict[int, Role] = {}
    for index in range(table.frame_count):
        ids = table.track_id[table.rows_of_frame(index)].tolist()
        if ids:
            roles |= assign_roles(table.only(ids), main=main, people=people).roles
    return table.with_roles(roles)
