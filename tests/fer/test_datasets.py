"""Every form of labelled set, and the ways in which each can be wrong."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np
import pytest
from framework_fer.framing import Framing
from framework_training.fer import datasets, duplicates
from framework_training.fer.augment import Augmentation, plain_view
from framework_training.fer.batches import TrainingBatches
from framework_training.fer.labels import index_of

from framework.alignment import template
from framework.errors import MediaError, UserError
from tests.fer.synthetic import patterns, save


def test_arrays_keep_pixels_and_labels(tmp_path: Path) -> None:
    x, y = patterns(14)
    faces = datasets.load(save(tmp_path / "set.npz", 14))
    assert np.array_equal(faces.labels, y)
    assert np.array_equal(faces.greys[3], x[3])
    assert np.array_equal(plain_view(faces.greys[3], faces.placement[3], 48), x[3])


def test_colour_arrays_and_labels_in_words(tmp_path: Path) -> None:
    x, _ = patterns(3)
    colour = np.repeat(x[..., None], 3, axis=3)
    np.savez(tmp_path / "set.npz", x=colour, y=np.array(["happy", "anger", " Sad "]))
    faces = datasets.load(tmp_path / "set.npz")
    assert faces.labels.tolist() == [3, 0, 5]
    assert np.array_equal(faces.greys[0], x[0])


def test_unknown_labels_are_listed_with_counts_and_left_out(tmp_path: Path) -> None:
    x, _ = patterns(5)
    labels = np.array(["happy", "contempt", "contempt", "9", "fear"])
    np.savez(tmp_path / "set.npz", x=x, y=labels)
    faces = datasets.load(tmp_path / "set.npz")
    assert faces.excluded == {"9": 1, "contempt": 2}
    assert len(faces) == len(faces.placement) == len(faces.labels) == 2
    assert datasets.describe(faces.excluded) == "9 (1), contempt (2)"


def test_nothing_but_unknown_labels_is_an_error_that_lists_them(tmp_path: Path) -> None:
    x, _ = patterns(2)
    np.savez(tmp_path / "set.npz", x=x, y=np.array([7, 8]))
    with pytest.raises(UserError, match=r"7 \(1\), 8 \(1\)"):
        datasets.load(tmp_path / "set.npz")


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"x": np.zeros((2, 4, 4), np.uint8)}, "arrays x and y"),
        ({"x": np.zeros((2, 4), np.uint8), "y": np.zeros(2)}, "expected x"),
        ({"x": np.zeros((2, 4, 4), np.uint8), "y": np.zeros(3)}, "expected x"),
        ({"x": np.zeros((1, 4, 4), np.int64), "y": np.zeros(1, np.uint8)}, "uint8"),
    ],
)
def test_wrong_arrays(tmp_path: Path, arrays: dict[str, np.ndarray], said: str) -> None:
    np.savez(tmp_path / "set.npz", **arrays)
    with pytest.raises(UserError, match=said):
        datasets.load(tmp_path / "set.npz")


def test_pickled_objects_are_never_loaded(tmp_path: Path) -> None:
    np.savez(tmp_path / "set.npz", x=np.array([{"a": 1}], object), y=np.zeros(1))
    with pytest.raises(UserError, match="without objects"):
        datasets.load(tmp_path / "set.npz")


@pytest.mark.parametrize("name", ["missing.npz", "missing", "notes.txt"])
def test_what_is_no_labelled_set(tmp_path: Path, name: str) -> None:
    (tmp_path / "notes.txt").write_text("nothing")
    with pytest.raises(UserError, match=name.split(".")[0]):
        datasets.load(tmp_path / name)


def test_a_folder_for_each_class(tmp_path: Path) -> None:
    for name in ("Happy", "anger", "contempt"):
        (tmp_path / "set" / name).mkdir(parents=True)
        for i in range(2):
            cv2.imwrite(str(tmp_path / "set" / name / f"{i}.png"), patterns(1, seed=i)[0][0])
    (tmp_path / "set" / "anger" / "notes.txt").write_text("not a picture")
    faces = datasets.load(tmp_path / "set")
    assert sorted(faces.labels.tolist()) == [0, 0, 3, 3]
    assert faces.excluded == {"contempt": 2}


def test_a_picture_that_does_not_decode(tmp_path: Path) -> None:
    (tmp_path / "set" / "fear").mkdir(parents=True)
    (tmp_path / "set" / "fear" / "broken.jpg").write_bytes(b"\xff\xd8\xff not a JPEG")
    with pytest.raises(MediaError, match=r"broken\.jpg"):
        datasets.load(tmp_path / "set")


def table(folder: Path, header: list[str], rows: list[list[object]]) -> Path:
    with (folder / "labels.csv").open("w", newline="") as file:
        csv.writer(file).writerows([header, *rows])
    return folder / "labels.csv"


def test_a_table_with_boxes_cuts_the_face_out(tmp_path: Path) -> None:
    scene = np.zeros((100, 160), np.uint8)
    scene[20:60, 70:110] = patterns(1, side=40)[0][0]
    cv2.imwrite(str(tmp_path / "scene.png"), scene)
    path = table(
        tmp_path,
        ["file", "label", "left", "top", "right", "bottom", "person"],
        [["scene.png", "neutral", 70, 20, 110, 60, "a"]],
    )
    faces = datasets.load(path)
    assert faces.person == ("a",)
    assert np.array_equal(plain_view(faces.greys[0], faces.placement[0], 40), scene[20:60, 70:110])


def test_a_table_with_landmarks_places_the_face_like_the_aligned_window(tmp_path: Path) -> None:
    aligned = cv2.GaussianBlur(patterns(1, side=112)[0][0], (0, 0), 2)
    cv2.imwrite(str(tmp_path / "face.png"), aligned)
    points = ("right_eye", "left_eye", "nose", "mouth_right", "mouth_left")
    header = ["file", "label"] + [f"{p}_{axis}" for p in points for axis in "xy"]
    path = table(tmp_path, header, [["face.png", "fear", *template(112).reshape(-1).tolist()]])
    by_landmarks = datasets.load(path)
    by_framing = datasets._placed((112, 112), Framing.ALIGNED)
    view = plain_view(by_landmarks.greys[0], by_landmarks.placement[0], 96)
    window = plain_view(aligned, by_framing, 96)
    assert np.abs(view.astype(int) - window)[2:-2, 2:-2].mean() < 6


BOX = ["file", "label", "left", "top", "right", "bottom"]


@pytest.mark.parametrize(
    ("header", "row", "said"),
    [
        (["file", "mood"], ["a.png", "fear"], "columns file and label"),
        (BOX, ["a.png", "fear", 5, 5, 5, 9], "row 2"),
        (BOX, ["a.png", "fear", "", 1, 2, 3], "row 2"),
        (["file", "label"], ["b.png", "fear"], "no such file"),
    ],
)  # fmt: skip
def test_wrong_tables(tmp_path: Path, header: list[str], row: list[object], said: str) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), patterns(1)[0][0])
    with pytest.raises(UserError, match=said):
        datasets.load(table(tmp_path, header, [row]))


@pytest.mark.parametrize("label", ["label", "expression", "emotion"])
def test_tables_name_their_label_column_as_they_like(tmp_path: Path, label: str) -> None:
    x, _ = patterns(2)
    for name, picture in zip(("a.png", "b.png"), x, strict=True):
        cv2.imwrite(str(tmp_path / name), picture)
    with (tmp_path / "t.csv").open("w", newline="") as file:
        csv.writer(file).writerows(
            [["file", label, "identity"], ["a.png", "smiling", "p"], ["b.png", "neutral", "q"]]
        )
    faces = datasets.load(tmp_path / "t.csv")
    assert faces.labels.tolist() == [3, 4]
    assert faces.person == ("p", "q")


def test_labels_have_synonyms() -> None:
    assert [index_of(w) for w in ("angry", "Happy", "6", "-1", "contempt", "")] == [
        0, 3, 6, None, None, None,
    ]  # fmt: skip


def test_copies_are_one_group_and_others_are_not(tmp_path: Path) -> None:
    x, y = patterns(12)
    copies = np.clip(x[:3].astype(int) + 2, 0, 255).astype(np.uint8)
    np.savez(tmp_path / "set.npz", x=np.concatenate([x, copies]), y=np.concatenate([y, y[:3]]))
    faces = datasets.load(tmp_path / "set.npz")
    rows = duplicates.miniatures(faces)
    group = duplicates.groups(rows)
    assert group.tolist() == [*range(12), 0, 1, 2]
    assert duplicates.seen_in(rows[:12], rows[12:]).tolist() == [True] * 3 + [False] * 9


def test_one_person_is_one_group_whatever_the_pictures_show(tmp_path: Path) -> None:
    faces = datasets.load(save(tmp_path / "set.npz", 6))
    group = duplicates.groups(duplicates.miniatures(faces), ["a", "b", "a", "", "", "b"])
    assert group.tolist() == [0, 1, 0, 3, 4, 1]


def test_batches_depend_on_nothing_but_seed_epoch_and_step(tmp_path: Path) -> None:
    faces = datasets.load(save(tmp_path / "set.npz", 40))
    targets = np.eye(7, dtype=np.float32)[faces.labels]

    def batches(epoch: int, part: int = 0, parts: int = 1) -> TrainingBatches:
        return TrainingBatches(
            faces, targets, Augmentation(), 32, 10, epoch, 5, part=part, parts=parts
        )

    one, again = batches(2)[3], batches(2)[3]
    assert np.array_equal(one[0], again[0])
    assert not np.array_equal(one[0], batches(3)[3][0])
    assert np.allclose(one[1].sum(axis=1), 1)
    assert len(batches(0, 0, 2)[0][0]) + len(batches(0, 1, 2)[0][0]) == 10


def test_balance_draws_rare_classes_more_often_but_never_by_chance(tmp_path: Path) -> None:
    x, _ = patterns(50)
    y = np.array([3] * 45 + [1] * 5, np.uint8)
    np.savez(tmp_path / "set.npz", x=x, y=y)
    faces = datasets.load(tmp_path / "set.npz")
    targets = np.eye(7, dtype=np.float32)[faces.labels]
    plain, even = (
        TrainingBatches(faces, targets, Augmentation(), 32, 50, 0, 1, balance=b).order()
        for b in (0.0, 1.0)
    )
    assert sorted(plain.tolist()) == list(range(50))
    assert np.bincount(faces.labels[even])[[1, 3]].tolist() == [25, 25]
