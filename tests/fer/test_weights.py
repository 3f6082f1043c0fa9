"""Weight files: refused unless they are what was expected; equal results in both runtimes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from framework_fer import weightfile
from framework_fer.classifier import build_resnet, load
from framework_fer.config import ClassifierOptions
from framework_fer.framing import Framing
from framework_fer.networks import ARCHITECTURES, build_network
from framework_fer.plugin import RESNET_WEIGHTS, framework_emotion_classifiers
from framework_fer.runtime import OnnxRuntime, TorchRuntime, weight_shapes
from framework_fer.votes import CHOICES, HEADS, OUTPUTS
from safetensors.numpy import save_file

from framework.errors import ComponentError, ConfigError, UserError, WeightsError
from framework.spec import BuildContext, WeightSpec
from framework.types import EMOTIONS
from framework.weights import verified
from tests.fer.synthetic import patterns

ONE_THREAD = BuildContext(threads=1, device="cpu")


def description(**changes: object) -> weightfile.Description:
    values: dict[str, object] = {
        "architecture": "face-resnet29",
        "labels": EMOTIONS,
        "side": 64,
        "votes_temperature": 1.3,
        "unknown_below": 0.4,
        "min_face": 24.0,
        "neutral_profile": (0.0,) * 7,
        "trained_on": ("patterns",),
    }
    return weightfile.Description.model_validate(values | changes)


def tensors(architecture: str, seed: int = 0) -> dict[str, np.ndarray]:
    torch.manual_seed(seed)
    network = build_network(architecture)
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
    return {
        name: values.numpy()
        for name, values in network.state_dict().items()
        if values.dtype.is_floating_point
    }


def written(path: Path, architecture: str = "face-resnet29", **changes: object) -> Path:
    weightfile.write(path, tensors(architecture), description(architecture=architecture, **changes))
    return path


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_both_runtimes_compute_the_same(tmp_path: Path, architecture: str) -> None:
    path = written(tmp_path / "w.safetensors", architecture)
    values, said = weightfile.read(path)
    rng = np.random.default_rng(0)
    for side in (64, 96):
        faces = rng.normal(0, 0.25, (5, 1, side, side)).astype(np.float32)
        by_torch = TorchRuntime(path, values, said, threads=1).logits(faces)
        by_onnx = OnnxRuntime(path, values, said, threads=1).logits(faces)
        assert by_torch.shape == (5, OUTPUTS)
        assert np.abs(by_torch - by_onnx).max() < 1e-4 * max(1.0, np.abs(by_torch).max())
        assert np.abs(by_torch).max() > 1e-3


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_graph_takes_every_weight_of_the_network(architecture: str) -> None:
    assert weight_shapes(architecture) == {n: v.shape for n, v in tensors(architecture).items()}


def test_a_batch_gives_what_single_faces_give(tmp_path: Path) -> None:
    path = written(tmp_path / "w.safetensors")
    rng = np.random.default_rng(1)
    faces = list(rng.integers(0, 256, (7, 112, 112, 3), dtype=np.uint8))
    for name in ("onnxruntime", "torch"):
        options = ClassifierOptions(runtime=name, batch=3)
        classifier = load(path, ("face-resnet29",), options, ONE_THREAD)
        assert classifier.runtime.name == name
        together = classifier.classify(faces)
        alone = np.concatenate([classifier.classify([face]) for face in faces])
        assert np.allclose(together, alone, atol=1e-5)
        assert np.allclose(together.sum(axis=1), 1, atol=1e-5)
        assert classifier.classify([]).shape == (0, 7)


def test_a_bad_face_is_named_by_its_place(tmp_path: Path) -> None:
    classifier = load(
        written(tmp_path / "w.safetensors"), ("face-resnet29",), ClassifierOptions(), ONE_THREAD
    )
    good = np.zeros((112, 112, 3), np.uint8)
    with pytest.raises(UserError, match="face 1: expected finite"):
        classifier.classify([good, np.full((112, 112, 3), np.nan, np.float32)])
    with pytest.raises(UserError, match="at least one pixel"):
        classifier.classify([np.zeros((0, 0, 3), np.uint8)])
    grey = classifier.classify_framed([good[:, :, 0]], Framing.ALIGNED)
    assert np.array_equal(grey, classifier.classify([good]))


def test_votes_and_the_second_head_are_apart_from_the_answers(tmp_path: Path) -> None:
    path = written(tmp_path / "w.safetensors")
    classifier = load(path, ("face-resnet29",), ClassifierOptions(), ONE_THREAD)
    faces = list(np.random.default_rng(2).integers(0, 256, (4, 112, 112, 3), dtype=np.uint8))
    forecast = classifier.votes(faces)
    assert forecast.shape == (4, len(CHOICES))
    assert np.allclose(forecast.sum(axis=1), 1, atol=1e-5)
    logits = classifier.logits(faces, Framing.ALIGNED)[:, HEADS[0]] / 1.3
    assert np.allclose(forecast, torch.from_numpy(logits).softmax(1).numpy(), atol=1e-5)
    answers = classifier.classify(faces)
    classifier.labelling = "fer2013"
    own = classifier.classify(faces)
    assert own.shape == answers.shape == (4, 7)
    assert np.allclose(own.sum(axis=1), 1, atol=1e-5)
    assert np.abs(own - answers).max() > 1e-3


def test_the_options_reach_the_component(tmp_path: Path) -> None:
    path = written(tmp_path / "w.safetensors")
    plain = load(path, ("face-resnet29",), ClassifierOptions(), ONE_THREAD)
    assert plain.unknown_below == 0.4
    assert plain.correction is None
    asked = ClassifierOptions(baseline="auto", baseline_limit=1.0, unknown_below=0.6)
    changed = load(path, ("face-resnet29",), asked, ONE_THREAD)
    assert changed.unknown_below == 0.6
    assert changed.correction is not None
    assert changed.correction.limit == 1.0
    own = build_resnet(ClassifierOptions(weights=path), ONE_THREAD)
    assert own.description.trained_on == ("patterns",)


def test_another_label_set_is_refused_with_the_expected_one(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    other = description().model_dump() | {"labels": ["anger", "joy"]}
    save_file({"a": np.zeros(1, np.float16)}, path, {"fer": json.dumps(other)})
    with pytest.raises(WeightsError, match="expected the labels anger, disgust"):
        weightfile.read(path)


def test_another_architecture_is_refused_with_the_expected_one(tmp_path: Path) -> None:
    path = written(tmp_path / "w.safetensors", "efficientnet-lite0")
    with pytest.raises(WeightsError, match="expected the architecture 'face-resnet29'"):
        load(path, ("face-resnet29",), ClassifierOptions(), ONE_THREAD)
    stranger = description().model_dump() | {"architecture": "vgg"}
    save_file({"a": np.zeros(1, np.float16)}, path, {"fer": json.dumps(stranger)})
    with pytest.raises(WeightsError, match="expected an architecture of face-resnet29"):
        weightfile.read(path)


@pytest.mark.parametrize("runtime", ["onnxruntime", "torch"])
@pytest.mark.parametrize("damage", ["missing", "shape", "nan", "extra"])
def test_damaged_layers_are_refused(tmp_path: Path, runtime: str, damage: str) -> None:
    values = tensors("face-resnet29")
    if damage == "missing":
        del values["fc.bias"]
    elif damage == "shape":
        values["fc.bias"] = np.zeros(8, np.float32)
    elif damage == "nan":
        values["fc.bias"] = np.full(OUTPUTS, np.nan, np.float32)
    else:
        values["more"] = np.zeros(1, np.float32)
    path = tmp_path / "w.safetensors"
    weightfile.write(path, values, description())
    with pytest.raises(WeightsError, match=r"w\.safetensors"):
        load(path, ("face-resnet29",), ClassifierOptions(runtime=runtime), ONE_THREAD)


@pytest.mark.parametrize("content", [b"", b"no safetensors at all", b"\x80\x04\x95pickle"])
def test_what_is_no_weight_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="expected a safetensors file"):
        weightfile.read(path)


def test_a_file_without_description_is_refused(tmp_path: Path) -> None:
    save_file({"a": np.zeros(1, np.float32)}, tmp_path / "w.safetensors")
    with pytest.raises(WeightsError, match="metadata 'fer'"):
        weightfile.read(tmp_path / "w.safetensors")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no such file"):
        build_resnet(ClassifierOptions(weights=tmp_path / "none.safetensors"), ONE_THREAD)


def test_the_shipped_files_have_the_declared_hash_and_load() -> None:
    for spec in framework_emotion_classifiers():
        _, said = weightfile.read(verified(spec.weights[0]))
        assert said.labels == EMOTIONS
        assert 0.2 < said.unknown_below < 0.9
        assert all(verified(weights).stat().st_size < 25e6 for weights in spec.weights)


def test_the_quantised_network_answers_like_the_whole_one() -> None:
    x, _ = patterns(40)
    plain = build_resnet(ClassifierOptions(), ONE_THREAD)
    small = build_resnet(ClassifierOptions(precision="int8"), ONE_THREAD)
    by_plain, by_small = (c.classify_framed(list(x), Framing.TIGHT) for c in (plain, small))
    assert np.abs(by_plain - by_small).mean() < 0.02
    assert (by_plain.argmax(axis=1) == by_small.argmax(axis=1)).mean() >= 0.85


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"precision": "int8", "runtime": "torch"}, "runtime=onnxruntime"),
        ({"precision": "int8", "weights": "own.safetensors"}, "no quantised graph"),
    ],
)
def test_the_quantised_network_only_where_there_is_one(wrong: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        build_resnet(ClassifierOptions.model_validate(wrong), ONE_THREAD)


def test_a_changed_hash_is_refused() -> None:
    wrong = WeightSpec(
        RESNET_WEIGHTS.file, "ab" * 32, RESNET_WEIGHTS.licence, (), RESNET_WEIGHTS.source
    )
    with pytest.raises(WeightsError, match="expected sha256 abab"):
        verified(wrong)


def test_a_gpu_that_is_not_there() -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    context = BuildContext(threads=1, device="cuda")
    with pytest.raises(ComponentError, match="no GPU"):
        build_resnet(ClassifierOptions(), context)


def test_no_half_written_file_stays(tmp_path: Path) -> None:
    written(tmp_path / "w.safetensors")
    assert [p.name for p in tmp_path.iterdir()] == ["w.safetensors"]
