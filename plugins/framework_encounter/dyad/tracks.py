"""What was read of patient and doctor, from the cameras' track tables."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from framework.table import TrackTable
from framework.types import Role
from framework_encounter.clock import Clock
from framework_encounter.dyad.interaction import Track, contrasts
from framework_encounter.joint import Joint


def tracks_of(
    joint: Joint, tables: Sequence[TrackTable], clocks: Sequence[Clock]
) -> dict[Role, Track]:
    """Every classified face of each role, on the shared clock.

    Where two cameras see somebody, each second's samples come from the camera that the joint
    timeline takes that second from.

    Args:
        joint: both timelines.
        tables: of each camera, with roles and samples.
        clocks: of each camera.
    """
    found = {}
    for person, cameras in zip(joint.people, joint.cameras, strict=True):
        times, rows = [], []
        for k, (table, clock) in enumerate(zip(tables, clocks, strict=True)):
            mine = [t for t in table.track_ids() if table.role_of(t) == person.role]
            sample = np.isin(table.samples.track_id, mine)
            time = (
                clock.sync.offset_s
                + (1.0 + clock.sync.drift) * table.time_s[table.samples.frame[sample]]
            )
            probabilities = table.samples.probabilities[sample]
            first = int(person.second[0]) if len(person) else 0
            second = np.floor(time + 1e-6).astype(np.int64) - first
            inside = (second >= 0) & (second < len(cameras))
            chosen = inside.copy()
            chosen[inside] = cameras[second[inside]] == k
            times.append(time[chosen])
            rows.append(probabilities[chosen])
        time = np.concatenate(times) if times else np.zeros(0)
        values = contrasts(rows)
        order = np.argsort(time, kind="stable")
        order = (
            order[np.concatenate([[True], np.diff(time[order]) > 1e-9])] if len(order) else order
        )
        found[person.role] = Track(
            person.role, time[order], {name: v[order] for name, v in values.items()}, person
        )
    return found
