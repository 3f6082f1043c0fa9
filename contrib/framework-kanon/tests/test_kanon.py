"""k-same keeps the contract, and what it shows is the average of k donors."""

from __future__ import annotations

import json
import shutil
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from framework_fomm.donors.store import EMBEDDED_FOLDER, load_selection
from framework_kanon.config import KSameOptions
from framework_kanon.gallery import LANDMARKS, SIZE, Gallery, load_gallery

from framework import BuildContext, ComponentError, Kind, Registry, Tracks
from framework.testing import conformance, scenes

BOX = (60.0, 40.0, 160.0, 165.0)


@conformance("anonymizer:k-same")
def test_contract(check) -> None:
    check()


@conformance("anonymizer:k-same", options={"choice": "random", "k": 3})
def test_contract_of_random_donors(check) -> None:
    check()


def k_same(key: bytes | None = b"k" * 16, **options: object):
    return Registry.load().create(
        Kind.ANONYMIZER, "k-same", options, BuildContext(threads=1, key=key)
    )


def track(number: int) -> Tracks:
    return scenes.tracks(BOX, first_id=number)


def test_a_donor_is_most_like_itself() -> None:
    gallery = load_gallery(KSameOptions())
    for number in range(len(gallery)):
        image = gallery.bgr[number].astype(np.uint8)
        assert number in gallery.nearest(image, LANDMARKS, 2)
        darker = (image * 0.6).astype(np.uint8)
        assert number in gallery.nearest(darker, LANDMARKS, 2)


@pytest.mark.parametrize("chosen", [[0, 3], [1, 2, 5, 7], list(range(12))])
def test_the_average_is_exactly_the_mean_of_k_donors(chosen: list[int]) -> None:
    gallery = load_gallery(KSameOptions())
    alone = [over_grey(gallery.average([number])) for number in chosen]
    together = over_grey(gallery.average(chosen))
    assert together == pytest.approx(np.mean(alone, axis=0), abs=0.01)  # of 255 grey levels
    # No donor could be left out: each moves the picture by its share.
    for number, one in zip(chosen, alone, strict=True):
        rest = np.mean([x for x, n in zip(alone, chosen, strict=True) if n != number], axis=0)
        assert together - rest == pytest.approx((one - rest) / len(chosen), abs=0.02)


def over_grey(layers: np.ndarray) -> np.ndarray:
    return np.asarray(layers[..., :3] + 128 * (1 - layers[..., 3:]))


def test_the_average_is_even() -> None:
    gallery = load_gallery(KSameOptions())
    layers = gallery.average([0, 3, 5])
    columns = slice(SIZE // 2 - 40, SIZE // 2 + 40)
    rows = slice(SIZE // 2 - 20, SIZE // 2 + 20)
    face = layers[rows, columns]
    assert np.abs(face - face[:, ::-1])[..., :3].mean() < 4
    assert face[..., 3].min() > 0.98


@pytest.mark.parametrize("choice", ["nearest", "random"])
def test_always_k_different_donors(choice: str, monkeypatch: pytest.MonkeyPatch) -> None:
    used: list[list[int]] = []
    average = Gallery.average

    def noted(self: Gallery, chosen: list[int]) -> np.ndarray:
        used.append(list(chosen))
        return average(self, chosen)

    monkeypatch.setattr(Gallery, "average", noted)
    maker = k_same(choice=choice, k=5)
    # A face, noise, one that is outside the picture, and a box without area.
    for number, box in enumerate(
        [BOX, BOX, (-500.0, -500.0, -400.0, -390.0), (9.0, 9.0, 9.0, 9.0)]
    ):
        image = scenes.picture(220, 220, [box]) if number else scenes.noise(220, 220, 3)
        maker.anonymize(scenes.frame(image), scenes.tracks(box, first_id=number + 1))
    assert len(used) == 4
    assert all(len(set(chosen)) == len(chosen) == 5 for chosen in used)


def test_behind_the_embedded_donors_are_different_people() -> None:
    """What the README says: 8 k people stand behind each face, or more."""
    people = [set(d.record["source_ids"]) for d in load_selection("embedded")]
    assert len(people) == 12
    for k in range(1, len(people) + 1):
        behind = (set().union(*chosen) for chosen in combinations(people, k))
        assert min(map(len, behind)) >= 8 * k


def test_an_excluded_donor_is_never_used() -> None:
    everyone, without = (
        load_gallery(KSameOptions()),
        load_gallery(KSameOptions(exclude=("donor-04", "donor-12"))),
    )
    assert len(without) == len(everyone) - 2
    for left_out in (3, 11):
        assert all(not np.array_equal(everyone.bgr[left_out], kept) for kept in without.bgr)
    with pytest.raises(ComponentError, match="no donor donor-99 to exclude"):
        k_same(exclude=["donor-99"])
    with pytest.raises(ComponentError, match="k is 11, and there are 10 donors"):
        k_same(k=11, exclude=["donor-01", "donor-02"])


def test_a_portrait_under_two_names_counts_once(tmp_path: Path) -> None:
    index = json.loads((EMBEDDED_FOLDER / "donors.json").read_text())
    first, second = index["donors"][:2]
    index["donors"] = [first, {**first, "name": "again"}, second]
    (tmp_path / "donors.json").write_text(json.dumps(index))
    for entry in (first, second):
        shutil.copy(EMBEDDED_FOLDER / entry["file"], tmp_path)
    assert len(load_gallery(KSameOptions(donors="user", folder=str(tmp_path), k=2))) == 2
    with pytest.raises(ComponentError, match="k is 3, and there are 2 donors"):
        load_gallery(KSameOptions(donors="user", folder=str(tmp_path), k=3))


def test_nothing_of_the_original_head_is_in_the_result() -> None:
    a = scenes.picture(220, 220, [BOX], seed=1)
    b = scenes.noise(220, 220, seed=2)
    tracks = scenes.tracks(BOX)
    maker = k_same(choice="random")
    one = maker.anonymize(scenes.frame(a), tracks)
    maker.reset()
    two = maker.anonymize(scenes.frame(b), tracks)
    x0, y0, x1, y1 = (int(v) for v in BOX)
    assert np.array_equal(one[y0:y1, x0:x1], two[y0:y1, x0:x1])


def test_the_donors_stay_the_same_while_a_track_lasts() -> None:
    maker = k_same()
    first = maker.anonymize(scenes.frame(scenes.picture(220, 220, [BOX])), track(1))
    later = maker.anonymize(scenes.frame(scenes.noise(220, 220, 8), 1), track(1))
    x0, y0, x1, y1 = (int(v) for v in BOX)
    assert np.array_equal(first[y0:y1, x0:x1], later[y0:y1, x0:x1])


def test_random_donors_depend_on_the_key_and_the_track() -> None:
    image = scenes.frame(scenes.picture(220, 220, [BOX]))

    def shown(key: bytes | None, number: int) -> bytes:
        return bytes(k_same(key, choice="random").anonymize(image, track(number)))

    assert shown(b"a" * 16, 1) == shown(b"a" * 16, 1)
    assert shown(b"a" * 16, 1) != shown(b"b" * 16, 1)
    assert shown(b"a" * 16, 1) != shown(b"a" * 16, 2)


def test_more_donors_than_there_are() -> None:
    with pytest.raises(ComponentError, match=r"k is 40, and there are \d+ donors"):
        k_same(k=40)
