from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from framework.report import palette, svg
from framework.report.scale import clock, length, ticks
from framework.types import EMOTIONS, UNKNOWN
from tests.timeline.tables import timeline

labels = st.lists(st.sampled_from([*EMOTIONS, UNKNOWN]), max_size=60)


def test_lanes_are_drawn_where_the_label_holds() -> None:
    t = timeline(["anger", "anger", UNKNOWN, "surprise"])
    text = svg.lanes(replace(t, coverage=np.ones(4, np.float32)), grid=[0.0, 0.5])
    assert text.startswith('<svg class="lanes" viewBox="0 0 1000 96" preserveAspectRatio="none"')
    assert '<path class="e-anger" d="M0 1h500v10h-500z"/>' in text
    assert '<path class="e-unknown" d="M500 85h250v10h-250z"/>' in text
    assert '<path class="e-surprise" d="M750 73h250v10h-250z"/>' in text
    assert '<line class="grid" x1="500" x2="500" y1="0" y2="96"/>' in text
    assert text.count("<path") == 3 and text.count("<rect") == 8


def test_a_single_second_of_an_hour_stays_visible() -> None:
    text = svg.lanes(timeline(["neutral"] * 1800 + ["fear"] + ["neutral"] * 5399), grid=[])
    assert re.search(r'class="e-fear" d="M[\d.]+ 25h1v10h-1z"', text)


def test_the_stack_shows_the_unknown_as_a_gap() -> None:
    text = svg.stacked(timeline(["anger", UNKNOWN, "anger"]), grid=[], height=100)
    root = ElementTree.fromstring(text)
    assert [p.get("class") for p in root] == ["absent", *(f"e-{name}" for name in EMOTIONS)]
    first = root[1].get("d") or ""
    # Two closed areas, and nothing between a third and two thirds of the width.
    assert first.count("M") == first.count("z") == 2
    assert first == ("M0 30V30H333.33V100H0zM666.67 30V30H1000V100H666.67z")


def test_shares_fill_the_bar() -> None:
    text = svg.shares([1, 0, 0, 2, 0, 0, 0, 1])
    widths = [float(w) for w in re.findall(r' width="([\d.]+)"', text)]
    assert widths == [250, 500]  # the unknown quarter is left to the hatched ground
    assert "e-unknown" not in svg.shares([1, 1, 1, 1, 1, 1, 1, 5])


def test_out_of_view_is_blank_and_unknown_is_not() -> None:
    t = timeline(["anger", UNKNOWN, UNKNOWN, "anger"])
    here = replace(t, coverage=np.array([1, 0.2, 0, 1], np.float32))
    assert svg.shown(here) == ["anger", UNKNOWN, svg.ABSENT, "anger"]
    blank = '<path class="absent" d="M500 0h250v18h-250z"/>'
    text = svg.strip(here, [])
    assert blank in text and "e-unknown" not in text
    assert '<path class="e-unknown" d="M250 85h250v10h-250z"/>' in svg.lanes(here, [])
    assert blank.replace("18", "110") in svg.stacked(here, [])


@settings(max_examples=60, deadline=None)
@given(labels)
def test_every_chart_is_well_formed_and_within_its_box(values: list[str]) -> None:
    t = timeline(values)
    for text in (svg.lanes(t, [0.0]), svg.stacked(t, [0.0]), svg.observed(t), svg.strip(t, [0])):
        root = ElementTree.fromstring(text)
        assert "nan" not in text and "inf" not in text
        box = [float(v) for v in (root.get("viewBox") or "").split()]
        for path in root.iter("path"):
            for x in re.findall(r"[MH]([\d.-]+)", path.get("d") or ""):
                assert -0.01 <= float(x) <= 1001
            for y in re.findall(r"V([\d.-]+)", path.get("d") or ""):
                assert -0.01 <= float(y) <= box[3] + 0.01


@settings(max_examples=60, deadline=None)
@given(labels)
def test_runs_cover_every_second_once(values: list[str]) -> None:
    found = list(svg.runs(values))
    assert [x for a, b, label in found for x in [label] * (b - a)] == values
    assert all(x[2] != y[2] for x, y in itertools.pairwise(found))


@pytest.mark.parametrize("n", [0, 1, 499, 500, 501, 1234, 7200])
def test_long_recordings_are_drawn_in_few_pieces_and_keep_their_mean(n: int) -> None:
    rng = np.random.default_rng(n)
    rows = rng.dirichlet(np.ones(7), n)
    rows[rng.random(n) < 0.2] = np.nan
    values, known = svg.binned(rows)
    assert len(values) <= svg.MOST_BINS
    assert len(values) == len(known)
    np.testing.assert_allclose(values[known].sum(axis=1), 1.0, atol=1e-9)
    assert not values[~known].any()
    size = len(svg.stacked(timeline(["anger", UNKNOWN] * (n // 2)), []))
    assert size < 200_000


def test_times_as_people_read_them() -> None:
    assert [clock(s) for s in (0, 65.9, 3723)] == ["0:00", "1:05", "1:02:03"]
    assert [length(s) for s in (9.24, 59.99, 275, 3600, 7322)] == [
        "9.2 s",
        "60.0 s",
        "4 min 35 s",
        "1 h 00 min",
        "2 h 02 min",
    ]


@given(st.floats(0, 200_000))
def test_ticks_are_few_round_and_inside(span: float) -> None:
    found = ticks(span)
    assert found[0] == 0
    assert len(found) <= 11 or span > 10 * 86400
    assert found[-1] <= span


# Machado, Oliveira, Fernandes (2009), severity 1.0, on linear RGB.
VISION = {
    "normal": np.eye(3),
    "protanopia": np.array(
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ]
    ),
    "deuteranopia": np.array(
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ]
    ),
    "tritanopia": np.array(
        [
            [1.255528, -0.076749, -0.178779],
            [-0.078411, 0.930809, 0.147602],
            [0.004733, 0.691367, 0.303900],
        ]
    ),
}


def linear(colour: str) -> np.ndarray:
    v = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def oklab(rgb: np.ndarray) -> np.ndarray:
    to_cone = np.array(
        [
            [0.4122214708, 0.5363325363, 0.0514459929],
            [0.2119034982, 0.6806995451, 0.1073969566],
            [0.0883024619, 0.2817188376, 0.6299787005],
        ]
    )
    to_lab = np.array(
        [
            [0.2104542553, 0.7936177850, -0.0040720468],
            [1.9779984951, -2.4285922050, 0.4505937099],
            [0.0259040371, 0.7827717662, -0.8086757660],
        ]
    )
    return to_lab @ np.cbrt(to_cone @ np.clip(rgb, 0, 1))


def contrast(a: str, b: str) -> float:
    weights = np.array([0.2126, 0.7152, 0.0722])
    low, high = sorted(float(weights @ linear(c)) for c in (a, b))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("vision", VISION)
def test_no_two_emotions_look_alike_to_anybody(vision: str) -> None:
    """Okabe and Ito's palette, with grey for neutral, reaches 2 under deuteranopia."""
    seen = {n: oklab(VISION[vision] @ linear(c)) for n, c in palette.COLOURS.items()}
    nearest = min(
        float(np.linalg.norm(seen[a] - seen[b])) * 100 for a, b in itertools.combinations(seen, 2)
    )
    assert nearest >= 12


@pytest.mark.parametrize("page", [palette.PAGE_LIGHT, palette.PAGE_DARK])
def test_every_emotion_stands_out_from_the_page(page: str) -> None:
    assert tuple(palette.COLOURS) == EMOTIONS
    assert min(contrast(c, page) for c in palette.COLOURS.values()) >= 1.7
