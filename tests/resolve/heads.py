"""Heads that turn, made from the donor portraits that ship with the swap.

A portrait is laid onto an ellipsoid, whose back is hair, and the ellipsoid is turned. That is no
photograph of a profile, but the place and the size of the face are known for every angle.
"""

from __future__ import annotations

from functools import cache

import cv2
import numpy as np
from framework_fomm.donors.store import EMBEDDED_FOLDER
from numpy.typing import NDArray

FACE = (101.0, 81.0, 279.0, 331.0)
"""The face in a portrait of 384 pixels."""
CENTRE, HALF = (190.0, 196.0), (112.0, 158.0)
"""The ellipsoid of the head in it."""

NAMES = tuple(f"donor-{k:02d}" for k in range(1, 13))


@cache
def portrait(name: str) -> NDArray[np.float32]:
    """(384, 384, 4) BGRA, 0 to 255, its colours not multiplied by the matte."""
    data = np.frombuffer((EMBEDDED_FOLDER / f"{name}.png").read_bytes(), np.uint8)
    image = cv2.imdecode(data, cv2.IMREAD_UNCHANGED)
    assert image is not None
    return np.asarray(image, np.float32)


@cache
def turned(name: str, yaw: int) -> NDArray[np.float32]:
    """The head turned by this many degrees about the vertical, (384, 384, 4) BGRA.

    90 shows the left half of the face at the right of the head, 180 the back of the head.
    """
    face = portrait(name)
    if yaw % 360 == 0:
        return face
    y, x = np.mgrid[:384, :384].astype(np.float32)
    up = (y - CENTRE[1]) / HALF[1]
    radius = HALF[0] * np.sqrt(np.clip(1 - np.abs(up) ** 2.5, 1e-4, 1))
    across = (x - CENTRE[0]) / radius
    inside = (np.abs(across) <= 1) & (np.abs(up) <= 1)
    longitude = np.arcsin(np.clip(across, -1, 1)) - np.radians(yaw)
    longitude = (longitude + np.pi) % (2 * np.pi) - np.pi
    front = np.abs(longitude) < np.pi / 2
    source_x = (CENTRE[0] + radius * np.sin(longitude)).astype(np.float32)
    skin = cv2.remap(face, source_x, y, cv2.INTER_LINEAR)
    # Hair: what is above the forehead, repeated down the back of the head.
    hair_y = (52 + 16 * np.sin(longitude * 3) + 0.05 * (y - 52)).astype(np.float32)
    hair = cv2.remap(face, (CENTRE[0] + 40 * np.sin(2 * longitude)).astype(np.float32), hair_y, 1)
    strands = 1 + 0.12 * np.sin(longitude * 40 + up * 5)
    hair[..., :3] *= strands[..., None]
    neck = up > 0.75
    edge = np.clip((np.abs(longitude) - np.radians(75)) / np.radians(15), 0, 1)
    edge = np.where(neck & ~front, 0.0, edge)[..., None].astype(np.float32)
    mixed = skin * (1 - edge) + hair * edge
    soft = np.clip((1 - np.abs(across)) * radius / 3, 0, 1) * inside
    mixed[..., 3] = 255 * soft
    return np.asarray(np.clip(mixed, 0, 255), np.float32)


def face_box(
    x: float, y: float, height: float, yaw: float
) -> tuple[float, float, float, float] | None:
    """Where the face is that a head of this size and angle shows; None from behind.

    Args:
        x, y: centre of the face of the head seen from the front, pixels.
        height: of the face, pixels.
        yaw: degrees.
    """
    angle = (yaw + 180) % 360 - 180
    if abs(angle) > 100:
        return None
    scale = height / (FACE[3] - FACE[1])
    radius = HALF[0] * scale
    # The cheeks are at +-52 degrees on the ellipsoid; what is behind the horizon is not seen.
    low, high = (np.radians(np.clip(angle + side, -90, 90)) for side in (-52.0, 52.0))
    left, right = x + radius * np.sin(low), x + radius * np.sin(high)
    return (float(left), y - height / 2, float(right), y + height / 2)


def paste(
    image: NDArray[np.uint8],
    head: NDArray[np.float32],
    x: float,
    y: float,
    height: float,
    roll: float = 0.0,
    light: float = 1.0,
) -> None:
    """Draw a head into a picture in place; the centre of its face at (x, y), pixels.

    Args:
        height: of the face, pixels.
        roll: degrees, clockwise.
        light: factor of its brightness.
    """
    scale = height / (FACE[3] - FACE[1])
    small, factor = head, 1.0
    while scale * factor < 0.5:
        small, factor = (
            cv2.resize(small, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
            2 * factor,
        )
        factor = 384 / small.shape[0]
    s = scale * factor
    c, t = np.cos(np.radians(roll)), np.sin(np.radians(roll))
    mid = np.array([(FACE[0] + FACE[2]) / 2, (FACE[1] + FACE[3]) / 2]) / factor
    side = int(np.ceil(384 * scale * 1.5)) + 4
    left, top = int(np.floor(x - side / 2)), int(np.floor(y - side / 2))
    matrix = np.array([[s * c, -s * t, 0.0], [s * t, s * c, 0.0]])
    matrix[:, 2] = (x - left, y - top) - matrix[:, :2] @ mid
    alpha = small[..., 3:] / 255
    layer = cv2.warpAffine(
        np.dstack([small[..., :3] * alpha * light, alpha]),
        matrix,
        (side, side),
        flags=cv2.INTER_LINEAR,
    )
    h, w = image.shape[:2]
    x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + side, w), min(top + side, h)
    if x1 <= x0 or y1 <= y0:
        return
    part = layer[y0 - top : y1 - top, x0 - left : x1 - left]
    view = image[y0:y1, x0:x1]
    view[...] = np.clip(part[..., :3] + view * (1 - part[..., 3:]), 0, 255).astype(np.uint8)
