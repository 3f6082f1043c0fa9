"""Reads the weight file of ``expression``: a safetensors file with a network and its names."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from framework.errors import WeightsError
from framework_measures.mesh import POINTS
from framework_measures.network import ExpressionNetwork

FORMAT = "framework-expression-measurer"


@dataclass(frozen=True)
class Loaded:
    """A network and what its outputs are called.

    Attributes:
        coefficients, votes: names, in the order of the network's outputs.
        reference: (478, 3) the mean neutral face, frontal, in eye units.
    """

    network: ExpressionNetwork
    coefficients: tuple[str, ...]
    votes: tuple[str, ...]
    reference: NDArray[np.float64]


def load(path: Path) -> Loaded:
    """Read a weight file; the network is ready to measure.

    Raises:
        WeightsError: the file is missing, broken, or of another network.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            about = file.metadata() or {}
            tensors = {name: file.get_tensor(name).float() for name in file.keys()}  # noqa: SIM118
    except (OSError, SafetensorError) as error:
        raise WeightsError(f"{path.name}: can't be read as safetensors ({error})") from None
    if about.get("format") != FORMAT:
        raise WeightsError(f"{path.name}: expected weights of the measurer 'expression'")
    coefficients = tuple(json.loads(about["coefficients"]))
    votes = tuple(json.loads(about["votes"]))
    reference = tensors.pop("reference", None)
    if reference is None or tuple(reference.shape) != (POINTS, 3):
        raise WeightsError(f"{path.name}: expected a reference face of {POINTS} points")
    network = ExpressionNetwork(len(coefficients), len(votes))
    counters = {k: v for k, v in network.state_dict().items() if k.endswith("num_batches_tracked")}
    try:
        network.load_state_dict({**counters, **tensors})
    except RuntimeError as error:
        first = str(error).strip().splitlines()[-1].strip()
        raise WeightsError(f"{path.name}: doesn't fit the network ({first})") from None
    return Loaded(network.eval(), coefficients, votes, reference.double().numpy())


def save(path: Path, loaded: Loaded) -> None:
    """Write a weight file, in half precision and without what training alone needs."""
    import torch
    from safetensors.torch import save_file

    tensors = {
        name: value.half().contiguous()
        for name, value in loaded.network.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    tensors["reference"] = torch.from_numpy(loaded.reference).float()
    about = {
        "format": FORMAT,
        "coefficients": json.dumps(loaded.coefficients),
        "votes": json.dumps(loaded.votes),
    }
    save_file(tensors, path, about)
