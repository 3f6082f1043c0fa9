"""A flow that takes every keypoint of the face exactly where it belongs.

The dense motion is a blend of the keypoints' motions on a coarse grid. Upper and lower lid lie one
cell of it apart and move against each other, so what arrives of a blink is a sixth, of an opening
mouth half. The error at the keypoints is known, though: the flow should lead from p_D to p_S. It is
interpolated by Gaussians around the keypoints (radial basis functions; Arad et al., Image warping
by radial basis functions, CVGIP 1994) on a finer grid and taken off.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

# Standard deviation of each keypoint's correction in half pictures, by the order in which the
# keypoints are taught: brows, eye corners and lids, mouth corners, lips outside and inside, tip of
# the nose, chin. Narrow where two neighbours move against each other.
_WIDTH = (
    *(0.10, 0.10, 0.10, 0.10, 0.10, 0.10),
    *(0.06, 0.06, 0.06, 0.06, 0.06, 0.06, 0.06, 0.06),
    *(0.08, 0.08, 0.06, 0.06, 0.05, 0.05, 0.12, 0.15),
)
FACE_POINTS = len(_WIDTH)
"""The first keypoints: those of the face, which it moves by itself."""
_RIDGE = 0.02  # keypoints that (nearly) coincide, as closed lips do, share a correction


def through_keypoints(
    flow: Tensor, source: Tensor, driving: Tensor, side: int, further: Sequence[float] = ()
) -> Tensor:
    """Correct a backward flow at the face's keypoints.

    Args:
        flow: (n, h, w, 2) where in the source each pixel comes from, in [-1, 1].
        source, driving: (n, K, 2) keypoints, the first 22 in the order they are taught.
        side: of the result's grid.
        further: the widths of those after the 22; without them only the 22 count.

    Returns:
        (n, side, side, 2), float32.
    """
    width = (*_WIDTH, *further)
    count = len(width)
    start, end = source[:, :count].float(), driving[:, :count].float()
    grid = flow.float().permute(0, 3, 1, 2)
    if grid.shape[-1] != side:
        grid = F.interpolate(grid, size=(side, side), mode="bilinear", align_corners=True)
    arrives = F.grid_sample(grid, end[:, :, None], align_corners=True)[..., 0]  # (n, 2, K)
    error = start - arrives.transpose(1, 2)
    spread = 2 * torch.tensor(width, device=grid.device).square()
    apart = (end[:, :, None] - end[:, None]).square().sum(-1)  # (n, K, K)
    basis = torch.exp(-apart / spread) + _RIDGE * torch.eye(count, device=grid.device)
    strength = torch.linalg.solve(basis, error)  # (n, K, 2)
    line = torch.linspace(-1, 1, side, device=grid.device)
    near = [
        torch.exp(-(line - end[..., axis, None]).square() / spread[:, None]) for axis in (0, 1)
    ]  # along x and y, (n, K, side) each: a Gaussian is the product of the two
    rows = (strength[..., None] * near[1][:, :, None]).flatten(2)  # (n, K, 2 * side)
    field = torch.bmm(rows.transpose(1, 2), near[0])  # (n, 2 * side, side)
    field = field.view(len(grid), 2, side, side)
    return (grid + field).permute(0, 2, 3, 1)
