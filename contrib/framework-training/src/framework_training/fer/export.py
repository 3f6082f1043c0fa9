"""``python -m framework_training.fer.export``: networks as ONNX graphs without own weights.

A graph of some kilobytes describes the computation; every weight is an external initialiser that
:mod:`framework_fer.runtime` fills from the safetensors file. One weight file therefore serves both
runtimes, and a hash of it covers both. ``--int8`` writes a self-contained quantised graph instead.
"""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from framework_fer import weightfile
from framework_fer.networks import ARCHITECTURES, build_network
from numpy.typing import NDArray

from framework.errors import EXIT_CANNOT_RUN, UserError
from framework_training.fer import datasets

OPSET = 17
EXTERNAL = "weights.safetensors"
"""Location that the graphs name; never opened, the runtime gives the tensors by name."""


def graph_of(architecture: str, side: int = 112) -> tuple[bytes, dict[str, list[int]]]:
    """The graph of a network without weights, for any batch and side, and its weights' shapes.

    Args:
        architecture: one of :data:`framework_fer.networks.ARCHITECTURES`.
        side: of the picture the network is traced with.
    """
    import onnx

    model = _traced(architecture, None, side, "side")
    names = set(_state_names(architecture))
    for tensor in model.graph.initializer:
        if tensor.name not in names:
            continue
        tensor.ClearField("raw_data")
        tensor.ClearField("float_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        del tensor.external_data[:]
        tensor.external_data.add(key="location", value=EXTERNAL)
    model.doc_string = ""
    for node in model.graph.node:
        # Traces contain source file names of the machine they were made on.
        node.doc_string = ""
    shapes = {t.name: list(t.dims) for t in model.graph.initializer if t.name in names}
    return bytes(model.SerializeToString()), shapes


def _state_names(architecture: str) -> list[str]:
    return [
        name
        for name, values in build_network(architecture).state_dict().items()
        if values.dtype.is_floating_point
    ]


def _traced(
    architecture: str, tensors: dict[str, NDArray[np.float32]] | None, side: int, axis: str | None
) -> Any:
    import onnx
    import torch

    network = build_network(architecture)
    if tensors is not None:
        state = network.state_dict()
        state.update({name: torch.from_numpy(values) for name, values in tensors.items()})
        network.load_state_dict(state)
    else:
        # The exporter merges equal tensors, and fresh normalisations are all alike.
        for number, values in enumerate(network.state_dict().values()):
            if values.dtype.is_floating_point:
                values.uniform_(0.5 + number, 1.5 + number)
    network.eval()
    axes = {0: "faces"} | ({2: axis, 3: axis} if axis else {})
    buffer = io.BytesIO()
    torch.onnx.export(
        network,
        (torch.zeros(2, 1, side, side),),
        buffer,  # type: ignore[arg-type]  # a file object is accepted
        input_names=["faces"],
        output_names=["logits"],
        dynamic_axes={"faces": axes, "logits": {0: "faces"}},
        opset_version=OPSET,
        do_constant_folding=axis is None,
        # Keeps batch normalisations and the names of the weights; the runtime fuses them.
        training=torch.onnx.TrainingMode.EVAL if axis is None else torch.onnx.TrainingMode.PRESERVE,
        dynamo=False,
    )
    return onnx.load_model_from_string(buffer.getvalue())


def quantised(weights: Path, faces: NDArray[np.float32], out: Path) -> None:
    """Write a network with 8-bit weights and activations (QDQ, one scale a filter).

    Args:
        weights: safetensors file.
        faces: (n, 1, side, side) network input by which ranges are set, a few hundred training
        faces. out: the ONNX file.
    """
    import tempfile

    import onnx
    from onnxruntime.quantization import (
        CalibrationDataReader,
        CalibrationMethod,
        QuantFormat,
        QuantType,
        quantize_static,
    )
    from onnxruntime.quantization.shape_inference import quant_pre_process

    tensors, description = weightfile.read(weights)

    class Reader(CalibrationDataReader):  # type: ignore[misc]  # untyped base class
        def __init__(self) -> None:
            self.batches: Iterator[NDArray[np.float32]] = iter(
                np.array_split(faces, max(1, len(faces) // 32))
            )

        def get_next(self) -> dict[str, NDArray[np.float32]] | None:
            batch = next(self.batches, None)
            return None if batch is None else {"faces": batch}

    model = _traced(description.architecture, tensors, description.side, None)
    with tempfile.TemporaryDirectory() as folder:
        plain, ready = Path(folder) / "plain.onnx", Path(folder) / "ready.onnx"
        onnx.save(model, plain)
        quant_pre_process(str(plain), str(ready), skip_symbolic_shape=True)
        partial = Path(folder) / "int8.onnx"
        quantize_static(
            str(ready),
            str(partial),
            Reader(),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            calibrate_method=CalibrationMethod.Percentile,
            extra_options={"CalibPercentile": 99.99},
        )
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_bytes(partial.read_bytes())


def main(
    out: Annotated[Path, typer.Option(help="folder for the graphs")],
    int8: Annotated[
        Path | None, typer.Option(help="weight file to quantise instead of writing graphs")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="training faces by which --int8 sets its ranges")
    ] = None,
    faces: Annotated[int, typer.Option(min=8, help="how many of them")] = 512,
) -> None:
    """Write the graphs of every architecture, or one quantised network."""
    try:
        if int8 is None:
            out.mkdir(parents=True, exist_ok=True)
            for architecture in ARCHITECTURES:
                graph, shapes = graph_of(architecture)
                (out / f"{architecture}.onnx").write_bytes(graph)
                text = json.dumps(shapes, indent=0, sort_keys=True) + "\n"
                (out / f"{architecture}.json").write_text(text, encoding="utf-8")
            return
        if data is None:
            raise UserError("--int8: expected --data with training faces that set the ranges")
        from framework_training.fer.division import plain_inputs

        _, description = weightfile.read(int8)
        some = datasets.load(data)
        rows = np.random.default_rng(0).permutation(len(some))[:faces]
        inputs = plain_inputs(some.take(np.sort(rows)), description.side)
        quantised(int8, inputs, out / f"{int8.stem}.int8.onnx")
    except UserError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(EXIT_CANNOT_RUN) from error


if __name__ == "__main__":
    typer.run(main)
