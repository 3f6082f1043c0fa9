"""Data adapters, selection and configuration, good input and bad."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from framework_benchmark.config import load_benchmark_config
from framework_benchmark.data import open_data
from framework_benchmark.data.sources import FileSource
from framework_benchmark.data.synthetic import synthetic
from framework_benchmark.methods import Part, contamination
from framework_benchmark.selection import select

from framework.errors import ConfigError, MediaError
from framework.harness import DataSet, Item, ItemKind, pseudonym
from framework.spec import Kind, WeightSpec
from tests.verify import recordings


def _picture(path: Path, value: int = 100) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(value).integers(0, 255, (40, 30, 3), np.uint8)
    cv2.imwrite(str(path), noise)


def _lfw(root: Path, counts: dict[str, int]) -> Path:
    for k, (name, count) in enumerate(counts.items()):
        for i in range(count):
            _picture(root / name / f"{name}_{i:04d}.jpg", 10 * k + i)
    return root


def test_lfw_layout(tmp_path: Path) -> None:
    data = open_data(f"lfw:{_lfw(tmp_path, {'Ann_A': 3, 'Bo_B': 1})}")
    assert data.name == "lfw" and "lfw" in data.known_as
    persons = data.persons()
    assert sorted(len(items) for items in persons.values()) == [1, 3]
    assert all("Ann" not in name for name in persons)
    assert data.items[0].source.read().frames[0].bgr.shape == (40, 30, 3)


def test_lfw_inside_scikit_learn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path))
    with pytest.raises(ConfigError, match="has not downloaded"):
        open_data("lfw:sklearn")
    _lfw(tmp_path / "lfw_home" / "lfw_funneled", {"Ann_A": 2})
    assert len(open_data("lfw:sklearn").items) == 2


def test_clips_folder_halves_the_only_clip(tmp_path: Path) -> None:
    frames = recordings.original_frames(1.5)
    for name in ("a/one.mp4", "b/one.mp4", "b/two.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        recordings.write(tmp_path / name, frames)
    data = open_data(f"clips:{tmp_path}")
    assert [len(items) for items in data.persons().values()] == [2, 2]
    assert any("a single clip" in note for note in data.notes)
    first = data.persons()[pseudonym("a")]
    assert len({i.id for i in first}) == 2
    read = first[1].source.read()
    assert read.frames[0].index == 0 and read.frames[0].time_s == 0.0
    assert read.duration_s > 0


def test_labelled_sets(tmp_path: Path) -> None:
    x = np.random.default_rng(0).integers(0, 255, (4, 48, 48), np.uint8)
    np.savez(tmp_path / "set.npz", x=x, y=np.array([0, 3, 3, 6]))
    data = open_data(f"labelled:{tmp_path / 'set.npz'}")
    assert [i.truth for i in data.items] == ["anger", "happiness", "happiness", "surprise"]
    assert data.items[0].source.read().frames[0].bgr.shape[0] > 192  # enlarged, with a border
    _picture(tmp_path / "folder" / "happy" / "1.png")
    _picture(tmp_path / "folder" / "sadness" / "2.png")
    assert [i.truth for i in open_data(f"labelled:{tmp_path / 'folder'}").items] == [
        "happiness",
        "sadness",
    ]
    (tmp_path / "t.csv").write_text("file,label,sex\nfolder/happy/1.png,happiness,f\n")
    item = open_data(f"labelled:{tmp_path / 't.csv'}").items[0]
    assert (item.truth, dict(item.groups)) == ("happiness", {"sex": "f"})


def test_manifest_mixes_pictures_and_clips(tmp_path: Path) -> None:
    _picture(tmp_path / "a.png", 1)
    recordings.write(tmp_path / "b.mp4", recordings.original_frames(0.8))
    (tmp_path / "m.csv").write_text("file,person,label,age\na.png,P1,,60-69\nb.mp4,P2,fear,\n")
    data = open_data(f"manifest:{tmp_path / 'm.csv'}")
    kinds = sorted(i.kind for i in data.items)
    assert kinds == [ItemKind.CLIP, ItemKind.CLIP, ItemKind.STILL]
    assert {i.truth for i in data.items} == {"", "fear"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lfv:x", "did you mean 'lfw'"),
        ("lfw", "expected lfw:DIR"),
        ("stills:/no/such/folder", "no such folder"),
        ("labelled:none.npz", "no such file"),
        ("manifest:none.csv", "no such file"),
        ("synthetic:persons=99", "persons=1 to 12"),
        ("synthetic:colour=1", "expected persons"),
    ],
)
def test_bad_data_is_one_line(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        open_data(text)
    assert "\n" not in str(caught.value)


def test_bad_tables_are_one_line(tmp_path: Path) -> None:
    for content, message in (
        ("name,person\nx,y\n", "column 'file' is missing"),
        ("file,person\n", "no rows"),
        ("file,person\nnone.png,P\n", "no such file"),
        ("file,person,label\nm.csv,P,joyous\n", "expected one of"),
    ):
        (tmp_path / "m.csv").write_text(content)
        with pytest.raises(ConfigError, match=message):
            open_data(f"manifest:{tmp_path / 'm.csv'}")
    np.savez(tmp_path / "bad.npz", x=np.zeros((2, 4, 4)), y=np.zeros(2, int))
    with pytest.raises(ConfigError, match="uint8"):
        open_data(f"labelled:{tmp_path / 'bad.npz'}")
    (tmp_path / "text.npz").write_text("no archive")
    with pytest.raises(ConfigError, match=r"not an \.npz"):
        open_data(f"labelled:{tmp_path / 'text.npz'}")


def test_synthetic_is_reproducible_and_known() -> None:
    first, second = (synthetic("persons=2,clips=2,seconds=0.4") for _ in range(2))
    assert [i.id for i in first.items] == [i.id for i in second.items]
    a, b = (d.items[1].source.read().frames[-1].bgr for d in (first, second))
    assert np.array_equal(a, b)
    assert len({i.person for i in first.items}) == 2
    assert {i.truth for i in first.items} <= {"neutral", "happiness", "surprise", "sadness"}


@pytest.mark.parametrize("label", [7, -1])
def test_numbered_labels_out_of_range_are_refused(tmp_path: Path, label: int) -> None:
    path = tmp_path / "labelled.npz"
    np.savez(path, x=np.zeros((2, 48, 48), np.uint8), y=np.array([0, label]))
    with pytest.raises(ConfigError, match=f"y has {label}; expected 0 to 6"):
        open_data(f"labelled:{path}")


def test_what_cannot_be_read_is_said_without_its_name(tmp_path: Path) -> None:
    path = tmp_path / "Mary Smith" / "1.png"
    path.parent.mkdir()
    path.write_bytes(b"nonsense" * 30)
    with pytest.raises(MediaError) as found:
        FileSource(path).read()
    assert str(found.value).startswith("the file: ")
    assert "Smith" not in str(found.value)


def test_selection_is_disjoint_by_person(tmp_path: Path) -> None:
    data = synthetic("persons=9,clips=3,seconds=0.2")
    chosen = select(data, persons=200, fit=100, probes=1, seed=1)
    attacked, learnt = set(chosen.persons), {i.person for i in chosen.fit}
    assert attacked and learnt and not attacked & learnt
    assert len(chosen.probes) == len(chosen.enrolled) == 6
    assert not {i.id for i in chosen.probes} & {i.id for i in chosen.enrolled}
    same = select(data, persons=200, fit=100, probes=1, seed=1)
    assert same.digest() == chosen.digest()
    assert select(data, persons=200, fit=100, probes=1, seed=2).digest() != chosen.digest()


def test_attackers_learn_from_people_with_several_items_where_there_are_enough() -> None:
    data = synthetic("persons=9,clips=3,seconds=0.2")
    chosen = select(data, persons=3, fit=5, probes=1, seed=1)
    assert len(chosen.persons) == 3
    learnt = [i.person for i in chosen.fit]
    assert len(set(learnt)) == 5 and len(learnt) == 10  # two items each
    assert not set(learnt) & set(chosen.persons)


def test_too_few_identities_are_said() -> None:
    data = synthetic("persons=1,clips=2,seconds=0.2")
    chosen = select(data, persons=10, fit=10, probes=1, seed=0)
    assert not chosen.enrolled and len(chosen.loose) == 1
    assert "identification needs at least 2" in chosen.notes[0]


def test_a_list_of_values_is_a_sweep(tmp_path: Path) -> None:
    path = tmp_path / "benchmark.yaml"
    path.write_text(
        "data: synthetic\nanonymizers:\n  - none\n  - name: blur\n    options: {cells: [3, 5]}\n"
    )
    methods = load_benchmark_config(path, []).methods()
    assert methods == [
        ("none", {}),
        ("mask", {"shape": "box"}),
        ("blur", {"cells": 3}),
        ("blur", {"cells": 5}),
    ]
    with pytest.raises(ConfigError, match="unknown option"):
        load_benchmark_config(path, [], persons=3, colour=1)


def test_contamination_counts_unknown_as_yes() -> None:
    def part(*trained_on: str) -> Part:
        weights = (WeightSpec("a:b", "", "MIT", trained_on, "x"),)
        return Part(Kind.RECOGNIZER, "r", "r", {}, weights)

    lfw = DataSet("lfw", ("lfw", "labeled faces in the wild"), ())
    mine = DataSet("clips", (), ())
    classical = Part(Kind.RECOGNIZER, "lbp", "lbp", {})
    assert contamination([classical], mine) == "no"
    assert contamination([part("VGGFace2")], lfw) == "no"
    assert contamination([part("Labeled Faces in the Wild (train)")], lfw) == "yes"
    assert contamination([part()], lfw) == "unknown"
    assert contamination([part("VGGFace2")], mine) == "unknown"
    assert contamination([part("VGGFace2")], mine, "ward-7") == "no"


def test_two_copies_of_a_picture_are_one_item(tmp_path: Path) -> None:
    _picture(tmp_path / "P" / "a.png", 5)
    (tmp_path / "P" / "b.png").write_bytes((tmp_path / "P" / "a.png").read_bytes())
    items: list[Item] = list(open_data(f"stills:{tmp_path}").items)
    assert items[0].id == items[1].id
