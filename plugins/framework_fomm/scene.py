"""Puts an animated portrait into a picture: placement, light, soft edges, the label."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from framework.regions import Rect
from framework.types import Image
from framework_fomm.crop import Square
from framework_fomm.donors.store import BACKGROUND

LABEL = "synthetic media"

_REFERENCE_LIGHT = 110.0  # mean of a picture in ordinary light, 0 to 255
_LIGHT_SHARE = 0.35  # how far the donor follows the scene (exponent on the ratio)
_LIGHT_TIME_S = 0.7
_RIM = 0.4
_EDGE = 0.03  # of the square's side: a head that touches its border fades there


class SceneLight:
    """Gain of the three channels that brings the donors' studio light to that of the scene.

    It is read from the picture outside all covered heads: the light on a wall says enough, and the
    complexion of the person must not steer the picture. It follows slowly, so that nobody who walks
    through the picture makes a face flicker.
    """

    def __init__(self) -> None:
        self._gain: NDArray[np.float32] | None = None
        self._time: float | None = None

    def update(
        self, image: Image, covered: NDArray[np.uint8], time_s: float
    ) -> NDArray[np.float32]:
        """(3,) gains for B, G, R at this time.

        Args:
            image: the picture; pixels where ``covered`` isn't 0 are left out.
        """
        step = max(1, min(image.shape[:2]) // 64)
        outside = covered[::step, ::step] == 0
        seen = image[::step, ::step][outside]
        if len(seen) >= 16:
            mean = np.maximum(seen.mean(axis=0, dtype=np.float64), 4.0)
            level = float(mean.mean())
            gain = np.clip((level / _REFERENCE_LIGHT) ** _LIGHT_SHARE, 0.6, 1.25)
            tint = np.clip((mean / level) ** _LIGHT_SHARE, 0.85, 1.15)
            wanted = (gain * tint).astype(np.float32)
        else:
            wanted = np.ones(3, np.float32)
        if self._gain is None or self._time is None:
            self._gain = wanted
        else:
            dt = max(0.0, time_s - self._time)
            self._gain = self._gain + np.float32(1 - np.exp(-dt / _LIGHT_TIME_S)) * (
                wanted - self._gain
            )
        self._time = time_s
        return self._gain

    def reset(self) -> None:
        """Forget the scene."""
        self._gain = self._time = None


def place(
    image: Image,
    portrait: NDArray[np.uint8],
    matte: NDArray[np.uint8],
    square: Square,
    gain: NDArray[np.float32],
    opacity: float = 1.0,
) -> None:
    """Lay a portrait over ``image``, in place.

    Args:
        portrait: (s, s, 3) on :data:`BACKGROUND`.
        matte: (s, s), 255 where the head is.
        square: where the portrait goes, in pixels of ``image``.
        gain: (3,) of the channels.
        opacity: 0 to 1.
    """
    import cv2

    alpha = matte.astype(np.float32)[..., None] / 255 * _window(len(matte))
    # The even background is known, so its share in an edge pixel can be taken out exactly.
    studio = np.array(BACKGROUND, np.float32) * (1 - alpha)
    head = np.clip(portrait - studio, 0, 255 * alpha) * gain
    # The thinnest rim is trimmed: there the picture and the matte, which the network moved apart,
    # disagree by a pixel, and the studio would show as a light outline.
    trimmed = np.clip((alpha - _RIM) / (1 - _RIM), 0, 1)
    head = head * (trimmed / np.maximum(alpha, 1e-6))
    layers = np.dstack([head, 255 * trimmed]).astype(np.float32)
    rect, layers = _into_picture(layers, square, image.shape[1], image.shape[0])
    if rect.empty:
        return
    cover = np.clip(layers[..., 3:] / 255, 0, 1) * np.float32(opacity)
    colour = np.clip(layers[..., :3], 0, 255) * np.float32(opacity)
    view = image[rect.slices]
    cv2.convertScaleAbs(colour + view * (1 - cover), view)


def _window(size: int) -> NDArray[np.float32]:
    """(s, s, 1): 1 inside, falling to 0 at the border."""
    distance = (np.minimum(np.arange(size), np.arange(size)[::-1]) + 0.5) / (size * _EDGE)
    line = np.clip(distance, 0, 1).astype(np.float32)
    return np.minimum.outer(line, line)[..., None]


def _into_picture(
    layers: NDArray[np.float32], square: Square, width: int, height: int
) -> tuple[Rect, NDArray[np.float32]]:
    """Resample (s, s, c) to the pixels that the square covers in a picture of this size."""
    import cv2

    reach = square.reach
    rect = Rect(
        int(np.clip(np.floor(square.x - reach), 0, width)),
        int(np.clip(np.floor(square.y - reach), 0, height)),
        int(np.clip(np.ceil(square.x + reach) + 1, 0, width)),
        int(np.clip(np.ceil(square.y + reach) + 1, 0, height)),
    )
    if rect.empty:
        return rect, layers[:0]
    size = len(layers)
    if square.side < 0.75 * size:  # shrink by averaging first, or it would alias
        size = max(8, round(square.side))
        layers = np.asarray(
            cv2.resize(layers, (size, size), interpolation=cv2.INTER_AREA), np.float32
        )
    matrix = square.matrix(size)
    matrix[:, 2] += matrix[:, :2] @ np.array([rect.left, rect.top])
    moved = cv2.warpAffine(
        layers,
        matrix,
        (rect.width, rect.height),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_CONSTANT,
    )
    return rect, np.asarray(moved, np.float32)


def alone(portrait: NDArray[np.uint8], matte: NDArray[np.uint8], angle: float) -> NDArray[np.uint8]:
    """A head on nothing but the donors' even background, turned by ``angle`` (radians, clockwise).

    Args:
        portrait: (s, s, 3) on :data:`BACKGROUND`; where the motion came from outside of it, black.
        matte: (s, s), 255 where the head is.
    """
    size = len(portrait)
    sheet = np.empty_like(portrait)
    sheet[:] = BACKGROUND
    middle = (size - 1) / 2
    place(sheet, portrait, matte, Square(middle, middle, size, angle), np.ones(3, np.float32))
    return sheet


def draw_label(image: Image, text: str = LABEL) -> None:
    """Write the label into the lower left corner of ``image``, in place; it fits any size."""
    import cv2

    height, width = image.shape[:2]
    font, weight = cv2.FONT_HERSHEY_SIMPLEX, 1
    scale = float(np.clip(height / 720, 0.3, 2.0))
    (w, h), base = cv2.getTextSize(text, font, scale, weight)
    if w > 0.9 * width:
        scale *= 0.9 * width / w
        (w, h), base = cv2.getTextSize(text, font, scale, weight)
    pad = max(2, h // 2)
    top = max(0, height - h - base - 2 * pad)
    panel = image[top:, : w + 2 * pad]
    panel[:] = panel // 3
    cv2.putText(
        image, text, (pad, height - base - pad), font, scale, (235, 235, 235), weight, cv2.LINE_AA
    )


def portrait_sheet(
    shape: tuple[int, ...], portraits: dict[int, NDArray[np.uint8]], slots: list[int]
) -> Image:
    """The portraits alone on the donors' even background, each always in the same place.

    Args:
        shape: (h, w, 3) of the picture to make.
        portraits: (s, s, 3) of the tracks that are visible now.
        slots: every track that has a place, in order.
    """
    import cv2

    height, width = shape[:2]
    canvas = np.empty((height, width, 3), np.uint8)
    canvas[:] = BACKGROUND
    count = max(1, len(slots))
    columns = max(range(1, count + 1), key=lambda c: min(width // c, height // -(-count // c)))
    rows = -(-count // columns)
    side = max(1, min(width // columns, height // rows))
    for place_index, track_id in enumerate(slots):
        if track_id not in portraits:
            continue
        row, column = divmod(place_index, columns)
        picture = portraits[track_id]
        shrinking = side < len(picture)
        tile = cv2.resize(
            picture, (side, side), interpolation=cv2.INTER_AREA if shrinking else cv2.INTER_CUBIC
        )
        x = (width - columns * side) // 2 + column * side
        y = (height - rows * side) // 2 + row * side
        canvas[y : y + side, x : x + side] = tile
    return canvas
