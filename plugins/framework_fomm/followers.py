"""Places of a face that go along with its keypoints: wings of the nose, jaw, the lips' curve.

A warp led by 22 points bends the face around each of them: a nose whose tip moves grows a dent, a
head that turns keeps its jaw. These places aren't looked for in the picture. Each is a linear
function of the face's keypoints, fitted by ridge regression to landmarks of many people
(:mod:`framework_training.fomm.fit`), and the flow is led through them too.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from framework_fomm.exact import FACE_POINTS
from framework_fomm.outline import head_coordinates

# the landmarks (iBUG's 68) that follow, and how far the correction at each of them reaches, in half
# pictures: jaw, ridge and wings of the nose, outer and inner lips
_TABLE = {
    **dict.fromkeys((2, 4, 6, 10, 12, 14), 0.14),
    **dict.fromkeys((27, 28, 29), 0.08),
    **dict.fromkeys((31, 33, 35), 0.06),
    **dict.fromkeys((49, 50, 52, 53, 55, 56, 58, 59), 0.05),
    **dict.fromkeys((61, 63, 65, 67), 0.05),
}
LANDMARKS = tuple(_TABLE)
WIDTHS = tuple(_TABLE.values())


class Followers(nn.Module):
    """(n, K, 2) keypoints -> (n, F, 2) the places that follow them."""

    weight: Tensor

    def __init__(self) -> None:
        super().__init__()
        # in head coordinates; the last column is the constant
        self.register_buffer("weight", torch.zeros(2 * len(LANDMARKS), 2 * FACE_POINTS + 1))

    def forward(self, value: Tensor) -> Tensor:
        face, turn, middle = head_coordinates(value)
        known = face[:, :FACE_POINTS].flatten(1)
        places = known @ self.weight[:, :-1].T + self.weight[:, -1]
        return middle[:, None] + places.view(len(value), -1, 2) @ turn.transpose(1, 2)
