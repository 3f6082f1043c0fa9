"""Who is the patient and who the doctor in each camera; everybody else is a bystander.

What a recording says about itself decides, the strongest first: a reference picture, a region of
the picture, the file (a camera that shows one person). Faces that could be somebody but are not
surely so get the role ``unknown``: they are covered, not analysed, and reported.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from framework.errors import ConfigError
from framework.resolve.roles import presence
from framework.table import TrackTable
from framework.types import Role
from framework_encounter.spec import Recording, Region, Thresholds

IDENTITY: dict[Role, int] = {Role.PATIENT: 1, Role.DOCTOR: 2}
"""Track number of a person in every camera: one person, one identity, one donor."""
INSIDE = 0.8
"""Share of its seen time that a face's centre must be in somebody's region to be that person."""
OUTSIDE = 0.2
"""Below this share it is somebody else; between the two it is uncertain."""
RIVAL = 0.5
"""A second face seen at the same time, with this share of the first one's presence, is a rival."""
PASSING = 0.1
"""A face with less than this share of the main one's presence is somebody who passes by."""
NEAR = 1.0
"""How far a face may move over an interruption and be the same person, in widths of the face."""
SIMILAR_SIZE = 1.6
REFERENCE = "reference picture"
OVERLAP_S = 0.2
"""Two tracks seen together for longer than this are two people."""


@dataclass(frozen=True)
class Casting:
    """Who is who in one recording.

    Attributes:
        table: tracks under the identities of the encounter; bystanders and unknown faces are
            numbered after them.
        how: for each role, what decided.
        switches: for each role, how often the tracker's identity of that person changed.
        uncertain: faces that could be somebody, as (first second, last second, seconds seen).
        bystanders: number of other people's tracks.
        similarity: of each role's most similar face with its reference picture, -1 to 1.
        thresholds: on that similarity; None without reference pictures.
    """

    table: TrackTable
    how: Mapping[Role, str]
    switches: Mapping[Role, int]
    uncertain: tuple[tuple[float, float, float], ...] = ()
    bystanders: int = 0
    similarity: Mapping[Role, float] = field(default_factory=dict)
    thresholds: Thresholds | None = None


@dataclass
class _Faces:
    """What the decisions need of each track."""

    table: TrackTable
    weight: dict[int, float] = field(init=False)
    seen_s: dict[int, float] = field(init=False)
    seen: dict[int, NDArray[np.int64]] = field(init=False)

    def __post_init__(self) -> None:
        self.weight = presence(self.table)
        self.seen, self.seen_s = {}, {}
        for track in self.table.track_ids():
            rows = self.table.rows_of_track(track)
            rows = rows[self.table.observed[rows]]
            self.seen[track] = rows
            self.seen_s[track] = float(self.table.frame_duration_s[self.table.frame[rows]].sum())

    def ids(self) -> list[int]:
        """Tracks that some detector or person saw, the most present first."""
        return sorted((t for t in self.weight if len(self.seen[t])), key=self._rank)

    def _rank(self, track: int) -> tuple[int, int]:
        return -round(self.weight[track]), track

    def together_s(self, a: int, b: int) -> float:
        """Seconds in which both are seen."""
        frame = self.table.frame
        common = np.intersect1d(frame[self.seen[a]], frame[self.seen[b]])
        return float(self.table.frame_duration_s[common].sum())

    def span(self, track: int) -> tuple[float, float]:
        times = self.table.time_s[self.table.frame[self.seen[track]]]
        return float(times[0]), float(times[-1])

    def inside(self, track: int, region: Region) -> float:
        """Share of the seen time in which the centre of the face is in the region."""
        rows = self.seen[track]
        box = self.table.xyxy[rows].astype(np.float64)
        centre = (box[:, :2] + box[:, 2:]) / 2 / [self.table.width, self.table.height]
        low, high = np.array(region[:2]), np.array(region[2:])
        within = ((centre >= low) & (centre <= high)).all(axis=1)
        duration = np.maximum(self.table.frame_duration_s[self.table.frame[rows]], 1e-9)
        return float(duration[within].sum() / duration.sum())

    def continues(self, first: int, second: int) -> bool:
        """Whether the later of two tracks starts about where the earlier one ended."""
        early, late = sorted((first, second), key=lambda t: self.span(t)[0])
        before = self.table.xyxy[self.seen[early][-1]].astype(np.float64)
        after = self.table.xyxy[self.seen[late][0]].astype(np.float64)
        size = [max(1.0, float(b[2] - b[0])) for b in (before, after)]
        shift = float(np.linalg.norm((before[:2] + before[2:] - after[:2] - after[2:]) / 2))
        return shift <= NEAR * max(size) and max(size) / min(size) <= SIMILAR_SIZE


def cast(
    table: TrackTable,
    recording: Recording,
    camera: str,
    likeness: Mapping[int, Mapping[Role, float]] | None = None,
    matching: Thresholds | None = None,
    next_id: int = 3,
) -> Casting:
    """Assign the roles of one recording.

    Args:
        table: resolved tracks without roles, with everybody's emotion samples.
        recording: whom it shows, and where.
        camera: what messages call it.
        likeness: for each track its similarity with each reference picture, -1 to 1.
        matching: thresholds on the similarity.
        next_id: first number for people of no role, so that numbers differ between cameras.

    Raises:
        ConfigError: nobody for a role, two faces for one role, or nothing that tells two roles of
            one camera apart.
    """
    faces = _Faces(table)
    chosen: dict[Role, list[int]] = {}
    how: dict[Role, str] = {}
    uncertain: set[int] = set()
    likeness, matching = likeness or {}, matching or Thresholds(1.0, 0.0)
    open_roles = list(recording.roles)
    for role in list(open_roles):
        if any(role in scores for scores in likeness.values()):
            chosen[role], doubtful = _by_reference(faces, role, likeness, matching, camera)
            how[role] = REFERENCE
        elif str(role) in recording.regions:
            region = recording.regions[str(role)]  # type: ignore[index]
            chosen[role], doubtful = _by_region(faces, role, region, camera)
            how[role] = "region"
        else:
            continue
        uncertain |= doubtful
        open_roles.remove(role)
    if len(open_roles) > 1:
        raise unclear(camera)
    for role in open_roles:
        taken = {t for tracks in chosen.values() for t in tracks}
        chosen[role], doubtful = _by_presence(faces, role, taken | uncertain, camera)
        how[role] = "presence" if chosen.keys() - {role} else "file"
        uncertain |= doubtful
    _refuse_shared(chosen, camera)
    uncertain -= {t for tracks in chosen.values() for t in tracks}
    found = _result(faces, chosen, uncertain, how, next_id)
    alike = {
        role: max(likeness[t][role] for t in tracks if role in likeness.get(t, {}))
        for role, tracks in chosen.items()
        if how[role] == REFERENCE
    }
    return replace(found, similarity=alike, thresholds=matching if alike else None)


def unclear(camera: str) -> ConfigError:
    """Two people, and nothing that tells them apart; presence alone can't."""
    return ConfigError(
        f"nothing says who is who in {camera}; give a region (--patient-side left), or a reference "
        f"picture of one of them"
    )


def _by_region(
    faces: _Faces, role: Role, region: Region, camera: str
) -> tuple[list[int], set[int]]:
    share = {t: faces.inside(t, region) for t in faces.ids()}
    inside = [t for t in share if share[t] >= INSIDE]
    doubtful = {t for t in share if OUTSIDE < share[t] < INSIDE}
    if not inside:
        raise ConfigError(
            f"no face for the {role} in {camera}: none stays within the given region; check the "
            f"region (shares of width and height, as seen in the upright picture)"
        )
    return _one_person(faces, role, inside, camera, doubtful)


def _by_presence(
    faces: _Faces, role: Role, taken: set[int], camera: str
) -> tuple[list[int], set[int]]:
    free = [t for t in faces.ids() if t not in taken]
    if not free:
        raise ConfigError(
            f"no face for the {role} in {camera}; check that the right recording was given, and "
            f"that the face is turned to the camera"
        )
    return _one_person(faces, role, free, camera, set())


def _by_reference(
    faces: _Faces,
    role: Role,
    likeness: Mapping[int, Mapping[Role, float]],
    matching: Thresholds,
    camera: str,
) -> tuple[list[int], set[int]]:
    def own(track: int) -> float:
        return likeness.get(track, {}).get(role, -1.0)

    def rival(track: int) -> float:
        scores = [v for r, v in likeness.get(track, {}).items() if r != role]
        return max(scores, default=-1.0)

    alike = [t for t in faces.ids() if own(t) >= matching.min_similarity and own(t) > rival(t)]
    clear = [t for t in alike if own(t) - rival(t) >= matching.min_margin]
    if not clear:
        best = max((own(t) for t in faces.ids()), default=-1.0)
        raise ConfigError(
            f"no face for the {role} in {camera}: the nearest to the reference picture has a "
            f"similarity of {best:.3f}, {matching.min_similarity:.3f} is needed; use another "
            f"picture or recogniser, or give a region"
        )
    best_track = max(clear, key=own)
    mine = [best_track]
    doubtful = set(alike) - set(clear)
    for track in sorted(set(clear) - {best_track}, key=own, reverse=True):
        if all(faces.together_s(track, m) <= OVERLAP_S for m in mine):
            mine.append(track)
        elif own(best_track) - own(track) < matching.min_margin:
            raise ConfigError(
                f"two faces for the {role} in {camera}: both resemble the reference picture "
                f"({own(best_track):.3f} and {own(track):.3f}); give a region"
            )
        # else: seen beside the person and less like the picture, so it is somebody else
    return mine, doubtful


def _one_person(
    faces: _Faces, role: Role, candidates: Sequence[int], camera: str, doubtful: set[int]
) -> tuple[list[int], set[int]]:
    """The tracks of one person among candidates: the main one and what continues it."""
    main, *rest = sorted(candidates, key=faces._rank)
    mine, doubtful = [main], set(doubtful)
    for track in rest:
        share = faces.weight[track] / max(faces.weight[main], 1e-9)
        together = max(faces.together_s(track, m) for m in mine)
        if together > OVERLAP_S:
            if share >= RIVAL and together >= RIVAL * faces.seen_s[track]:
                raise ConfigError(
                    f"two faces for the {role} in {camera}: seen for {faces.seen_s[main]:.1f} s "
                    f"and {faces.seen_s[track]:.1f} s, {together:.1f} s of it together; give a "
                    f"region or a reference picture, or say that the camera shows both"
                )
        elif any(faces.continues(track, m) for m in mine):
            mine.append(track)
        elif share >= PASSING:
            doubtful.add(track)
    return mine, doubtful


def _refuse_shared(chosen: Mapping[Role, Sequence[int]], camera: str) -> None:
    seen: dict[int, Role] = {}
    for role, tracks in chosen.items():
        for track in tracks:
            if track in seen:
                raise ConfigError(
                    f"one face for two roles in {camera}: it could be {seen[track]} and {role}; "
                    f"give regions that do not overlap, or reference pictures"
                )
            seen[track] = role


def _result(
    faces: _Faces,
    chosen: Mapping[Role, Sequence[int]],
    uncertain: set[int],
    how: Mapping[Role, str],
    next_id: int,
) -> Casting:
    number: dict[int, int] = {}
    roles: dict[int, Role] = {IDENTITY[r]: r for r in (Role.PATIENT, Role.DOCTOR)}
    others: list[int] = []
    for role, tracks in chosen.items():
        number.update(dict.fromkeys(tracks, IDENTITY[role]))
    for track in faces.table.track_ids():
        if track not in number:
            number[track] = next_id + len(others)
            roles[number[track]] = Role.UNKNOWN if track in uncertain else Role.BYSTANDER
            others.append(track)
    spans = tuple((*faces.span(t), faces.seen_s[t]) for t in sorted(uncertain))
    return Casting(
        table=renamed(faces.table, number).with_roles(roles),
        how=dict(how),
        switches={role: len(tracks) - 1 for role, tracks in chosen.items()},
        uncertain=spans,
        bystanders=len(others) - len(uncertain),
    )


def renamed(table: TrackTable, number: Mapping[int, int]) -> TrackTable:
    """The table with other track numbers; tracks that get the same one become one.

    Where two of them have a row in the same frame, the seen one stays; the union of both boxes is
    covered, for what is dropped was somebody's face.
    """
    ids = np.array([number[int(t)] for t in table.track_id], np.int64)
    carried = (~table.observed).astype(np.int8)
    order = np.lexsort((-table.score, carried, ids, table.frame))
    frame, track = table.frame[order], ids[order]
    first = np.ones(len(order), bool)
    first[1:] = (np.diff(frame) != 0) | (np.diff(track) != 0)
    group = np.cumsum(first) - 1
    kept = order[first]
    boxes = table.xyxy[kept].copy()
    both = table.xyxy[order]
    np.minimum.at(boxes[:, :2], group, both[:, :2])
    np.maximum.at(boxes[:, 2:], group, both[:, 2:])
    samples = table.samples
    return replace(
        table,
        frame=table.frame[kept],
        track_id=ids[kept],
        xyxy=boxes,
        score=table.score[kept],
        landmarks=table.landmarks[kept],
        state=table.state[kept],
        samples=replace(
            samples,
            track_id=np.array([number[int(t)] for t in samples.track_id], np.int64),
        ),
    )
