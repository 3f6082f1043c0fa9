"""What video does to faces: blur, compression, darkness, distance, hands and masks.

Each function takes a grey face and a severity from 0 (hardly visible) to 1 (hard to read), and
returns a new picture of the same shape. Training draws them at random,
``framework_training.fer.evaluate --robustness`` applies them one by one.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

Grey = NDArray[np.uint8]


def _mix(low: float, high: float, severity: float) -> float:
    return low + (high - low) * severity


def gaussian_blur(face: Grey, severity: float, rng: Generator) -> Grey:
    """Out of focus: standard deviation 0.7 % to 3.5 % of the side."""
    sigma = _mix(0.007, 0.035, severity) * face.shape[0]
    return np.asarray(cv2.GaussianBlur(face, (0, 0), sigma), np.uint8)


def motion_blur(face: Grey, severity: float, rng: Generator) -> Grey:
    """A straight movement of 3 % to 12 % of the side during the exposure, any direction."""
    length = max(2, round(_mix(0.03, 0.12, severity) * face.shape[0]))
    size = length | 1
    kernel = np.zeros((size, size), np.float32)
    angle = rng.uniform(0, np.pi)
    for offset in np.linspace(-(size - 1) / 2, (size - 1) / 2, 4 * size):
        row = round((size - 1) / 2 + offset * np.sin(angle))
        column = round((size - 1) / 2 + offset * np.cos(angle))
        kernel[row, column] = 1.0
    return np.asarray(cv2.filter2D(face, -1, kernel / kernel.sum()), np.uint8)


def compression(face: Grey, severity: float, rng: Generator) -> Grey:
    """JPEG at quality 50 down to 8."""
    quality = round(_mix(50, 8, severity))
    done, data = cv2.imencode(".jpg", face, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not done:
        raise RuntimeError("OpenCV could not encode a JPEG")
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE), np.uint8)


def low_light(face: Grey, severity: float, rng: Generator) -> Grey:
    """Under-exposure (gamma 1.5 to 3, then dimmed) with sensor noise."""
    gamma, gain = _mix(1.5, 3.0, severity), _mix(0.9, 0.35, severity)
    dark = 255.0 * gain * (face / 255.0) ** gamma
    noisy = dark + rng.normal(0.0, _mix(2.0, 6.0, severity), face.shape)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def sensor_noise(face: Grey, severity: float, rng: Generator) -> Grey:
    """Gaussian noise, standard deviation 3 to 18 grey levels."""
    noisy = face + rng.normal(0.0, _mix(3.0, 18.0, severity), face.shape)
    return np.clip(np.rint(noisy), 0, 255).astype(np.uint8)


def low_resolution(face: Grey, severity: float, rng: Generator) -> Grey:
    """A face that was 44 down to 20 pixels wide."""
    side = round(_mix(44, 20, severity))
    return at_size(face, side)


def at_size(face: Grey, side: int) -> Grey:
    """The face as if it had been recorded ``side`` pixels wide, at its own size again."""
    height, width = face.shape
    if side >= min(height, width):
        return face.copy()
    small = cv2.resize(face, (side, side), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def hand(face: Grey, severity: float, rng: Generator) -> Grey:
    """Fingers or a fist in front of the face, entering from a side or from below."""
    out = face.copy()
    side = face.shape[0]
    tone = int(np.clip(np.median(face) + rng.normal(0, 25), 10, 245))
    thick = max(2, round(side * _mix(0.06, 0.14, severity)))
    fingers = 1 + round(_mix(0, 3, severity))
    start = np.array([rng.uniform(0, side), side + thick])
    if rng.random() < 0.5:
        start = np.array([rng.choice([-thick, side + thick]), rng.uniform(side * 0.3, side)])
    aim = np.array([rng.uniform(0.25, 0.75), rng.uniform(0.35, 0.85)]) * side
    normal = np.array([aim[1] - start[1], start[0] - aim[0]])
    normal = normal / max(float(np.hypot(*normal)), 1.0)
    for finger in range(fingers):
        shift = normal * (finger - (fingers - 1) / 2) * thick * 1.25
        shade = int(np.clip(tone + rng.normal(0, 8), 0, 255))
        first, last = (start + shift).astype(int), (aim + shift * rng.uniform(0.9, 1.1)).astype(int)
        cv2.line(out, first.tolist(), last.tolist(), shade, thick, cv2.LINE_AA)
    return out


def surgical_mask(face: Grey, severity: float, rng: Generator) -> Grey:
    """A mask over mouth and chin; with less severity it has slipped down."""
    side = face.shape[0]
    top = _mix(0.72, 0.55, severity) + rng.normal(0, 0.02)
    tone = int(rng.integers(120, 245))
    points = np.array(
        [
            [0.12, top + 0.03],
            [0.5, top - 0.03],
            [0.88, top + 0.03],
            [0.8, 0.95],
            [0.5, 1.05],
            [0.2, 0.95],
        ]
    )
    out = face.copy()
    cv2.fillPoly(out, [(points * side).astype(np.int32)], tone, cv2.LINE_AA)
    for fold in np.linspace(top + 0.1, 0.9, 3):
        ends = (np.array([[0.2, fold], [0.8, fold]]) * side).astype(int)
        cv2.line(out, ends[0].tolist(), ends[1].tolist(), max(0, tone - 25), 1)
    return out


def rectangle(face: Grey, severity: float, rng: Generator) -> Grey:
    """A rectangle of one tone somewhere (random erasing, Zhong et al. 2020)."""
    side = face.shape[0]
    out = face.copy()
    height, width = (int(side * _mix(0.1, 0.4, severity) * rng.uniform(0.7, 1.3)) for _ in range(2))
    top = int(rng.integers(0, max(1, side - height)))
    left = int(rng.integers(0, max(1, side - width)))
    out[top : top + height, left : left + width] = int(rng.integers(0, 256))
    return out


def rotation(face: Grey, severity: float, rng: Generator) -> Grey:
    """A head tilted by 5 to 30 degrees, to either side."""
    side = face.shape[0]
    angle = _mix(5, 30, severity) * rng.choice([-1.0, 1.0])
    centre = ((side - 1) / 2, (side - 1) / 2)
    turn = cv2.getRotationMatrix2D(centre, float(angle), 1.0)
    return np.asarray(
        cv2.warpAffine(face, turn, (side, side), borderMode=cv2.BORDER_REPLICATE), np.uint8
    )


Degradation = Callable[[Grey, float, Generator], Grey]

DEGRADATIONS: dict[str, Degradation] = {
    "gaussian-blur": gaussian_blur,
    "motion-blur": motion_blur,
    "compression": compression,
    "low-light": low_light,
    "sensor-noise": sensor_noise,
    "low-resolution": low_resolution,
    "hand": hand,
    "surgical-mask": surgical_mask,
    "rectangle": rectangle,
    "rotation": rotation,
}
"""Every degradation by the name under which results are reported."""
