"""Every number a training depends on, in one place and in the checkpoint."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Recipe(BaseModel):
    """How a network is trained."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    architecture: str = Field(default="face-resnet29", description="see framework_fer.networks")
    side: int = Field(default=96, ge=32, le=512, description="side of the input, pixels")
    first_side: int = Field(
        default=64, ge=32, le=512, description="side during the first epochs, pixels"
    )
    first_share: float = Field(
        default=0.45, ge=0, le=1, description="share of the epochs with the first side"
    )
    epochs: int = Field(default=20, ge=1, le=1000, description="passes over the training faces")
    batch: int = Field(default=128, ge=2, le=4096, description="faces in a step")
    learning_rate: float = Field(default=0.02, gt=0, le=10, description="peak, of SGD")
    momentum: float = Field(default=0.9, ge=0, lt=1, description="Nesterov momentum")
    weight_decay: float = Field(
        default=5e-4, ge=0, le=1, description="of filters; scales and shifts have none"
    )
    smoothing: float = Field(
        default=0.0, ge=0, lt=1, description="share of each target spread over all classes"
    )
    mixup: float = Field(default=0.2, ge=0, le=10, description="Beta parameter; 0: no mixup")
    dropout: float = Field(default=0.3, ge=0, lt=1, description="before the last layer")
    balance: float = Field(
        default=0.25, ge=0, le=1, description="0: faces equally often, 1: classes equally often"
    )
    average: float = Field(
        default=0.998, ge=0, lt=1, description="decay of the moving average of the weights"
    )
    clip: float = Field(default=5.0, gt=0, description="largest norm of the gradient")
    distil: float = Field(
        default=0.5, ge=0, le=1, description="weight of the teacher's answers in the targets"
    )
    degradation: float = Field(
        default=0.3, ge=0, le=1, description="chance that a face is blurred, darkened, hidden, ..."
    )
    jitter: float = Field(
        default=1.0,
        ge=0,
        le=2,
        description="scale of random zoom, shift, rotation, light and erasing; 0: none",
    )
    second_head: float = Field(
        default=0.3, ge=0, le=10, description="weight of the loss on FER2013's own labels"
    )
    movements: float = Field(
        default=3.0,
        ge=0,
        le=100,
        description="weight of the mean loss over facial movements, where the data have scores",
    )
    sync_every: int = Field(
        default=1,
        ge=1,
        le=1000,
        description="processes share gradients in each step (1), or average their weights after so "
        "many steps (local SGD, Stich 2019), which waits less on a busy machine",
    )
    held_out: float = Field(
        default=0.09,
        gt=0,
        lt=0.9,
        description="share of the groups kept for tuning and calibration",
    )
    seed: int = Field(default=1, ge=0, description="of every random choice but the next")
    split_seed: int | None = Field(
        default=None,
        ge=0,
        description="of the choice of held-out faces; none: the seed. Networks that are to be "
        "compared or joined need the same faces held out",
    )
    precision: Literal["float32", "bfloat16", "float16"] = Field(
        default="float32", description="of the network's arithmetic; weights stay float32"
    )

    @property
    def division(self) -> int:
        """Seed of the division into faces to learn from and faces to tune on."""
        return self.seed if self.split_seed is None else self.split_seed
