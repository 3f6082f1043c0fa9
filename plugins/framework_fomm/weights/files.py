"""Weight files of the swap: the authors' checkpoint, and ours.

``*.safetensors``
    Ours. The metadata key ``config`` holds the :class:`FommConfig` as JSON, so that a file says
    itself how large its network is.
anything else
    A checkpoint as the authors publish it (``vox-cpk.pth.tar``): a dict with the state of
    ``generator`` and ``kp_detector``, in the official configuration. It is read with
    ``weights_only``: a pickle that wants to run code is refused.
"""

from __future__ import annotations

import dataclasses
import json
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from framework.errors import WeightsError
from framework_fomm.model import Fomm, FommConfig

ENTRIES = ("generator", "kp_detector")
FORMAT = "fomm"


def load_model(path: Path, align_corners: bool | None = None) -> Fomm:
    """The network of a weight file, in float32 and evaluation mode, on the CPU.

    Args:
        align_corners: overrides what the file says.

    Raises:
        WeightsError: no such file, another kind of file, missing or surplus tensors, or tensors of
            another size; the message names the first of them.
    """
    if not path.is_file():
        raise WeightsError(f"weights {path.name}: no such file; check the path")
    if path.suffix == ".safetensors":
        config, state = _read_safetensors(path)
    else:
        config, state = FommConfig(), _read_checkpoint(path)
    if align_corners is not None:
        config = dataclasses.replace(config, align_corners=align_corners)
    with torch.device("meta"):  # the shapes alone: the file brings the values
        model = Fomm(config)
    _check(model.state_dict(), state, path.name)
    state = {name: tensor.float() for name, tensor in state.items()}
    for name, tensor in model.state_dict().items():
        if name.endswith("num_batches_tracked"):
            state.setdefault(name, torch.zeros(tensor.shape, dtype=tensor.dtype))
    for name, tensor in state.items():
        if not torch.isfinite(tensor).all():
            raise WeightsError(f"weights {path.name}: {name} holds values that aren't finite")
    model.load_state_dict(state, assign=True)
    return model.eval().requires_grad_(False)


def save_model(
    model: Fomm,
    path: Path,
    *,
    licence: str,
    trained_on: list[str],
    dtype: torch.dtype = torch.float16,
) -> None:
    """Write our format; the inverse of :func:`load_model` but for the rounding to ``dtype``."""
    from safetensors.torch import save_file

    state = {
        name: tensor.detach().to("cpu", dtype).contiguous()
        for name, tensor in model.state_dict().items()
        if not name.endswith("num_batches_tracked")
    }
    metadata = {
        "format": FORMAT,
        "config": json.dumps(model.config.to_dict()),
        "licence": licence,
        "trained_on": json.dumps(trained_on),
    }
    temporary = path.with_name(path.name + ".part")
    save_file(state, temporary, metadata=metadata)
    temporary.replace(path)


def _read_safetensors(path: Path) -> tuple[FommConfig, dict[str, Tensor]]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
            state = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"weights {path.name}: not a safetensors file ({error})") from None
    if "config" not in metadata:
        raise WeightsError(
            f"weights {path.name}: expected the model's size under 'config' in the metadata; "
            f"this file is not one of the swap's"
        )
    try:
        config = FommConfig.from_dict(json.loads(metadata["config"]))
    except (ValueError, TypeError) as error:
        raise WeightsError(f"weights {path.name}: unusable configuration: {error}") from None
    return config, state


def _read_checkpoint(path: Path) -> dict[str, Tensor]:
    expected = "expected a First Order Motion Model checkpoint such as vox-cpk.pth.tar"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # they are about what the error says better
            content = torch.load(path, map_location="cpu", weights_only=True)
    except OSError as error:
        raise WeightsError(f"weights {path.name}: {error.strerror or error}") from None
    except Exception as error:  # junk makes the unpickler fail in every way there is
        reason = (str(error).strip() or type(error).__name__).split("\n")[0][:120]
        raise WeightsError(f"weights {path.name}: {expected} ({reason})") from None
    missing = [e for e in ENTRIES if not _is_state(content, e)]
    if missing:
        raise WeightsError(f"weights {path.name}: {expected}; it has no '{missing[0]}' state")
    return {
        # a model saved from DataParallel has 'module.' before each name
        f"{entry}.{name.removeprefix('module.')}": tensor
        for entry in ENTRIES
        for name, tensor in content[entry].items()
    }


def _is_state(content: Any, entry: str) -> bool:
    if not isinstance(content, Mapping) or not isinstance(content.get(entry), Mapping):
        return False
    return all(
        isinstance(k, str) and isinstance(v, Tensor) for k, v in content[entry].items()
    ) and bool(content[entry])


def _check(wanted: Mapping[str, Tensor], got: Mapping[str, Tensor], file: str) -> None:
    missing = [n for n in wanted if n not in got and not n.endswith("num_batches_tracked")]
    surplus = [n for n in got if n not in wanted]
    sizes = [n for n in wanted if n in got and wanted[n].shape != got[n].shape]
    if sizes:
        name = sizes[0]
        raise WeightsError(
            f"weights {file}: of another size: {name} is {tuple(got[name].shape)}, "
            f"expected {tuple(wanted[name].shape)} ({len(sizes)} tensors differ)"
        )
    if missing or surplus:
        what = f"{missing[0]} is missing" if missing else f"{surplus[0]} is not known"
        raise WeightsError(
            f"weights {file}: another network: {what} "
            f"({len(missing)} tensors missing, {len(surplus)} too many)"
        )
