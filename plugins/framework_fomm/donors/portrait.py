"""Checks a portrait that a user wants to add, and frames it as a donor."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.errors import MediaError, UserError
from framework.media.pillow import check_picture
from framework.protocols import Detector
from framework.quality import head_pose
from framework.reading import UnfitFile, read_limited
from framework.types import Frame
from framework_fomm.crop import Square, extract, square_of_box
from framework_fomm.donors import store

SIZE = 384
MIN_FACE_PX = 120
MAX_YAW_DEG, MAX_PITCH_DEG, MAX_ROLL_DEG = 15.0, 20.0, 12.0
MIN_STATEMENT = 3  # characters; "CC0" is a licence
_MAX_BYTES = 64 << 20
_DETECT_SIDE = 1280


def add(
    path: Path,
    folder: Path,
    detector: Detector,
    *,
    licence: str,
    consent: str,
    attribution: str = "",
    name: str = "",
) -> str:
    """Check a portrait and put it into the user's store.

    Args:
        path: a picture file; an alpha channel, if it has one, is taken as the matte.
        licence: the terms under which the portrait may be used like this.
        consent: how the person shown agreed, or why there is none ("synthetic").

    Returns:
        The donor's name.

    Raises:
        MediaError: the file can't be read or is no picture.
        UserError: no statement, no face, several faces, not frontal, or too small.
    """
    for what, text in (("licence", licence), ("consent", consent)):
        if len(text.strip()) < MIN_STATEMENT:
            raise UserError(
                f"donor: expected a {what} statement with --{what}; a face is somebody's, and "
                f"without it this portrait isn't taken"
            )
    picture = read_picture(path)
    bgra = frame_portrait(picture, detector)
    name = name or _free_name(folder)
    record: dict[str, Any] = {
        "licence": licence.strip(),
        "consent": consent.strip(),
        "attribution": attribution.strip(),
        "added": date.today().isoformat(),
    }
    store.write(folder, name, bgra, record)
    return name


def read_picture(path: Path) -> NDArray[np.uint8]:
    """(h, w, 3 or 4) uint8 BGR(A), orientation metadata applied to pictures without alpha."""
    import cv2

    try:
        data = np.frombuffer(read_limited(path, _MAX_BYTES), np.uint8)
        if len(data):
            check_picture(path)  # a few bytes can stand for gigabytes of pixels
    except UnfitFile as error:
        raise MediaError(f"{path.name}: {error}; expected a portrait") from None
    except OSError as error:
        raise MediaError(f"{path.name}: {error.strerror}; expected a picture file") from None
    picture = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if len(data) else None
    if picture is None:
        raise MediaError(f"{path.name}: no picture that can be decoded; expected PNG or JPEG")
    if picture.ndim != 3 or picture.shape[2] != 4:
        picture = cv2.imdecode(data, cv2.IMREAD_COLOR)
    elif picture.dtype == np.uint16:
        picture = (picture // 256).astype(np.uint8)
    if picture is None or picture.dtype != np.uint8:
        raise MediaError(f"{path.name}: expected 8 or 16 bits for each channel")
    return np.asarray(picture, np.uint8)


def frame_portrait(picture: NDArray[np.uint8], detector: Detector) -> NDArray[np.uint8]:
    """Check a picture and cut the donor out of it: (384, 384, 4) uint8 BGRA.

    Raises:
        UserError: not exactly one face, not frontal, or too small.
    """
    import cv2

    bgr = np.ascontiguousarray(picture[..., :3])
    if picture.shape[2] == 4:  # what is transparent must not be found, nor seen later
        alpha = picture[..., 3:].astype(np.float32) / 255
        bgr = np.round(bgr * alpha + np.array(store.BACKGROUND) * (1 - alpha)).astype(np.uint8)
    scale = min(1.0, _DETECT_SIDE / max(bgr.shape[:2]))
    shape = (max(1, round(bgr.shape[1] * scale)), max(1, round(bgr.shape[0] * scale)))
    small = np.asarray(cv2.resize(bgr, shape, interpolation=cv2.INTER_AREA), np.uint8)
    # A portrait that fills the picture is found more surely with some room around it.
    room = max(shape) // 4
    padded = cv2.copyMakeBorder(
        small, room, room, room, room, cv2.BORDER_CONSTANT, value=store.BACKGROUND
    )
    found = detector.detect([Frame(np.asarray(padded, np.uint8), 0, 0.0)])[0]
    found = found[found.score >= 0.5]
    if len(found) != 1:
        what = "no face" if not len(found) else f"{len(found)} faces"
        raise UserError(f"donor: {what} found; expected a portrait of exactly one person")
    box = (found.xyxy[0].astype(np.float64) - room) / scale
    height = float(box[3] - box[1])
    if height < MIN_FACE_PX:
        raise UserError(
            f"donor: the face is {height:.0f} px tall; expected at least {MIN_FACE_PX} px"
        )
    if found.landmarks is not None and np.isfinite(found.landmarks[0]).all():
        _check_frontal(found.landmarks[0].astype(np.float64))
    square = square_of_box(box)
    crop = extract(np.asarray(bgr, np.uint8), square, SIZE)
    if picture.shape[2] == 4:
        matte = extract(np.repeat(picture[..., 3:], 3, 2), square, SIZE)[..., 0]
    else:
        matte = cut_out(crop)
    inside = _inside(square, bgr.shape[1], bgr.shape[0])
    soft = (matte * below_chin() * inside).astype(np.uint8)
    return np.dstack([crop, soft])


def _check_frontal(landmarks: NDArray[np.float64]) -> None:
    pose = head_pose(landmarks)
    for what, angle, limit in (
        ("turned to the side", pose.yaw, MAX_YAW_DEG),
        ("bent up or down", pose.pitch, MAX_PITCH_DEG),
        ("leaning", pose.roll, MAX_ROLL_DEG),
    ):
        if abs(angle) > limit:
            raise UserError(
                f"donor: the head is {what} by about {abs(angle):.0f} degrees; expected a frontal "
                f"portrait (at most {limit:.0f})"
            )


def cut_out(crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Matte (s, s) of the head in a framed crop by GrabCut (Rother et al. 2004).

    The framing says where a head is for certain (the middle of the face) and where it can't be (the
    upper corners), which is all the start that GrabCut needs.
    """
    import cv2

    size = len(crop)
    y, x = (np.mgrid[:size, :size] + 0.5) / size
    radius = np.hypot((x - 0.5) / 0.38, (y - 0.48) / 0.46)
    trimap = np.full((size, size), cv2.GC_PR_BGD, np.uint8)
    trimap[radius < 0.9] = cv2.GC_PR_FGD
    trimap[radius < 0.55] = cv2.GC_FGD
    trimap[(radius > 1.25) & (y < 0.6)] = cv2.GC_BGD
    trimap[:2] = cv2.GC_BGD
    background, foreground = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.setRNGSeed(0)
    cv2.grabCut(crop, trimap, (0, 0, size, size), background, foreground, 4, cv2.GC_INIT_WITH_MASK)
    found = np.isin(trimap, (cv2.GC_FGD, cv2.GC_PR_FGD)).astype(np.uint8)
    opened = cv2.morphologyEx(found, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    closed = cv2.morphologyEx(opened, cv2.MORPH_CLOSE, np.ones((9, 9), np.uint8))
    labels = cv2.connectedComponents(closed)[1]
    head = ((labels == labels[size // 2, size // 2]) & (closed > 0)).astype(np.uint8) * 255
    return np.asarray(cv2.GaussianBlur(cv2.erode(head, np.ones((3, 3))), (0, 0), 1.2), np.uint8)


def below_chin() -> NDArray[np.float32]:
    """(384, 384) in [0, 1]: the matte ends below the chin, round like a neckline: no clothes."""
    # By the framing the chin lies at this share of the square: half a box plus the rise.
    from framework_fomm.crop import RISE_PER_HEIGHT, SIDE_PER_HEIGHT

    chin = 0.5 + (0.5 + RISE_PER_HEIGHT) / SIDE_PER_HEIGHT
    y, x = (np.mgrid[:SIZE, :SIZE].astype(np.float32) + 0.5) / SIZE
    limit = chin + 0.11 - 0.07 * np.clip(np.abs(x - 0.5) / 0.25, 0, 1) ** 2
    # beyond the neck nothing below the chin: shoulders
    soft = np.where(np.abs(x - 0.5) < 0.3, np.clip((limit - y) / 0.05, 0, 1), y < chin)
    return np.asarray(soft, np.float32)


def _inside(square: Square, width: int, height: int) -> NDArray[np.float32]:
    """(384, 384) 1 where the crop shows the picture, 0 where it reaches past its edge."""
    matrix = square.matrix(SIZE)
    index = np.arange(SIZE)
    x = (index - matrix[0, 2]) / matrix[0, 0]
    y = (index - matrix[1, 2]) / matrix[1, 1]
    good = np.outer((y > 0) & (y < height - 1), (x > 0) & (x < width - 1))
    return good.astype(np.float32)


def _free_name(folder: Path) -> str:
    used = {entry["name"] for entry in store.read_index(folder)}
    number = 1
    while f"own-{number:02d}" in used:
        number += 1
    return f"own-{number:02d}"
