"""A network of a few thousand weights, donors of 64 pixels, and scenes with drawn faces."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from framework_fomm.anonymizer import FommAnonymizer
from framework_fomm.config import FommOptions
from framework_fomm.donors.store import Donor
from framework_fomm.inference import Animator
from framework_fomm.model import Fomm, FommConfig
from framework_fomm.weights import save_model
from numpy.typing import NDArray

from framework.types import Frame, Tracks

TINY = FommConfig(
    image_size=64,
    num_kp=5,
    kp_scale=0.5,
    kp_expansion=4,
    kp_max_features=16,
    kp_blocks=2,
    kp_padding=3,
    motion_scale=0.5,
    motion_expansion=4,
    motion_max_features=16,
    motion_blocks=2,
    generator_expansion=4,
    generator_max_features=16,
    generator_bottleneck_blocks=1,
)
TINY_BLEND = FommConfig(**{**TINY.to_dict(), "blend_output": True, "mask_prior_sigma": 0.1})


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)


def make_model(config: FommConfig, seed: int = 0) -> Fomm:
    """Random weights, batch norms that are not the identity."""
    torch.manual_seed(seed)
    model = Fomm(config)
    for name, buffer in model.named_buffers():
        if name.endswith("running_mean"):
            buffer.normal_(0, 0.1)
        elif name.endswith("running_var"):
            buffer.uniform_(0.5, 1.5)
    return model.eval()


@pytest.fixture
def tiny_model() -> Fomm:
    return make_model(TINY)


@pytest.fixture
def blend_model() -> Fomm:
    return make_model(TINY_BLEND)


@pytest.fixture
def weight_file(tmp_path: Path) -> Path:
    path = tmp_path / "tiny.safetensors"
    save_model(make_model(TINY_BLEND), path, licence="MIT", trained_on=["nothing"])
    return path


def make_donor(name: str, seed: int) -> Donor:
    rng = np.random.default_rng(seed)
    bgra = np.full((64, 64, 4), 200, np.uint8)
    bgra[..., :3] = rng.integers(40, 220, 3)
    y, x = np.mgrid[:64, :64]
    bgra[..., 3] = np.where(np.hypot((x - 32) / 22, (y - 30) / 27) < 1, 255, 0)
    return Donor(name, bgra, "CC0", {"name": name})


@pytest.fixture
def donors() -> list[Donor]:
    return [make_donor(f"donor-{i}", i) for i in range(3)]


@pytest.fixture
def make_swap(donors: list[Donor]) -> Callable[..., FommAnonymizer]:
    """Builds an anonymizer with the tiny network; options as keywords."""

    def build(key: bytes | None = b"key", blend: bool = True, **options: object) -> FommAnonymizer:
        model = make_model(TINY_BLEND if blend else TINY)
        animator = Animator(model, torch.device("cpu"), "float32")
        return FommAnonymizer(FommOptions(**options), animator, donors, key)  # type: ignore[arg-type]

    return build


def scene(seed: int = 0, height: int = 180, width: int = 320) -> NDArray[np.uint8]:
    """A picture with detail everywhere, so that anything left uncovered is noticed."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)


def frames_of(pictures: list[NDArray[np.uint8]], fps: float = 25.0) -> list[Frame]:
    return [Frame(picture, i, i / fps) for i, picture in enumerate(pictures)]


def upright(box: tuple[float, float, float, float]) -> NDArray[np.float32]:
    """Five landmarks of a frontal face in a box."""
    from framework.alignment import landmarks_from_box

    return landmarks_from_box(np.array([box], np.float32))[0]


def tracks_of(
    *boxes: tuple[float, float, float, float],
    ids: list[int] | None = None,
    landmarks: NDArray[np.float32] | None = None,
    with_landmarks: bool = True,
    observed: list[bool] | None = None,
    role: tuple[str, ...] = (),
) -> Tracks:
    n = len(boxes)
    if landmarks is None and with_landmarks and n:
        landmarks = np.stack([upright(box) for box in boxes])
    return Tracks(
        xyxy=np.array(boxes, np.float32).reshape(n, 4),
        score=np.full(n, 0.9, np.float32),
        landmarks=landmarks,
        track_id=np.array(ids if ids is not None else range(1, n + 1), np.int64),
        role=role,  # type: ignore[arg-type]
        observed=None if observed is None else np.array(observed),
    )
