"""The swap by absolute expression: reads the face, and moves the donor to what it shows.

Works on one frame as on a thousand: what a face shows is measured in itself, not against the
person's own rest. Compositing, donors, covers and fading are those of
:class:`framework_fomm.anonymizer.FommAnonymizer`.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from framework_measures.reading import Reader, Reading, five_points, landmarks_or_box
from numpy.typing import NDArray

from framework.protocols import ClipView
from framework.spec import BuildContext
from framework.types import Frame
from framework.weights import verified
from framework_fomm import motion_range
from framework_fomm.absolute import basis as bases
from framework_fomm.absolute.basis import Basis
from framework_fomm.absolute.portrait import Portrait, prepare
from framework_fomm.absolute.pose import LivePose, Pose, track_of, whole
from framework_fomm.absolute.rehearsal import Seen, rehearse
from framework_fomm.absolute.render import draw
from framework_fomm.absolute.retarget import MAX_YAW_DEG, move
from framework_fomm.anonymizer import FommAnonymizer, Head, Person
from framework_fomm.background import Background
from framework_fomm.config import FommOptions
from framework_fomm.crop import Square
from framework_fomm.donors.store import BACKGROUND, Donor, load_selection
from framework_fomm.neutral import UsableRow

if TYPE_CHECKING:
    from framework.table import TrackTable

Floats = NDArray[np.float64]

SIZES = (128, 192, 256, 384)
"""Sides at which a donor is drawn, pixels: the smallest that is no smaller than its place."""

MAX_DOUBT = 0.16
"""Eye units between two looks at a face beyond which what was read isn't believed."""
_LOOKS = 4  # at a donor, to find its points


class ExpressionSwap(FommAnonymizer):
    """See the module. In order, one instance for each stream; deterministic for a given key."""

    least_rows = 1

    def __init__(
        self,
        options: FommOptions,
        reader: Reader,
        basis: Basis,
        donors: Sequence[Donor],
        key: bytes | None,
        meshes: Mapping[str, Floats] | None = None,
    ) -> None:
        self._reader, self._basis = reader, basis
        self._meshes = dict(meshes or {})
        self._portraits: dict[tuple[str, int], Portrait] = {}
        self._start(options, donors, key)

    @property
    def size(self) -> int:
        """Side of a portrait that is shown alone, pixels."""
        return 256

    # --- before rendering ------------------------------------------------------------------------

    def _watch(
        self,
        clip: ClipView,
        wanted: Mapping[int, Sequence[tuple[int, Square]]],
        usable_of: Mapping[int, Sequence[UsableRow]],
        looks: Callable[[Frame, int], None] | None,
        background: Background | None,
    ) -> None:
        table = clip.table
        rows = {
            (track_id, int(table.frame[one.row])): one.row
            for track_id, usable in usable_of.items()
            for one in usable
        }
        faces = {
            frame: [
                (track_id, _five(table, rows[track_id, frame]))
                for track_id, _ in heads
                if (track_id, frame) in rows
            ]
            for frame, heads in wanted.items()
        }
        seen = rehearse(clip, faces, self._reader, self.options.batch, looks, background)
        for track_id, found in seen.items():
            self._plan_poses(self._people[track_id], found)

    def _plan_poses(self, person: Person, seen: Seen) -> None:
        """What the donor does in each frame that was read."""
        good = []
        for i, reading in enumerate(seen.readings):
            reason = self._unreadable(reading)
            if reason is None:
                good.append(i)
            else:
                person.rehearsed[seen.frames[i]] = reason
        if not good:
            return
        readings = [seen.readings[i] for i in good]
        track = track_of(readings, self._reader.votes, self._basis.reference)
        times = np.array([seen.time_s[i] for i in good], np.float64)
        donor = person.donor.name if person.donor is not None else ""
        digest = hashlib.sha256(self._key + donor.encode()).digest()
        seed = int.from_bytes(digest[:8], "big")
        poses = whole(track, times, self._basis, self.options, seed)
        for i, pose in zip(good, poses, strict=True):
            person.rehearsed[seen.frames[i]] = pose

    def _unreadable(self, reading: Reading) -> str | None:
        """Why a reading can't be shown, None if it can."""
        if not np.isfinite(reading.points).all():
            return motion_range.FAILED
        if reading.doubt > MAX_DOUBT:
            return motion_range.HIDDEN
        yaw, pitch, roll = reading.pose
        options = self.options
        if abs(yaw) > options.max_yaw_deg or abs(pitch) > options.max_pitch_deg:
            return motion_range.TURNED
        return motion_range.TURNED if abs(roll) > options.max_roll_deg else None

    # --- rendering -------------------------------------------------------------------------------

    def _driver(self, donor: Donor) -> LivePose:
        return LivePose(self._basis, self.options)

    def _detect(self, heads: list[Head]) -> None:
        """Readings of every head that may be swapped and wasn't rehearsed."""
        wanted = [
            head
            for head in heads
            if head.reason is None and head.frame.index not in self._people[head.track_id].rehearsed
        ]
        if not wanted:
            return
        pictures = [head.frame.bgr for head in wanted]
        landmarks = [landmarks_or_box(head.face.landmarks, head.face.xyxy) for head in wanted]
        for head, reading in zip(wanted, self._reader.faces(pictures, landmarks), strict=True):
            head.reading = reading

    def _follow(self, head: Head, person: Person) -> str | None:
        """Move the person's state on by one frame; the reason why that can't be shown, if any."""
        assert head.reading is not None and isinstance(person.driver, LivePose)
        reason = self._unreadable(head.reading)
        if reason is not None:
            return reason
        track = track_of([head.reading], self._reader.votes, self._basis.reference)
        person.driving = person.driver(track, head.frame.time_s)
        return None

    def _render(self, heads: list[Head]) -> None:
        for head in heads:
            donor = self._people[head.track_id].donor
            if donor is None or not isinstance(head.driving, Pose):
                continue
            head.portrait, head.matte, head.square = self._draw(donor, head.driving)

    def _draw(
        self, donor: Donor, pose: Pose
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8], Square]:
        """A donor in a pose, its matte, and where both go."""
        largest = self._portrait(donor, SIZES[-1])
        side = pose.place.unit / _unit(largest) * largest.size
        fits = [size for size in SIZES if size >= side]
        portrait = self._portrait(donor, fits[0] if fits else SIZES[-1])
        strength = self.options.expression
        moved = move(
            portrait,
            self._basis,
            pose.expression,
            strength * pose.displacement,
            pose.gaze,
            math.copysign(min(abs(pose.yaw), MAX_YAW_DEG), pose.yaw),
            pose.pitch,
            pose.lids,
        )
        shade = strength * self._basis.shade(pose.expression)
        opening = moved.opening if self.options.draw_mouth else None
        picture, matte = draw(portrait, moved.points, moved.depth, shade, opening)
        return _on_background(picture, matte), matte, _square(portrait, moved.anchor, pose)

    def _portrait(self, donor: Donor, size: int) -> Portrait:
        if (donor.name, size) not in self._portraits:
            known = str(donor.record.get("sha256", donor.name))
            if known not in self._meshes:
                self._meshes[known] = find_mesh(donor, self._reader)
            points = self._meshes[known]
            bgr, matte = donor.at_size(size)
            share = matte[..., None].astype(np.float32) / 255
            head = np.clip(bgr - (1 - share) * np.array(BACKGROUND, np.float32), 0, 255 * share)
            scaled = points * (size / len(donor.bgra))
            scaled[:, :2] += 0.5 * size / len(donor.bgra) - 0.5
            layers = np.dstack([head, 255 * share]).astype(np.float32)
            self._portraits[donor.name, size] = prepare(layers, scaled, self._basis)
        return self._portraits[donor.name, size]


def find_mesh(donor: Donor, reader: Reader) -> Floats:
    """(478, 3) the points of a donor's portrait, pixels: the mean of several looks."""
    from framework.alignment import landmarks_from_box
    from framework_fomm.crop import RISE_PER_HEIGHT, SIDE_PER_HEIGHT

    side = len(donor.bgra)
    bgr, _ = donor.at_size(side)
    # a portrait is framed by its face's box
    height = side / SIDE_PER_HEIGHT
    middle = side / 2 + RISE_PER_HEIGHT * height
    box = [side / 2 - 0.38 * height, middle - height / 2, side / 2 + 0.38 * height]
    five = landmarks_from_box(np.array([[*box, middle + height / 2]], np.float32))[0]
    found = []
    for _ in range(_LOOKS):
        reading = reader.faces([bgr], [five])[0]
        found.append(reading.points)
        five = five_points(reading.points)
    return np.asarray(np.mean(found[1:], axis=0), np.float64)


def _unit(portrait: Portrait) -> float:
    """Pixels of the portrait for an eye unit."""
    return float(np.sqrt(abs(np.linalg.det(portrait.to_picture[:, :2]))))


def _square(portrait: Portrait, anchor: Floats, pose: Pose) -> Square:
    """Where a portrait goes so that its head lies where the person's does."""
    place = pose.place
    ratio = place.unit / _unit(portrait)
    cos, sin = math.cos(place.roll), math.sin(place.roll)
    off = ratio * ((portrait.size - 1) / 2 - anchor)
    x = place.x + cos * off[0] - sin * off[1]
    y = place.y + sin * off[0] + cos * off[1]
    return Square(float(x), float(y), float(ratio * portrait.size), place.roll)


def _on_background(picture: NDArray[np.uint8], matte: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A premultiplied picture on the donors' even background, which is what is laid down."""
    share = 1 - matte[..., None].astype(np.float32) / 255
    flat = picture + share * np.array(BACKGROUND, np.float32)
    return np.clip(flat, 0, 255).round().astype(np.uint8)


def _five(table: TrackTable, row: int) -> NDArray[np.float32]:
    return landmarks_or_box(table.landmarks[row], table.xyxy[row])


def build_expression_swap(options: FommOptions, context: BuildContext) -> ExpressionSwap:
    """Factory of ``fomm`` with ``method=expression``.

    Raises:
        WeightsError: the weights are missing or were changed.
        UserError: a donor's record or picture isn't in order.
        ComponentError: no donor.
    """
    from framework_measures.plugin import EXPRESSION_WEIGHTS
    from framework_measures.weightfile import load

    from framework_fomm.plugin import BASIS_WEIGHTS

    reader = Reader(load(verified(EXPRESSION_WEIGHTS)), context.threads, options.batch)
    path = verified(BASIS_WEIGHTS)
    donors = load_selection(options.donors, options.donor_folder)
    return ExpressionSwap(
        options, reader, bases.load(path), donors, context.key, bases.load_meshes(path)
    )
