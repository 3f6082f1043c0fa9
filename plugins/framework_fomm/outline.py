"""The outline of a head from the keypoints of its face, for networks whose keypoints were taught.

Crown, hair, ears and jaw have no mark that a small detector could find to the pixel, and where it
errs a head tears. They move with the skull, though, and eye corners and temples are found well: so
a similarity is fitted to those (Umeyama 1991), and tells where the outline is and how a head leans.
"""

from __future__ import annotations

import torch
from torch import Tensor

# (right, down) in half sizes of an upright head, from the middle of its eyes: keypoint -> median
# over the training set. Eye corners of both eyes, temples.
_SKULL = {
    6: (-0.994, -0.015),
    8: (-0.394, 0.015),
    10: (0.394, 0.015),
    12: (0.994, -0.015),
    24: (-1.54, 0.075),
    25: (1.54, 0.075),
}
# the corners of the jaw; crown, upper corners of the hair, ears
_OUTLINE = {
    22: (-1.31, 1.63),
    23: (1.31, 1.63),
    28: (0.0, -2.3),
    29: (-1.35, -1.6),
    30: (1.35, -1.6),
    31: (-1.7, 0.4),
    32: (1.7, 0.4),
}
COUNT = 33
"""A network with these keypoints has so many."""
_USUAL_SCALE = 0.31  # of a head, in sides of its crop: what the jacobians are measured against

SKULL_POINTS = tuple(_SKULL)
OUTLINE_POINTS = tuple(_OUTLINE)
"""The keypoints that the similarity is fitted to, and those that it places."""


def skull_similarity(value: Tensor) -> tuple[Tensor, Tensor]:
    """(n, 33, 2) keypoints -> (n, 2, 2) turn and size of the head, and (n, 2) its middle.

    A place q in half sizes of an upright head, from the middle of the skull's keypoints, lies at
    middle + turn q.
    """
    skull = torch.tensor(list(_SKULL.values()), device=value.device, dtype=value.dtype)
    found = value[:, list(_SKULL)]  # (n, 6, 2)
    middle = found.mean(1)
    a, b = skull - skull.mean(0), found - middle[:, None]
    norm = a.square().sum()
    cosine = (a * b).sum((1, 2)) / norm
    sine = (a[:, 0] * b[:, :, 1] - a[:, 1] * b[:, :, 0]).sum(1) / norm
    return torch.stack([cosine, -sine, sine, cosine], -1).view(-1, 2, 2), middle


def head_coordinates(value: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """(n, 33, 2) keypoints -> the same in half sizes of an upright head, and its turn and middle.

    A point p of the picture lies at turn^-1 (p - middle), see :func:`skull_similarity`.
    """
    value = value.float()
    turn, middle = skull_similarity(value)
    size = turn[:, 0].square().sum(-1)  # a similarity's inverse is its transpose over its size
    face = (value - middle[:, None]) @ turn / size[:, None, None]
    return face, turn, middle


def follow_skull(value: Tensor) -> tuple[Tensor, Tensor]:
    """(n, 33, 2) keypoints -> the same with the outline put in place, and (n, 2, 2) the turn.

    The turn is the similarity of the head against an upright one of usual size.
    """
    turn, middle = skull_similarity(value)
    centre = torch.tensor(list(_SKULL.values()), device=value.device, dtype=value.dtype).mean(0)
    places = torch.tensor(list(_OUTLINE.values()), device=value.device, dtype=value.dtype)
    outline = middle[:, None] + (places - centre) @ turn.transpose(1, 2)
    at = torch.tensor(list(_OUTLINE), device=value.device)
    return value.index_copy(1, at, outline), turn / _USUAL_SCALE
