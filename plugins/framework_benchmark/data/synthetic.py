"""A set the product makes itself: portraits of people who do not exist, animated by warps.

Identity is known (which portrait), motion is known (the curves below), expression is known (which
warp). Each person moves in their own manner (frequencies and amplitudes drawn from the person's
number), so that an attack on motion has something to find; each clip has its own phases and light,
so that recognising a clip is not enough.

The portraits are the composite donors that ship with the swap. The set therefore says nothing about
how well a swap hides people *in general*; it is there so that the harness can be tried, and tested,
without any data.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

from framework.alignment import landmarks_from_box
from framework.errors import ConfigError
from framework.harness import DataSet, Item, ItemKind, Recording, pseudonym
from framework.types import Frame, Image

PORTRAITS = "framework_fomm.donors"
SIZE = 192
RATE = 12.5
EXPRESSIONS = ("neutral", "happiness", "surprise", "sadness")
_DEFAULTS = {"persons": 6.0, "clips": 2.0, "seconds": 3.0}
_LIMITS = {"persons": (1, 12), "clips": (1, 20), "seconds": (0.2, 60.0)}

Float = NDArray[np.float32]


def synthetic(options: str = "", max_frames: int = 150) -> DataSet:
    """Parse ``persons=6,clips=2,seconds=3`` and describe the set.

    Raises:
        ConfigError: an option is unknown or out of range, or the portraits are not installed.
    """
    values = _parse(options)
    persons, clips = int(values["persons"]), int(values["clips"])
    count = min(max_frames, max(2, round(values["seconds"] * RATE)))
    names = portraits()
    if persons > len(names):
        raise ConfigError(f"data synthetic: {len(names)} portraits are installed, got {persons}")
    items = []
    for person in range(persons):
        groups = {"group": "ab"[person % 2]}
        for clip in range(clips):
            source = SyntheticSource(names[person], person, clip, count)
            items.append(
                Item(
                    pseudonym(f"synthetic {person}"),
                    ItemKind.CLIP,
                    source,
                    source.expression,
                    groups,
                )
            )
    note = "Synthetic portraits, moved by warps: for trying and testing, not for conclusions."
    return DataSet("synthetic", ("synthetic",), items, (note,))


def _parse(options: str) -> dict[str, float]:
    values = dict(_DEFAULTS)
    for part in (p for p in options.split(",") if p):
        key, _, text = part.partition("=")
        try:
            number = float(text)
        except ValueError:
            number = float("nan")
        low, high = _LIMITS.get(key, (0, -1))
        if not low <= number <= high:
            expected = ", ".join(f"{k}={a} to {b}" for k, (a, b) in _LIMITS.items())
            raise ConfigError(f"data synthetic: {part!r}: expected {expected}")
        values[key] = number
    return values


@lru_cache(maxsize=1)
def portraits() -> tuple[str, ...]:
    """File names of the portraits, sorted."""
    try:
        folder = resources.files(PORTRAITS) / "embedded"
        return tuple(sorted(p.name for p in folder.iterdir() if p.name.endswith(".png")))
    except (ModuleNotFoundError, FileNotFoundError):
        raise ConfigError("data synthetic: the donor portraits are not installed") from None


@lru_cache(maxsize=12)
def _portrait(name: str) -> NDArray[np.uint8]:
    """(SIZE, SIZE, 4) BGRA."""
    import cv2

    data = (resources.files(PORTRAITS) / "embedded" / name).read_bytes()
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    assert picture is not None  # shipped with the package
    return np.asarray(cv2.resize(picture, (SIZE, SIZE), interpolation=cv2.INTER_AREA), np.uint8)


def neutral_landmarks() -> Float:
    """(5, 2) where the portraits have eyes, nose and mouth corners; all are framed alike."""
    height = SIZE / 1.5
    middle = np.array([SIZE / 2, SIZE / 2 + 0.05 * height])
    half = np.array([0.38, 0.5]) * height
    # a little above the middle of the square, where the detector finds them on these portraits
    middle = middle - np.array([0, 0.06 * height])
    box = np.concatenate([middle - half, middle + half]).astype(np.float32)
    return np.asarray(landmarks_from_box(box)[0], np.float32)


@dataclass(frozen=True)
class Motion:
    """Curves of one clip, each (n,): head angles in degrees, shift in pixels, expression 0 to 1."""

    yaw: Float
    pitch: Float
    roll: Float
    shift: Float
    strength: Float


@dataclass(frozen=True)
class SyntheticSource:
    """One clip of one person.

    Attributes:
        portrait: file name.
        person, clip: numbers; they seed manner and phases.
        count: frames.
    """

    portrait: str
    person: int
    clip: int
    count: int

    @property
    def expression(self) -> str:
        """What the face shows from the first third on."""
        return EXPRESSIONS[(self.person + self.clip) % len(EXPRESSIONS)]

    def digest(self) -> str:
        text = f"v1 {self.portrait} {self.person} {self.clip} {self.count} {SIZE} {RATE}"
        return hashlib.sha256(text.encode()).hexdigest()

    def motion(self) -> Motion:
        manner = np.random.default_rng([self.person, 71])
        speed = manner.uniform(0.25, 1.1, 4)
        size = np.array([9.0, 6.0, 5.0, 4.0]) * manner.uniform(0.4, 1.3, 4)
        phase = np.random.default_rng([self.person, self.clip, 72]).uniform(0, 2 * np.pi, 4)
        t = np.arange(self.count) / RATE
        curves = size[:, None] * np.sin(2 * np.pi * speed[:, None] * t + phase[:, None])
        ramp = np.clip(3 * np.arange(self.count) / self.count - 0.5, 0, 1)
        yaw, pitch, roll, shift = (c.astype(np.float32) for c in curves)
        return Motion(yaw, pitch, roll, shift, ramp.astype(np.float32))

    def read(self) -> Recording:
        motion = self.motion()
        portrait = _portrait(self.portrait)
        light = np.random.default_rng([self.person, self.clip, 73])
        gain, backdrop = light.uniform(0.85, 1.1), light.uniform(90, 200, 3)
        frames = []
        for i in range(self.count):
            picture = _pose(portrait, motion, i, self.expression)
            alpha = picture[..., 3:].astype(np.float32) / 255
            flat = picture[..., :3] * gain * alpha + backdrop * (1 - alpha)
            bgr: Image = np.clip(flat, 0, 255).astype(np.uint8)
            frames.append(Frame(bgr, i, i / RATE))
        return Recording(frames, self.count / RATE)


def _pose(
    portrait: NDArray[np.uint8], motion: Motion, i: int, expression: str
) -> NDArray[np.uint8]:
    """One frame: expression warp, then the head as a bump that turns, then roll and shift."""
    import cv2

    grid = np.stack(np.meshgrid(np.arange(SIZE), np.arange(SIZE)), axis=-1).astype(np.float32)
    centre = np.array([SIZE / 2, SIZE / 2], np.float32)
    angle = np.deg2rad(motion.roll[i])
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]], np.float32)
    offset = np.array([motion.shift[i], 0.4 * motion.shift[i]], np.float32)
    source = (grid - centre - offset) @ turn + centre
    # A paraboloid for the head: what is nearer to the camera moves further when it turns.
    out = (source - centre) / (0.45 * SIZE)
    depth = np.clip(1 - (out**2).sum(axis=-1), 0, 1)
    source[..., 0] -= 0.33 * SIZE * depth * np.sin(np.deg2rad(motion.yaw[i]))
    source[..., 1] -= 0.33 * SIZE * depth * np.sin(np.deg2rad(motion.pitch[i]))
    for place, move, width in _bumps(expression):
        weight = np.exp(-((source - place) ** 2).sum(axis=-1) / (2 * width**2))
        source -= motion.strength[i] * weight[..., None] * move
    return np.asarray(
        cv2.remap(
            portrait,
            np.ascontiguousarray(source[..., 0], np.float32),
            np.ascontiguousarray(source[..., 1], np.float32),
            cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_REPLICATE,
        ),
        np.uint8,
    )


def _bumps(expression: str) -> list[tuple[Float, Float, float]]:
    """(place, displacement in pixels, width in pixels) of each local warp."""
    eye_l, eye_r, _, mouth_l, mouth_r = neutral_landmarks()
    middle = (mouth_l + mouth_r) / 2
    eyes = float(np.linalg.norm(eye_r - eye_l))

    def bump(place: Float, x: float, y: float, width: float) -> tuple[Float, Float, float]:
        return place, np.array([x * eyes, y * eyes], np.float32), width * eyes

    up = np.array([0, -0.35 * eyes], np.float32)
    down = np.array([0, 0.25 * eyes], np.float32)
    if expression == "happiness":
        return [bump(mouth_l, -0.16, -0.14, 0.16), bump(mouth_r, 0.16, -0.14, 0.16)]
    if expression == "sadness":
        return [bump(mouth_l, 0.02, 0.16, 0.16), bump(mouth_r, -0.02, 0.16, 0.16)]
    if expression == "surprise":
        return [
            bump(middle + down, 0, 0.28, 0.3),
            bump(eye_l + up, 0, -0.15, 0.2),
            bump(eye_r + up, 0, -0.15, 0.2),
        ]
    return []
