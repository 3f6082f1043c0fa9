"""Small recordings of heads that move as we say, and a log of what a detector would have seen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import numpy as np

from framework.resolve import ObservationLog, PictureWatch, Resolution, ResolveOptions, resolve
from framework.resolve.sightings import Sightings
from framework.types import Detections, Frame, Image, Tracks
from tests.resolve.compositions import Pose, room
from tests.resolve.heads import NAMES, face_box, paste, turned

WIDTH, HEIGHT, RATE = 480, 270, 25

Path = Callable[[int], Pose | None]


def pictures(
    count: int, heads: Sequence[Path], scene: tuple[str, int] = ("bikes", 33), seed: int = 0
) -> list[Image]:
    """Frames of a room with these heads in it, each a function of the frame number."""
    rng = np.random.default_rng(seed)
    frames = []
    for index in range(count):
        image = room(*scene, WIDTH, HEIGHT).astype(np.int16)
        picture = np.clip(image + rng.integers(-3, 4, (HEIGHT, WIDTH, 1)), 0, 255)
        picture = picture.astype(np.uint8)
        for number, head in enumerate(heads):
            pose = head(index)
            if pose is not None:
                name = NAMES[number + 3]
                paste(picture, turned(name, round(pose.yaw)), pose.x, pose.y, pose.height)
        frames.append(picture)
    return frames


def box_of(pose: Pose) -> tuple[float, float, float, float]:
    """The box that a detector gives for a head seen from the front."""
    box = face_box(pose.x, pose.y, pose.height, 0.0)
    assert box is not None
    return box


def observed(
    frames: Sequence[Image],
    seen: Callable[[int], Iterable[tuple[int, Pose, float]]],
    options: ResolveOptions | None = None,
) -> tuple[ObservationLog, Sightings]:
    """The log and the sightings of a recording.

    Args:
        seen: track, pose and score of everybody that the detector sees in a frame.
    """
    log, watch = ObservationLog(), PictureWatch(options or ResolveOptions())
    for index, image in enumerate(frames):
        rows = list(seen(index))
        found = Detections(
            xyxy=np.array([box_of(p) for _, p, _ in rows], np.float32).reshape(-1, 4),
            score=[s for *_, s in rows],
        )
        tracks = Tracks(
            xyxy=found.xyxy, score=found.score, track_id=np.array([t for t, *_ in rows], np.int64)
        )
        frame = Frame(image, index, index / RATE)
        log.append(frame, tracks, found)
        watch.add(frame, found)
    return log, watch.finish()


def resolved(
    log: ObservationLog, sightings: Sightings | None, options: ResolveOptions | None = None
) -> Resolution:
    """Resolved as a run does it."""
    duration = log.frame_count / RATE
    return resolve(log, WIDTH, HEIGHT, duration, options, sightings=sightings)
