"""Whatever form a recording comes in: it leaves upright, in time, and without a face."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from framework_live import run_live

from framework import RunResult, run
from framework.media import open_reader
from framework.types import Image
from tests.media.recordings import make_video

from .conftest import HEIGHT, SIDE, WIDTH, bright, flat, picture, pictures

Clip = Callable[..., Path]
pytestmark = pytest.mark.usefixtures("parts")
STRIPE = 8


def go(source: Path, out: Path, *options: str, **settings: Any) -> RunResult:
    chosen = {"detector": "square", "anonymizer": "fill", "fer": "none", "recommender": "none"}
    return run(source, out=out, options=options, **(chosen | settings))


def marked(count: int) -> list[Image]:
    """Pictures with one face, and a green stripe at the top that tells which way is up."""
    images = [picture(index, 1) for index in range(count)]
    for image in images:
        image[:STRIPE] = (0, 100, 0)
    return images


def upright(image: Image) -> bool:
    blue, green, red = image[: STRIPE - 2].reshape(-1, 3).mean(axis=0)
    return bool(green > blue + 40 and green > red + 40)


@pytest.mark.parametrize(
    ("turned", "matrix"),
    [
        (lambda image: np.rot90(image, 1), (-90, False, False)),
        (lambda image: np.rot90(image, -1), (90, False, False)),
        (lambda image: image[::-1, ::-1], (180, False, False)),
        (lambda image: image[:, ::-1], (0, True, False)),
    ],
    ids=["clockwise", "counterclockwise", "upside down", "mirrored"],
)
@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_a_phone_held_any_way(
    tmp_path: Path,
    suffix: str,
    turned: Callable[[Image], Image],
    matrix: tuple[float, bool, bool],
) -> None:
    stored = [np.ascontiguousarray(turned(image)) for image in marked(12)]
    source = make_video(tmp_path / f"phone{suffix}", stored, matrix=matrix)
    result = go(source, tmp_path / "out")
    images = pictures(tmp_path / "out" / "anonymized.mp4")
    assert result.passed
    assert len(images) == 12
    assert all(image.shape == (HEIGHT, WIDTH, 3) for image in images)
    assert all(upright(image) and bright(image) == 0 and not flat(image) for image in images)
    with av.open(str(tmp_path / "out" / "anonymized.mp4")) as container:
        frame = next(container.decode(video=0))
        assert frame.rotation == 0, "a player would turn it once more"


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("10 bit.mp4", {"codec": "libx265", "pixel_format": "yuv420p10le"}),
        ("hevc.mp4", {"codec": "libx265"}),
        ("444.mp4", {"pixel_format": "yuv444p"}),
        ("vp9.webm", {"codec": "libvpx-vp9", "time_base": None}),
        ("one long group.mp4", {"key_interval": 9999, "options": {"bf": "3"}}),
        ("Besuch bei Frau Müller, 診察 1.mp4", {}),
        ("stream.ts", {}),
    ],
)
def test_every_way_to_store_it(tmp_path: Path, name: str, settings: dict[str, Any]) -> None:
    if settings.get("codec") == "libx265":
        settings = {"options": {"x265-params": "log-level=none", "crf": "12"}, **settings}
    if settings.pop("time_base", 0) is None:
        settings = {"options": {"crf": "12", "b": "0", "deadline": "realtime"}, **settings}
    source = make_video(tmp_path / name, marked(12), **settings)
    result = go(source, tmp_path / "out")
    images = pictures(tmp_path / "out" / "anonymized.mp4")
    assert result.passed, result.reasons
    assert len(images) == 12
    assert all(upright(image) and bright(image) == 0 and not flat(image) for image in images)


def test_grey_pictures_stay_grey(tmp_path: Path) -> None:
    images = [np.repeat(picture(i, 1).mean(axis=2, keepdims=True), 3, 2) for i in range(8)]
    grey = [np.asarray(image, np.uint8) for image in images]
    source = make_video(tmp_path / "grey.mp4", grey, pixel_format="gray", colour=None)
    assert go(source, tmp_path / "out").passed
    assert all(bright(image) == 0 for image in pictures(tmp_path / "out" / "anonymized.mp4"))


def test_portrait_odd_sizes_and_a_single_frame(tmp_path: Path) -> None:
    tall = [np.ascontiguousarray(np.vstack([i, i // 4, i // 4])[:-1, :-1]) for i in marked(5)]
    for count in (5, 1):
        source = make_video(
            tmp_path / "tall.mkv", tall[:count], codec="ffv1", pixel_format="bgr0", colour=None
        )
        assert go(source, tmp_path / "out").passed
        images = pictures(tmp_path / "out" / "anonymized.mp4")
        assert len(images) == count
        assert all(i.shape == (3 * HEIGHT, WIDTH, 3) and bright(i) == 0 for i in images)


def test_uneven_frame_times_are_kept(tmp_path: Path) -> None:
    times = [0.0, 0.02, 0.05, 0.4, 0.41, 1.2, 1.25, 1.3]
    source = make_video(tmp_path / "uneven.mp4", marked(8), times=times, end=1.5)
    result = go(source, tmp_path / "out")
    assert result.passed
    with open_reader(tmp_path / "out" / "anonymized.mp4") as reader:
        assert [frame.time_s for frame in reader] == pytest.approx(times, abs=1e-3)
        assert reader.duration_s == pytest.approx(1.5, abs=1e-3)


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """A recording with noise in the middle of its data."""
    source = make_video(tmp_path / "visit.mp4", marked(60), key_interval=15, options={"crf": "10"})
    data = bytearray(source.read_bytes())
    start = len(data) // 2
    data[start : start + 4000] = np.random.default_rng(3).bytes(4000)
    source.write_bytes(data)
    return source


def suspect(source: Path) -> set[float]:
    """Times of the pictures that a decoder delivers and that may be wrong."""
    with open_reader(source) as reader:
        times = {frame.index: round(frame.time_s, 3) for frame in reader}
        assert reader.damage, "the test needs a damaged recording"
        return {times[index] for index in reader.damaged_frames}


def test_a_picture_that_decodes_with_errors_is_covered_whole(damaged: Path, tmp_path: Path) -> None:
    doubtful = suspect(damaged)
    assert doubtful
    result = go(damaged, tmp_path / "out")
    assert not result.passed
    assert any("damaged" in reason for reason in result.reasons)
    with open_reader(tmp_path / "out" / "anonymized.mp4") as reader:
        shown = {round(frame.time_s, 3): frame.bgr for frame in reader}
    assert all(flat(shown[time]) for time in doubtful)
    assert all(bright(image) == 0 for image in shown.values())


def test_so_it_is_live(damaged: Path, tmp_path: Path) -> None:
    doubtful = suspect(damaged)
    chosen: dict[str, Any] = {"detector": "square", "anonymizer": "fill", "fer": "none"}
    result = run_live(str(damaged), out=tmp_path / "live", window=False, **chosen)
    assert result.whole["damaged"] == len(doubtful)
    images = pictures(tmp_path / "live" / "live.mp4")
    assert sum(flat(image) for image in images) >= len(doubtful)
    assert all(bright(image) == 0 for image in images)


def scene(path: Path, places: list[tuple[int, int] | None]) -> Path:
    """A recording with a face at these places (left, top), or without one."""
    images = []
    for index, place in enumerate(places):
        image = picture(index, 0)
        if place is not None:
            x, y = place
            face = np.random.default_rng(index).integers(170, 256, (SIDE, SIDE, 3), np.uint8)
            image[max(y, 0) : y + SIDE, max(x, 0) : x + SIDE] = face[max(-y, 0) :, max(-x, 0) :][
                : max(HEIGHT - y, 0), : max(WIDTH - x, 0)
            ]
        images.append(image)
    return make_video(path, images, codec="ffv1", pixel_format="bgr0", colour=None)


@pytest.mark.parametrize("seen", [(20,), (20, 21), (0,), (39,)])
def test_a_face_of_one_or_two_frames_is_covered(tmp_path: Path, seen: tuple[int, ...]) -> None:
    places = [(100, 40) if index in seen else None for index in range(40)]
    source = scene(tmp_path / "short.mkv", places)
    go(source, tmp_path / "out", allow_no_faces=True)
    images = pictures(tmp_path / "out" / "anonymized.mp4")
    assert all(bright(image) == 0 for image in images)
    assert not any(flat(image) for image in images)


def test_a_cut_to_another_place_uncovers_nobody(tmp_path: Path) -> None:
    shots = [(10, 20), (120, 60), (30, 65), (110, 5)]
    places: list[tuple[int, int] | None] = [shots[index // 5] for index in range(20)]
    source = scene(tmp_path / "cuts.mkv", places)
    result = go(source, tmp_path / "out")
    assert result.passed
    assert all(bright(i) == 0 for i in pictures(tmp_path / "out" / "anonymized.mp4"))


def test_a_face_that_comes_and_goes_over_the_edge_is_covered(tmp_path: Path) -> None:
    across = [(x, 40) for x in range(-20, WIDTH, 6)]
    down = [(60, y) for y in range(-20, HEIGHT, 6)]
    for number, places in enumerate((across, down)):
        source = scene(tmp_path / f"{number}.mkv", list(places))
        result = go(source, tmp_path / "out", allow_no_faces=True)
        images = pictures(tmp_path / "out" / "anonymized.mp4")
        assert len(images) == len(places)
        assert all(bright(image) == 0 for image in images)
        assert result.passed
