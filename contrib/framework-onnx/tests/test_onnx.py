"""A described network keeps the contract of its kind, and a wrong description is one line."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
import networks

from framework import ConfigError, FrameworkError, Kind, Registry, WeightsError
from framework.testing import conformance, scenes
from framework.weights import sha256_of

FOLDER = tempfile.TemporaryDirectory()
PLACE = Path(FOLDER.name)
CLASSIFIER = networks.classifier(PLACE)
ANONYMIZER = networks.anonymizer(PLACE)


def classifier(path: Path):
    return Registry.load().create(Kind.EMOTION_CLASSIFIER, "onnx", {"path": str(path)})


def anonymizer(path: Path):
    return Registry.load().create(Kind.ANONYMIZER, "onnx", {"path": str(path)})


@conformance("emotion-classifier:onnx", options={"path": str(CLASSIFIER)})
def test_classifier_contract(check) -> None:
    check()


@conformance("anonymizer:onnx", options={"path": str(ANONYMIZER)})
def test_anonymizer_contract(check) -> None:
    check()


def test_labels_that_are_left_out_give_their_share_to_the_others(tmp_path: Path) -> None:
    faces = [scenes.noise(32, 32, k) for k in range(4)]
    full = classifier(networks.classifier(tmp_path)).classify(faces)
    described = tmp_path / "small.yaml"
    described.write_text(described.read_text().replace("neutral", "null"))
    part = classifier(described)
    assert part.labels == ("happiness", "sadness")
    expected = full[:, :2] / full[:, :2].sum(axis=1, keepdims=True)
    assert np.allclose(part.classify(faces), expected, atol=1e-5)


def test_a_network_with_a_fixed_batch_is_filled_up(tmp_path: Path) -> None:
    faces = [scenes.noise(32, 32, k) for k in range(5)]
    (tmp_path / "a").mkdir()
    free = classifier(networks.classifier(tmp_path / "a")).classify(faces)
    fixed = classifier(networks.classifier(tmp_path, batch=2)).classify(faces)
    assert np.allclose(free, fixed, atol=1e-6)


def test_the_network_s_colours_are_those_of_the_description(tmp_path: Path) -> None:
    image = np.zeros((120, 120, 3), np.uint8)
    image[:] = (200, 10, 60)
    for colour in ("rgb", "bgr"):
        path = networks.anonymizer(tmp_path)
        path.write_text(path.read_text().replace("size: 64", f"size: 64, colour: {colour}"))
        out = anonymizer(path).anonymize(scenes.frame(image), scenes.tracks((40, 30, 80, 85)))
        assert np.array_equal(out, image)


@pytest.mark.parametrize(
    ("change", "error", "words"),
    [
        (("labels: [happiness", "labels: [joy"), ConfigError, "at least two of anger"),
        (("licence: MIT\n", ""), ConfigError, "licence is required"),
        (("size: 32", "size: 4"), ConfigError, ">= 16|greater than or equal to 16"),
        (("colour: grey", "color: grey"), ConfigError, "input.color"),
        (("small.onnx", "other.onnx"), WeightsError, "no such file beside small.yaml"),
        (("licence", "sha256: '" + "0" * 64 + "'\nlicence"), WeightsError, "is not the file"),
    ],
)
def test_a_wrong_description_is_one_line(
    tmp_path: Path, change: tuple[str, str], error: type[Exception], words: str
) -> None:
    path = networks.classifier(tmp_path)
    path.write_text(path.read_text().replace(*change))
    with pytest.raises(error, match=words) as caught:
        classifier(path)
    assert "\n" not in str(caught.value)


def test_a_file_that_is_no_network(tmp_path: Path) -> None:
    path = networks.classifier(tmp_path)
    (tmp_path / "small.onnx").write_bytes(b"no network")
    with pytest.raises(WeightsError, match="is no ONNX network"):
        classifier(path)
    with pytest.raises(ConfigError, match="no such file"):
        classifier(tmp_path / "none.yaml")


def test_a_description_that_does_not_fit_the_network(tmp_path: Path) -> None:
    path = networks.classifier(tmp_path)
    path.write_text(path.read_text().replace("size: 32", "size: 48"))
    with pytest.raises(FrameworkError, match="refuses the input"):
        classifier(path).classify([scenes.noise(48, 48)])


def test_a_hash_that_fits_is_accepted(tmp_path: Path) -> None:
    path = networks.classifier(tmp_path)
    digest = sha256_of(tmp_path / "small.onnx")
    path.write_text(path.read_text() + f"sha256: '{digest}'\n")
    classifier(path)


def test_a_network_that_gives_no_picture_raises_and_never_returns_the_frame(
    tmp_path: Path,
) -> None:
    path = networks.anonymizer(tmp_path, scale=float("nan"))
    with pytest.raises(FrameworkError, match="not finite"):
        anonymizer(path).anonymize(
            scenes.frame(scenes.noise(100, 100)), scenes.tracks((20, 20, 60, 70))
        )
