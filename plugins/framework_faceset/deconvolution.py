"""Undoing a blur with a known kernel (Wiener 1949)."""

from __future__ import annotations

import numpy as np

from framework.types import Image

WIDTHS = (0.0, 0.015, 0.03, 0.06, 0.12)
"""Standard deviations of the blurs that are tried, as shares of the crop; 0 leaves it as it is."""
NOISE = 1e-2
"""Noise to signal ratio: coding and rounding, for which a blurred picture leaves no more room."""


def deconvolved(crop: Image, width: float) -> Image:
    """Undo a Gaussian blur.

    Args:
        crop: (s, s, 3).
        width: standard deviation of the blur as a share of the side; 0 returns the crop.
    """
    if width == 0:
        return crop
    side = crop.shape[0]
    frequency = np.fft.fftfreq(2 * side)
    transfer = np.exp(-2 * (np.pi * width * side * frequency) ** 2)
    kernel = transfer[:, None] * transfer[None, :]
    gain = kernel / (kernel**2 + NOISE) * (1 + NOISE)  # light and colour stay as they are
    # Mirrored at the borders, so that the periodic transform sees no edge there.
    mirrored = np.pad(crop, ((0, side), (0, side), (0, 0)), mode="symmetric").astype(np.float64)
    restored = np.fft.ifft2(np.fft.fft2(mirrored, axes=(0, 1)) * gain[..., None], axes=(0, 1)).real
    return np.clip(np.round(restored[:side, :side]), 0, 255).astype(np.uint8)
