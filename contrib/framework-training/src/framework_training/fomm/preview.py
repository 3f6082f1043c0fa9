"""Contact sheets of a training: what it shows at fixed pairs. They hold faces of the material."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import torch
from framework_fomm.model import Animation, Fomm, Keypoints, relative_motion
from numpy.typing import NDArray

from framework_training.fomm.pairs import Batch


def to_tensor(pictures: NDArray[np.uint8], device: torch.device) -> torch.Tensor:
    """(n, s, s, 3) uint8 BGR -> (n, 3, s, s) float RGB in [0, 1], channels last."""
    tensor = torch.from_numpy(np.ascontiguousarray(pictures)).to(device)
    rgb = tensor.flip(-1).permute(0, 3, 1, 2).float() / 255
    return rgb.contiguous(memory_format=torch.channels_last)


def to_picture(image: torch.Tensor) -> NDArray[np.uint8]:
    """(3, s, s) float RGB -> (s, s, 3) uint8 BGR."""
    array = image.float().clamp(0, 1).mul(255).round().to(torch.uint8)
    return np.ascontiguousarray(array.permute(1, 2, 0).flip(-1).cpu().numpy())


@torch.no_grad()
def sheet(model: Fomm, batch: Batch, device: torch.device) -> NDArray[np.uint8]:
    """One column a pair: source, driving, result, occlusion; then the first source driven by the
    column's motion (relative), which shows what another person's movement does to a face."""
    source, driving = to_tensor(batch.source, device), to_tensor(batch.driving, device)
    kp_source, kp_driving = model.kp_detector(source), model.kp_detector(driving)
    result: Animation = model.generator(source, kp_source, kp_driving)
    n = len(source)
    first = Keypoints(
        kp_source.value[:1].expand(n, -1, -1), kp_source.jacobian[:1].expand(n, -1, -1, -1)
    )
    crossed = model.generator(
        source[:1].expand(n, -1, -1, -1), first, relative_motion(first, kp_driving, kp_source)
    )
    occlusion = torch.nn.functional.interpolate(result.motion.occlusion, source.shape[-2:])
    rows = []
    for row in (source, driving, result.image, occlusion.expand(-1, 3, -1, -1), crossed.image):
        rows.append(np.hstack([to_picture(image) for image in row]))
    marks = rows[1]
    size = batch.source.shape[1]
    for column, points in enumerate(kp_driving.value.cpu().numpy()):
        for x, y in np.round((points + 1) * (size - 1) / 2).astype(int).clip(0, size - 1):
            marks[max(0, y - 1) : y + 1, column * size + max(0, x - 1) : column * size + x + 1] = (
                0,
                255,
                0,
            )
    return np.vstack(rows)


def write_sheet(picture: NDArray[np.uint8], path: Path) -> None:
    """PNG, readable by nobody else: it shows the people of the training material."""
    import cv2

    encoded = cv2.imencode(".png", picture)[1]
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(encoded.tobytes())
