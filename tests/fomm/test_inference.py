"""The fast path computes what the plain model computes."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from framework_fomm.fast_layers import fold_batch_norm, specialise
from framework_fomm.inference import Animator, choose_device, native_bfloat16
from framework_fomm.model import Fomm, FommConfig

from .conftest import TINY, TINY_BLEND, make_model

CPU = torch.device("cpu")


@pytest.mark.parametrize("config", [TINY, TINY_BLEND])
def test_folding_batch_norm_changes_nothing(config: FommConfig) -> None:
    model = make_model(config)
    folded = copy.deepcopy(model)
    fold_batch_norm(folded)
    norms = [n for n, m in folded.named_modules() if isinstance(m, torch.nn.BatchNorm2d)]
    assert all(n.endswith("norm1") for n in norms)  # the one before a ReLU can't be folded
    source, driving = torch.rand(1, 3, 64, 64), torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        assert torch.allclose(
            model(source, driving).image, folded(source, driving).image, atol=1e-4
        )


@pytest.mark.parametrize("config", [TINY, TINY_BLEND])
def test_rewritten_layers_compute_the_same(config: FommConfig) -> None:
    model = make_model(config)
    fast = copy.deepcopy(model)
    specialise(fast)
    kinds = {type(module).__name__ for module in fast.modules()}
    assert {"DoublingConv", "FourPixelConv"} <= kinds and "UpBlock" not in kinds
    source, driving = torch.rand(1, 3, 64, 64), torch.rand(2, 3, 64, 64)
    with torch.inference_mode():
        ks, kd = model.kp_detector(source), model.kp_detector(driving)
        assert torch.allclose(fast.kp_detector(driving).value, kd.value, atol=1e-4)
        want = model.generator(source.expand(2, -1, -1, -1), ks.expand(2), kd).image
        got = fast.generator(source.expand(2, -1, -1, -1), ks.expand(2), kd).image
    assert torch.allclose(got, want, atol=1e-4)


@pytest.mark.parametrize("config", [TINY, TINY_BLEND])
def test_animator_equals_the_model(config: FommConfig) -> None:
    model = make_model(config)
    rng = np.random.default_rng(0)
    source = rng.integers(0, 256, (64, 64, 3), dtype=np.uint8)
    driving = rng.integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)

    def tensor(pictures: np.ndarray) -> torch.Tensor:
        rgb = np.ascontiguousarray(pictures[..., ::-1])
        return torch.from_numpy(rgb).permute(0, 3, 1, 2).float() / 255

    with torch.inference_mode():
        s, d = tensor(source[None]), tensor(driving)
        ks = model.kp_detector(s)
        expected = model.generator(s.expand(3, -1, -1, -1), ks.expand(3), model.kp_detector(d))
    animator = Animator(copy.deepcopy(model), CPU, "float32")
    keypoints, spread = animator.keypoints(driving)
    encoded = animator.encode(source, np.full((64, 64), 255, np.uint8), None)
    pictures, mattes = animator.render(encoded, keypoints)
    want = expected.image.permute(0, 2, 3, 1).flip(-1).mul(255).numpy()
    assert np.abs(pictures - want).max() <= 0.6
    assert pictures.dtype == np.uint8 and mattes.shape == (3, 64, 64)
    assert spread.shape == (3,) and (spread > 0).all()


def test_bfloat16_keeps_coordinates_exact(blend_model: Fomm) -> None:
    rng = np.random.default_rng(0)
    crops = rng.integers(0, 256, (2, 64, 64, 3), dtype=np.uint8)
    exact = Animator(copy.deepcopy(blend_model), CPU, "float32")
    short = Animator(copy.deepcopy(blend_model), CPU, "bfloat16")
    k_exact, _ = exact.keypoints(crops)
    k_short, _ = short.keypoints(crops)
    assert k_short.value.dtype == torch.float32
    assert (k_exact.value - k_short.value).abs().max() < 0.02
    matte = np.full((64, 64), 255, np.uint8)
    a, _ = exact.render(exact.encode(crops[0], matte, None), k_exact)
    b, _ = short.render(short.encode(crops[0], matte, None), k_exact)
    assert np.abs(a.astype(float) - b).mean() < 1.0


def test_devices() -> None:
    assert choose_device("cpu") == CPU
    if not torch.cuda.is_available():
        assert choose_device("auto") == CPU
        with pytest.raises(RuntimeError, match="CUDA"):
            choose_device("cuda")
    assert isinstance(native_bfloat16(CPU), bool)
