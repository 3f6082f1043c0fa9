"""Settings of a training, as written into its folder."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from framework_fomm.model import FommConfig

from framework_training.fomm.landmarks import TAUGHT


def compact_config(size: int, changes: Mapping[str, object] | None = None) -> FommConfig:
    """The network of the embedded weights at another size: small enough for video on two cores.

    Raises:
        ValueError: an unknown name in ``changes``, or sizes that don't fit each other.
    """
    settings: dict[str, object] = {
        "image_size": size,
        "num_kp": TAUGHT,
        "kp_scale": 0.5,
        "kp_expansion": 16,
        "kp_max_features": 192,
        "kp_blocks": 4,
        "kp_padding": 3,
        "motion_scale": 1 / 3 if size % 3 == 0 else 0.5,
        "motion_expansion": 24,
        "motion_max_features": 192,
        "motion_blocks": 4,
        "heatmap_variance": 0.003,
        "generator_expansion": 16,
        "generator_max_features": 192,
        "generator_down_blocks": 2,
        "generator_bottleneck_blocks": 3,
        "blend_output": True,
        "mask_prior_sigma": 0.07,
        "mask_prior_background": -40.0,
        "rigid_outline": True,
        "exact_keypoints": True,
        "followers": True,
        "crease_size": 96,
        "crease_strength": 2.25,
    }
    return FommConfig.from_dict({**settings, **(changes or {})})


@dataclass(frozen=True)
class TrainingOptions:
    """How to train; lengths are in steps of one batch."""

    steps: int = 100_000
    warmup_steps: int = 1_000  # keypoint detector alone, taught by landmarks
    # after it, pictures are moved by the landmarks themselves while the detector rests
    guided_steps: int = 0
    batch: int = 8
    warmup_batch: int = 16
    learning_rate: float = 2e-4
    warmup_learning_rate: float = 1e-3
    decay_share: float = 0.3  # of the steps at the end, over which the rate falls to a twentieth
    average_decay: float = 0.999
    seed: int = 0
    perceptual_weight: float = 0.1
    perceptual_from: int = 0  # counted after the warm-up
    equivariance_weight: float = 0.1
    teacher_weight: float = (
        0.3  # at the start; halved every ``teacher_half_life`` steps, to a tenth
    )
    teacher_half_life: int = 2_000
    hidden_weight: float = 0.05  # painting, not warping, the inside of a mouth that opens
    adversarial_weight: float = 0.0
    adversarial_from: int = 50_000
    save_every: int = 200
    preview_every: int = 500
    precision: str = "auto"  # auto, float32, bfloat16


def learning_rate(options: TrainingOptions, step: int) -> float:
    """Constant, then a cosine down to a twentieth; the warm-up has a rise and fall of its own."""

    if step < options.warmup_steps:
        share = step / options.warmup_steps
        rise = min(1.0, (step + 1) / 50)
        return options.warmup_learning_rate * rise * (0.05 + 0.95 * math.cos(share * math.pi / 2))
    start = options.warmup_steps + (1 - options.decay_share) * (
        options.steps - options.warmup_steps
    )
    share = max(0.0, (step - start) / max(1.0, options.steps - start))
    return options.learning_rate * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * min(1.0, share))))


def teacher_weight(options: TrainingOptions, step: int) -> float:
    """The landmarks' weight: they seed the keypoints and then let go, but for a tenth."""
    after = max(0, step - options.warmup_steps)
    share = 0.1 + 0.9 * math.pow(0.5, after / options.teacher_half_life)
    return options.teacher_weight * share
