"""``mask``: a patch of one colour. Nothing of the face is left, its expression included.

This is the baseline of the paper (Yang et al. 2022), and the only cover here whose strength does
not depend on an argument about information: the pixels of the face are not read.
"""

from __future__ import annotations

from framework.regions import regions_of
from framework.spec import BuildContext
from framework.types import Frame, Image, Tracks
from framework_redact.config import MaskOptions


class Mask:
    """Paints each track. Stateless, deterministic."""

    def __init__(self, options: MaskOptions) -> None:
        self.options = options

    def anonymize(self, frame: Frame, tracks: Tracks) -> Image:
        """A copy of the frame with one colour over each track's region."""
        options = self.options
        out = frame.bgr.copy()
        size = (frame.width, frame.height)
        for region in regions_of(tracks, size, shape=options.shape, margin=options.margin):
            region.fill(out, options.bgr)
        return out

    def reset(self) -> None:
        """Nothing is kept between frames."""


def build(options: MaskOptions, context: BuildContext) -> Mask:
    """Factory named in the component's description."""
    return Mask(options)
