"""The network of ``expression``: a small residual network over grey crops of 80 pixels.

Two reductions come before the first block, so that most of its work is done on 20 by 20 places: one
face takes a few milliseconds on one thread. Four heads share one description of the face: 478
points in space, coefficients of expression, pose, and how ten people would name the expression.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from framework_measures.mesh import POINTS

INPUT_SIZE = 80
CROP_SCALE = 1.35
WIDTHS = (16, 40, 96, 144)
SQUEEZED = 48
HIDDEN = 384


class Heads(NamedTuple):
    """What the network gives for ``n`` faces.

    Attributes:
        points: (n, 478, 3); x and y in half crops, -1 to 1 inside it, z alike.
        coefficients: (n, c), about 0 to 1.
        pose: (n, 3) yaw, pitch, roll in degrees.
        votes: (n, v) logits.
    """

    points: Tensor
    coefficients: Tensor
    pose: Tensor
    votes: Tensor


class Block(nn.Module):
    """Two convolutions and a shortcut (He et al. 2016); averaging before the shortcut's stride."""

    def __init__(self, before: int, after: int, stride: int = 1) -> None:
        super().__init__()
        self.a = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.na = nn.BatchNorm2d(after)
        self.b = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.nb = nn.BatchNorm2d(after)
        self.skip: nn.Module | None = None
        if before != after or stride != 1:
            self.skip = nn.Sequential(
                nn.AvgPool2d(stride) if stride > 1 else nn.Identity(),
                nn.Conv2d(before, after, 1, bias=False),
                nn.BatchNorm2d(after),
            )

    def forward(self, x: Tensor) -> Tensor:
        y = self.nb(self.b(torch.relu(self.na(self.a(x)))))
        return torch.relu(y + (x if self.skip is None else self.skip(x)))


class ExpressionNetwork(nn.Module):
    """Crops (n, 1, 80, 80), each of mean 0 and about deviation 1, to :class:`Heads`."""

    def __init__(self, coefficients: int, votes: int) -> None:
        super().__init__()
        first, second, third, fourth = WIDTHS
        self.stem = nn.Sequential(
            nn.Conv2d(1, first, 5, 2, 2, bias=False), nn.BatchNorm2d(first), nn.ReLU()
        )
        self.body = nn.Sequential(
            nn.Conv2d(first, second, 3, 2, 1, bias=False),
            nn.BatchNorm2d(second),
            nn.ReLU(),
            Block(second, second),
            Block(second, third, 2),
            Block(third, third),
            Block(third, fourth, 2),
            Block(fourth, fourth),
        )
        self.squeeze = nn.Sequential(
            nn.Conv2d(fourth, SQUEEZED, 1, bias=False), nn.BatchNorm2d(SQUEEZED), nn.ReLU()
        )
        places = (INPUT_SIZE // 16) ** 2
        self.fc = nn.Sequential(
            nn.Linear(SQUEEZED * places + fourth, HIDDEN, bias=False),
            nn.BatchNorm1d(HIDDEN),
            nn.SiLU(),
        )
        self.shape = nn.Linear(HIDDEN, POINTS * 3)
        self.coef = nn.Linear(HIDDEN, coefficients)
        self.pose = nn.Linear(HIDDEN, 3)
        self.votes = nn.Linear(HIDDEN, votes)

    def forward(self, crops: Tensor) -> Heads:
        features = self.body(self.stem(crops))
        both = [self.squeeze(features).flatten(1), features.mean((2, 3))]
        face = self.fc(torch.cat(both, 1))
        return Heads(
            self.shape(face).view(-1, POINTS, 3),
            self.coef(face),
            self.pose(face),
            self.votes(face),
        )
