"""Who is who: a first guess that the user can correct in the table."""

from __future__ import annotations

import numpy as np

from framework.table import TrackTable
from framework.types import Role


def presence(table: TrackTable) -> dict[int, float]:
    """For each track, the area of its seen boxes within the picture, summed over time.

    Returns:
        Square pixels times seconds, by track.
    """
    limit = np.array([table.width, table.height, table.width, table.height], np.float64)
    visible = np.clip(table.xyxy.astype(np.float64), 0, limit)
    size = np.prod(visible[:, 2:] - visible[:, :2], axis=1)
    weight = size * table.frame_duration_s[table.frame] * table.observed
    return {t: float(weight[table.rows_of_track(t)].sum()) for t in table.track_ids()}


def assign_roles(table: TrackTable, main: Role = Role.PATIENT, people: int = 1) -> TrackTable:
    """Give the main role to those who are seen longest and largest; everybody else is a bystander.

    Args:
        table: a resolved table; its roles are replaced.
        main: the role of the main people.
        people: how many of them there are (>= 0). Equal presence: the lower id comes first.
    """
    weight = presence(table)
    # Whole numbers: the last bit of a smoothed box must not decide who the patient is.
    ranked = sorted(weight, key=lambda t: (-round(weight[t]), t))
    chosen = set(ranked[:people])
    return table.with_roles({t: main if t in chosen else Role.BYSTANDER for t in sorted(weight)})
