"""One anonymizer for each role: ``--anonymizer patient=fomm,doctor=mask``.

Roles that are not named are covered by ``mask``, so that a bystander never depends on what was
chosen for the patient.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from framework.errors import ConfigError
from framework.protocols import (
    Anonymizer,
    BatchAnonymizer,
    ClipView,
    PreparedAnonymizer,
    ReportingAnonymizer,
)
from framework.suggest import did_you_mean
from framework.table import TrackTable
from framework.types import ComponentEvent, Frame, Image, Role, Tracks

FALLBACK = "mask"
"""Who covers the roles that nobody named."""


def parse_roles(text: str) -> dict[Role, str]:
    """``"patient=fomm,doctor=mask"`` as a name for every role; a bare name serves all roles.

    Raises:
        ConfigError: an unknown role, a role named twice, or a part without ``=``.
    """
    if "=" not in text:
        return dict.fromkeys(Role, text.strip())
    chosen: dict[Role, str] = {}
    for part in text.split(","):
        role, equals, name = (piece.strip() for piece in part.partition("="))
        if not (equals and name):
            raise ConfigError(f"anonymizer '{part}': expected ROLE=NAME, as in patient=fomm")
        if role not in set(Role):
            raise ConfigError(f"anonymizer '{part}': unknown role{did_you_mean(role, Role)}")
        if Role(role) in chosen:
            raise ConfigError(f"anonymizer '{text}': role '{role}' is named twice")
        chosen[Role(role)] = name
    return {role: chosen.get(role, FALLBACK) for role in Role}


def for_participants(text: str) -> str:
    """A bare name as one for patient and doctor alone, so that everybody else gets ``mask``.

    A text that names roles is left as it is.
    """
    if "=" in text:
        return text
    return ",".join(f"{role}={text.strip()}" for role in (Role.PATIENT, Role.DOCTOR))


@dataclass(frozen=True)
class _PartOfClip:
    """The recording as the anonymizer of some roles may look at it: other people are not in it.

    They are in ``everyone``, for an anonymizer that uses pixels beside its own tracks: it gets the
    frames with nobody covered.
    """

    table: TrackTable
    everyone: TrackTable
    clip: ClipView

    def frames(self, indices: Iterable[int]) -> Iterator[Frame]:
        return self.clip.frames(indices)


class ByRole:
    """Gives every track to the anonymizer of its role, one after the other.

    Args:
        parts: name -> anonymizer.
        name_of: the name that serves each role.
    """

    def __init__(self, parts: Mapping[str, Anonymizer], name_of: Mapping[Role, str]) -> None:
        self.parts = dict(parts)
        self._roles = {
            name: frozenset(role for role, chosen in name_of.items() if chosen == name)
            for name in parts
        }

    def reset(self) -> None:
        for part in self.parts.values():
            part.reset()

    def prepare(self, clip: ClipView) -> None:
        for name, part in self.parts.items():
            if isinstance(part, PreparedAnonymizer):
                ids = [
                    t for t in clip.table.track_ids() if clip.table.role_of(t) in self._roles[name]
                ]
                part.prepare(_PartOfClip(clip.table.only(ids), clip.table, clip))

    def anonymize(self, frame: Frame, tracks: Tracks) -> Image:
        return self.anonymize_batch([frame], [tracks])[0]

    def anonymize_batch(self, frames: Sequence[Frame], tracks: Sequence[Tracks]) -> list[Image]:
        """Each part covers its people in what the parts before it returned."""
        images = [frame.bgr for frame in frames]
        for name, part in self.parts.items():
            mine = [self._select(name, found) for found in tracks]
            stage = [
                Frame(image, frame.index, frame.time_s)
                for image, frame in zip(images, frames, strict=True)
            ]
            if isinstance(part, BatchAnonymizer) and len(stage) > 1:
                images = part.anonymize_batch(stage, mine)
            else:
                images = [part.anonymize(f, t) for f, t in zip(stage, mine, strict=True)]
        return images

    def _select(self, name: str, tracks: Tracks) -> Tracks:
        return tracks[np.array([role in self._roles[name] for role in tracks.role], bool)]

    def drain_events(self) -> list[ComponentEvent]:
        return [
            event
            for part in self.parts.values()
            if isinstance(part, ReportingAnonymizer)
            for event in part.drain_events()
        ]
