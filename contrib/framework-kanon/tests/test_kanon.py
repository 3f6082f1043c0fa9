"""k-same keeps the contract, and what it shows is the average of k donors."""

from __future__ import annotations

import numpy as np
import pytest
from framework_kanon.config import KSameOptions
from framework_kanon.gallery import LANDMARKS, SIZE, load_gallery

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


def test_the_average_is_the_mean_of_the_chosen_and_even() -> None:
    gallery = load_gallery(KSameOptions())
    colour, matte = gallery.average([0, 3, 5])
    columns = slice(SIZE // 2 - 40, SIZE // 2 + 40)
    rows = slice(SIZE // 2 - 20, SIZE // 2 + 20)
    mean = gallery.bgr[[0, 3, 5]][:, rows, columns].mean(axis=(0, 1, 2))
    assert colour[rows, columns].mean(axis=(0, 1)) == pytest.approx(mean, abs=2)
    assert np.abs(colour[rows, columns] - colour[rows, columns][:, ::-1]).mean() < 4
    assert matte[rows, columns].min() > 0.98


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
