"""The command lines, end to end, on patterns that stand for faces."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
import typer
from framework_fer import weightfile
from framework_fer.resnet import FaceResNetPair
from framework_fer.votes import HEADS
from framework_training.fer import datasets, duplicates, evaluate, pair, train
from framework_training.fer.division import limited, split
from framework_training.fer.evaluate import measure, tight_views
from framework_training.fer.recipe import Recipe
from typer.testing import CliRunner

from framework.types import EMOTIONS
from tests.fer.synthetic import patterns, save


def program(module: ModuleType, *arguments: object) -> Any:
    """The command line in this process: starting Python and torch again takes seconds."""
    app = typer.Typer()
    app.command()(module.main)
    return CliRunner().invoke(app, [str(a) for a in arguments])


TRAINING = (
    "--start-from", "none", "--side", 64, "--first-side", 64, "--batch", 16, "--threads", 1,
    "--bootstrap", 10, "--robustness", 4, "--held-out", 0.2, "--precision", "float32",
)  # fmt: skip


def test_training_resumes_and_gives_weights_card_and_metrics(tmp_path: Path) -> None:
    data, test = save(tmp_path / "a.npz", 56), save(tmp_path / "b.npz", 14, seed=9)
    out = tmp_path / "out"
    common = ("--data", data, "--test", test, "--out", out, "--name", "small", *TRAINING)
    first = program(train, *common, "--epochs", 2, "--stop-after", 0.0001)
    assert first.exit_code == 0, first.stderr
    assert len((out / "log.jsonl").read_text().splitlines()) == 1
    second = program(train, *common, "--epochs", 2, "--resume")
    assert second.exit_code == 0, second.stderr
    log = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert [line["epoch"] for line in log] == [1, 2]

    _, description = weightfile.read(out / "small.safetensors")
    assert description.labels == EMOTIONS
    assert description.trained_on == ("a",)
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["training"]["epochs"] == 2
    assert [r["data"] for r in metrics["evaluations"]] == ["held out from training", "b"]
    card = (out / "small.md").read_text()
    assert "Facial movement is not felt emotion" in card
    assert "**Not for** diagnosis" in card

    other = program(train, *common, "--epochs", 3, "--resume")
    assert other.exit_code == 2
    assert "epochs" in other.stderr
    assert "Traceback" not in other.stderr

    result = program(
        evaluate, "--data", test, "--weights", out / "small.safetensors", "--json",
        tmp_path / "r.json", "--bootstrap", 10, "--threads", 1,
    )  # fmt: skip
    assert result.exit_code == 0, result.stderr
    assert "unweighted average recall" in result.stdout
    numbers = json.loads((tmp_path / "r.json").read_text())
    assert {"accuracy", "uar", "ece", "confusion", "n", "faces_per_second"} <= set(numbers)
    assert numbers["n"] == int(np.sum(numbers["confusion"])) == 14
    assert numbers["faces_per_second"] > 0


def test_two_trainings_become_a_pair(tmp_path: Path) -> None:
    data = save(tmp_path / "a.npz", 56)
    for name, seed in (("one", 1), ("other", 2), ("elsewhere", 3)):
        split_seed = seed if name == "elsewhere" else 1
        result = program(
            train, "--data", data, "--out", tmp_path / name, *TRAINING, "--epochs", 1,
            "--seed", seed, "--split-seed", split_seed,
        )  # fmt: skip
        assert result.exit_code == 0, result.stderr
    settings = ("--data", data, "--threads", 1, "--bootstrap", 10, "--robustness", 4)

    refused = program(pair, tmp_path / "one", tmp_path / "elsewhere", "--out", tmp_path / "p",
                      *settings)  # fmt: skip
    assert refused.exit_code == 2
    assert "held out different faces" in refused.stderr
    nothing = program(pair, tmp_path / "one", tmp_path, "--out", tmp_path / "p", *settings)
    assert nothing.exit_code == 2
    assert "training.json" in nothing.stderr
    assert not (tmp_path / "p").exists()

    joined = program(pair, tmp_path / "one", tmp_path / "other", "--out", tmp_path / "p", *settings)
    assert joined.exit_code == 0, joined.stderr
    tensors, description = weightfile.read(tmp_path / "p" / "fer.safetensors")
    assert description.architecture == "face-resnet29-pair"
    for member, name in (("first", "one"), ("second", "other")):
        own, _ = weightfile.read(tmp_path / name / "fer.safetensors")
        assert all(np.array_equal(tensors[f"{member}.{k}"], v) for k, v in own.items())
    card = (tmp_path / "p" / "fer.md").read_text()
    assert "two networks side by side" in card
    assert card.count("`python -m framework_training.fer.train` with") == 2

    unseen = save(tmp_path / "unseen.npz", 42, seed=9)
    crossed = program(pair, tmp_path / "one", tmp_path / "elsewhere", "--out", tmp_path / "q",
                      "--calibrate", unseen, *settings)  # fmt: skip
    assert crossed.exit_code == 0, crossed.stderr
    (result,) = json.loads((tmp_path / "q" / "metrics.json").read_text())["evaluations"]
    assert (result["data"], result["n"], result["two_fold"]) == ("unseen", 42, True)
    assert "each half of it" in (tmp_path / "q" / "fer.md").read_text()


def test_a_pair_averages_both_networks_on_the_face_and_its_mirror_image() -> None:
    torch.manual_seed(0)
    both = FaceResNetPair().eval()
    faces = torch.randn(3, 1, 64, 64)
    mirrored = faces[..., torch.arange(63, -1, -1)]
    for head in HEADS:
        each = [
            network(picture)[:, head].log_softmax(1)
            for network in (both.first, both.second)
            for picture in (faces, mirrored)
        ]
        assert torch.allclose(both(faces)[:, head], sum(each) / 4, atol=1e-5)
    assert torch.allclose(both(faces), both(mirrored), atol=1e-5)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--data", "none.npz"), "no such file"),
        (("--data", "{data}", "--classifier", "vgg"), "expected one of resnet, effnet"),
        (("--data", "{data}", "--device", "tpu"), "expected auto, cpu or cuda"),
        (("--data", "{data}", "--weights", "{data}"), "expected a safetensors file"),
        (("--data", "{data}", "--runtime", "tensorrt"), "--runtime"),
        (("--data", "{data}", "--precision", "int4"), "--precision"),
        (
            ("--data", "{data}", "--classifier", "effnet", "--precision", "int8"),
            "no quantised graph",
        ),
    ],
)
def test_bad_input_to_the_evaluation_is_one_line(
    tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    data = str(save(tmp_path / "a.npz", 7))
    result = program(evaluate, *(a.format(data=data) for a in arguments))
    assert result.exit_code == 2
    assert said in result.stderr
    assert "Traceback" not in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_the_modules_are_programs(tmp_path: Path) -> None:
    result = subprocess.run(
        [
            sys.executable,
            "-m",
            "framework_training.fer.evaluate",
            "--data",
            str(tmp_path / "none.npz"),
        ],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert result.returncode == 2
    assert result.stderr == "data none.npz: no such file or folder; check the path\n"


def test_bad_input_to_the_training_is_one_line(tmp_path: Path) -> None:
    result = program(train, "--data", tmp_path / "none", "--out", tmp_path / "o")
    assert result.exit_code == 2
    assert "no such file" in result.stderr
    assert "Traceback" not in result.stderr


def test_no_photograph_is_on_both_sides(tmp_path: Path) -> None:
    x, y = patterns(60)
    copies = np.clip(x[:20].astype(int) + 3, 0, 255).astype(np.uint8)
    np.savez(tmp_path / "a.npz", x=np.concatenate([x, copies, np.zeros_like(x[:2])]),
             y=np.concatenate([y, y[:20], y[:2]]))  # fmt: skip
    np.savez(tmp_path / "t.npz", x=x[:4], y=y[:4])
    faces, unseen = datasets.load(tmp_path / "a.npz"), datasets.load(tmp_path / "t.npz")
    parts = split(faces, None, [unseen], Recipe(held_out=0.3))
    learn, held = (duplicates.miniatures(s) for s in (parts.learn, parts.held_out))
    assert not duplicates.seen_in(learn, held).any()
    assert not duplicates.seen_in(learn, duplicates.miniatures(unseen)).any()
    assert len(parts.learn) + len(parts.held_out) + parts.dropped == len(faces)
    assert len(parts.learn) + len(parts.held_out) == 56


def test_noisy_sets_are_never_held_out(tmp_path: Path) -> None:
    clean, noisy = (datasets.load(save(tmp_path / f"{s}.npz", 35, seed=s)) for s in (1, 2))
    parts = split(clean, limited(noisy, 2, seed=0), [], Recipe(held_out=0.2))
    assert len(parts.held_out) == 7
    assert len(parts.learn) == 28 + 14


def test_a_set_without_some_classes_is_measured_over_those_it_has() -> None:
    labels = np.array([0, 0, 3, 3])
    p = np.full((4, 7), 0.05, np.float32)
    p[[0, 1, 2, 3], [0, 4, 3, 3]] = 0.7
    result = measure(p, labels, 0)
    assert result["accuracy"] == 0.75
    assert result["uar"] == pytest.approx(0.75)
    assert result["accuracy_among_present"] == 1.0
    assert set(result["per_class"]) == {"anger", "happiness"}


def test_views_keep_the_resolution_of_arrays(tmp_path: Path) -> None:
    faces = datasets.load(save(tmp_path / "a.npz", 3))
    assert np.array_equal(tight_views(faces)[1], faces.greys[1])


def test_a_face_twice_as_large_shows_its_middle_half() -> None:
    face = np.zeros((40, 40), np.uint8)
    face[10:30, 10:30] = 200
    assert (evaluate.zoomed(face, 2.0)[1:-1, 1:-1] == 200).all()
    smaller = evaluate.zoomed(face, 0.5)
    assert (smaller[16:24, 16:24] == 200).all()
    assert smaller[:12].max() == 0
    assert np.array_equal(evaluate.zoomed(face, 1.0), face)
