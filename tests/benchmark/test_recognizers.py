"""The reference recognisers keep their contract; a network the user brings is read as it is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
from framework_recognizers.lbp import uniform_codes
from onnx import TensorProto, helper

from framework import ComponentError, Kind, Registry, WeightsError
from framework.testing import conformance


@conformance("recognizer:lbp")
def test_lbp_contract(check) -> None:  # type: ignore[no-untyped-def]
    check()


def test_uniform_patterns_are_fifty_eight_and_a_rest() -> None:
    codes = uniform_codes()
    assert sorted(set(codes.tolist())) == list(range(59))
    assert (codes == 58).sum() == 256 - 58


def test_lbp_ignores_brightness_and_contrast() -> None:
    recognizer = Registry.load(only=()).create(Kind.RECOGNIZER, "lbp")
    rng = np.random.default_rng(0)
    face = rng.integers(60, 160, (112, 112, 3)).astype(np.uint8)
    grey = np.repeat(face[..., :1], 3, axis=2)
    brighter = (grey.astype(int) + 40).astype(np.uint8)
    a, b, c = recognizer.embed([grey, brighter, rng.integers(0, 255, face.shape).astype(np.uint8)])
    assert a @ b == pytest.approx(1.0, abs=1e-3)
    assert a @ c < a @ b


def _network(
    path: Path, *, channels_last: bool = False, batch: object = "n", out: int = 32
) -> Path:
    """Pools the picture to 4 x 4 and projects it."""
    shape = [batch, 112, 112, 3] if channels_last else [batch, 3, 112, 112]
    weights = np.random.default_rng(0).normal(size=(48, out)).astype(np.float32)
    nodes = []
    source = "x"
    if channels_last:
        nodes.append(helper.make_node("Transpose", ["x"], ["t"], perm=[0, 3, 1, 2]))
        source = "t"
    nodes += [
        helper.make_node("AveragePool", [source], ["p"], kernel_shape=[28, 28], strides=[28, 28]),
        helper.make_node("Flatten", ["p"], ["f"]),
        helper.make_node("MatMul", ["f", "w"], ["y"]),
    ]
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [batch, out])],
        [helper.make_tensor("w", TensorProto.FLOAT, weights.shape, weights.ravel())],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    onnx.save(model, path)
    return path


def _create(path: Path, **options: object) -> object:
    registry = Registry.load(only=())
    return registry.create(Kind.RECOGNIZER, "arcface-onnx", {"path": str(path), **options})


def test_layouts_and_fixed_batches_give_the_same(tmp_path: Path) -> None:
    faces = [np.random.default_rng(i).integers(0, 255, (112, 112, 3), np.uint8) for i in range(5)]
    plain = _create(_network(tmp_path / "a.onnx")).embed(faces)  # type: ignore[attr-defined]
    last = _create(_network(tmp_path / "b.onnx", channels_last=True)).embed(faces)  # type: ignore[attr-defined]
    fixed = _create(_network(tmp_path / "c.onnx", batch=2)).embed(faces)  # type: ignore[attr-defined]
    assert plain.shape == (5, 32)
    assert np.allclose(np.linalg.norm(plain, axis=1), 1, atol=1e-6)
    assert np.allclose(plain, last, atol=1e-5)
    assert np.allclose(plain, fixed, atol=1e-5)


def test_preprocessing_matters_and_flip_makes_mirror_images_alike(tmp_path: Path) -> None:
    path = _network(tmp_path / "a.onnx")
    face = np.random.default_rng(1).integers(0, 255, (112, 112, 3), np.uint8)
    face[:, :56] //= 3
    face[..., 0] //= 2  # less blue than red
    rgb = _create(path).embed([face])[0]  # type: ignore[attr-defined]
    bgr = _create(path, colour="bgr").embed([face])[0]  # type: ignore[attr-defined]
    assert rgb @ bgr < 0.999
    both = _create(path, flip=True).embed([face, face[:, ::-1].copy()])  # type: ignore[attr-defined]
    assert both[0] @ both[1] == pytest.approx(1.0, abs=1e-4)


def test_wrong_files_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no such file"):
        _create(tmp_path / "none.onnx")
    (tmp_path / "text.onnx").write_text("no network")
    with pytest.raises(WeightsError, match="no ONNX network"):
        _create(tmp_path / "text.onnx")
    few = _create(_network(tmp_path / "few.onnx", out=7))
    with pytest.raises(ComponentError, match="not a recognition network"):
        few.embed([np.zeros((112, 112, 3), np.uint8)])  # type: ignore[attr-defined]
    small = _create(_network(tmp_path / "a.onnx"), size=64)
    with pytest.raises(ComponentError, match="refuses the input"):
        small.embed([np.zeros((64, 64, 3), np.uint8)])  # type: ignore[attr-defined]
