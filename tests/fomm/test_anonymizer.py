"""From tracks to pictures: only motion is left of the original, and every odd case is covered."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import numpy as np
import pytest
import torch
from framework_fomm.anonymizer import MASK_COLOUR, FommAnonymizer
from framework_fomm.donors.store import BACKGROUND
from framework_fomm.model import Keypoints
from framework_fomm.neutral import Neutral, candidates, most_typical, usable_rows
from framework_fomm.scene import LABEL, SceneLight, alone, draw_label

from framework.regions import face_region
from framework.table import EmotionSamples, RowState, TrackTable
from framework.types import EMOTIONS, Frame, Tracks

from .conftest import frames_of, scene, tracks_of, upright

Make = Callable[..., FommAnonymizer]
BOX = (120.0, 50.0, 180.0, 130.0)
OTHER = (220.0, 50.0, 280.0, 130.0)


class Clip:
    """A recording in memory: what ``prepare`` gets."""

    def __init__(self, frames: list[Frame], tracks: list[Tracks], **extra: object) -> None:
        rows = [(f.index, t, i) for f, t in zip(frames, tracks, strict=True) for i in range(len(t))]
        unknown = np.full((5, 2), np.nan, np.float32)
        self._frames = frames
        self.asked: list[int] = []
        self.table = TrackTable(
            frames[0].width,
            frames[0].height,
            np.array([f.time_s for f in frames]),
            frames[-1].time_s + 0.04,
            np.array([r[0] for r in rows], np.int64),
            np.array([t.track_id[i] for _, t, i in rows], np.int64),
            np.array([t.xyxy[i] for _, t, i in rows], np.float32).reshape(-1, 4),
            np.array([t.score[i] for _, t, i in rows], np.float32),
            np.array(
                [unknown if t.landmarks is None else t.landmarks[i] for _, t, i in rows], np.float32
            ).reshape(-1, 5, 2),
            np.array(
                [RowState.DETECTED if t.observed[i] else RowState.CARRIED for _, t, i in rows],
                np.int8,
            ),
            roles={int(i): r for t in tracks for i, r in zip(t.track_id, t.role, strict=True)},
            **extra,  # type: ignore[arg-type]
        )

    def frames(self, indices: Iterable[int]) -> Iterator[Frame]:
        for index in sorted(set(indices)):
            self.asked.append(index)
            yield self._frames[index]


def still(
    count: int = 12, *boxes: tuple[float, ...], **kwargs: object
) -> tuple[list[Frame], list[Tracks]]:
    picture = scene(0)
    tracks = tracks_of(*(boxes or (BOX,)), **kwargs)  # type: ignore[arg-type]
    return frames_of([picture] * count), [tracks] * count


def render(swap: FommAnonymizer, frames: list[Frame], tracks: list[Tracks]) -> list[np.ndarray]:
    swap.prepare(Clip(frames, tracks))
    return [swap.anonymize(f, t) for f, t in zip(frames, tracks, strict=True)]


def reasons(swap: FommAnonymizer) -> list[str]:
    return [event.detail for event in swap.drain_events()]


def region_mask(box: tuple[float, ...], picture: np.ndarray) -> np.ndarray:
    size = (picture.shape[1], picture.shape[0])
    region = face_region(np.array(box, np.float32), size, upright(box), margin=0.25)  # type: ignore[arg-type]
    rect, inside = region.raster()
    mask = np.zeros(picture.shape[:2], bool)
    mask[rect.slices] = inside == 255
    return mask


def is_masked(picture: np.ndarray, box: tuple[float, ...]) -> bool:
    x, y = round((box[0] + box[2]) / 2), round((box[1] + box[3]) / 2)
    return bool(
        (np.abs(picture[y - 5 : y + 5, x - 5 : x + 5].astype(int) - MASK_COLOUR) <= 1).all()
    )


# --- privacy ---


@pytest.mark.parametrize("output", ["scene", "crop"])
def test_only_motion_passes(make_swap: Make, monkeypatch: pytest.MonkeyPatch, output: str) -> None:
    """With the keypoints held, no pixel inside the head region has any influence on the result."""

    def run(noise: int) -> list[np.ndarray]:
        swap = make_swap(output=output, fade_s=0.0)

        def measured(crops: np.ndarray) -> tuple[Keypoints, np.ndarray]:
            n = len(crops)
            grid = torch.linspace(-0.5, 0.5, 10).view(1, 5, 2)
            return Keypoints(grid.expand(n, 5, 2), torch.eye(2).expand(n, 5, 2, 2)), np.ones(n)

        frames, tracks = still(6, BOX)
        monkeypatch.setattr(swap.animator, "keypoints", measured)
        picture = frames[0].bgr.copy()
        head = region_mask(BOX, picture)
        picture[head] = scene(noise)[head]
        return render(swap, frames_of([picture] * 6), tracks)

    for first, second in zip(run(10), run(11), strict=True):
        assert np.array_equal(first, second)


def test_original_frame_is_left_alone_and_the_rest_of_the_picture_too(make_swap: Make) -> None:
    frames, tracks = still()
    before = frames[0].bgr.copy()
    result = render(make_swap(label=False), frames, tracks)[-1]
    assert np.array_equal(frames[0].bgr, before) and not np.shares_memory(result, frames[0].bgr)
    assert np.array_equal(result[:, 260:], before[:, 260:])
    inside = region_mask(BOX, before)
    assert (result[inside] == before[inside]).all(-1).mean() < 0.01


def test_swap_shows_a_donor_not_the_mask(make_swap: Make) -> None:
    swap = make_swap(fade_s=0.0)
    frames, tracks = still()
    results = render(swap, frames, tracks)
    assert reasons(swap) == [] and not any(is_masked(r, BOX) for r in results)


def test_whatever_fails_is_covered(make_swap: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    frames, tracks = still(8)

    def broken(*_: object) -> None:
        raise MemoryError("no room")

    for part in ("render", "keypoints"):
        swap = make_swap(fade_s=0.0)
        for frame, now in zip(frames[:-1], tracks, strict=False):  # live: nothing is known before
            swap.anonymize(frame, now)
        swap.drain_events()
        with monkeypatch.context() as patch:
            patch.setattr(swap.animator, part, broken)
            result = swap.anonymize(frames[-1], tracks[-1])
        assert is_masked(result, BOX)
        assert reasons(swap) == ["failed: MemoryError"]


def test_a_recording_is_watched_once_and_rendered_from_what_was_seen(
    make_swap: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames, tracks = still(20)
    swap = make_swap(fade_s=0.0)
    clip = Clip(frames, tracks)
    swap.prepare(clip)
    assert clip.asked == list(range(20))

    def unwanted(*_: object) -> None:
        raise AssertionError("keypoints are known")

    monkeypatch.setattr(swap.animator, "keypoints", unwanted)
    results = [swap.anonymize(f, t) for f, t in zip(frames, tracks, strict=True)]
    assert reasons(swap) == [] and not any(is_masked(r, BOX) for r in results)


# --- donors ---


def test_two_people_never_share_and_a_third_too_many_is_masked(make_swap: Make) -> None:
    boxes = [(20.0 + 75 * i, 60.0, 62.0 + 75 * i, 118.0) for i in range(4)]
    swap = make_swap(fade_s=0.0)
    frames, tracks = still(8, *boxes)
    results = render(swap, frames, tracks)
    used = [p.donor.name for p in swap._people.values() if p.donor]
    assert len(used) == len(set(used)) == 3
    assert set(reasons(swap)) == {"no-donor"}
    assert sum(is_masked(results[-1], box) for box in boxes) == 1


def test_key_decides_and_nothing_else(make_swap: Make) -> None:
    frames, tracks = still(8)

    def donor(key: bytes | None, picture: int) -> str:
        swap = make_swap(key)
        swap.prepare(Clip(frames_of([scene(picture)] * 6), tracks[:6]))
        return swap._people[1].donor.name

    assert donor(b"a", 0) == donor(b"a", 1) == donor(b"a", 2)
    assert len({donor(bytes([k]), 0) for k in range(9)}) == 3
    assert len({donor(None, 0) for _ in range(12)}) > 1
    live = make_swap(b"a")
    for frame, found in zip(frames, tracks, strict=True):
        live.anonymize(frame, found)
    assert live._people[1].donor.name == donor(b"a", 0)  # with and without a first pass


def test_bystanders_are_masked_and_not_counted_as_fallback(make_swap: Make) -> None:
    swap = make_swap(fade_s=0.0)
    frames, tracks = still(8, BOX, OTHER, role=("patient", "bystander"))
    results = render(swap, frames, tracks)
    assert not is_masked(results[-1], BOX) and is_masked(results[-1], OTHER)
    assert reasons(swap) == []


def test_the_mask_of_a_neighbour_does_not_hide_a_donor(make_swap: Make) -> None:
    """A doubtful box beside the patient, as detectors give them, is covered, but underneath."""
    near = (150.0, 40.0, 260.0, 175.0)
    swap = make_swap(fade_s=0.0)
    frames, tracks = still(8, BOX, near, role=("patient", "bystander"))
    result = render(swap, frames, tracks)[-1]
    assert not is_masked(result, BOX) and is_masked(result, (220.0, 90.0, 260.0, 130.0))


# --- bad input ---


def spoiled(**change: object) -> Tracks:
    return tracks_of(BOX, **change)  # type: ignore[arg-type]


UPSIDE_DOWN = upright(BOX)[None, [4, 3, 2, 1, 0]] * 1.0
UPSIDE_DOWN[..., 1] = 180.0 - upright(BOX)[None, :, 1]
PROFILE = upright(BOX)[None].copy()
PROFILE[0, 2, 0] += 30
PROFILE[0, 1, 0] -= 15
NOWHERE = np.full((1, 5, 2), np.nan, np.float32)


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (spoiled(observed=[False]), "lost"),
        (spoiled(landmarks=UPSIDE_DOWN), "turned"),
        (spoiled(landmarks=PROFILE), "turned"),
        (tracks_of((150, 90, 163, 107), ids=[1]), "small"),
        (tracks_of((-40, 50, 20, 130), ids=[1]), "edge"),
        (tracks_of((300, 150, 360, 230), ids=[1]), "edge"),
    ],
)
def test_what_cannot_be_rendered_fades_to_the_mask_and_back(
    make_swap: Make, bad: Tracks, reason: str
) -> None:
    swap = make_swap(fade_s=0.1)
    good = tracks_of(BOX)
    frames = frames_of([scene(0)] * 40)
    tracks = [bad if 16 <= i < 26 else good for i in range(40)]
    swap.prepare(Clip(frames, tracks))
    opacities = []
    for frame, found in zip(frames, tracks, strict=True):
        result = swap.anonymize(frame, found)
        box = tuple(float(v) for v in found.xyxy[0])
        region = face_region(
            found.xyxy[0], (320, 180), found.landmarks[0], observed=bool(found.observed[0])
        )
        rect, inside = region.raster()
        same = (result[rect.slices] == frame.bgr[rect.slices]).all(-1)[inside == 255]
        assert same.mean() < 0.02, (frame.index, box)
        opacities.append(swap._people[1].opacity)
    events = swap.drain_events()
    assert [e.index for e in events] == list(range(16, 26))
    assert {e.detail for e in events} == {reason} and {e.kind for e in events} == {"fallback"}
    assert opacities[15] == 1.0 and opacities[25] == 0.0 and opacities[-1] == 1.0
    assert 0 < opacities[16] < 1 and 0 < opacities[26] < 1  # no hard cut
    assert swap.drain_events() == []


def test_boxes_without_landmarks_will_do(make_swap: Make) -> None:
    for landmarks in (None, NOWHERE):
        swap = make_swap(fade_s=0.0)
        tracks = [tracks_of(BOX, landmarks=landmarks, with_landmarks=False)] * 8
        result = render(swap, frames_of([scene(0)] * 8), tracks)[-1]
        assert reasons(swap) == [] and not is_masked(result, BOX)


def test_track_shorter_than_the_warm_up_is_masked(make_swap: Make) -> None:
    for prepared in (True, False):
        swap = make_swap()
        frames, tracks = still(4)
        if prepared:
            swap.prepare(Clip(frames, tracks))
        results = [swap.anonymize(f, t) for f, t in zip(frames, tracks, strict=True)]
        assert all(is_masked(r, BOX) for r in results)
        assert reasons(swap) == ["short" if prepared else "warm-up"] * 4


def test_live_warm_up_ends(make_swap: Make) -> None:
    swap = make_swap(fade_s=0.04)
    frames, tracks = still(10)
    results = [swap.anonymize(f, t) for f, t in zip(frames, tracks, strict=True)]
    assert reasons(swap) == ["warm-up"] * 4
    assert is_masked(results[3], BOX) and not is_masked(results[-1], BOX)


def test_a_person_enters_mid_video_and_two_heads_cross(make_swap: Make) -> None:
    swap = make_swap(fade_s=0.0)
    pictures = [scene(i) for i in range(30)]
    tracks = []
    for i in range(30):
        first = (60.0 + 4 * i, 50.0, 120.0 + 4 * i, 130.0)
        second = (230.0 - 4 * i, 55.0, 280.0 - 4 * i, 122.0)
        late = i >= 10
        tracks.append(tracks_of(*([first, second] if late else [first]), ids=[5, 9][: 1 + late]))
    frames = frames_of(pictures)
    results = render(swap, frames, tracks)
    names = {t: p.donor.name for t, p in swap._people.items()}
    assert set(names) == {5, 9} and len(set(names.values())) == 2
    for frame, found, result in zip(frames, tracks, results, strict=True):
        for box in found.xyxy:
            inside = region_mask(tuple(float(v) for v in box), frame.bgr)
            inside[-30:, :140] = False  # the label
            assert (result[inside] == frame.bgr[inside]).all(-1).mean() < 0.01
    assert reasons(swap) == []


def test_absence_starts_afresh(make_swap: Make) -> None:
    """After half a second away nothing fades in from before; the donor stays."""
    swap = make_swap(fade_s=0.8)
    frames, tracks = still(60)
    tracks = [t if not 20 <= i < 45 else Tracks.empty() for i, t in enumerate(tracks)]
    swap.prepare(Clip(frames, tracks))
    donors = set()
    for frame, found in zip(frames, tracks, strict=True):
        swap.anonymize(frame, found)
        donors.add(swap._people[1].donor.name)
        if frame.index in (0, 45):
            assert swap._people[1].opacity == 1.0
    assert len(donors) == 1


@pytest.mark.parametrize("shape", [(2, 2), (40, 300), (300, 40)])
@pytest.mark.parametrize("output", ["scene", "crop"])
def test_any_frame_size(make_swap: Make, shape: tuple[int, int], output: str) -> None:
    swap = make_swap(output=output)
    frames = frames_of([scene(0, *shape)] * 6)
    for frame in frames:
        result = swap.anonymize(frame, tracks_of((-50.0, -50.0, 90.0, 120.0)))
        assert result.shape == frame.bgr.shape and result.dtype == np.uint8
        assert swap.anonymize(frame, Tracks.empty()).shape == frame.bgr.shape


# --- order and output ---


def test_batch_is_the_same_as_one_by_one(make_swap: Make) -> None:
    rng = np.random.default_rng(0)
    frames = frames_of([scene(i) for i in range(20)])
    tracks = []
    for i in range(20):
        x, y = 3 * i + rng.uniform(-1, 1), rng.uniform(-1, 1)
        box = (80 + x, 50 + y, 140 + x, 130 + y)
        tracks.append(tracks_of(box, observed=[not 8 <= i < 11]))
    one = make_swap(batch=3)
    singles = [one.anonymize(f, t) for f, t in zip(frames, tracks, strict=True)]
    many = make_swap(batch=3)
    batched = [
        image
        for i in range(0, 20, 7)
        for image in many.anonymize_batch(frames[i : i + 7], tracks[i : i + 7])
    ]
    for a, b in zip(singles, batched, strict=True):
        assert np.abs(a.astype(int) - b).max() <= 1
    assert one.drain_events() == many.drain_events()


def test_reset_forgets_everybody(make_swap: Make) -> None:
    swap = make_swap()
    frames, tracks = still(8)
    first = [swap.anonymize(f, t) for f, t in zip(frames, tracks, strict=True)]
    swap.reset()
    second = [swap.anonymize(f, t) for f, t in zip(frames, tracks, strict=True)]
    assert all(np.array_equal(a, b) for a, b in zip(first, second, strict=True))


def test_label_is_there_unless_it_is_switched_off(make_swap: Make) -> None:
    frames, _ = still(1)
    plain = make_swap(label=False).anonymize(frames[0], Tracks.empty())
    labelled = make_swap().anonymize(frames[0], Tracks.empty())
    assert np.array_equal(plain, frames[0].bgr)
    changed = (labelled != plain).any(-1)
    assert changed[-12:, :40].mean() > 0.5 and not changed[:120].any()
    assert LABEL == "synthetic media"
    for shape in ((4, 4, 3), (30, 3000, 3), (2160, 3840, 3)):
        draw_label(np.zeros(shape, np.uint8))


def test_crop_shows_portraits_alone(make_swap: Make) -> None:
    swap = make_swap(output="crop", label=False, fade_s=0.0)
    frames, tracks = still(8, BOX, OTHER)
    swap.prepare(Clip(frames, tracks))
    both = swap.anonymize(frames[0], tracks[0])
    alone = swap.anonymize(frames[1], tracks[1][:1])
    assert both.shape == frames[0].bgr.shape
    assert not (both == frames[0].bgr).all(-1).mean() > 0.02
    left, right = alone[:, :160], alone[:, 160:]  # everybody keeps the place
    assert left.std() > 1 and np.ptp(right) == 0


def test_light_follows_slowly_and_ignores_the_head() -> None:
    light = SceneLight()
    dark, bright = np.full((90, 90, 3), 20, np.uint8), np.full((90, 90, 3), 220, np.uint8)
    nothing = np.zeros((90, 90), np.uint8)
    low = light.update(dark, nothing, 0.0).copy()
    next_frame = light.update(bright, nothing, 0.04).copy()
    assert (low < 0.8).all() and np.abs(next_frame - low).max() < 0.05
    assert (light.update(bright, nothing, 10.0) > 1.1).all()
    head = np.zeros((90, 90), np.uint8)
    head[20:70, 20:70] = 255
    other = dark.copy()
    other[20:70, 20:70] = 255
    assert np.array_equal(SceneLight().update(dark, head, 0), SceneLight().update(other, head, 0))


# --- the neutral frame ---


def test_neutral_frame_is_frontal_and_neutral(make_swap: Make) -> None:
    frames, tracks = still(40)
    smile = np.zeros(7, np.float32)
    smile[EMOTIONS.index("happiness")] = 1
    calm = np.zeros(7, np.float32)
    calm[EMOTIONS.index("neutral")] = 1
    at = np.arange(0, 40, 5)
    samples = EmotionSamples(
        at,
        np.ones(8, np.int64),
        np.stack([calm if 20 <= i < 30 else smile for i in at]),
        np.ones(8, np.float32),
        0.2,
    )
    turned = tracks_of(BOX, landmarks=PROFILE)
    tracks = [turned if 20 <= i < 24 else t for i, t in enumerate(tracks)]
    clip = Clip(frames, tracks, samples=samples)
    usable = usable_rows(clip.table, clip.table.rows_of_track(1), make_swap().options)
    rows = candidates(usable, clip.table)
    best = int(clip.table.frame[rows[0]])
    assert 18 <= best <= 32 and best not in range(20, 24)  # near calm samples, not the profile
    swap = make_swap(background="smooth")
    swap.prepare(clip)
    assert (
        len(rows) <= 12
        and len(clip.asked) == len(usable)
        and not {20, 21, 22, 23} & set(clip.asked)
    )


def test_medoid_is_a_frame_and_not_the_outlier() -> None:
    eye = torch.eye(2).expand(1, 3, 2, 2)
    frames = [Neutral(Keypoints(torch.full((1, 3, 2), v), eye), 1.0) for v in (0.0, 0.1, 0.12, 5.0)]
    assert most_typical(frames) in frames[1:3]
    with pytest.raises(ValueError, match="candidate"):
        most_typical([])


def test_the_square_leans_with_the_head(make_swap: Make) -> None:
    """In files and live, also where the landmarks of a frame aren't known."""
    points, middle = upright(BOX), np.mean([BOX[:2], BOX[2:]], axis=0)
    angle = np.radians(40.0)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    leaning = ((points - middle) @ turn + middle).astype(np.float32)
    frames = frames_of([scene(i) for i in range(12)])
    tracks = [tracks_of(BOX, landmarks=leaning[None]) for _ in frames]
    tracks[5] = tracks_of(BOX, with_landmarks=False)
    swap = make_swap()
    swap.prepare(Clip(frames, tracks))
    planned = [swap._people[1].planned[i].angle for i in range(12)]
    assert planned == pytest.approx([np.radians(28.0)] * 12, abs=0.01)
    live = make_swap()
    squares = [live._heads(f, t)[0].square for f, t in zip(frames, tracks, strict=True)]
    assert [s.angle for s in squares] == pytest.approx([np.radians(28.0)] * 12, abs=0.01)


@pytest.mark.parametrize("angle", [0.0, 0.6])
def test_a_portrait_alone_stands_on_an_even_background(angle: float) -> None:
    portrait = np.zeros((64, 64, 3), np.uint8)  # black, as where the motion came from outside
    portrait[20:44, 24:40] = (30, 60, 200)
    matte = np.zeros((64, 64), np.uint8)
    matte[20:44, 24:40] = 255
    shown = alone(portrait, matte, angle)
    assert (shown[[0, 0, -1, -1], [0, -1, 0, -1]] == BACKGROUND).all()
    assert (shown[32, 32] == (30, 60, 200)).all()
    assert ((shown == BACKGROUND).all(-1) | (shown[..., 2] > 190)).all()
