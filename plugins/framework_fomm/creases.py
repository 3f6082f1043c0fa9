"""What a smile does to light: folds and shading that no warp of a calm face can show.

A portrait whose landmarks are moved exactly to those of its owner's smile is still read as neutral;
lit as the smile is, it is read as a smile. So the picture is multiplied by a ratio image (Liu, Shan
and Zhang, Expressive expression mapping with ratio images, SIGGRAPH 2001). Theirs comes from one
picture of another person; here its logarithm is a linear function of how far the keypoints have
moved, fitted by ridge regression to many people (:mod:`framework_training.fomm.fit`), so that every
expression has one and nobody's in particular.

The ratio lives on a canvas: an upright face with its keypoints in fixed places.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from framework_fomm.exact import FACE_POINTS, through_keypoints
from framework_fomm.outline import head_coordinates

CENTRE = (0.0, 0.45)  # of the canvas in head coordinates
HALF = 1.75  # half a canvas in half sizes of the head
FLOOR = 0.04  # added to intensities: what is black has no ratio
# Of the logarithm. A fold may be deep; skin that is lit much brighter than it was looks like metal.
_DARKEST, _BRIGHTEST = 0.4, 0.25
_COARSE = 64  # the map from picture to canvas is smooth: so many points of it are computed


class Creases(nn.Module):
    """Lights (n, 3, s, s) pictures in [0, 1] by what their keypoints have moved."""

    basis: Tensor
    places: Tensor

    def __init__(self, size: int, strength: float = 1.0) -> None:
        super().__init__()
        self.strength = strength  # of the logarithm; 1 while training, as it was fitted
        # logarithm of the ratio for each coordinate of each keypoint's movement in head coordinates
        self.register_buffer("basis", torch.zeros(2 * FACE_POINTS, 3, size, size))
        self.register_buffer("places", torch.zeros(FACE_POINTS, 2))  # on the canvas, in [-1, 1]

    def forward(self, picture: Tensor, source: Tensor, driving: Tensor) -> Tensor:
        """``source``, ``driving``: (n, K, 2) keypoints of the picture before and now."""
        face, turn, middle = head_coordinates(driving)
        change = (face - head_coordinates(source)[0])[:, :FACE_POINTS].flatten(1)
        size = self.basis.shape[-1]
        change = change if self.training else self.strength * change
        ratio = (change @ self.basis.flatten(1)).view(-1, 3, size, size)
        limit = torch.where(ratio > 0, _BRIGHTEST, _DARKEST)
        ratio = limit * torch.tanh(ratio / limit)
        grid = to_canvas(self.places, driving, turn, middle, min(_COARSE, picture.shape[-1]))
        side = min(picture.shape[-1], 3 * _COARSE)
        grid = _resized(grid.permute(0, 3, 1, 2), side).permute(0, 2, 3, 1)
        ratio = F.grid_sample(ratio, grid, align_corners=True)  # 0 outside of the canvas
        ratio = _resized(ratio, picture.shape[-1]).exp()
        return ((picture.float() + FLOOR) * ratio - FLOOR).clamp(0, 1)


def to_canvas(places: Tensor, value: Tensor, turn: Tensor, middle: Tensor, side: int) -> Tensor:
    """(n, side, side, 2): where on the canvas each place of a picture lies, in [-1, 1].

    Args:
        places: (FACE_POINTS, 2) of the keypoints on the canvas.
        value, turn, middle: keypoints (n, K, 2), and their head as
            :func:`~framework_fomm.outline.head_coordinates` gives it.
    """
    square = _square(side, value)
    inverse = turn.transpose(1, 2) / turn[:, 0].square().sum(-1)[:, None, None]
    upright = torch.einsum("nab,nhwb->nhwa", inverse, square - middle[:, None, None])
    flow = (upright - square.new_tensor(CENTRE)) / HALF
    known = places.to(flow.dtype).expand(len(value), -1, -1)
    return through_keypoints(flow, known, value[:, :FACE_POINTS], side)


def from_canvas(places: Tensor, value: Tensor, side: int) -> Tensor:
    """(n, side, side, 2): where in a picture with keypoints (n, K, 2) the canvas lies."""
    _, turn, middle = head_coordinates(value)
    upright = _square(side, value) * HALF + value.new_tensor(CENTRE)
    flow = middle[:, None, None] + torch.einsum("nab,hwb->nhwa", turn, upright)
    known = places.to(flow.dtype).expand(len(value), -1, -1)
    return through_keypoints(flow, value[:, :FACE_POINTS], known, side)


def on_canvas(face: Tensor) -> Tensor:
    """(..., 2) head coordinates -> places on the canvas."""
    return (face - face.new_tensor(CENTRE)) / HALF


def _square(side: int, like: Tensor) -> Tensor:
    line = torch.linspace(-1, 1, side, device=like.device, dtype=like.dtype)
    return torch.stack(torch.meshgrid(line, line, indexing="xy"), dim=-1)


def _resized(x: Tensor, side: int) -> Tensor:
    if x.shape[-1] == side:
        return x
    return F.interpolate(x, size=(side, side), mode="bilinear", align_corners=True)
