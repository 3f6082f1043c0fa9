"""Two ways to run a network behind one interface: onnxruntime and torch."""

from __future__ import annotations

import importlib.util
import json
from importlib.resources import files
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from framework.errors import ComponentError, WeightsError
from framework_fer import weightfile
from framework_fer.votes import OUTPUTS
from framework_fer.weightfile import Description

Choice = Literal["auto", "onnxruntime", "torch"]


class Runtime(Protocol):
    """A loaded network.

    Attributes:
        name: ``onnxruntime`` or ``torch``.
    """

    name: str

    def logits(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Logits (n, 17) of normalised faces (n, 1, side, side)."""
        ...


def choose(wanted: Choice, device: str) -> Literal["onnxruntime", "torch"]:
    """The runtime to use: onnxruntime on a processor, torch on a GPU, else whichever is installed.

    Raises:
        ComponentError: the wanted one, or any, is not installed.
    """
    installed = {
        name: importlib.util.find_spec(name) is not None for name in ("onnxruntime", "torch")
    }
    if wanted != "auto":
        if not installed[wanted]:
            raise ComponentError(
                f"runtime {wanted}: not installed; pip install {wanted}, or -o fer.runtime=auto"
            )
        return wanted
    if installed["torch"] and (device == "cuda" or (device == "auto" and _cuda())):
        return "torch"
    if installed["onnxruntime"]:
        return "onnxruntime"
    if installed["torch"]:
        return "torch"
    raise ComponentError("the classifiers need onnxruntime or torch; pip install onnxruntime")


def _cuda() -> bool:
    # Importing torch costs a second. A machine without the driver's device has no use for it.
    if not Path("/dev/nvidia0").exists() and not Path("/dev/nvidiactl").exists():
        return False
    import torch

    return bool(torch.cuda.is_available())


class TorchRuntime:
    """The network in torch.

    Args:
        path: of the weight file, for messages.
        tensors: see :func:`framework_fer.weightfile.read`.
        description: the same.
        device: ``cpu`` or ``cuda``.
        threads: on the processor; 0 leaves torch's setting.

    Raises:
        WeightsError: layers that differ from the architecture's.
        ComponentError: a GPU was asked for and there is none.
    """

    name = "torch"

    def __init__(
        self,
        path: Path,
        tensors: dict[str, NDArray[np.float32]],
        description: Description,
        device: str = "cpu",
        threads: int = 0,
    ) -> None:
        import torch

        from framework_fer.networks import build_network

        if device == "cuda" and not torch.cuda.is_available():
            raise ComponentError("device cuda: torch finds no GPU; use --device cpu")
        if threads:
            torch.set_num_threads(threads)
        network = build_network(description.architecture)
        state = network.state_dict()
        expected = {
            name: tuple(values.shape)
            for name, values in state.items()
            if values.dtype.is_floating_point
        }
        weightfile.require_tensors(path, tensors, expected)
        state.update({name: torch.from_numpy(values) for name, values in tensors.items()})
        network.load_state_dict(state)
        self._device = torch.device(device)
        self._network = network.eval().to(self._device)
        self._network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def logits(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """See :class:`Runtime`."""
        import torch

        if len(inputs) == 0:
            return np.zeros((0, OUTPUTS), np.float32)
        with torch.inference_mode():
            faces = torch.from_numpy(np.ascontiguousarray(inputs)).to(self._device)
            out = self._network(faces.contiguous(memory_format=torch.channels_last))
        return np.asarray(out.float().cpu().numpy(), np.float32)


class OnnxRuntime:
    """The network in onnxruntime, on the processor.

    Args:
        path: of the weight file, for messages.
        tensors: see :func:`framework_fer.weightfile.read`.
        description: the same.
        threads: 0 leaves the library's setting.
        int8: a self-contained quantised graph to use instead of the weights.

    Raises:
        WeightsError: layers that differ from the architecture's.
    """

    name = "onnxruntime"

    def __init__(
        self,
        path: Path,
        tensors: dict[str, NDArray[np.float32]],
        description: Description,
        threads: int = 0,
        int8: Path | None = None,
    ) -> None:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        if threads:
            options.intra_op_num_threads = threads
            options.inter_op_num_threads = 1
        if int8 is not None:
            graph = int8.read_bytes()
        else:
            graph = graph_file(description.architecture, "onnx").read_bytes()
            wanted = weight_shapes(description.architecture)
            weightfile.require_tensors(path, tensors, wanted)
            self._values = [
                onnxruntime.OrtValue.ortvalue_from_numpy(np.ascontiguousarray(tensors[name]))
                for name in wanted
            ]
            options.add_external_initializers(list(wanted), self._values)
        self._session = onnxruntime.InferenceSession(
            graph, options, providers=["CPUExecutionProvider"]
        )

    def logits(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """See :class:`Runtime`."""
        if len(inputs) == 0:
            return np.zeros((0, OUTPUTS), np.float32)
        (out,) = self._session.run(["logits"], {"faces": np.ascontiguousarray(inputs)})
        return np.asarray(out, np.float32)


def graph_file(architecture: str, suffix: str) -> Path:
    """Where the graph of an architecture (``onnx``), or the list of its weights (``json``), lies.

    Raises:
        WeightsError: the installation is incomplete.
    """
    path = Path(str(files("framework_fer"))) / "graphs" / f"{architecture}.{suffix}"
    if not path.is_file():
        raise WeightsError(f"graph {path.name}: not found in framework_fer; reinstall the package")
    return path


def weight_shapes(architecture: str) -> dict[str, tuple[int, ...]]:
    """Name and shape of every weight that the graph of an architecture takes."""
    listed = json.loads(graph_file(architecture, "json").read_text(encoding="utf-8"))
    return {name: tuple(shape) for name, shape in listed.items()}
