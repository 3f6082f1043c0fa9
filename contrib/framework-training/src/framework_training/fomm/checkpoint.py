"""Saving and resuming a training, such that the last good checkpoint always survives."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import torch
from framework_fomm.model import Fomm, FommConfig
from torch import nn

from framework.errors import MediaError, WeightsError

FORMAT = "fomm-training-1"
NAME = "checkpoint.pt"


class Average:
    """Exponential moving average of weights and batch-norm statistics (Polyak and Juditsky, 1992).

    The decay grows from 0 to its final value, so that the random start is forgotten at once.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay, self.updates = decay, 0
        self.state = {k: v.detach().clone() for k, v in model.state_dict().items()}

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Take one step towards ``model``."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        for name, value in model.state_dict().items():
            if value.dtype.is_floating_point:
                self.state[name].lerp_(value.detach(), 1 - decay)
            else:
                self.state[name].copy_(value)


@dataclasses.dataclass
class Progress:
    """What a checkpoint holds besides the settings."""

    step: int
    seconds: float
    model: dict[str, torch.Tensor]
    average: dict[str, torch.Tensor]
    average_updates: int
    optimizer: dict[str, Any]
    judge: dict[str, torch.Tensor] | None = None
    judge_optimizer: dict[str, Any] | None = None


def save(folder: Path, config: FommConfig, progress: Progress) -> Path:
    """Write ``checkpoint.pt`` under a temporary name, then rename.

    Raises:
        MediaError: the disk is full or not writable; the checkpoint before is untouched.
    """
    path, part = folder / NAME, folder / (NAME + ".part")
    content = {
        "format": FORMAT,
        "config": json.dumps(config.to_dict()),
        **{f.name: getattr(progress, f.name) for f in dataclasses.fields(progress)},
    }
    try:
        with part.open("wb") as file:
            torch.save(content, file)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except (OSError, RuntimeError) as error:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
        kept = "; the checkpoint before it is kept" if path.exists() else ""
        raise MediaError(f"can't write {path}: {error}{kept}") from None
    return path


def load(folder: Path, config: FommConfig) -> Progress | None:
    """The checkpoint of a folder, None if it has none.

    Raises:
        WeightsError: it is no checkpoint of this program, or one of another configuration.
    """
    path = folder / NAME
    if not path.exists():
        return None
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise KeyError("format")
        saved = json.loads(content["config"])
        progress = Progress(**{f.name: content[f.name] for f in dataclasses.fields(Progress)})
    except (
        KeyError,
        TypeError,
        ValueError,
        RuntimeError,
        IndexError,  # what the restricted unpickler raises on some junk
        EOFError,
        OSError,
        pickle.UnpicklingError,
        zipfile.BadZipFile,
    ) as error:
        reason = str(error).strip().split("\n")[0][:100]
        raise WeightsError(
            f"{path} is no checkpoint of this program ({reason}): train into another folder"
        ) from None
    wanted = json.loads(json.dumps(config.to_dict()))
    differ = sorted(k for k in wanted.keys() | saved.keys() if wanted.get(k) != saved.get(k))
    if differ:
        name = differ[0]
        raise WeightsError(
            f"{path} is of another configuration: {name} is {saved.get(name)}, asked for is "
            f"{wanted.get(name)} ({len(differ)} settings differ): train into another folder"
        )
    return progress


def start_from(path: Path, config: FommConfig) -> tuple[dict[str, torch.Tensor], bool]:
    """The weights of a finished file, to fine-tune, and whether what is fitted
    (:mod:`framework_training.fomm.fit`) is among them: older files have none.

    Raises:
        WeightsError: the size of the network differs.
    """
    from framework_fomm.weights import load_model

    model: Fomm = load_model(path)
    fitted = ("followers", "crease_size", "crease_strength")
    older = not model.config.followers and not model.config.crease_size
    room = {name: getattr(config, name) for name in fitted} if older else {}
    like = dataclasses.replace(model.config, **room)
    if like != config:
        wanted, saved = config.to_dict(), model.config.to_dict()
        name = next(k for k in wanted if wanted[k] != saved[k] and not (older and k in fitted))
        raise WeightsError(
            f"weights {path.name}: of another configuration: {name} is {saved[name]}, asked for is "
            f"{wanted[name]}"
        )
    complete = like == model.config
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}, complete
