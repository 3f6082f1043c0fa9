"""Which pixels have to be covered so that a face is covered.

A detector's box runs from the middle of the forehead to the chin and from cheek to cheek. What
tells a person apart reaches further: hairline, ears, jaw. :func:`face_region` turns a box, and
landmarks where they are known, into a convex region around all of it::

    region = face_region(box, frame_size=(1280, 720), landmarks=points)
    rect, mask = region.raster()
    image[rect.slices][mask > 0] = colour

Geometry. The face is taken as an ellipse of fixed aspect k = width / height whose axis-aligned
extents are the detector's box. For half axes (a, b) and any roll the half extents obey ex^2 + ey^2
= a^2 + b^2, so that b = sqrt((ex^2 + ey^2) / (1 + k^2)) holds for tilted faces as well as for
upright ones. Roll comes from the landmarks, the margin is proportional to the face, larger above
(hair) and behind (the ear of a turned head). The convex hull with the detector's own box closes the
corners.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from framework.alignment import landmarks_from_box
from framework.types import Image, Tracks

Shape = Literal["head", "box", "ellipse", "landmark"]
"""``head``: the detector's box and the tilted head, hull of both. ``box``: the upright rectangle
around that. ``ellipse``: the tilted head alone, without the corners of the box. ``landmark``: brows
to chin and cheek to cheek, the smallest."""

DEFAULT_MARGIN = 0.25
CARRIED_EXTRA_MARGIN = 0.15
"""Added when no detector saw the face in this frame, because its place is an estimate."""

REACH = 1.0
"""With its default options a component without the capability ``whole-frame`` changes nothing
further from a track's box than this many times the box's longer side (taken as 16 pixels at
least)."""

_ASPECT = 0.8  # width / height of a face from the front; detectors' boxes have 0.7 to 0.85
_MIN_SIDE_PX = 4.0
_FAR_PX = 1 << 14  # cv2's fixed-point rasteriser overflows not far beyond this
_CIRCLE = np.stack(
    [np.cos(np.arange(48) * (2 * math.pi / 48)), np.sin(np.arange(48) * (2 * math.pi / 48))], axis=1
) / math.cos(math.pi / 48)  # the polygon goes around the circle, not inside it


class Rect(NamedTuple):
    """A rectangle of whole pixels, half-open: ``image[top:bottom, left:right]``."""

    left: int
    top: int
    right: int
    bottom: int

    @property
    def width(self) -> int:
        return max(0, self.right - self.left)

    @property
    def height(self) -> int:
        return max(0, self.bottom - self.top)

    @property
    def empty(self) -> bool:
        return self.right <= self.left or self.bottom <= self.top

    @property
    def slices(self) -> tuple[slice, slice]:
        """To index an image with; an empty rectangle selects nothing."""
        return slice(self.top, self.top + self.height), slice(self.left, self.left + self.width)

    def grown(self, pixels: int, frame_size: tuple[int, int]) -> Rect:
        """This rectangle with ``pixels`` more on each side, clipped to a frame (width, height)."""
        if self.empty:
            return self
        return Rect(
            max(0, self.left - pixels),
            max(0, self.top - pixels),
            min(frame_size[0], self.right + pixels),
            min(frame_size[1], self.bottom + pixels),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Region:
    """A convex area of one frame that must be covered.

    Attributes:
        polygon: (k, 2) float32, corners in pixels, in order; may reach past the frame.
        frame_size: (width, height) of the frame in pixels.
        face_px: long axis of the face (not of the region), pixels, at least 4. Strengths bind to
            it.
        centre: (x, y) of the detector's box, pixels.
        roll: in-plane angle of the head, radians, positive clockwise as seen; 0 is upright.
        track_id: whose face it is; -1 if it does not matter.
    """

    polygon: NDArray[np.float32]
    frame_size: tuple[int, int]
    face_px: float
    centre: tuple[float, float]
    roll: float = 0.0
    track_id: int = -1

    @property
    def bounds(self) -> Rect:
        """The smallest rectangle of whole pixels inside the frame that holds the region."""
        width, height = self.frame_size
        low, high = self.polygon.min(axis=0), self.polygon.max(axis=0)
        return Rect(
            math.floor(min(max(float(low[0]), 0), width)),
            math.floor(min(max(float(low[1]), 0), height)),
            # + 1 because the pixel under the last coordinate belongs to the region
            math.floor(min(max(float(high[0]) + 1, 0), width)),
            math.floor(min(max(float(high[1]) + 1, 0), height)),
        )

    def raster(self, feather_px: float = 0.0) -> tuple[Rect, NDArray[np.uint8]]:
        """The region as a mask over its part of the frame.

        Args:
            feather_px: width of a soft border, pixels. It lies outside the region: inside, the mask
                is 255 whatever the feathering, since a soft border inside would let the face
                through.

        Returns:
            The rectangle, and a uint8 mask of its shape: 255 inside, 0 outside. The rectangle is
            empty, and the mask too, when nothing of the region is in the frame.
        """
        import cv2

        soft = max(0, round(feather_px))
        rect = self.bounds.grown(soft, self.frame_size)
        mask = np.zeros((rect.height, rect.width), np.uint8)
        corners = self._fixed_point(rect)
        if len(corners):
            cv2.fillConvexPoly(mask, corners, 255, shift=4)
        if soft and len(corners):
            cv2.polylines(mask, [corners], True, 255, thickness=2 * soft + 1, shift=4)
            # From inside the region the corner of this square cannot reach beyond the grown area.
            side = 2 * int(soft / math.sqrt(2)) + 1
            cv2.blur(mask, (side, side), mask, borderType=cv2.BORDER_REPLICATE)
        return rect, mask

    def fill(self, image: Image, colour: tuple[int, int, int]) -> None:
        """Paint the region with one colour (BGR, 0 to 255) in place; ``image`` is a whole frame."""
        import cv2

        rect = self.bounds
        corners = self._fixed_point(rect)
        if len(corners):
            cv2.fillConvexPoly(image[rect.slices], corners, colour, shift=4)

    def _fixed_point(self, rect: Rect) -> NDArray[np.int32]:
        """Corners relative to ``rect`` in sixteenths of a pixel; none if the rectangle is empty."""
        points = self.polygon
        if not rect.empty and np.abs(points).max() > _FAR_PX:
            points = _clip(points, self.frame_size)
        if rect.empty or not len(points):
            return np.zeros((0, 2), np.int32)
        return np.round((points - np.array(rect[:2], np.float32)) * 16).astype(np.int32)


def face_region(
    xyxy: NDArray[np.float32],
    frame_size: tuple[int, int],
    landmarks: NDArray[np.float32] | None = None,
    *,
    observed: bool = True,
    shape: Shape = "head",
    margin: float = DEFAULT_MARGIN,
    track_id: int = -1,
) -> Region:
    """The region that covers one face.

    Args:
        xyxy: (4,) box in pixels. May be reversed, of zero size, or outside the frame.
        frame_size: (width, height) in pixels.
        landmarks: (5, 2) pixels in the order of :class:`framework.types.Detections`; None, NaN or
            implausible points are ignored, and the head is taken as upright.
        observed: False adds ``CARRIED_EXTRA_MARGIN``.
        shape: see :data:`Shape`. ``head`` and ``box`` always contain the detector's box.
        margin: added on each side, as a share of the face's long axis, 0 to 1.
        track_id: passed on to the region.

    Raises:
        ValueError: margin outside [0, 1], or an unknown shape.
    """
    if not 0.0 <= margin <= 1.0:
        raise ValueError(f"margin: expected 0 to 1, got {margin}")
    box = np.asarray(xyxy, np.float64)
    low, high = np.minimum(box[:2], box[2:]), np.maximum(box[:2], box[2:])
    centre, half = (low + high) / 2, (high - low) / 2
    b = math.sqrt(float(half @ half) / (1 + _ASPECT**2))
    b = max(b, _MIN_SIDE_PX / 2)
    a = _ASPECT * b
    if not observed:
        margin += CARRIED_EXTRA_MARGIN
    pad = margin * 2 * b

    points = _plausible(landmarks, low, high, b)
    down, yaw = (np.array([0.0, 1.0]), 0.0) if points is None else _pose(points)
    right = np.array([down[1], -down[0]])
    roll = math.atan2(-down[0], down[1])

    if shape == "landmark":
        if points is None:
            stand_in = landmarks_from_box(np.array([*low, *high], np.float32))[0]
            points = np.asarray(stand_in, np.float64)
        polygon = _between_brows_and_chin(points, down, right, 0.4 * pad)
    else:
        # Above the forehead there is hair: twice the margin of the other sides, at most 0.5 b more.
        above = pad + min(pad, 0.5 * b)
        # Of a turned head the ear and the back lie on the side away from the nose.
        behind = min(abs(yaw), 1.0) * (0.4 * b) * min(1.0, 4 * margin)
        side = right * -math.copysign(behind, yaw)
        ellipse = _ellipse(centre, down, right, a + pad, b + above, b + pad)
        polygon = np.concatenate([ellipse, ellipse + side]) if behind else ellipse
        if shape in ("head", "box"):
            grow = 0.5 * pad
            x0, y0 = low - grow
            x1, y1 = high + grow
            corners = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
            polygon = np.concatenate([polygon, corners])
        elif shape != "ellipse":
            raise ValueError(f"shape: expected head, box, ellipse or landmark, got {shape!r}")
        if shape == "box":
            (x0, y0), (x1, y1) = polygon.min(axis=0), polygon.max(axis=0)
            polygon = np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])
        else:
            polygon = _hull(polygon)
    return Region(
        polygon=np.asarray(polygon, np.float32),
        frame_size=frame_size,
        face_px=2 * b,
        centre=(float(centre[0]), float(centre[1])),
        roll=roll,
        track_id=track_id,
    )


def regions_of(
    tracks: Tracks,
    frame_size: tuple[int, int],
    *,
    shape: Shape = "head",
    margin: float = DEFAULT_MARGIN,
) -> list[Region]:
    """The regions of every track in a frame, the largest face first.

    The order does not depend on the order of the tracks. Largest first is what an anonymizer needs
    whose strength binds to the face: where regions overlap, the later one then reads pixels that
    the earlier, coarser one has covered already, and shows no detail of its neighbour.
    """
    assert tracks.observed is not None  # set by Tracks
    regions = [
        face_region(
            tracks.xyxy[i],
            frame_size,
            None if tracks.landmarks is None else tracks.landmarks[i],
            observed=bool(tracks.observed[i]),
            shape=shape,
            margin=margin,
            track_id=int(tracks.track_id[i]),
        )
        for i in range(len(tracks))
    ]
    return sorted(regions, key=lambda region: (-region.face_px, region.track_id))


def _plausible(
    landmarks: NDArray[np.float32] | None,
    low: NDArray[np.float64],
    high: NDArray[np.float64],
    b: float,
) -> NDArray[np.float64] | None:
    """The landmarks, or None if they cannot belong to this box."""
    if landmarks is None:
        return None
    points = np.asarray(landmarks, np.float64)
    slack = 0.5 * (high - low)
    inside = (
        np.isfinite(points).all() and ((points >= low - slack) & (points <= high + slack)).all()
    )
    if not inside:
        return None
    # Eyes to mouth is about 0.7 b on a face seen from the front.
    span = float(np.hypot(*(points[3:].mean(axis=0) - points[:2].mean(axis=0))))
    return points if span > 0.2 * b else None


def _pose(points: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Direction from the eyes to the mouth (unit), and how far the nose lies to the right of it.

    On a profile the two eyes fall together and the line between them means nothing; on a face that
    looks down, eyes to mouth gets short. Adding both vectors weights each by its own length.
    """
    eyes, mouth = points[:2].mean(axis=0), points[3:].mean(axis=0)
    across = (points[1] - points[0] + points[4] - points[3]) / 2
    along = mouth - eyes
    turned = np.array([-across[1], across[0]])
    # An upside-down face numbered by the picture has them opposed: then only ``along`` is reliable.
    down = along + turned if float(along @ turned) > 0 else along
    down = down / float(np.hypot(*down))
    right = np.array([down[1], -down[0]])
    # The nose of a frontal face lies midway; on a profile about 0.6 of eyes-to-mouth ahead of it.
    middle = (eyes + mouth) / 2
    yaw = float((points[2] - middle) @ right) / (0.6 * float(np.hypot(*along)))
    return down, float(np.clip(yaw, -1.0, 1.0))


def _ellipse(
    centre: NDArray[np.float64],
    down: NDArray[np.float64],
    right: NDArray[np.float64],
    half_width: float,
    half_above: float,
    half_below: float,
) -> NDArray[np.float64]:
    """Corners of a polygon around an egg: two half ellipses that share the horizontal axis."""
    vertical = np.where(_CIRCLE[:, 1] < 0, half_above, half_below) * _CIRCLE[:, 1]
    x, y = half_width * _CIRCLE[:, 0], vertical
    return centre + x[:, None] * right + y[:, None] * down


def _between_brows_and_chin(
    points: NDArray[np.float64], down: NDArray[np.float64], right: NDArray[np.float64], pad: float
) -> NDArray[np.float64]:
    """Hull of the landmarks' surroundings. In units of eyes to mouth: brow +0.8, chin +0.9."""
    eyes, mouth = points[:2].mean(axis=0), points[3:].mean(axis=0)
    unit = float(np.hypot(*(mouth - eyes)))
    middle = (points[:2].mean(axis=0) + points[3:].mean(axis=0)) / 2
    egg = _ellipse(middle, down, right, 1.1 * unit + pad, 1.3 * unit + pad, 1.4 * unit + pad)
    around = (points[:, None] + (0.4 * unit + pad) * _CIRCLE[None, ::4]).reshape(-1, 2)
    return _hull(np.concatenate([egg, around]))


def _hull(points: NDArray[np.float64]) -> NDArray[np.float64]:
    import cv2

    hull = cv2.convexHull(points.astype(np.float32))
    return np.asarray(hull, np.float64).reshape(-1, 2)


def _clip(polygon: NDArray[np.float32], frame_size: tuple[int, int]) -> NDArray[np.float32]:
    """A convex polygon cut to the frame and a little around it (Sutherland and Hodgman 1974)."""
    margin = 64.0
    width, height = frame_size
    limits = ((0, -margin, 1), (0, width + margin, -1), (1, -margin, 1), (1, height + margin, -1))
    points = polygon.astype(np.float64)
    for axis, limit, sign in limits:
        distance = sign * (points[:, axis] - limit)
        kept: list[NDArray[np.float64]] = []
        for i in range(len(points)):
            j = (i + 1) % len(points)
            if distance[i] >= 0:
                kept.append(points[i])
            if (distance[i] >= 0) != (distance[j] >= 0):
                share = distance[i] / (distance[i] - distance[j])
                kept.append(points[i] + share * (points[j] - points[i]))
        if not kept:
            return np.zeros((0, 2), np.float32)
        points = np.array(kept)
    return points.astype(np.float32)
