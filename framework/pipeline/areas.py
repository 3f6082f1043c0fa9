"""Areas of the picture that are covered whatever is in them: screens, badges, name plates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from framework.pipeline.parts import Area
from framework.types import Frame, Image

COLOUR = (96, 96, 96)
"""Blue, green, red: a grey that is taken for nothing else."""


def cover_areas(frame: Frame, image: Image, areas: Sequence[Area]) -> Image:
    """The picture that leaves, with every area that is on at this time filled."""
    now = [area for area in areas if area.is_on(frame.time_s)]
    if not now:
        return image
    filled = image if image.flags.writeable else np.array(image)
    for area in now:
        filled[area.y : area.y + area.height, area.x : area.x + area.width] = COLOUR
    return filled
