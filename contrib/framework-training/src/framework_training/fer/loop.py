"""The training loop: network, optimiser, moving average, a checkpoint after each epoch."""

from __future__ import annotations

import copy
import json
import math
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from framework_fer.votes import HEADS, OUTPUTS
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader

from framework.errors import UserError
from framework_training.fer.batches import TrainingBatches
from framework_training.fer.recipe import Recipe

CHECKPOINT = "checkpoint.pt"
REPORT_EVERY = 50
"""Steps between two lines of progress on standard error."""
_DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16}


class Trainer:
    """State of a training that can be saved and continued.

    Args:
        network: initialised, on ``device``.
        recipe: see :class:`Recipe`.
        device: ``cpu`` or ``cuda``.
        folder: where the checkpoint lies.
        rank, world: this process's number and how many there are (data parallel, gloo).
        movements: count of facial movements that are learned besides (multi-task learning, Caruana
            1997): targets are that much wider, and a further layer that is not kept forecasts them.
    """

    def __init__(
        self,
        network: nn.Module,
        recipe: Recipe,
        device: torch.device,
        folder: Path,
        rank: int = 0,
        world: int = 1,
        movements: int = 0,
    ) -> None:
        self.recipe, self.device, self.folder = recipe, device, folder
        self.rank, self.world = rank, world
        self.network = network.to(device)
        self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = copy.deepcopy(self.network)
        last: Any = network.fc
        self.movements = nn.Linear(last.in_features, movements).to(device) if movements else None
        self.learned = [
            *network.parameters(),
            *(self.movements.parameters() if self.movements is not None else ()),
        ]
        filters = [p for p in self.learned if p.ndim > 1]
        others = [p for p in self.learned if p.ndim <= 1]
        self.optimiser = torch.optim.SGD(
            [
                {"params": filters, "weight_decay": recipe.weight_decay},
                {"params": others, "weight_decay": 0.0},
            ],
            lr=recipe.learning_rate,
            momentum=recipe.momentum,
            nesterov=recipe.momentum > 0,
        )
        self.scaler = torch.amp.GradScaler(device.type, enabled=recipe.precision == "float16")
        self.epoch = 0
        self.steps = 0

    def fit(
        self,
        batches: Callable[[int, int], TrainingBatches],
        after_epoch: Callable[[int, float], None],
        workers: int = 0,
        stop_after_s: float = math.inf,
    ) -> None:
        """Train until the recipe's epochs are done.

        Args:
            batches: gives the batches for an epoch and a side.
            after_epoch: called with the epoch and its mean loss, in the process of rank 0.
            workers: loader processes; 0 prepares batches between steps.
            stop_after_s: no further epoch is begun after this many seconds.
        """
        began = time.monotonic()
        while self.epoch < self.recipe.epochs:
            early = self.epoch < round(self.recipe.epochs * self.recipe.first_share)
            side = self.recipe.first_side if early else self.recipe.side
            source = batches(self.epoch, side)
            loss = self._epoch(source, workers)
            self.epoch += 1
            if self.rank == 0:
                after_epoch(self.epoch, loss)
                self.save()
            if time.monotonic() - began > stop_after_s:
                break

    def _epoch(self, source: TrainingBatches, workers: int) -> float:
        loader: DataLoader[Any] = DataLoader(
            source,  # type: ignore[arg-type]  # a map-style data set by its methods
            batch_size=None,
            sampler=range(len(source)),
            num_workers=workers,
            prefetch_factor=4 if workers else None,
            pin_memory=self.device.type == "cuda",
        )
        self.network.train()
        total = 0.0
        began = time.monotonic()
        for step, (inputs, targets) in enumerate(loader, start=1):
            total += self._step(inputs, targets, len(source))
            if step % REPORT_EVERY == 0 and self.rank == 0:
                speed = step * self.recipe.batch / (time.monotonic() - began)
                print(
                    f"epoch {self.epoch + 1} step {step}/{len(source)} loss {total / step:.4f} "
                    f"{speed:.0f} faces/s",
                    file=sys.stderr,
                    flush=True,
                )
        return total / len(source)

    def _step(self, inputs: Tensor, targets: Tensor, steps_an_epoch: int) -> float:
        recipe = self.recipe
        inputs = inputs.to(self.device, non_blocking=True, memory_format=torch.channels_last)
        targets = targets.to(self.device, non_blocking=True)
        for group in self.optimiser.param_groups:
            group["lr"] = self._learning_rate(steps_an_epoch)
        network: Any = self.network
        with self._autocast():
            features = network.features(inputs)
            logits = network.fc(network.drop(features))
        loss = cross_entropy(logits.float(), targets[:, :OUTPUTS], recipe.smoothing)
        if self.movements is not None:
            forecast = self.movements(features.float())
            loss = loss + recipe.movements * movement_loss(forecast, targets[:, OUTPUTS:])
        self.optimiser.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        self.scaler.unscale_(self.optimiser)
        self._share_gradients()
        nn.utils.clip_grad_norm_(self.learned, recipe.clip)
        self.scaler.step(self.optimiser)
        self.scaler.update()
        self.steps += 1
        self._share_weights(last=self.steps % steps_an_epoch == 0)
        self._update_average()
        return float(loss.detach())

    def _learning_rate(self, steps_an_epoch: int) -> float:
        """Linear warm-up over one epoch, then half a cosine (Loshchilov and Hutter 2017)."""
        total = steps_an_epoch * self.recipe.epochs
        warm = min(1.0, (self.steps + 1) / steps_an_epoch)
        return self.recipe.learning_rate * warm * 0.5 * (1 + math.cos(math.pi * self.steps / total))

    def _autocast(self) -> Any:
        if self.recipe.precision == "float32":
            return nullcontext()
        return torch.autocast(self.device.type, _DTYPES[self.recipe.precision])

    def _share_gradients(self) -> None:
        if self.world > 1 and self.recipe.sync_every == 1:
            _averaged([p.grad for p in self.learned if p.grad is not None], self.world)

    @torch.no_grad()
    def _share_weights(self, last: bool) -> None:
        if self.world == 1 or self.recipe.sync_every == 1:
            return
        if last or self.steps % self.recipe.sync_every == 0:
            state = [*self.network.state_dict().values()]
            if self.movements is not None:
                state += self.movements.state_dict().values()
            _averaged([values for values in state if values.dtype.is_floating_point], self.world)

    @torch.no_grad()
    def _update_average(self) -> None:
        decay = min(self.recipe.average, (1 + self.steps) / (10 + self.steps))
        own, averaged = self.network.state_dict(), self.average.state_dict()
        for name, values in averaged.items():
            if values.dtype.is_floating_point:
                values.lerp_(own[name], 1 - decay)
            else:
                values.copy_(own[name])

    def save(self) -> None:
        """Write the checkpoint, under a temporary name first."""
        state = {
            "recipe": self.recipe.model_dump_json(),
            "epoch": self.epoch,
            "steps": self.steps,
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
            "scaler": self.scaler.state_dict(),
            "movements": {} if self.movements is None else self.movements.state_dict(),
        }
        partial = self.folder / f"{CHECKPOINT}.partial"
        torch.save(state, partial)
        partial.replace(self.folder / CHECKPOINT)

    def resume(self) -> bool:
        """Continue from the folder's checkpoint, if there is one.

        Raises:
            UserError: it was made with another recipe.
        """
        path = self.folder / CHECKPOINT
        if not path.is_file():
            return False
        state = torch.load(path, map_location=self.device, weights_only=True)
        before = Recipe.model_validate(json.loads(state["recipe"]))
        if before != self.recipe:
            changed = sorted(
                name
                for name in Recipe.model_fields
                if getattr(before, name) != getattr(self.recipe, name)
            )
            raise UserError(
                f"--resume: the checkpoint in {self.folder.name} was made with other values of "
                f"{', '.join(changed)}; give the same ones or another --out"
            )
        self.network.load_state_dict(state["network"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.scaler.load_state_dict(state["scaler"])
        if self.movements is not None:
            self.movements.load_state_dict(state["movements"])
        self.epoch, self.steps = int(state["epoch"]), int(state["steps"])
        return True


def cross_entropy(logits: Tensor, targets: Tensor, smoothing: float = 0.0) -> Tensor:
    """Mean over the faces of the sum of both heads' cross-entropies.

    Args:
        logits: (n, 17), see :mod:`framework_fer.votes`.
        targets: (n, 17); a head whose targets sum to less than 1 counts less.
        smoothing: share of each head's targets that is spread over its classes.
    """
    total = logits.new_zeros(())
    for head in HEADS:
        wanted = targets[:, head]
        mass = wanted.sum(dim=1, keepdim=True)
        wanted = wanted * (1 - smoothing) + mass * (smoothing / wanted.shape[1])
        total = total - (wanted * functional.log_softmax(logits[:, head], dim=1)).sum(dim=1).mean()
    return total


def movement_loss(forecast: Tensor, scores: Tensor) -> Tensor:
    """Mean binary cross-entropy of the known scores; 0 where none is known.

    Args:
        forecast: (n, k) logits.
        scores: (n, k), 0 to 1, NaN where unknown.
    """
    known = torch.isfinite(scores)
    wanted = torch.where(known, scores, torch.zeros_like(scores))
    each = functional.binary_cross_entropy_with_logits(forecast, wanted, reduction="none")
    return (each * known).sum() / known.sum().clamp(min=1)


def _averaged(tensors: list[Tensor], world: int) -> None:
    """Replace each tensor by its mean over the processes."""
    flat = torch.cat([values.reshape(-1) for values in tensors])
    dist.all_reduce(flat)
    flat /= world
    at = 0
    for values in tensors:
        values.copy_(flat[at : at + values.numel()].view_as(values))
        at += values.numel()


@torch.inference_mode()
def logits_of(
    network: nn.Module, inputs: NDArray[np.float32], device: torch.device, batch: int = 128
) -> NDArray[np.float32]:
    """Logits in float32, (n, classes), in evaluation mode."""
    network.eval()
    rows = []
    for start in range(0, len(inputs), batch):
        piece = torch.from_numpy(inputs[start : start + batch]).to(device)
        rows.append(network(piece.to(memory_format=torch.channels_last)).float().cpu().numpy())
    return np.concatenate(rows).astype(np.float32)
