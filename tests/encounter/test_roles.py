"""Who is who: by file, region and reference; nobody is guessed, and everybody stays covered."""

from __future__ import annotations

import numpy as np
import pytest
from framework_encounter.roles import IDENTITY, cast, renamed
from framework_encounter.spec import Recording, Thresholds
from hypothesis import given
from hypothesis import strategies as st

from framework import ConfigError, Role
from framework.table import EmotionSamples, RowState, TrackTable

PATIENT = Recording(file="a", shows=("patient",))
BOTH = Recording(file="a", shows=("patient", "doctor"))
MATCHING = Thresholds(0.3, 0.05)


def table(*tracks: tuple[range, float, float], frames: int = 100, width: int = 400) -> TrackTable:
    """Tracks as (frames, x of the centre, size); ten frames a second."""
    rows = sorted(
        (index, number, x, size)
        for number, (where, x, size) in enumerate(tracks, start=1)
        for index in where
    )
    values = np.array(rows, np.float64).reshape(-1, 4)
    frame, ids = values[:, 0].astype(np.int64), values[:, 1].astype(np.int64)
    x, half = values[:, 2], values[:, 3] / 2
    m = len(values)
    return TrackTable(
        width=width,
        height=200,
        time_s=np.arange(frames) / 10,
        duration_s=frames / 10,
        frame=frame,
        track_id=ids,
        xyxy=np.stack([x - half, 100 - half, x + half, 100 + half], 1).astype(np.float32),
        score=np.full(m, 0.9, np.float32),
        landmarks=np.full((m, 5, 2), np.nan, np.float32),
        state=np.full(m, RowState.DETECTED, np.int8),
        samples=EmotionSamples(frame, ids, np.full((m, 7), 1 / 7, "f4"), np.ones(m, np.float32)),
    )


def roles(made: TrackTable) -> dict[int, Role]:
    return {t: made.role_of(t) for t in made.track_ids()}


def test_a_camera_of_one_person_and_a_nurse_who_passes() -> None:
    found = cast(table((range(100), 100, 60), (range(20, 26), 300, 40)), PATIENT, "camera 1")
    assert roles(found.table) == {1: Role.PATIENT, 3: Role.BYSTANDER}
    assert found.how == {Role.PATIENT: "file"} and found.bystanders == 1
    assert found.switches == {Role.PATIENT: 0} and not found.uncertain


def test_a_track_that_breaks_is_one_person_and_the_switch_is_counted() -> None:
    found = cast(
        table((range(40), 100, 60), (range(55, 80), 110, 58), (range(85, 100), 105, 60)),
        PATIENT,
        "camera 1",
    )
    assert roles(found.table) == {1: Role.PATIENT}
    assert found.switches == {Role.PATIENT: 2}
    assert len(found.table) == 80 and set(found.table.samples.track_id) == {1}


def test_a_face_elsewhere_after_a_break_is_uncertain_not_guessed() -> None:
    found = cast(table((range(60), 100, 60), (range(70, 100), 330, 60)), PATIENT, "camera 1")
    assert roles(found.table) == {1: Role.PATIENT, 3: Role.UNKNOWN}
    assert found.uncertain == ((7.0, 9.9, pytest.approx(3.0)),)


def test_two_faces_for_one_role_stop_the_run() -> None:
    two = table((range(100), 100, 60), (range(100), 300, 56))
    with pytest.raises(ConfigError, match=r"two faces for the patient in camera 1: seen for 10\.0"):
        cast(two, PATIENT, "camera 1")


def test_a_role_without_a_face() -> None:
    with pytest.raises(ConfigError, match="no face for the patient in camera 1; check that"):
        cast(table(), PATIENT, "camera 1")
    right = Recording(file="a", shows=("patient",), regions={"patient": (0.6, 0, 1, 1)})
    with pytest.raises(ConfigError, match="none stays within the given region"):
        cast(table((range(100), 100, 60)), right, "camera 1")


def test_regions_tell_two_people_apart_and_between_them_is_uncertain() -> None:
    sides = Recording(
        file="a",
        shows=("patient", "doctor"),
        regions={"patient": (0, 0, 0.5, 1), "doctor": (0.5, 0, 1, 1)},
    )
    found = cast(table((range(100), 300, 60), (range(100), 100, 50)), sides, "camera 1")
    assert roles(found.table) == {1: Role.PATIENT, 2: Role.DOCTOR}
    mine = found.table.rows_of_track(IDENTITY[Role.PATIENT])
    assert found.table.xyxy[mine][:, 2].max() < 200


def test_one_camera_with_both_needs_something_that_tells_them_apart() -> None:
    two = table((range(100), 300, 60), (range(100), 100, 50))
    with pytest.raises(ConfigError, match="nothing says who is who"):
        cast(two, BOTH, "camera 1")
    half = BOTH.model_copy(update={"regions": {"doctor": (0.5, 0.0, 1.0, 1.0)}})
    found = cast(two, half, "camera 1")
    assert found.how == {Role.DOCTOR: "region", Role.PATIENT: "presence"}
    with pytest.raises(ConfigError, match="no face for the patient"):
        cast(table((range(100), 300, 60)), half, "camera 1")


def test_reference_pictures_decide() -> None:
    three = table((range(100), 60, 60), (range(100), 200, 60), (range(100), 340, 60))
    likeness = {
        1: {Role.PATIENT: 0.1, Role.DOCTOR: 0.8},
        2: {Role.PATIENT: 0.15, Role.DOCTOR: 0.1},
        3: {Role.PATIENT: 0.7, Role.DOCTOR: 0.2},
    }
    found = cast(three, BOTH, "camera 1", likeness, MATCHING)
    assert roles(found.table) == {1: Role.PATIENT, 2: Role.DOCTOR, 3: Role.BYSTANDER}
    assert found.table.xyxy[found.table.rows_of_track(1)][:, 0].min() > 300


def test_who_is_seen_beside_the_person_of_the_picture_is_somebody_else() -> None:
    """Some recognisers find everybody alike; two faces at once are two people all the same."""
    two = table((range(100), 60, 60), (range(100), 200, 60))
    alike = {1: {Role.PATIENT: 0.93}, 2: {Role.PATIENT: 0.86}}
    found = cast(two, BOTH, "camera 1", alike, MATCHING)
    assert roles(found.table) == {1: Role.PATIENT, 2: Role.DOCTOR}
    assert found.how == {Role.PATIENT: "reference picture", Role.DOCTOR: "presence"}
    assert found.similarity == {Role.PATIENT: 0.93} and not found.uncertain
    # alone in front of the camera the other is not taken for the patient either
    apart = table((range(50), 60, 60), (range(50, 100), 200, 60))
    found = cast(apart, PATIENT, "camera 1", alike, Thresholds(0.9, 0.005))
    assert roles(found.table) == {1: Role.PATIENT, 3: Role.BYSTANDER}


def test_reference_pictures_that_fit_nobody_or_two() -> None:
    two = table((range(100), 60, 60), (range(100), 200, 60))
    low = {1: {Role.PATIENT: 0.1}, 2: {Role.PATIENT: 0.2}}
    with pytest.raises(ConfigError, match=r"similarity of 0\.200, 0\.300 is needed"):
        cast(two, PATIENT, "camera 1", low, MATCHING)
    twins = {1: {Role.PATIENT: 0.8}, 2: {Role.PATIENT: 0.79}}
    with pytest.raises(ConfigError, match=r"two faces for the patient .* resemble"):
        cast(two, PATIENT, "camera 1", twins, MATCHING)


@given(
    st.lists(
        st.tuples(st.integers(0, 60), st.integers(1, 39), st.integers(40, 360)),
        min_size=1,
        max_size=5,
    ),
    st.data(),
)
def test_renaming_uncovers_nothing(spans: list[tuple[int, int, int]], data: st.DataObject) -> None:
    before = table(*((range(a, a + n), float(x), 40.0) for a, n, x in spans))
    number = {t: data.draw(st.integers(1, 3)) for t in range(1, len(spans) + 1)}
    after = renamed(before, number)
    for row in range(len(before)):
        index, track = int(before.frame[row]), number[int(before.track_id[row])]
        now = after.rows_of_frame(index)
        match = after.xyxy[now][after.track_id[now] == track]
        assert len(match) == 1
        assert (match[0][:2] <= before.xyxy[row][:2]).all()
        assert (match[0][2:] >= before.xyxy[row][2:]).all()
