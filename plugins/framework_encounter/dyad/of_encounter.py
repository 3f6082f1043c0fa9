"""The figures of an encounter's two people, before and after covering."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from framework.episodes import episodes
from framework.protocols import EmotionClassifier
from framework.table import TrackTable
from framework.timeline import TimelineConfig
from framework.types import Role
from framework_encounter.clock import Clock
from framework_encounter.dyad.interaction import Interaction, Kept, between, kept
from framework_encounter.dyad.tracks import tracks_of
from framework_encounter.joint import Joint, join, seen_by
from framework_encounter.spec import Encounter


@dataclass(frozen=True)
class Dyad:
    """What happens between the two.

    Attributes:
        original: from the recordings.
        covered: from what was published; None if it was not read again.
        kept: what covering does to synchrony.
    """

    original: Interaction
    covered: Interaction | None
    kept: tuple[Kept, ...]


def read_dyad(
    encounter: Encounter,
    joint: Joint,
    tables: Sequence[TrackTable],
    covered: Sequence[TrackTable | None],
    clocks: Sequence[Clock],
    config: TimelineConfig,
    classifier: EmotionClassifier,
) -> Dyad | None:
    """Mimicry, synchrony and lead; None if one of the two was never read.

    Args:
        joint: both timelines.
        tables: of each camera, with roles and samples of the originals.
        covered: the same with samples of the covered recordings; None where not read again.
        clocks: of each camera.
        config, classifier: as the timelines were made.
    """
    original = _interaction(encounter, joint, tables, clocks)
    if original is None:
        return None
    again = [table for table in covered if table is not None]
    if len(again) < len(tables):
        return Dyad(original, None, ())
    seen = [
        one
        for k, table in enumerate(again)
        for one in seen_by(k, table, clocks[k], config, classifier)
    ]
    after = _interaction(encounter, join(seen, joint.seconds), again, clocks)
    if after is None:
        return Dyad(original, None, ())
    return Dyad(original, after, tuple(kept(original, after)))


def _interaction(
    encounter: Encounter, joint: Joint, tables: Sequence[TrackTable], clocks: Sequence[Clock]
) -> Interaction | None:
    tracks = tracks_of(joint, tables, clocks)
    if Role.PATIENT not in tracks or Role.DOCTOR not in tracks:
        return None
    affect = [e for p in joint.people for e in episodes(p)]
    return between(tracks[Role.PATIENT], tracks[Role.DOCTOR], affect, encounter.dyad)
