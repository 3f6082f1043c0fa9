"""Trains the network of the measurer ``expression`` and writes its weights.

    python examples/train_expression_measurer.py PACK.npz [PACK.npz ...] --minutes 75 \\
        --output expression.safetensors

A pack holds pictures that the teacher has read, n of them:

    x          (n, 144, 144) uint8   aligned grey crops, 1.7 times as wide as the template
    points     (n, 478, 3)           points in the crop, pixels
    coefs      (n, 51)               coefficients, the teacher's bias between people taken out
    turn       (n, 3)                yaw, pitch and roll in the crop, degrees
    votes      (n, 8)                shares of ten people's votes; nan where nobody was asked
    weight     (n,)                  how often a picture is drawn
    held       (n,) bool             people left out of training, for the figures
    mirror     (478,)                the point on the other side of each
    names      (51,) str             of the coefficients
    reference  (478, 3)              the mean neutral face, eye units

One thread, bfloat16 where the processor has it. The learning rate falls over the given time, and
weights are averaged. Prints figures of the people who were left out after each pass.
"""

from __future__ import annotations

import argparse
import math
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as functional
from framework_measures import mesh
from framework_measures.network import CROP_SCALE, INPUT_SIZE, ExpressionNetwork
from framework_measures.weightfile import Loaded, save
from torch import Tensor

VOTES = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise", "contempt")
PACK_SCALE = 1.7
BATCH, PASS, AVERAGED = 64, 20_000, 0.998
PEAK_RATE = 2e-3


def main() -> None:
    """Train until the time is over."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("packs", type=Path, nargs="+")
    parser.add_argument("--minutes", type=float, default=75)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    data = read(args.packs)
    network = train(data, 60 * args.minutes, np.random.default_rng(args.seed))
    names = tuple(str(name) for name in data["names"])
    save(args.output, Loaded(network, names, VOTES, data["reference"].astype(np.float64)))


def read(paths: list[Path]) -> dict[str, Any]:
    """Packs as one."""
    packs = [dict(np.load(path)) for path in paths]
    result: dict[str, Any] = {k: packs[0][k] for k in ("names", "reference", "mirror")}
    for key in ("x", "points", "coefs", "turn", "votes", "weight", "held"):
        result[key] = np.concatenate([pack[key] for pack in packs])
    return result


def train(data: dict[str, Any], seconds: float, rng: np.random.Generator) -> ExpressionNetwork:
    """The network with averaged weights."""
    network = ExpressionNetwork(len(data["names"]), len(VOTES)).to(
        memory_format=torch.channels_last  # type: ignore[call-overload]
    )
    average = {k: v.clone() for k, v in network.state_dict().items()}
    decayed = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1]
    groups = [
        {"params": decayed, "weight_decay": 0.02},
        {"params": others, "weight_decay": 0.0},
    ]
    optimizer = torch.optim.AdamW(groups, lr=PEAK_RATE)
    mine, held = np.flatnonzero(~data["held"]), np.flatnonzero(data["held"])
    share = data["weight"][mine] / data["weight"][mine].sum()
    spread = torch.from_numpy(data["coefs"][mine].std(0)).float().clamp_min(0.03)
    start_network(network, data, mine[:512])
    begun, step = time.monotonic(), 0
    while time.monotonic() - begun < seconds:
        network.train()
        order = rng.choice(mine, PASS, p=share)
        for first in range(0, PASS - BATCH + 1, BATCH):
            done = (time.monotonic() - begun) / seconds
            if done >= 1:
                break
            rate = min(1, (step + 1) / 200) * (0.5 * (1 + math.cos(math.pi * done)) + 0.005)
            for group in optimizer.param_groups:
                group["lr"] = PEAK_RATE * rate
            crops, truth = batch(data, order[first : first + BATCH], True)
            loss = loss_of(network, crops, truth, spread)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimizer.step()
            step += 1
            keep = min(AVERAGED, (1 + step) / (10 + step))
            with torch.no_grad():
                for key, value in network.state_dict().items():
                    if value.dtype.is_floating_point:
                        average[key].lerp_(value, 1 - keep)
        report(average, data, held[:1500], step)
    network.load_state_dict(average)
    return network.eval()


def start_network(network: ExpressionNetwork, data: dict[str, Any], rows: Any) -> None:
    """Begin at the mean face, so that the first steps don't shake everything."""
    _, truth = batch(data, rows, False)
    with torch.no_grad():
        network.shape.bias.copy_(truth["points"].mean(0).flatten())
        network.shape.weight.mul_(0.1)
        network.coef.bias.copy_(truth["coefs"].mean(0))
        network.coef.weight.mul_(0.1)


def point_weights() -> Tensor:
    """(1, 478, 3): lids, irises, lips and brows count most, depth least."""
    weight = np.full(mesh.POINTS, 0.6, np.float32)
    weight[list(mesh.LIPS)] = 2.0
    weight[[*mesh.RIGHT_EYE, *mesh.LEFT_EYE, *mesh.RIGHT_IRIS, *mesh.LEFT_IRIS]] = 2.2
    weight[list(mesh.BROWS)] = 1.5
    return torch.from_numpy(weight)[None, :, None] * torch.tensor([1.0, 1.0, 0.4])


def loss_of(
    network: ExpressionNetwork, crops: Tensor, truth: dict[str, Tensor], spread: Tensor
) -> Tensor:
    """Points in fiftieths of the eyes' distance, coefficients in their spread, pose and votes."""
    with torch.autocast("cpu", torch.bfloat16):
        found = network(crops.to(memory_format=torch.channels_last))
    points = truth["points"]
    eyes = points[:, mesh.RIGHT_EYE_OUTER, :2] - points[:, mesh.LEFT_EYE_OUTER, :2]
    unit = eyes.norm(dim=1).clamp_min(0.2)[:, None, None]
    off = (found.points.float() - points) / unit * 50 * point_weights()
    loss = functional.smooth_l1_loss(off, torch.zeros_like(off))
    wrong = (found.coefficients.float() - truth["coefs"]) / spread
    loss = loss + 1.5 * functional.smooth_l1_loss(wrong, torch.zeros_like(wrong), beta=0.5)
    loss = loss + 0.5 * functional.smooth_l1_loss(found.pose.float() / 3, truth["turn"] / 3)
    asked = torch.isfinite(truth["votes"][:, 0])
    if asked.any():
        guess = found.votes.float()[asked].log_softmax(1)
        loss = loss - 0.5 * (truth["votes"][asked] * guess).sum(1).mean()
    return loss


def batch(data: dict[str, Any], rows: Any, vary: bool) -> tuple[Tensor, dict[str, Tensor]]:
    """Crops (n, 1, 80, 80) and what the network shall say of them; varied for training."""
    n, side = len(rows), data["x"].shape[1]
    crops = torch.from_numpy(data["x"][rows]).float()[:, None] / 255
    points = torch.from_numpy(data["points"][rows]).float()
    coefs = torch.from_numpy(data["coefs"][rows]).float()
    turn = torch.from_numpy(data["turn"][rows]).float().clone()
    angle, shift = torch.zeros(n), torch.zeros(n, 2)
    scale = torch.full((n,), CROP_SCALE / PACK_SCALE)
    if vary:
        angle, shift = 0.1 * torch.randn(n), 0.035 * torch.randn(n, 2)
        scale = scale * torch.exp(0.07 * torch.randn(n))
        flip = torch.rand(n) < 0.5
        crops[flip] = crops[flip].flip(3)
        other = points[flip][:, data["mirror"]]
        other[..., 0] = side - 1 - other[..., 0]
        points[flip] = other
        coefs = torch.where(flip[:, None], coefs[:, other_side(data["names"])], coefs)
        turn[flip] = turn[flip] * torch.tensor([-1.0, 1.0, -1.0])
    cos, sin = torch.cos(angle) * scale, torch.sin(angle) * scale
    rows_of = [torch.stack([cos, -sin, shift[:, 0]], 1), torch.stack([sin, cos, shift[:, 1]], 1)]
    size = [n, 1, INPUT_SIZE, INPUT_SIZE]
    grid = functional.affine_grid(torch.stack(rows_of, 1), size, align_corners=False)
    crops = functional.grid_sample(crops, grid, padding_mode="border", align_corners=False)
    place = (2 * points[..., :2] + 1) / side - 1 - shift[:, None]
    back = torch.stack([torch.stack([cos, sin], 1), torch.stack([-sin, cos], 1)], 1)
    place = torch.einsum("nij,nkj->nki", back / (scale**2)[:, None, None], place)
    depth = points[..., 2:] * 2 / side / scale[:, None, None]
    turn[:, 2] -= torch.rad2deg(angle)
    if vary:
        crops = other_light(crops)
    mean, deviation = crops.mean((2, 3), keepdim=True), crops.std((2, 3), keepdim=True)
    truth = {
        "points": torch.cat([place, depth], 2),
        "coefs": coefs,
        "turn": turn,
        "votes": torch.from_numpy(data["votes"][rows]).float(),
    }
    return (crops - mean) / (deviation + 0.05), truth


def other_side(names: Any) -> list[int]:
    """Index of each coefficient's counterpart on the other side."""
    known = [str(name) for name in names]
    swapped = [
        name.replace("Left", "#").replace("Right", "Left").replace("#", "Right") for name in known
    ]
    return [known.index(name) for name in swapped]


def other_light(crops: Tensor) -> Tensor:
    """Other contrast, brightness, sharpness and noise; now and then something in front."""
    n, size = len(crops), crops.shape[2]
    mean = crops.mean((2, 3), keepdim=True)
    crops = (crops - mean) * torch.exp(0.25 * torch.randn(n, 1, 1, 1)) + mean
    crops = (crops + 0.1 * torch.randn(n, 1, 1, 1)).clamp(0, 1)
    crops = crops ** torch.exp(0.25 * torch.randn(n, 1, 1, 1))
    if torch.rand(1).item() < 0.4:  # half of them as if they had been small
        small, half = int(torch.randint(26, 64, (1,))), n // 2
        low = functional.interpolate(
            crops[:half], size=(small, small), mode="bilinear", antialias=True
        )
        crops[:half] = functional.interpolate(low, size=(size, size), mode="bicubic")
    crops = crops + 0.02 * torch.randn_like(crops) * torch.rand(n, 1, 1, 1)
    for i in torch.nonzero(torch.rand(n) < 0.12)[:, 0].tolist():
        top, left = torch.randint(0, size - 20, (2,)).tolist()
        tall, wide = torch.randint(8, 24, (2,)).tolist()
        crops[i, :, top : top + tall, left : left + wide] = torch.rand(1)
    return crops


def report(average: dict[str, Tensor], data: dict[str, Any], rows: Any, step: int) -> None:
    """Figures of the people who were left out."""
    if not len(rows):
        return
    network = ExpressionNetwork(len(data["names"]), len(VOTES))
    network.load_state_dict(average)
    network.eval()
    with torch.inference_mode():
        crops, truth = batch(data, rows, False)
        found = network(crops)
    points = truth["points"]
    eyes = points[:, mesh.RIGHT_EYE_OUTER, :2] - points[:, mesh.LEFT_EYE_OUTER, :2]
    off = (found.points - points)[..., :2].norm(dim=2).mean(1) / eyes.norm(dim=1)
    spread = truth["coefs"].std(0).numpy()
    most = np.argsort(-spread)[:20]
    a, b = found.coefficients.numpy(), truth["coefs"].numpy()
    related = [float(np.corrcoef(a[:, j], b[:, j])[0, 1]) for j in most]
    pose = (found.pose - truth["turn"]).abs().mean(0).tolist()
    print(
        f"step {step}: points {float(off.mean()):.4f} of the eyes' distance, coefficients r "
        f"{np.mean(related):.3f} (20 that move most), pose off by "
        + ", ".join(f"{angle:.1f}" for angle in pose)
        + " degrees",
        flush=True,
    )


if __name__ == "__main__":
    main()
