"""Proof that the network computes what the published one computes.

``python -m framework_training.fomm.parity GOLDEN.npz --seed 0 --json OUT`` fills the official
configuration with weights drawn by a fixed rule, computes every array of the golden file, and
writes the maximum absolute difference of each under its name. The golden file was made with
the authors' code, the same rule and the same seed.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import sys
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from framework_fomm.model import Fomm, FommConfig, Keypoints, relative_motion
from numpy.typing import NDArray

SIZE = 256
BATCH = 2
_PICTURES = {"source": 1, "driving": 2, "initial": 3}  # the second seed of each input's generator

PREDICTION_TOLERANCE = 2e-3  # predictions are stored as float16
KEYPOINT_TOLERANCE = 1e-4


def rule_weight(entry: str, name: str, shape: tuple[int, ...], seed: int) -> NDArray[np.generic]:
    """The value of one tensor of ``entry`` ("generator" or "kp_detector"), by the golden rule."""
    key = f"{entry}.{name}"
    if key.endswith("num_batches_tracked"):
        return np.asarray(0, dtype=np.int64)
    rng = np.random.default_rng([seed, zlib.crc32(key.encode())])
    noise = rng.standard_normal(shape).astype(np.float32)
    fan_in = math.sqrt(math.prod(shape[1:]))
    if key.endswith("jacobian.bias"):
        return np.tile([1.0, 0.0, 0.0, 1.0], shape[0] // 4).astype(np.float32) + 0.05 * noise
    if key.endswith("jacobian.weight"):
        return 0.01 * noise
    if key.endswith("running_var"):
        return 1 + 0.1 * np.abs(noise)
    if key.endswith(("running_mean", "bias")):
        return 0.1 * noise
    if key.endswith(".kp.weight"):
        return 30 * noise / fan_in
    if len(shape) == 1:
        return 1 + 0.1 * noise
    return noise / fan_in


def fill_by_rule(model: Fomm, seed: int) -> None:
    """Overwrite every tensor of the model but the anti-alias Gaussians, in place."""
    for entry, module in (("generator", model.generator), ("kp_detector", model.kp_detector)):
        state = module.state_dict()
        for name, tensor in state.items():
            if not name.endswith("down.weight"):
                value = rule_weight(entry, name, tuple(tensor.shape), seed)
                tensor.copy_(torch.from_numpy(np.asarray(value)))


def rule_input(seed: int, picture: str) -> torch.Tensor:
    """A smooth random batch (2, 3, 256, 256) in [0, 1]; picture: source, driving or initial."""
    rng = np.random.default_rng([seed, _PICTURES[picture]])
    noise = torch.from_numpy(rng.standard_normal((BATCH, 3, 16, 16)).astype(np.float32))
    wide = F.interpolate(noise, size=(SIZE, SIZE), mode="bicubic", align_corners=False)
    return torch.sigmoid(1.5 * wide)


def computed_arrays(seed: int) -> Iterator[tuple[str, torch.Tensor]]:
    """Name and value of everything a golden file may hold."""
    base = FommConfig()
    model = Fomm(base).eval()
    fill_by_rule(model, seed)
    pictures = {name: rule_input(seed, name) for name in _PICTURES}
    yield from pictures.items()
    keypoints: dict[str, Keypoints] = {
        name: model.kp_detector(picture) for name, picture in pictures.items()
    }
    keypoints["relative"] = relative_motion(
        keypoints["source"], keypoints["driving"], keypoints["initial"]
    )
    for name, kp in keypoints.items():
        yield f"kp_{name}_value", kp.value
        yield f"kp_{name}_jacobian", kp.jacobian
    for align in (True, False):
        config = dataclasses.replace(base, align_corners=align)
        aligned = Fomm(config).eval()
        aligned.load_state_dict(model.state_dict())
        features = aligned.generator.encode(pictures["source"])
        prefix = f"align{int(align)}_"
        plain = aligned.generator.render(features, keypoints["source"], keypoints["driving"])
        yield prefix + "prediction", plain.image
        yield prefix + "occlusion", plain.motion.occlusion
        moved = aligned.generator.render(features, keypoints["source"], keypoints["relative"])
        yield prefix + "prediction_relative", moved.image


@torch.inference_mode()
def differences(golden: Path, seed: int) -> dict[str, float]:
    """Maximum absolute difference for each array of the golden file.

    Raises ``ValueError`` when the file holds an array that this program can't compute, or one of
    another shape; ``OSError`` when it can't be read.
    """
    with np.load(golden, allow_pickle=False) as archive:
        wanted = {name: archive[name].astype(np.float64) for name in archive.files}
    computed = dict(computed_arrays(seed))
    unknown = sorted(set(wanted) - set(computed))
    if unknown:
        raise ValueError(f"{golden.name} holds arrays with no counterpart: {', '.join(unknown)}")
    result = {}
    for name, expected in wanted.items():
        actual = computed[name].double().numpy()
        if actual.shape != expected.shape:
            raise ValueError(f"{name}: shape {expected.shape} in the file, {actual.shape} computed")
        result[name] = float(np.abs(actual - expected).max())
    return result


def tolerance(name: str) -> float:
    """What the named array may differ by."""
    return KEYPOINT_TOLERANCE if name.startswith("kp_") else PREDICTION_TOLERANCE


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0: within tolerance; 1: not; 2: the file could not be used."""
    parser = argparse.ArgumentParser(
        prog="python -m framework_training.fomm.parity", description=__doc__
    )
    parser.add_argument("golden", type=Path, help="arrays computed by the published code (.npz)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the weights and inputs")
    parser.add_argument("--json", type=Path, help="write the differences here as well")
    options = parser.parse_args(arguments)
    try:
        result = differences(options.golden, options.seed)
    except (OSError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    for name, value in result.items():
        print(f"{name:28} {value:.3e}  {'ok' if value <= tolerance(name) else 'TOO LARGE'}")
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return 0 if all(value <= tolerance(name) for name, value in result.items()) else 1


if __name__ == "__main__":
    raise SystemExit(main())
