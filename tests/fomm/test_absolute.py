"""The swap by absolute expression: geometry, drawing, and what reaches the picture."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from framework_fomm.absolute import basis as bases
from framework_fomm.absolute import manner
from framework_fomm.absolute import pose as poses
from framework_fomm.absolute.basis import Basis
from framework_fomm.absolute.mouth import gap_of
from framework_fomm.absolute.portrait import Portrait, prepare
from framework_fomm.absolute.render import draw
from framework_fomm.absolute.retarget import Gaze, Moved, move
from framework_fomm.absolute.swap import MAX_DOUBT, ExpressionSwap
from framework_fomm.anonymizer import MASK_COLOUR
from framework_fomm.config import FommOptions
from framework_fomm.donors.store import EMBEDDED_FOLDER, Donor, load
from framework_fomm.plugin import BASIS_WEIGHTS
from framework_measures import mesh
from framework_measures.plugin import EXPRESSION_WEIGHTS
from framework_measures.reading import Reader, Reading
from framework_measures.weightfile import load as load_network
from numpy.typing import NDArray

from framework.types import Image
from framework.weights import verified

from .test_anonymizer import BOX, OTHER, Clip, reasons, region_mask, render, still

AHEAD = Gaze(0.0, 0.0)


@pytest.fixture(scope="module")
def basis() -> Basis:
    return bases.load(verified(BASIS_WEIGHTS))


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(load_network(verified(EXPRESSION_WEIGHTS)), threads=1)


@pytest.fixture(scope="module")
def embedded() -> list[Donor]:
    return load(EMBEDDED_FOLDER)[:3]


@pytest.fixture(scope="module")
def portrait(basis: Basis, embedded: list[Donor]) -> Portrait:
    points = bases.load_meshes(verified(BASIS_WEIGHTS))[embedded[0].record["sha256"]]
    bgra = embedded[0].bgra.astype(np.float32)
    return prepare(np.dstack([bgra[..., :3] * bgra[..., 3:] / 255, bgra[..., 3]]), points, basis)


def expression(basis: Basis, **entries: float) -> NDArray[np.float64]:
    """The neutral expression with some entries set; a name without side means both."""
    result = basis.neutral.copy()
    for name, value in entries.items():
        for full in (name, f"{name}Left", f"{name}Right"):
            if full in basis.names:
                result[basis.names.index(full)] = value
    return result


def moved(
    portrait: Portrait,
    basis: Basis,
    entries: NDArray[np.float64],
    gaze: Gaze = AHEAD,
    yaw: float = 0.0,
    pitch: float = 0.0,
) -> Moved:
    return move(portrait, basis, entries, basis.factors() * basis.move(entries), gaze, yaw, pitch)


class FixedReader:
    """Reads the same from every face, whatever is in the picture."""

    def __init__(self, reading: Reading, real: Reader) -> None:
        self.reading = reading
        self.votes, self.coefficients, self.reference = (
            real.votes,
            real.coefficients,
            real.reference,
        )

    def faces(self, pictures: list[Image], landmarks: list[NDArray[np.float32]]) -> list[Reading]:
        result = []
        for five in landmarks:
            unit = 1.6 * float(np.linalg.norm(five[1] - five[0]))
            points = unit * (self.reading.points - self.reading.points[mesh.BRIDGE])
            points[:, :2] += five[:2].mean(0)
            result.append(replace(self.reading, points=points))
        return result


@pytest.fixture
def neutral_reading(reader: Reader) -> Reading:
    votes = np.full(len(reader.votes), 0.02)
    votes[reader.votes.index("neutral")] = 1 - 0.02 * (len(votes) - 1)
    return Reading(
        reader.reference.copy(), np.zeros(len(reader.coefficients)), votes, (0.0, 0.0, 0.0)
    )


@pytest.fixture
def make(reader: Reader, basis: Basis, embedded: list[Donor]):  # type: ignore[no-untyped-def]
    def build(reading: Reading | None = None, **options: object) -> ExpressionSwap:
        settings = FommOptions(label=False, fade_s=0.0, **options)  # type: ignore[arg-type]
        read = reader if reading is None else FixedReader(reading, reader)
        meshes = bases.load_meshes(verified(BASIS_WEIGHTS))
        return ExpressionSwap(settings, read, basis, embedded, b"key", meshes)  # type: ignore[arg-type]

    return build


# --- geometry ---


@pytest.mark.parametrize(("yaw", "pitch"), [(0.0, 0.0), (25.0, 0.0), (-18.0, 10.0), (5.0, -20.0)])
def test_angles_of_a_turned_face_are_those_it_was_turned_by(
    basis: Basis, yaw: float, pitch: float
) -> None:
    roll = np.radians(12.0)
    lean = np.array(
        [[np.cos(roll), -np.sin(roll), 0], [np.sin(roll), np.cos(roll), 0], [0, 0, 1.0]]
    )
    face = 80 * basis.reference @ (lean @ mesh.rotation_of(yaw, pitch)).T + [200, 150, 0]
    rotation, scale, _ = mesh.fit_rotation(face, basis.reference)
    assert mesh.angles(rotation) == pytest.approx((yaw, pitch, 12.0), abs=1e-6)
    assert scale == pytest.approx(1 / 80)
    assert mesh.frontal(face, basis.reference) == pytest.approx(basis.reference, abs=1e-9)


def test_a_positive_yaw_moves_the_nose_to_the_right_and_a_positive_pitch_down(
    portrait: Portrait, basis: Basis
) -> None:
    rest = moved(portrait, basis, basis.neutral).points
    right = moved(portrait, basis, basis.neutral, yaw=20.0)
    down = moved(portrait, basis, basis.neutral, pitch=15.0)
    nose = rest[mesh.NOSE_TIP] - rest[list(mesh.STABLE)].mean(0)
    assert (right.points[mesh.NOSE_TIP] - right.anchor)[0] > nose[0] + 10
    assert (down.points[mesh.NOSE_TIP] - down.anchor)[1] > nose[1] + 5


def test_blinking_closes_an_eye_and_astonishment_opens_it(portrait: Portrait, basis: Basis) -> None:
    def gap(points: NDArray[np.float64]) -> float:
        pairs = mesh.lid_pairs(mesh.RIGHT_EYE)[2:5]
        return float(np.mean([points[low, 1] - points[up, 1] for up, low in pairs]))

    rest = gap(moved(portrait, basis, basis.neutral).points)
    assert gap(moved(portrait, basis, expression(basis, eyeBlink=0.9)).points) < 0.4 * rest
    wide = expression(basis, eyeWide=0.6, browInnerUp=0.9, surprise=0.9)
    assert gap(moved(portrait, basis, wide).points) > 1.05 * rest


def test_an_eye_that_was_seen_shut_is_shut_and_the_other_is_not(
    portrait: Portrait, basis: Basis
) -> None:
    still = np.zeros((mesh.POINTS, 3))
    place = move(portrait, basis, basis.neutral, still, AHEAD, 0.0, 0.0, (0.2, 1.0))
    shares = []
    for eye, _ in mesh.EYES:
        pairs = mesh.lid_pairs(eye)
        now, own = (
            np.mean([points[low, 1] - points[up, 1] for up, low in pairs])
            for points in (place.points, portrait.points)
        )
        shares.append(now / own)
    assert shares[0] < 0.1 and shares[1] == pytest.approx(1, abs=0.02)


def test_lips_open_with_the_jaw_and_never_pass_each_other(portrait: Portrait, basis: Basis) -> None:
    unit = float(np.sqrt(abs(np.linalg.det(portrait.to_picture[:, :2]))))
    opened = moved(portrait, basis, expression(basis, jawOpen=0.7)).points
    assert gap_of(opened) > 0.12 * unit
    pressed = moved(portrait, basis, expression(basis, mouthClose=1.0, mouthPress=1.0)).points
    assert all(pressed[low, 1] >= pressed[up, 1] - 1e-9 for up, low in mesh.INNER_LIP_PAIRS)


def test_eyes_follow_the_gaze(portrait: Portrait, basis: Basis) -> None:
    ahead = moved(portrait, basis, basis.neutral).points[468]
    right = moved(portrait, basis, basis.neutral, Gaze(20.0, 0.0)).points[468]
    assert right[0] > ahead[0] + 2


# --- drawing ---


def test_a_portrait_that_is_not_moved_is_drawn_as_it_is(portrait: Portrait, basis: Basis) -> None:
    depth = np.zeros(len(portrait.points))
    picture, matte = draw(portrait, portrait.points, depth, None, None)
    assert np.abs(picture.astype(int) - portrait.picture[..., :3]).max() <= 2
    assert np.abs(matte.astype(int) - portrait.picture[..., 3]).max() <= 2


def test_a_smile_lights_cheeks_and_shows_teeth(portrait: Portrait, basis: Basis) -> None:
    smile = expression(basis, mouthSmile=0.9, mouthUpperUp=0.6, jawOpen=0.1, happiness=0.95)
    place = moved(portrait, basis, smile)
    picture, _ = draw(portrait, place.points, place.depth, basis.shade(smile), place.opening)
    inside = place.points[list(mesh.INNER_LIPS)].mean(0).round().astype(int)
    lips = place.points[[0, 17]].round().astype(int)
    teeth = picture[inside[1] - 1 : inside[1] + 2, inside[0] - 6 : inside[0] + 7].mean()
    lip = picture[lips[:, 1], lips[:, 0]].mean()
    assert teeth > lip + 15


# --- swapping ---


def test_a_single_picture_is_swapped_at_once(make, neutral_reading: Reading) -> None:  # type: ignore[no-untyped-def]
    swap = make(neutral_reading)
    frames, tracks = still(1, BOX)
    picture = render(swap, frames, tracks)[0]
    assert reasons(swap) == []
    x, y = int((BOX[0] + BOX[2]) / 2), int((BOX[1] + BOX[3]) / 2)
    assert np.abs(picture[y, x].astype(int) - MASK_COLOUR).max() > 3


@pytest.mark.parametrize("output", ["scene", "crop"])
def test_with_readings_held_no_pixel_of_the_head_passes(  # type: ignore[no-untyped-def]
    make, neutral_reading: Reading, output: str
) -> None:
    frames, tracks = still(3, BOX)
    inside = region_mask(BOX, frames[0].bgr)
    results = []
    for seed in (1, 2):
        changed = []
        for frame in frames:
            bgr = frame.bgr.copy()
            noise = np.random.default_rng(seed).integers(0, 256, bgr.shape, dtype=np.uint8)
            bgr[inside] = noise[inside]
            changed.append(replace_frame(frame, bgr))
        results.append(render(make(neutral_reading, output=output), changed, tracks))
    for a, b in zip(*results, strict=True):
        assert np.array_equal(a, b)


def replace_frame(frame, bgr):  # type: ignore[no-untyped-def]
    from framework.types import Frame

    return Frame(bgr, frame.index, frame.time_s)


def test_an_expression_that_lasts_is_shown_as_on_a_single_picture(  # type: ignore[no-untyped-def]
    make, reader: Reader, neutral_reading: Reading
) -> None:
    """The rest of a recording in which somebody never stops smiling is a smile, and stays one."""
    smile = neutral_reading.coefficients.copy()
    for name in ("mouthSmileLeft", "mouthSmileRight", "mouthUpperUpLeft", "mouthUpperUpRight"):
        smile[reader.coefficients.index(name)] = 0.8
    votes = np.full(len(reader.votes), 0.01)
    votes[reader.votes.index("happiness")] = 1 - 0.01 * (len(votes) - 1)
    happy = replace(neutral_reading, coefficients=smile, votes=votes)
    single = render(make(happy), *still(1, BOX))[0].astype(int)
    lasting = render(make(happy), *still(30, BOX))[15].astype(int)
    calm = render(make(neutral_reading), *still(1, BOX))[0].astype(int)
    assert np.abs(single - lasting).max() <= 3
    assert np.abs(single - calm).max() > 20


def test_what_two_looks_read_differently_is_masked(make, neutral_reading: Reading) -> None:  # type: ignore[no-untyped-def]
    swap = make(replace(neutral_reading, doubt=1.1 * MAX_DOUBT))
    frames, tracks = still(3, BOX)
    render(swap, frames, tracks)
    assert reasons(swap) == ["hidden"] * 3


def test_a_head_turned_too_far_is_masked(make, neutral_reading: Reading) -> None:  # type: ignore[no-untyped-def]
    swap = make(replace(neutral_reading, pose=(55.0, 0.0, 0.0)))
    frames, tracks = still(2, BOX)
    render(swap, frames, tracks)
    assert reasons(swap) == ["turned"] * 2


def test_two_people_get_two_donors_and_a_stream_needs_no_warm_up(  # type: ignore[no-untyped-def]
    make, neutral_reading: Reading
) -> None:
    swap = make(neutral_reading)
    frames, tracks = still(2, BOX, OTHER)
    pictures = [swap.anonymize(f, t) for f, t in zip(frames, tracks, strict=True)]
    assert reasons(swap) == []
    names = {person.donor.name for person in swap._people.values()}
    assert len(names) == 2
    assert pictures[0].shape == frames[0].bgr.shape


def test_whatever_fails_while_reading_is_covered(  # type: ignore[no-untyped-def]
    make, neutral_reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    swap = make(neutral_reading)
    frames, tracks = still(2, BOX)
    monkeypatch.setattr(swap._reader, "faces", lambda *_: 1 / 0)
    picture = swap.anonymize(frames[0], tracks[0])
    inside = region_mask(BOX, frames[0].bgr)
    assert (picture[inside] != frames[0].bgr[inside]).mean() > 0.9
    assert reasons(swap) == ["failed: ZeroDivisionError"]


def test_a_track_is_read_once_and_rendered_from_that(make, neutral_reading: Reading) -> None:  # type: ignore[no-untyped-def]
    swap = make(neutral_reading)
    frames, tracks = still(4, BOX)
    swap.prepare(Clip(frames, tracks))
    swap._reader.faces = None
    swap.anonymize(frames[0], tracks[0])
    assert reasons(swap) == []


# --- poses ---


def test_movement_that_the_expression_does_not_explain_is_kept_and_the_shape_of_a_face_is_not(
    basis: Basis, reader: Reader, neutral_reading: Reading
) -> None:
    times = np.arange(20) / 25.0
    longer = neutral_reading.points.copy()
    longer[mesh.CHIN, 1] += 0.05  # a long chin, in every frame
    readings = []
    for i in range(20):
        points = longer.copy()
        points[mesh.MOUTH_LEFT, 1] -= 0.04 * np.sin(i)
        readings.append(replace(neutral_reading, points=points))
    track = poses.track_of(readings, reader.votes, basis.reference)
    result = poses.whole(track, times, basis, FommOptions(steadiness_s=0.0))
    corner = np.array([p.displacement[mesh.MOUTH_LEFT, 1] for p in result])
    chin = np.array([p.displacement[mesh.CHIN, 1] for p in result])
    assert np.ptp(corner) > 0.06
    single = poses.whole(
        poses.track_of(readings[:1], reader.votes, basis.reference),
        times[:1],
        basis,
        FommOptions(),
    )
    assert np.abs(chin - single[0].displacement[mesh.CHIN, 1]).max() < 0.01


@pytest.mark.parametrize("count", [1, 30])
def test_a_smile_moves_the_corners_of_the_mouth_up_on_a_still_and_when_it_lasts(
    basis: Basis, reader: Reader, neutral_reading: Reading, count: int
) -> None:
    smile = neutral_reading.coefficients.copy()
    for name in ("mouthSmileLeft", "mouthSmileRight"):
        smile[reader.coefficients.index(name)] = 0.9
    readings = [replace(neutral_reading, coefficients=smile)] * count
    track = poses.track_of(readings, reader.votes, basis.reference)
    result = poses.whole(track, np.arange(count) / 25.0, basis, FommOptions())
    for pose in result:
        corners = pose.displacement[[mesh.MOUTH_LEFT, mesh.MOUTH_RIGHT]]
        assert corners[:, 1].max() < -0.03
        assert corners[0, 0] - corners[1, 0] > 0.05
    live = poses.LivePose(basis, FommOptions())
    corners = live(poses.track_of(readings[:1], reader.votes, basis.reference), 0.0).displacement
    assert corners[mesh.MOUTH_LEFT, 1] < -0.03


def test_a_blink_that_is_read_too_shallow_is_shut_and_a_squint_that_lasts_is_not(
    basis: Basis, reader: Reader, neutral_reading: Reading
) -> None:
    def eyes_at(share: float) -> Reading:
        points = neutral_reading.points.copy()
        for eye, _ in mesh.EYES:
            for up, low in mesh.lid_pairs(eye):
                points[up, 1] = points[low, 1] - share * (points[low, 1] - points[up, 1])
        return replace(neutral_reading, points=points)

    times = np.arange(30) / 25.0
    options = FommOptions(steadiness_s=0.0)
    blink = [eyes_at(0.5 if i == 15 else 1.0) for i in range(30)]
    result = poses.whole(
        poses.track_of(blink, reader.votes, basis.reference), times, basis, options
    )
    assert result[15].lids[0] < 0.35 and result[5].lids[0] > 0.6
    squint = [eyes_at(0.7)] * 30
    result = poses.whole(
        poses.track_of(squint, reader.votes, basis.reference), times, basis, options
    )
    assert result[15].lids[0] > 0.6


# --- manner of moving ---


def test_normalised_expressions_have_the_same_strength_for_a_lively_and_a_still_person() -> None:
    times = np.arange(200) / 25.0
    waves = np.abs(np.sin(times * 2))[:, None] * np.array([0.4, 0.2, 0.0])
    neutral = np.zeros(3)
    lively, calm = (
        manner.normalised(factor * waves, times, neutral, seed=1) for factor in (1.2, 0.7)
    )
    assert np.ptp(lively[:, 0]) == pytest.approx(np.ptp(calm[:, 0]), rel=0.05)


def test_normalised_expressions_are_shifted_by_no_more_than_the_jitter() -> None:
    times = np.arange(200) / 25.0
    ramp = np.linspace(0, 1, 200)[:, None] * manner.TYPICAL_STRENGTH / 0.95
    moved = manner.normalised(ramp, times, np.zeros(1), seed=3)[:, 0]
    late = np.interp(moved, ramp[:, 0], times) - times
    assert 0.02 < np.abs(late[20:-20]).max() <= manner.JITTER_S + 0.06
    other = manner.normalised(ramp, times, np.zeros(1), seed=4)[:, 0]
    assert np.abs(moved - other).max() > 0.005


def test_coarse_expressions_change_in_steps_of_time_and_size() -> None:
    times = np.arange(50) / 25.0
    result = manner.coarse(np.linspace(0, 1, 50)[:, None], times, np.zeros(1))[:, 0]
    assert np.allclose(result % manner.STEP, 0)
    assert len(np.unique(np.diff(np.flatnonzero(np.diff(result))) % 5)) == 1


def test_only_full_motion_keeps_what_the_expression_does_not_explain(
    basis: Basis, reader: Reader, neutral_reading: Reading
) -> None:
    readings = []
    for i in range(20):
        points = neutral_reading.points.copy()
        points[mesh.MOUTH_LEFT, 1] -= 0.05 * np.sin(i)
        readings.append(replace(neutral_reading, points=points))
    track = poses.track_of(readings, reader.votes, basis.reference)
    times = np.arange(20) / 25.0
    spread = {}
    for motion in ("full", "normalised", "coarse"):
        result = poses.whole(track, times, basis, FommOptions(motion=motion))  # type: ignore[arg-type]
        spread[motion] = np.ptp([p.displacement[mesh.MOUTH_LEFT, 1] for p in result])
    assert spread["full"] > 0.02
    assert spread["normalised"] < 0.002 and spread["coarse"] < 0.002


# --- files ---


def test_a_basis_is_read_as_it_was_written(basis: Basis, tmp_path: Path) -> None:
    path = tmp_path / "b.safetensors"
    bases.save(path, basis, {"a": basis.reference})
    again = bases.load(path)
    assert again.names == basis.names and again.strength == basis.strength
    assert again.displacement == pytest.approx(basis.displacement, abs=1e-3)
    assert bases.load_meshes(path)["a"] == pytest.approx(basis.reference, abs=1e-6)
