"""Networks and descriptions that the tests make for themselves."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

IR_VERSION = 9  # what older runtimes read too


def save(path: Path, nodes: list, output: list, weights: dict, shape: list) -> None:
    """An ONNX file with one input ``x`` and one output ``y``."""
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, output)],
        [numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = IR_VERSION
    onnx.save(model, str(path))


def classifier(folder: Path, *, batch: int | str = "n", labels: int = 3) -> Path:
    """Mean and contrast of a grey crop of 32 pixels, through a matrix. Returns the description."""
    rng = np.random.default_rng(0)
    matrix = (rng.standard_normal((16, labels)) * 3).astype(np.float32)
    save(
        folder / "small.onnx",
        [
            helper.make_node("AveragePool", ["x"], ["p"], kernel_shape=[8, 8], strides=[8, 8]),
            helper.make_node("Flatten", ["p"], ["f"]),
            helper.make_node("MatMul", ["f", "w"], ["y"]),
        ],
        [batch, labels],
        {"w": matrix},
        [batch, 1, 32, 32],
    )
    described = folder / "small.yaml"
    described.write_text(
        "network: small.onnx\nlicence: MIT\n"
        "input: {size: 32, colour: grey, mean: [127.5], std: [127.5]}\n"
        "labels: [happiness, sadness, neutral]\n"
    )
    return described


def anonymizer(folder: Path, *, scale: float = 1.0) -> Path:
    """Averages over 16 x 16 pixels and enlarges again. Returns the description."""
    save(
        folder / "coarse.onnx",
        [
            helper.make_node("AveragePool", ["x"], ["p"], kernel_shape=[16, 16], strides=[16, 16]),
            helper.make_node("Resize", ["p", "", "s"], ["r"], mode="nearest"),
            helper.make_node("Mul", ["r", "g"], ["y"]),
        ],
        [1, 3, 64, 64],
        {
            "s": np.array([1, 1, 16, 16], np.float32),
            "g": np.array([scale], np.float32),
        },
        [1, 3, 64, 64],
    )
    described = folder / "coarse.yaml"
    described.write_text("network: coarse.onnx\nlicence: MIT\ninput: {size: 64}\n")
    return described
