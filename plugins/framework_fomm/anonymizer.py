"""``fomm``: every face is replaced by a donor who moves as the person does.

For each head in each frame::

    box -> steady square -> crop -> keypoints, steadied over time
        -> what head and face do beyond the person's rest, put on the donor
        -> picture and matte of the moved donor
    picture: all heads covered by their surroundings, masks, then donors, nearest last

What can't be rendered (a profile, a hidden or tiny face, a lost track) is shown as a plain mask;
the change between the two fades. The original head never is a layer of the result: only its
motion passes.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from framework_measures.reading import Reading
from numpy.typing import NDArray

from framework.errors import ComponentError
from framework.protocols import ClipView
from framework.regions import Region, face_region
from framework.spec import BuildContext, WeightSpec
from framework.table import TrackTable
from framework.types import ComponentEvent, Frame, Image, Role, Tracks
from framework.weights import verified
from framework_fomm import motion_range
from framework_fomm.absolute.pose import LivePose, Pose
from framework_fomm.background import Background, Plate
from framework_fomm.config import EMBEDDED, FommOptions
from framework_fomm.cover import cover_heads, covered_mask
from framework_fomm.crop import Square, extract, lean, square_of_box
from framework_fomm.donors.assign import Assignment, new_key
from framework_fomm.donors.store import Donor, load_selection
from framework_fomm.driver import Driver, PlainDriver, TaughtDriver, build_driver
from framework_fomm.hair import FURTHEST, NO_HAIR, SHOULDERS, HairReach, HairWatch, hair_regions
from framework_fomm.inference import Animator, Source, choose_device
from framework_fomm.model import Keypoints, joined
from framework_fomm.motion_range import FaceView, unusable_motion, unusable_view
from framework_fomm.mouth import open_mouths
from framework_fomm.neutral import (
    MIN_ROWS,
    Neutral,
    UsableRow,
    candidates,
    most_typical,
    usable_rows,
)
from framework_fomm.places import Places
from framework_fomm.rehearsal import Seen, rehearse
from framework_fomm.scene import SceneLight, alone, draw_label, place, portrait_sheet
from framework_fomm.smoothing import SquareFilter, smooth_track
from framework_fomm.weights import load_model

MASK_COLOUR = (128, 128, 128)
FALLBACK = "fallback"
_FIXED_HAIR = {"shoulders": SHOULDERS, "head": NO_HAIR}  # options under which nobody looks
_HAIR_LOOKS = 30  # at each person of a recording
_HAIR_EVERY_S = 0.5  # between looks in a stream
_RESTART_AFTER_S = 0.5  # a head that was away so long starts again without its past


@dataclass
class Person:
    """What is remembered of one track.

    ``rehearsed`` and ``driving`` hold what the donor does: keypoints of the network, or a pose.
    """

    donor: Donor | None
    driver: Driver | LivePose | None
    squares: SquareFilter = field(default_factory=SquareFilter)
    # by frame, if the clip was prepared: where the head is, what the donor does or why it can't
    planned: dict[int, Square] = field(default_factory=dict)
    rehearsed: dict[int, Keypoints | Pose | str] = field(default_factory=dict)
    neutral: Neutral | None = None
    warm_up: list[Neutral] = field(default_factory=list)
    short: bool = False
    driving: Keypoints | Pose | None = None  # the last that could be rendered
    opacity: float = 0.0  # of the donor over the mask
    time_s: float | None = None
    hair: HairWatch = field(default_factory=HairWatch)
    hair_time_s: float = -math.inf  # of the last look


@dataclass
class Head:
    """One track in one frame, on its way through."""

    frame: Frame
    track_id: int
    role: Role
    face: FaceView
    square: Square
    regions: list[Region]  # of the head, then of its hair
    reason: str | None  # why it can't be swapped
    keypoints: Keypoints | None = None
    spread: float = 0.0
    reading: Reading | None = None
    driving: Keypoints | Pose | None = None
    opacity: float = 0.0
    portrait: NDArray[np.uint8] | None = None
    matte: NDArray[np.uint8] | None = None


class FommAnonymizer:
    """The swap. In order, one instance for each stream; deterministic for a given key.

    This class has the published network move the donor. :class:`ExpressionSwap`
    (:mod:`framework_fomm.absolute.swap`) moves it to the absolute expression instead, and shares
    all the rest.

    Capabilities: ``batch``, ``prepare``, ``events``, ``whole-frame``, ``synthetic``.
    """

    least_rows = MIN_ROWS
    """A track with fewer usable rows can't be swapped."""

    def __init__(
        self, options: FommOptions, animator: Animator, donors: Sequence[Donor], key: bytes | None
    ) -> None:
        self.animator = animator
        self._draws_mouths = options.draw_mouth and animator.config.rigid_outline
        self._sources: dict[str, Source] = {}
        self._start(options, donors, key)

    def _start(self, options: FommOptions, donors: Sequence[Donor], key: bytes | None) -> None:
        """What every way of moving a donor needs."""
        self.options = options
        self._donors = {donor.name: donor for donor in donors}
        self._key = key or new_key()
        self._events: list[ComponentEvent] = []
        self.reset()

    @property
    def size(self) -> int:
        """Side of a portrait that is shown alone, pixels."""
        return self.animator.size

    def reset(self) -> None:
        """Forget everybody; donors that were encoded stay encoded."""
        self._people: dict[int, Person] = {}
        self._light = SceneLight()
        self._slots: list[int] = []
        self._assignment = Assignment(self._key, list(self._donors))
        self._plate: Plate | None = None

    def drain_events(self) -> list[ComponentEvent]:
        """One ``fallback`` for each frame and track that was masked, with the reason."""
        events, self._events = self._events, []
        return events

    # --- before rendering ------------------------------------------------------------------------

    def prepare(self, clip: ClipView) -> None:
        """Choose donors; steady squares, find each face at rest and follow it, over all of it."""
        self.reset()
        table = clip.table
        swapped = [t for t in table.track_ids() if table.role_of(t) != Role.BYSTANDER]
        # Whoever has a role takes part in the choice, in view here or not: the other camera of an
        # encounter must come to the same donors.
        named = {t: r for t, r in table.roles.items() if r in (Role.PATIENT, Role.DOCTOR)}
        self._assignment.plan(named | {t: table.role_of(t) for t in swapped})
        wanted: dict[int, list[tuple[int, Square]]] = {}  # frame -> (track, square)
        usable_of: dict[int, list[UsableRow]] = {}
        for track_id in swapped:
            rows = table.rows_of_track(track_id)
            person = self._person(track_id, table.role_of(track_id))
            raw = [square_of_box(table.xyxy[row]) for row in rows]
            times = table.time_s[table.frame[rows]]
            angles = _continued([motion_range.roll(table.landmarks[row]) for row in rows], times)
            smooth = smooth_track(
                np.array([(s.x, s.y, s.side, a) for s, a in zip(raw, angles, strict=True)]), times
            )
            person.planned = {
                int(frame): Square(float(x), float(y), float(side), lean(float(angle)))
                for frame, (x, y, side, angle) in zip(table.frame[rows], smooth, strict=True)
            }
            usable = usable_rows(table, rows, self.options)
            person.short = len(usable) < self.least_rows
            if person.donor is None or person.short:
                continue
            usable_of[track_id] = usable
            for row in usable:
                frame = int(table.frame[row.row])
                wanted.setdefault(frame, []).append((track_id, person.planned[frame]))
        looks = self._hair_looks(table, wanted)
        places = Places(getattr(clip, "everyone", table), table, self.options.margin)
        background = None
        if self.options.background == "plate" and self.options.output == "scene" and usable_of:
            background = Background(
                (table.width, table.height),
                table.time_s,
                places.established(),
                lambda frame: places.covered(frame, lambda _: NO_HAIR),
                lambda frame: places.covered(frame, lambda _: SHOULDERS),
            )
        self._watch(clip, wanted, usable_of, looks, background)
        for track_id in usable_of:
            self._people[track_id].hair.settle()
        if background is not None:
            self._plate = background.plate(lambda frame: places.covered(frame, self._widest_hair))

    def _watch(
        self,
        clip: ClipView,
        wanted: Mapping[int, Sequence[tuple[int, Square]]],
        usable_of: Mapping[int, Sequence[UsableRow]],
        looks: Callable[[Frame, int], None] | None,
        background: Background | None,
    ) -> None:
        """Decode once, look at everybody, and plan what each donor does in each frame."""
        seen = rehearse(clip, wanted, self.animator, self.options.batch, looks, background)
        for track_id, found in seen.items():
            self._plan(self._people[track_id], found, usable_of[track_id], clip.table)

    def _hair_looks(
        self, table: TrackTable, wanted: Mapping[int, Sequence[tuple[int, Square]]]
    ) -> Callable[[Frame, int], None] | None:
        """What to do in each frame that is watched beforehand: look at everybody's hair, at times.

        None if the options say what is covered.
        """
        if self.options.hair != "find":
            return None
        frames: dict[int, list[int]] = {}
        for frame in sorted(wanted):
            for track_id, _ in wanted[frame]:
                frames.setdefault(track_id, []).append(frame)
        chosen = {t: set(f[:: max(1, len(f) // _HAIR_LOOKS)]) for t, f in frames.items()}
        rows = {
            (track_id, int(table.frame[row])): int(row)
            for track_id in frames
            for row in table.rows_of_track(track_id)
        }

        def look(frame: Frame, track_id: int) -> None:
            if frame.index in chosen[track_id]:
                row = rows[track_id, frame.index]
                size = (frame.width, frame.height)
                region = face_region(table.xyxy[row], size, table.landmarks[row])
                self._people[track_id].hair.look(frame.bgr, region)

        return look

    def _widest_hair(self, track_id: int) -> HairReach:
        """How much of a person's hair is covered in any frame, at most."""
        if self.options.hair != "find":
            return _FIXED_HAIR[self.options.hair]
        person = self._people.get(track_id)
        settled = person is not None and person.hair.settled
        return person.hair.reach(0.0) if person is not None and settled else FURTHEST

    def _plan(
        self, person: Person, seen: Seen, usable: Sequence[UsableRow], table: TrackTable
    ) -> None:
        """Find a person's rest, and what the donor does in each frame."""
        assert isinstance(person.driver, TaughtDriver | PlainDriver)
        keypoints = seen.keypoints
        at = {frame: i for i, frame in enumerate(seen.frames)}
        rows = {int(table.frame[row.row]): row for row in usable}
        best = [at[f] for row in candidates(usable, table) if (f := int(table.frame[row])) in at]
        if len(at) < MIN_ROWS or not best:
            person.short = True
            return
        person.neutral = neutral = most_typical(
            [Neutral(keypoints[i : i + 1], seen.spread[i]) for i in best]
        )
        weight = np.array([rows[frame].score for frame in seen.frames])
        person.driver.know(keypoints, neutral.keypoints, weight)
        driving = person.driver.whole(keypoints, np.array(seen.time_s))
        for frame, i in at.items():
            reason = unusable_motion(
                keypoints[i : i + 1], neutral.keypoints, seen.spread[i], neutral.spread
            )
            person.rehearsed[frame] = driving[i : i + 1] if reason is None else reason

    # --- rendering -------------------------------------------------------------------------------

    def anonymize(self, frame: Frame, tracks: Tracks) -> Image:
        """A new picture in which every track is a donor or a mask."""
        return self.anonymize_batch([frame], [tracks])[0]

    def anonymize_batch(self, frames: Sequence[Frame], tracks: Sequence[Tracks]) -> list[Image]:
        """The same for consecutive frames; the network sees the heads of all of them together."""
        heads = [self._heads(f, t) for f, t in zip(frames, tracks, strict=True)]
        everyone = [head for row in heads for head in row]
        try:
            self._detect(everyone)
            self._drive(everyone)
            self._render(everyone)
        except Exception as error:  # whatever it was: a plain mask is always possible
            for head in everyone:
                head.portrait = None
                head.reason = f"{motion_range.FAILED}: {type(error).__name__}"
                self._people[head.track_id].opacity = 0.0
        for head in everyone:
            if head.reason is not None and head.role != Role.BYSTANDER:
                event = ComponentEvent(
                    head.frame.index, head.frame.time_s, head.track_id, FALLBACK, head.reason
                )
                self._events.append(event)
        return [self._compose(frame, row) for frame, row in zip(frames, heads, strict=True)]

    def _person(self, track_id: int, role: Role) -> Person:
        if track_id not in self._people:
            name = None
            if role != Role.BYSTANDER:
                name = self._assignment.donor_of(track_id, role)
            donor = driver = None
            if name is not None:
                donor = self._donors[name]
                driver = self._driver(donor)
            self._people[track_id] = Person(donor, driver)
            if name is not None:
                self._slots.append(track_id)
        return self._people[track_id]

    def _driver(self, donor: Donor) -> Driver | LivePose:
        """What turns a person's movement into a donor's."""
        start = self._source(donor).keypoints
        return build_driver(self.animator.config, start, self.options)

    def _heads(self, frame: Frame, tracks: Tracks) -> list[Head]:
        """What has to be done in one frame, with what box and landmarks tell."""
        size = (frame.width, frame.height)
        heads = []
        for row in tracks:
            track_id, role = int(row.track_id[0]), row.role[0]
            person = self._person(track_id, role)
            landmarks = None if row.landmarks is None else row.landmarks[0]
            face = FaceView(row.xyxy[0], landmarks, bool(row.observed is None or row.observed[0]))
            if person.time_s is not None and not (
                0 <= frame.time_s - person.time_s <= _RESTART_AFTER_S
            ):
                if person.driver is not None:
                    person.driver.restart()
                person.squares.reset()
                person.driving, person.opacity, person.time_s = None, 0.0, None
            square = person.planned.get(frame.index)
            if square is None:
                raw = replace(square_of_box(face.xyxy), angle=motion_range.roll(landmarks))
                steady = person.squares(raw, frame.time_s)
                square = replace(steady, angle=lean(steady.angle))
            reason = unusable_view(face, size, self.options)
            if role == Role.BYSTANDER or person.donor is None:
                reason = motion_range.NO_DONOR
            elif person.short:
                reason = motion_range.SHORT
            region = face_region(
                face.xyxy,
                size,
                landmarks,
                observed=face.observed,
                margin=self.options.margin,
                track_id=track_id,
            )
            regions = [region, *hair_regions(region, self._hair(person, frame, region, face))]
            heads.append(Head(frame, track_id, role, face, square, regions, reason))
        return heads

    def _hair(self, person: Person, frame: Frame, region: Region, face: FaceView) -> HairReach:
        """How far a person's hair has to be covered in this frame."""
        if self.options.hair != "find":
            return _FIXED_HAIR[self.options.hair]
        if face.observed and frame.time_s >= person.hair_time_s + _HAIR_EVERY_S:
            person.hair.look(frame.bgr, region)
            person.hair_time_s = frame.time_s
        return person.hair.reach(frame.time_s)

    def _detect(self, heads: list[Head]) -> None:
        """Keypoints of every head that may be swapped and wasn't rehearsed."""
        wanted = [
            head
            for head in heads
            if head.reason is None and head.frame.index not in self._people[head.track_id].rehearsed
        ]
        for start in range(0, len(wanted), self.options.batch):
            part = wanted[start : start + self.options.batch]
            crops = [extract(h.frame.bgr, h.square, self.animator.size) for h in part]
            keypoints, spread = self.animator.keypoints(np.stack(crops))
            for i, head in enumerate(part):
                head.keypoints, head.spread = keypoints[i : i + 1], float(spread[i])

    def _drive(self, heads: list[Head]) -> None:
        """In order of time: filter, relate to the neutral frame, decide, fade."""
        for head in heads:
            person = self._people[head.track_id]
            # whoever appears is shown at once as what can be shown: there is nothing to fade from
            appears = person.time_s is None
            elapsed = 0.0 if person.time_s is None else head.frame.time_s - person.time_s
            person.time_s = head.frame.time_s
            if head.reason is None:
                planned = person.rehearsed.get(head.frame.index)
                if isinstance(planned, str):
                    head.reason = planned
                elif planned is not None:
                    person.driving = planned
                elif head.keypoints is not None or head.reading is not None:
                    head.reason = self._follow(head, person)
            at_once = appears or self.options.fade_s == 0
            step = 1.0 if at_once else max(0.0, elapsed) / self.options.fade_s
            if head.reason is None:
                person.opacity = min(1.0, person.opacity + step)
            else:
                person.opacity = max(0.0, person.opacity - step)
            # while it fades out, the donor keeps the last pose that was good
            if person.driving is not None and person.opacity > 0:
                head.driving, head.opacity = person.driving, person.opacity

    def _follow(self, head: Head, person: Person) -> str | None:
        """Move the person's state on by one frame; the reason why that can't be shown, if any."""
        assert head.keypoints is not None
        assert isinstance(person.driver, TaughtDriver | PlainDriver)
        if person.neutral is None:
            person.warm_up.append(Neutral(head.keypoints, head.spread))
            if len(person.warm_up) < MIN_ROWS:
                return motion_range.WARM_UP
            person.neutral = most_typical(person.warm_up)
            person.driver.know(
                joined([n.keypoints for n in person.warm_up]), person.neutral.keypoints
            )
            person.warm_up.clear()
        neutral = person.neutral
        reason = unusable_motion(head.keypoints, neutral.keypoints, head.spread, neutral.spread)
        if reason is not None:
            return reason
        person.driving = person.driver.live(head.keypoints, head.frame.time_s)
        return None

    def _source(self, donor: Donor) -> Source:
        if donor.name not in self._sources:
            size = self.animator.size
            picture, matte = donor.at_size(size)
            detail = None
            if self.animator.blends:
                detail, matte = donor.at_size(max(size, len(donor.bgra)))
            self._sources[donor.name] = self.animator.encode(picture, matte, detail)
        return self._sources[donor.name]

    def _render(self, heads: list[Head]) -> None:
        """Pictures and mattes, the heads of one donor together."""
        by_donor: dict[str, list[Head]] = {}
        for head in heads:
            donor = self._people[head.track_id].donor
            if head.driving is not None and donor is not None:
                by_donor.setdefault(donor.name, []).append(head)
        for name, group in by_donor.items():
            source = self._source(self._donors[name])
            for start in range(0, len(group), self.options.batch):
                part = group[start : start + self.options.batch]
                driving = joined([h.driving for h in part if isinstance(h.driving, Keypoints)])
                pictures, mattes = self.animator.render(source, driving)
                if self._draws_mouths:
                    open_mouths(pictures, driving, source.keypoints)
                for head, picture, matte in zip(part, pictures, mattes, strict=True):
                    head.portrait, head.matte = picture, matte

    # --- pictures --------------------------------------------------------------------------------

    def _compose(self, frame: Frame, heads: list[Head]) -> Image:
        image = self._sheet(frame, heads) if self.options.output == "crop" else None
        if image is None:
            image = self._scene(frame, heads)
        if self.options.label:
            draw_label(image)
        return image

    def _scene(self, frame: Frame, heads: list[Head]) -> Image:
        # the nearest last: it hides the others, as in the scene
        heads = sorted(heads, key=lambda h: (h.regions[0].face_px, h.track_id))
        image = frame.bgr.copy()
        regions = [region for head in heads for region in head.regions]
        covered = covered_mask(regions, (frame.width, frame.height))
        gain = self._light.update(frame.bgr, covered, frame.time_s)
        cover_heads(image, regions, covered, plate=self._plate)
        # Masks before donors: everything is covered by now, so a donor may hide a mask, and the
        # mask of somebody doubtful must not hide a donor.
        for head in heads:
            if head.portrait is None or head.opacity < 1.0:
                _mask(image, head.regions[0], 1.0 if head.portrait is None else 1.0 - head.opacity)
        for head in heads:
            if head.portrait is not None and head.matte is not None:
                place(image, head.portrait, head.matte, head.square, gain, head.opacity)
        return image

    def _sheet(self, frame: Frame, heads: list[Head]) -> Image:
        portraits = {}
        for head in heads:
            if head.track_id not in self._slots:
                continue
            tile = np.full((self.size, self.size, 3), MASK_COLOUR, np.uint8)
            if head.portrait is not None and head.matte is not None:
                shown = alone(head.portrait, head.matte, head.square.angle)
                flat = np.array(MASK_COLOUR, np.float32)
                tile = np.round(flat + head.opacity * (shown - flat)).astype(np.uint8)
            portraits[head.track_id] = tile
        return portrait_sheet(frame.bgr.shape, portraits, self._slots)


def _continued(angles: Sequence[float], time_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same without nan: on a line between what is known, 0 if nothing is."""
    values = np.array(angles, np.float64)
    known = np.isfinite(values)
    if not known.any():
        return np.zeros(len(values))
    return np.interp(time_s, time_s[known], values[known])


def _mask(image: Image, region: Region, opacity: float) -> None:
    """Paint the plain mask over a region that is covered already, in place."""
    rect, inside = region.raster()
    view = image[rect.slices]
    weight = inside[..., None].astype(np.float32) * np.float32(opacity / 255)
    view[:] = np.round(view + (np.array(MASK_COLOUR, np.float32) - view) * weight).astype(np.uint8)


def build(options: FommOptions, context: BuildContext) -> FommAnonymizer:
    """Factory named in the component's description.

    Raises:
        WeightsError: the weights are missing or of another kind.
        UserError: a donor's record or picture isn't in order.
        ComponentError: no donor, or no GPU although one was asked for.
    """
    from framework_fomm.plugin import FOMM_WEIGHTS

    if options.method == "expression" and options.weights == EMBEDDED:
        from framework_fomm.absolute.swap import build_expression_swap

        return build_expression_swap(options, context)
    spec: WeightSpec = FOMM_WEIGHTS
    path = verified(spec) if options.weights == EMBEDDED else Path(options.weights).expanduser()
    try:
        device = choose_device(context.device)
    except RuntimeError as error:
        raise ComponentError(f"anonymizer fomm: {error}; use --device cpu") from None
    if context.threads and device.type == "cpu":
        torch.set_num_threads(context.threads)
    model = load_model(path, options.align_corners)
    donors = load_selection(options.donors, options.donor_folder)
    return FommAnonymizer(options, Animator(model, device, options.precision), donors, context.key)
