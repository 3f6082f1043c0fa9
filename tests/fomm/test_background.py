"""What was seen behind the heads is put there, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import cv2
import numpy as np
import pytest
import torch
from framework_fomm.anonymizer import FommAnonymizer
from framework_fomm.background import SAMPLES, Background, Plate, in_place
from framework_fomm.cover import cover_heads, covered_mask
from framework_fomm.hair import NO_HAIR
from framework_fomm.model import Keypoints
from framework_fomm.places import Places

from framework.pipeline.by_role import ByRole
from framework.regions import face_region
from framework.table import TrackTable
from framework.types import Frame, Role, Tracks

from .conftest import tracks_of, upright
from .test_anonymizer import Clip

Make = Callable[..., FommAnonymizer]
SIZE = (320, 200)
COUNT = 40


def wall(seed: int = 0) -> np.ndarray:
    """Shelves: edges everywhere, nothing finer than a camera shows."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(30, 226, (SIZE[1] // 10, SIZE[0] // 10, 3), dtype=np.uint8)
    picture = cv2.resize(coarse, SIZE, interpolation=cv2.INTER_NEAREST)
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), 1.0))


def box_at(k: int, reach: float = 60.0) -> tuple[float, float, float, float]:
    """A face that goes to the right and back once."""
    x = 90 + reach * (1 - np.cos(k * 2 * np.pi / COUNT))
    return (x, 70.0, x + 40, 120.0)


def recording(
    paint: Callable[[np.ndarray, int], np.ndarray] = lambda picture, k: picture,
    reach: float = 60.0,
    seed: int = 1,
) -> tuple[list[Frame], list[Tracks]]:
    """A noisy head before the wall; ``paint`` changes what the camera saw."""
    rng = np.random.default_rng(seed)
    frames, tracks = [], []
    for k in range(COUNT):
        box = box_at(k, reach)
        picture = paint(wall(), k)
        inside = hidden(box) > 0
        picture[inside] = rng.integers(0, 256, (int(inside.sum()), 3))
        frames.append(Frame(picture, k, k / 10))
        tracks.append(tracks_of(box))
    return frames, tracks


def hidden(box: tuple[float, ...]) -> np.ndarray:
    return covered_mask([region(box)], SIZE)


def region(box: tuple[float, ...]):
    return face_region(np.array(box, np.float32), SIZE, upright(box), margin=0.25)  # type: ignore[arg-type]


def learnt(frames: list[Frame], tracks: list[Tracks], **extra: object) -> Plate | None:
    clip = Clip(frames, tracks, **extra)
    places = Places(clip.table, clip.table, 0.25)

    def covered(index: int):
        return places.covered(index, lambda _: NO_HAIR)

    background = Background(SIZE, clip.table.time_s, places.established(), covered)
    for frame in clip.frames(background.frames):
        background.see(frame)
    return background.plate(covered)


def filled(frame: Frame, box: tuple[float, ...], plate: Plate | None) -> np.ndarray:
    image = frame.bgr.copy()
    cover_heads(image, [region(box)], hidden(box), plate=plate)
    return image


def error(image: np.ndarray, truth: np.ndarray, box: tuple[float, ...]) -> float:
    return float(np.abs(image.astype(int) - truth)[hidden(box) > 0].mean())


# --- what it does ---


@pytest.mark.parametrize("k", [0, 10, 20])
def test_the_wall_is_put_behind_the_head(k: int) -> None:
    frames, tracks = recording()
    plate, box = learnt(frames, tracks), box_at(k)
    assert plate is not None
    plain = error(filled(frames[k], box, None), wall(), box)
    assert error(filled(frames[k], box, plate), wall(), box) < 0.12 * plain
    mask = hidden(box) > 0
    far = cv2.dilate(mask.astype(np.uint8), np.ones((21, 21))) == 0
    assert np.array_equal(filled(frames[k], box, plate)[far], frames[k].bgr[far])


@pytest.mark.parametrize("gain", [0.6, 1.3])
def test_a_change_of_light_is_followed(gain: float) -> None:
    def paint(picture: np.ndarray, k: int) -> np.ndarray:
        return np.clip(picture * (gain if k > 30 else 1.0), 0, 255).astype(np.uint8)

    frames, tracks = recording(paint)
    plate = learnt(frames, tracks)
    for k in (10, 34):
        box, truth = box_at(k), paint(wall(), k)
        plain = error(filled(frames[k], box, None), truth, box)
        assert error(filled(frames[k], box, plate), truth, box) < 0.2 * plain


def test_a_lamp_at_one_side_leaves_no_seam() -> None:
    frames, tracks = recording()
    plate, box = learnt(frames, tracks), box_at(10)
    lamp = np.linspace(0, 12, SIZE[0])[None, :, None]
    lit = Frame(np.clip(frames[10].bgr + lamp, 0, 255).astype(np.uint8), 10, 1.0)
    assert error(filled(lit, box, plate), np.clip(wall() + lamp, 0, 255), box) < 4


def test_a_place_that_is_never_uncovered_is_smooth() -> None:
    frames, tracks = recording(reach=0.0)
    assert learnt(frames, tracks) is None
    frames, tracks = recording(reach=12.0)  # a little is seen beside the head, its middle never
    plate, box = learnt(frames, tracks), box_at(0)
    smooth, with_plate = filled(frames[0], box, None), filled(frames[0], box, plate)
    assert plate is not None and not np.array_equal(smooth, with_plate)
    middle = np.s_[85:105, 105:125]
    top, left = 85 - plate.rect.top, 105 - plate.rect.left
    assert not plate.weight[top : top + 20, left : left + 20].any()
    assert with_plate[middle].std() < 0.7 * wall()[middle].std()


def test_who_passes_is_not_in_the_plate() -> None:
    def paint(picture: np.ndarray, k: int) -> np.ndarray:
        x = 12 * k - 60
        picture[:, max(0, x) : max(0, x + 30)] = (0, 0, 255)
        return picture

    plate = learnt(*recording(paint))
    assert plate is not None
    known = plate.weight > 128
    truth = wall()[plate.rect.slices]
    assert known.mean() > 0.3
    assert np.abs(plate.colour.astype(int) - truth).max(axis=2)[known].mean() < 4
    assert not (np.abs(plate.colour.astype(int) - (0, 0, 255)).max(axis=2) < 30)[known].any()


def test_somebody_who_stands_in_front_of_the_wall_now_is_not_walled_up() -> None:
    """Shoulders below the head: there the wall is known but not what is to be seen."""
    frames, tracks = recording()
    plate, box = learnt(frames, tracks), box_at(10)
    coat = frames[10].bgr.copy()
    coat[115:] = (60, 40, 35)
    image = filled(Frame(coat, 10, 1.0), box, plate)
    below = hidden(box) > 0
    below[:126] = False
    assert below.sum() > 50
    assert np.abs(image[below].astype(int) - (60, 40, 35)).mean() < 12


@pytest.mark.parametrize("way", ["pan", "shake"])
def test_a_camera_that_moves_has_no_plate(way: str) -> None:
    def paint(picture: np.ndarray, k: int) -> np.ndarray:
        dx = 3 * k if way == "pan" else round(3 * np.sin(2.2 * k))
        return np.roll(picture, dx, axis=1)

    assert learnt(*recording(paint)) is None


@pytest.mark.parametrize("cut", [20, 30])
def test_after_a_cut_the_first_room_is_not_shown_in_the_second(cut: int) -> None:
    frames, tracks = recording(lambda picture, k: picture if k < cut else wall(5))
    plate = learnt(frames, tracks)
    for k in range(cut, COUNT):
        box = box_at(k)
        smooth = filled(frames[k], box, None)
        assert np.abs(filled(frames[k], box, plate).astype(int) - smooth).mean() < 0.01


def test_pictures_out_of_place_are_found() -> None:
    everywhere = np.ones((SIZE[1], SIZE[0]), bool)
    pictures = [np.roll(wall(), k == 3, axis=1) for k in range(6)] + [wall(5)]
    light = np.ones((7, 3), np.float32)
    assert in_place(pictures, light, everywhere).tolist() == [k not in (3, 6) for k in range(7)]
    even = np.full_like(wall(), 90)
    assert not in_place([even] * 7, light, everywhere).any()


# --- what it must not do ---


def other_heads(frames: list[Frame], tracks: list[Tracks]) -> list[Frame]:
    """The same recording with other pixels wherever something is covered."""
    result = []
    for frame, found in zip(frames, tracks, strict=True):
        picture = frame.bgr.copy()
        for box, landmarks, seen in zip(found.xyxy, found.landmarks, found.observed, strict=True):
            own = face_region(box, SIZE, landmarks, observed=bool(seen), margin=0.25)
            inside = covered_mask([own], SIZE) > 0
            picture[inside] = 255 - picture[inside]
        result.append(Frame(picture, frame.index, frame.time_s))
    return result


def test_no_covered_pixel_takes_part() -> None:
    frames, _ = recording()
    beside = [
        tracks_of(box_at(k), (20.0, 20.0, 60.0, 70.0), observed=[True, k % 2 == 0])
        for k in range(COUNT)
    ]
    one = learnt(frames, beside)
    other = learnt(other_heads(frames, beside), beside)
    assert one is not None and other is not None
    assert np.array_equal(one.colour, other.colour) and np.array_equal(one.weight, other.weight)


@pytest.mark.parametrize("background", ["plate", "smooth"])
def test_the_rendered_recording_does_not_depend_on_the_heads(
    make_swap: Make, monkeypatch: pytest.MonkeyPatch, background: str
) -> None:
    frames, tracks = recording()

    def run(shown: list[Frame]) -> list[np.ndarray]:
        swap = make_swap(fade_s=0.0, hair="head", background=background)

        def measured(crops: np.ndarray) -> tuple[Keypoints, np.ndarray]:
            n = len(crops)
            grid = torch.linspace(-0.5, 0.5, 10).view(1, 5, 2)
            return Keypoints(grid.expand(n, 5, 2), torch.eye(2).expand(n, 5, 2, 2)), np.ones(n)

        monkeypatch.setattr(swap.animator, "keypoints", measured)
        swap.prepare(Clip(shown, tracks))
        assert (swap._plate is not None) == (background == "plate")
        return [swap.anonymize(f, t) for f, t in zip(shown, tracks, strict=True)]

    for a, b in zip(run(frames), run(other_heads(frames, tracks)), strict=True):
        assert np.array_equal(a, b)


def test_missed_frames_give_nothing() -> None:
    frames, tracks = recording()
    missed = dict.fromkeys(range(0, COUNT, 2), "no-face")
    spoilt = [f if f.index % 2 else Frame(255 - f.bgr, f.index, f.time_s) for f in frames]
    one, other = (learnt(shown, tracks, misses=missed) for shown in (frames, spoilt))
    assert one is not None and np.array_equal(one.colour, other.colour)


def test_without_frames_or_heads_there_is_nothing_to_learn() -> None:
    frames, tracks = recording()
    assert learnt(frames, tracks, misses=dict.fromkeys(range(COUNT), "no-face")) is None
    assert learnt(frames[:2], tracks[:2]) is None
    assert learnt(frames, [Tracks.empty()] * COUNT) is None


def test_a_face_nobody_detects_for_a_while_is_not_taken_for_wall() -> None:
    """The head stays at one place; for half of the recording no detector sees it."""
    box = (140.0, 70.0, 180.0, 120.0)
    frames, tracks = [], []
    for k in range(COUNT):
        picture = wall()
        picture[hidden(box) > 0] = (90, 120, 180)
        frames.append(Frame(picture, k, k / 10))
        lost = 10 <= k < 30
        tracks.append(Tracks.empty() if lost else tracks_of(box, ids=[1 if k < 10 else 2]))
    for ids in ((1, 1), (1, 2)):
        table = Clip(
            frames,
            [t if not len(t) else tracks_of(box, ids=[ids[k >= 30]]) for k, t in enumerate(tracks)],
        ).table
        places = Places(table, table, 0.25)
        for k in range(COUNT):
            mask = covered_mask(places.covered(k, lambda _: NO_HAIR), SIZE)
            assert (mask[hidden(box) > 0] == 255).all(), k


def test_the_swap_of_one_role_gets_no_pixel_of_another(make_swap: Make) -> None:
    """The doctor's swap is prepared with frames in which the patient isn't covered."""
    frames, _ = recording()
    patient = (120.0, 60.0, 170.0, 125.0)  # before the same wall, half of the time
    both = [
        tracks_of(box, patient, role=("doctor", "patient"))
        if box_at(k)[0] > 195
        else tracks_of(box, role=("doctor",))
        for k, box in enumerate(map(box_at, range(COUNT)))
    ]

    def prepared(face: tuple[int, int, int]) -> Plate | None:
        shown = []
        for frame, found in zip(frames, both, strict=True):
            picture = frame.bgr.copy()
            if len(found) == 2:
                picture[hidden(patient) > 0] = face
            shown.append(Frame(picture, frame.index, frame.time_s))
        swap = make_swap(hair="head")
        ByRole({"fomm": swap}, {Role.DOCTOR: "fomm"}).prepare(Clip(shown, both))
        return swap._plate

    one, other = prepared((0, 0, 255)), prepared((0, 255, 0))
    assert one is not None and other is not None
    assert np.array_equal(one.colour, other.colour) and np.array_equal(one.weight, other.weight)


# --- size and options ---


@pytest.mark.parametrize("size", [(320, 200), (3840, 2160)])
def test_memory_is_bounded(size: tuple[int, int]) -> None:
    width, height = size
    count = 90_000  # an hour
    k = np.arange(count)
    x, h = width * (0.2 + 0.5 * (k % 1000) / 1000), height * 0.4
    table = TrackTable(
        width, height, k / 25, count / 25, k, np.ones(count, np.int64),
        np.stack([x, 0.3 * h + 0 * x, x + 0.8 * h, 1.3 * h + 0 * x], 1).astype(np.float32),
        np.ones(count, np.float32), np.full((count, 5, 2), np.nan, np.float32),
        np.zeros(count, np.int8),
    )  # fmt: skip
    places = Places(table, table, 0.25)

    def covered(index: int):
        return places.covered(index, lambda _: NO_HAIR)

    background = Background(size, table.time_s, places.established(), covered)
    assert 3 <= len(background.frames) <= SAMPLES
    background.see(Frame(np.zeros((height, width, 3), np.uint8), 0, 0.0))
    assert sum(s.part.nbytes + s.small.nbytes for s in background._samples) < 5_000_000


def test_chosen_frames_show_what_is_rarely_seen() -> None:
    """Twice in an hour the head leans aside: both times are looked at."""
    frames, tracks = recording(reach=0.0)
    aside = (200.0, 70.0, 240.0, 120.0)
    tracks = [tracks_of(aside) if k in (3, 4, 5, 33, 34) else t for k, t in enumerate(tracks)]
    clip = Clip(frames, tracks)
    places = Places(clip.table, clip.table, 0.25)
    chosen = Background(
        SIZE,
        clip.table.time_s,
        places.established(),
        lambda i: places.covered(i, lambda _: NO_HAIR),
    ).frames
    assert len(chosen & {3, 4, 5, 33, 34}) >= 4


def test_it_works_in_a_recording_and_can_be_switched_off(make_swap: Make) -> None:
    frames, tracks = recording()

    def render(prepare: bool, **options: object) -> Iterator[np.ndarray]:
        swap = make_swap(fade_s=0.0, label=False, hair="head", **options)
        if prepare:
            swap.prepare(Clip(frames, tracks))
        return (swap.anonymize(f, t) for f, t in zip(frames, tracks, strict=True))

    plate = list(render(True))
    smooth = list(render(True, background="smooth"))
    with_plate, without = [], []
    for k in range(COUNT):
        # the ring between the donor's head and the border of what is covered
        inner = region(box_at(k)).polygon
        middle = inner.mean(axis=0)
        ring = hidden(box_at(k)) > 0
        cv2.circle(shape := ring.astype(np.uint8), (int(middle[0]), int(middle[1])), 28, 0, -1)
        truth = wall()
        with_plate.append(np.abs(plate[k].astype(int) - truth)[shape > 0].mean())
        without.append(np.abs(smooth[k].astype(int) - truth)[shape > 0].mean())
    assert np.mean(with_plate) < 0.5 * np.mean(without)
    live = list(render(False))
    off = list(render(False, background="smooth"))
    assert all(np.array_equal(a, b) for a, b in zip(live, off, strict=True))


def test_the_swap_forgets_the_room(make_swap: Make) -> None:
    swap = make_swap(hair="head")
    swap.prepare(Clip(*recording()))
    assert swap._plate is not None
    swap.reset()
    assert swap._plate is None
