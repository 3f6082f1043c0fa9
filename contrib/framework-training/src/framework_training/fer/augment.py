"""Random views of training faces: framing, light, and what video does to them."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from framework_training.fer.degradation import DEGRADATIONS, Grey, rectangle

_DRAWN = tuple(name for name in DEGRADATIONS if name not in ("rotation", "rectangle"))


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How far random views stray from the plain face.

    Attributes:
        zoom: the size varies by a factor of up to exp(zoom) either way. Detectors frame faces
            differently, so this is wide.
        tight: chance of a face enlarged by a further factor of up to exp(0.35), as in pictures that
            were cut from the brows to the chin.
        turn_deg: standard deviation of the in-plane rotation, degrees.
        shift: largest shift, as a share of the side.
        stretch: standard deviation of the logarithm of width over height.
        light: chance of another brightness and contrast.
        tone: chance of another tone curve: a gamma between 0.55 and 1.8, a light from one side or
            an equalised histogram.
        oval: chance that what lies outside an oval around the face is one tone: no hair, no
            background.
        degradation: chance of one of :data:`framework_training.fer.degradation.DEGRADATIONS`.
        erase: chance of a rectangle in front of the face.
    """

    zoom: float = 0.2
    tight: float = 0.2
    turn_deg: float = 9.0
    shift: float = 0.09
    stretch: float = 0.06
    light: float = 0.3
    tone: float = 0.3
    oval: float = 0.08
    degradation: float = 0.3
    erase: float = 0.25

    def scaled(self, jitter: float) -> Augmentation:
        """The same with every random choice but degradations ``jitter`` times as strong."""
        return Augmentation(
            zoom=self.zoom * jitter,
            tight=min(1.0, self.tight * jitter),
            turn_deg=self.turn_deg * jitter,
            shift=self.shift * jitter,
            stretch=self.stretch * jitter,
            light=min(1.0, self.light * jitter),
            tone=min(1.0, self.tone * jitter),
            oval=min(1.0, self.oval * jitter),
            degradation=self.degradation,
            erase=min(1.0, self.erase * jitter),
        )

    def view(
        self,
        grey: Grey,
        placement: NDArray[np.float64],
        side: int,
        rng: Generator,
    ) -> Grey:
        """One random view.

        Args:
            grey: (h, w) uint8, the picture that contains the face.
            placement: (2, 3), maps its pixels to the unit square of the tight framing.
            side: side of the result, pixels.
            rng: every random choice comes from here.

        Returns:
            (side, side) uint8.
        """
        # One warp from the original pixels: resampling twice would blur what blur is to be learned.
        matrix = _scaled(self._random_similarity(rng) @ _square(placement), side)
        border = cv2.BORDER_REPLICATE if rng.random() < 0.5 else cv2.BORDER_CONSTANT
        out = cv2.warpAffine(grey, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=border)
        if rng.random() < self.light:
            out = np.clip(out * rng.uniform(0.7, 1.3) + rng.uniform(-20, 20), 0, 255).astype(
                np.uint8
            )
        if rng.random() < self.tone:
            out = _other_tones(np.asarray(out, np.uint8), rng)
        if rng.random() < self.oval:
            out = _only_an_oval(np.asarray(out, np.uint8), rng)
        if rng.random() < self.degradation:
            name = _DRAWN[int(rng.integers(len(_DRAWN)))]
            out = DEGRADATIONS[name](np.asarray(out, np.uint8), float(rng.random()), rng)
        if rng.random() < self.erase:
            out = rectangle(np.asarray(out, np.uint8), float(rng.random()), rng)
        return np.asarray(out, np.uint8)

    def _random_similarity(self, rng: Generator) -> NDArray[np.float64]:
        """(3, 3), on the unit square around its centre."""
        size = float(np.exp(rng.uniform(-self.zoom, self.zoom)))
        if rng.random() < self.tight:
            size *= float(np.exp(rng.uniform(0.0, 0.35)))
        angle = float(np.deg2rad(rng.normal(0.0, self.turn_deg)))
        wide = float(np.exp(rng.normal(0.0, self.stretch)))
        mirror = -1.0 if rng.random() < 0.5 else 1.0
        cosine, sine = np.cos(angle) * size, np.sin(angle) * size
        matrix = np.eye(3)
        matrix[:2, :2] = [[cosine * mirror * wide, -sine], [sine * mirror * wide, cosine]]
        centre = np.array([0.5, 0.5])
        matrix[:2, 2] = centre + rng.uniform(-self.shift, self.shift, 2) - matrix[:2, :2] @ centre
        return matrix


def _other_tones(face: Grey, rng: Generator) -> Grey:
    """The same face under another tone curve, light from one side, or equalised."""
    kind = rng.random()
    if kind < 0.5:
        gamma = float(np.exp(rng.uniform(-0.6, 0.6)))
        curve = 255.0 * (np.arange(256) / 255.0) ** gamma
        return np.asarray(curve[face], np.uint8)
    if kind < 0.85:
        side = face.shape[0]
        angle, strength = rng.uniform(0, 2 * np.pi), rng.uniform(0.1, 0.6)
        along = np.linspace(-1.0, 1.0, side, dtype=np.float32)
        ramp = along[None, :] * np.float32(np.cos(angle)) + along[:, None] * np.float32(
            np.sin(angle)
        )
        return np.clip(face * (1.0 + np.float32(strength) * ramp), 0, 255).astype(np.uint8)
    return np.asarray(cv2.equalizeHist(face), np.uint8)


def _only_an_oval(face: Grey, rng: Generator) -> Grey:
    """One tone outside an upright oval whose axes are 80 to 105 % of the side."""
    side = face.shape[0]
    mask = np.zeros((side, side), np.uint8)
    axes = (int(side * rng.uniform(0.4, 0.5)), int(side * rng.uniform(0.45, 0.55)))
    middle = (side // 2, int(side * rng.uniform(0.5, 0.58)))
    cv2.ellipse(mask, middle, axes, 0, 0, 360, 255, -1)
    out = face.copy()
    out[mask == 0] = int(rng.integers(0, 256))
    return out


def plain_view(grey: Grey, placement: NDArray[np.float64], side: int) -> Grey:
    """The face as it is, (side, side) uint8."""
    matrix = _scaled(_square(placement), side)
    out = cv2.warpAffine(
        grey, matrix, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(out, np.uint8)


def _square(placement: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.vstack([placement, [0.0, 0.0, 1.0]])


def _scaled(unit: NDArray[np.float64], side: int) -> NDArray[np.float64]:
    """From the unit square to pixel centres of a square picture, (2, 3)."""
    scale = np.array([[side, 0, -0.5], [0, side, -0.5], [0, 0, 1]])
    return (scale @ unit)[:2]
