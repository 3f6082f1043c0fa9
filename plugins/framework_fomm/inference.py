"""The network at full speed: everything that can be done once is done once.

* source features are encoded once for each donor, not once for each frame;
* layers are rewritten into cheaper ones that compute the same (:mod:`framework_fomm.fast_layers`);
* channels-last memory, which oneDNN and cuDNN prefer;
* bfloat16 convolutions where the processor computes them natively. Coordinates, jacobians, the
  soft-argmax and the sampling stay in float32.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from framework_fomm.fast_layers import specialise
from framework_fomm.model import Fomm, Generator, Keypoints, SourceFeatures, coordinate_grid

Precision = Literal["auto", "float32", "bfloat16"]


@dataclass(frozen=True)
class Source:
    """An encoded donor: features, its keypoints, and its matte (1, 1, s, s)."""

    features: SourceFeatures
    keypoints: Keypoints
    matte: Tensor


def native_bfloat16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 in hardware; emulated it is slower than float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    describe = getattr(torch.cpu, "get_capabilities", None)  # PyTorch 2.9 and later
    capabilities = describe() if describe is not None else {}
    return any(capabilities.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))


class Animator:
    """Keypoints of pictures, and pictures from keypoints, in batches. Takes over the model."""

    def __init__(self, model: Fomm, device: torch.device, precision: Precision = "auto") -> None:
        self.config = model.config
        self.device = device
        if precision == "auto":
            precision = "bfloat16" if native_bfloat16(device) else "float32"
        self.precision = precision
        dtype = torch.bfloat16 if precision == "bfloat16" else torch.float32
        specialise(model.eval(), dtype)
        model.to(device)
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self._detector = model.kp_detector
        self._generator: Generator = model.generator

    @property
    def size(self) -> int:
        """Side of the square pictures that go in, pixels."""
        return self.config.image_size

    @property
    def blends(self) -> bool:
        """Whether moved pixels come from the source itself, so that a larger source pays."""
        return self.config.blend_output

    def _upload(self, crops: NDArray[np.uint8]) -> Tensor:
        """(n, s, s, 3) uint8 BGR -> (n, 3, s, s) float32 RGB in [0, 1], channels last."""
        tensor = torch.from_numpy(np.ascontiguousarray(crops)).to(self.device)
        rgb = tensor.flip(-1).permute(0, 3, 1, 2)
        return rgb.float().div_(255).contiguous(memory_format=torch.channels_last)

    def keypoints(self, crops: NDArray[np.uint8]) -> tuple[Keypoints, NDArray[np.float64]]:
        """Keypoints of (n, s, s, 3) uint8 BGR crops, float32 on the CPU, and their spread (n,).

        The spread is the mean standard deviation of the heatmaps, in half pictures. It grows when
        the detector doesn't find what it looks for, as behind a hand.
        """
        with torch.inference_mode():
            features, heat = self._detector.heatmaps(self._upload(crops))
            found = self._detector.pool(features, heat)
            square = coordinate_grid(heat.shape[2], heat.shape[3], heat).square().sum(-1)
            second = (heat * square).sum((-2, -1))  # E|z|^2; the variance is E|z|^2 - |E z|^2
            variance = (second - found.value.square().sum(-1)).clamp_min(0)
            spread = variance.sqrt().mean(1)
        keypoints = Keypoints(found.value.float().cpu(), found.jacobian.float().cpu())
        return keypoints, spread.double().cpu().numpy()

    def encode(
        self, bgr: NDArray[np.uint8], matte: NDArray[np.uint8], detail: NDArray[np.uint8] | None
    ) -> Source:
        """Prepare a donor.

        Args:
            bgr: (s, s, 3) picture of the network's size, framed as every crop.
            matte: (t, t), 255 where the head is, of the size of the result.
            detail: (t, t, 3) the same picture, larger; used if the network blends.
        """
        with torch.inference_mode():
            picture = self._upload(bgr[None])
            large = None if detail is None else self._upload(detail[None])
            features = self._generator.encode(picture, large)
            keypoints = self._detector(picture)
            alpha = torch.from_numpy(matte.astype(np.float32) / 255).to(self.device)[None, None]
        return Source(features, Keypoints(keypoints.value.cpu(), keypoints.jacobian.cpu()), alpha)

    def render(
        self, source: Source, driving: Keypoints
    ) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """The donor under n poses.

        Returns:
            (n, t, t, 3) uint8 BGR pictures and (n, t, t) uint8 mattes moved by the same motion; t
            is the size of the source's ``detail`` where there is one, else the network's.
        """
        n = len(driving.value)
        moved = Keypoints(driving.value.to(self.device), driving.jacobian.to(self.device))
        start = Keypoints(
            source.keypoints.value.to(self.device), source.keypoints.jacobian.to(self.device)
        )
        with torch.inference_mode():
            animation = self._generator.render(source.features.expand(n), start.expand(n), moved)
            matte = self._generator.warp(source.matte.expand(n, -1, -1, -1), animation.motion)
            pictures = animation.image.float().mul(255).round_().clamp_(0, 255).to(torch.uint8)
            alpha = matte[:, 0].float().mul(255).round_().clamp_(0, 255).to(torch.uint8)
        bgr = pictures.flip(1).permute(0, 2, 3, 1).contiguous()
        return bgr.cpu().numpy(), alpha.cpu().numpy()


def choose_device(wanted: str) -> torch.device:
    """``auto``, ``cpu`` or ``cuda`` -> a device. ``cuda`` without a GPU raises ``RuntimeError``."""
    if wanted == "cuda" and not torch.cuda.is_available():
        raise RuntimeError("no CUDA device is available to PyTorch")
    if wanted == "auto":
        wanted = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(wanted)
