"""Who is whom after a gap: golden numbers on made-up paths."""

from __future__ import annotations

import numpy as np

from framework.resolve import ResolveOptions, resolve
from framework.table import RowState, TrackTable
from tests.resolve.trajectories import HEIGHT, RATE, WIDTH, Seen, log_of, path


def _table(faces: list[list[Seen]], **options: float) -> TrackTable:
    duration = len(faces) / RATE
    return resolve(log_of(faces), WIDTH, HEIGHT, duration, ResolveOptions(**options)).table


def _frames_of(table: TrackTable, track_id: int) -> list[int]:
    return table.frame[table.rows_of_track(track_id)].tolist()


def test_a_face_that_vanishes_and_returns_to_its_place_is_one_person_and_stays_covered() -> None:
    def face(i: int) -> Seen | None:
        if 50 <= i < 200:
            return None
        return (1 if i < 50 else 2, 300.0, 180.0, 60.0, 0.9)

    table = _table(path(250, face))
    assert table.track_ids() == [1]
    assert _frames_of(table, 1) == list(range(250))
    assert (table.state[50:200] == RowState.CARRIED).all()
    assert (table.score[50:200] == 0).all()


def test_a_longer_gap_than_allowed_makes_another_person() -> None:
    def face(i: int) -> Seen | None:
        if 50 <= i < 200:
            return None
        return (1 if i < 50 else 2, 300.0, 180.0, 60.0, 0.9)

    table = _table(path(250, face), max_gap_s=4.0)
    assert table.track_ids() == [1, 2]


def test_a_face_elsewhere_is_somebody_else() -> None:
    def face(i: int) -> Seen | None:
        if i < 50:
            return (1, 100.0, 180.0, 60.0, 0.9)
        return (2, 450.0, 180.0, 60.0, 0.9) if i >= 75 else None

    assert _table(path(120, face)).track_ids() == [1, 2]


def test_a_face_of_another_size_is_somebody_else() -> None:
    def face(i: int) -> Seen | None:
        if i < 50:
            return (1, 300.0, 180.0, 40.0, 0.9)
        return (2, 300.0, 180.0, 110.0, 0.9) if i >= 60 else None

    assert _table(path(120, face)).track_ids() == [1, 2]


def test_motion_is_followed_through_a_short_gap() -> None:
    def face(i: int) -> Seen | None:
        if 40 <= i < 50:
            return None
        return (1 if i < 40 else 2, 60.0 + 5 * i, 180.0, 50.0, 0.9)

    table = _table(path(100, face))
    assert table.track_ids() == [1]
    middle = table.tracks_at(45).xyxy[0]
    assert abs((middle[0] + middle[2]) / 2 - (60 + 5 * 45)) < 8


def test_two_people_who_are_there_together_are_never_joined() -> None:
    def left(i: int) -> Seen | None:
        return (1, 300.0, 180.0, 60.0, 0.9) if i < 100 else None

    def right(i: int) -> Seen | None:
        return (2, 320.0, 180.0, 60.0, 0.9) if i >= 50 else None

    assert _table(path(150, left, right)).track_ids() == [1, 2]


def test_where_two_could_be_meant_nobody_is_joined_but_both_places_stay_covered() -> None:
    """Two people side by side look away for four seconds; who is who afterwards cannot be told."""

    def person(place: float, before: int, after: int) -> object:
        def face(i: int) -> Seen | None:
            if i < 50:
                return (before, place, 180.0, 60.0, 0.9)
            # Both come back half-way between the two places.
            return (
                (after, 300.0 + 0.05 * (place - 300), 150.0 + 60 * (after - 3), 60.0, 0.9)
                if i >= 150
                else None
            )

        return face

    table = _table(path(200, person(270.0, 1, 3), person(330.0, 2, 4)))  # type: ignore[arg-type]
    assert len(table.track_ids()) == 4
    for i in range(200):
        assert table.rows_of_frame(i).stop > table.rows_of_frame(i).start
    assert table.misses == {}


def test_fragments_make_one_person_in_any_numbering() -> None:
    rng = np.random.default_rng(0)

    def faces(ids: list[int]) -> list[list[Seen]]:
        return [
            [] if i % 10 > 6 else [(ids[i // 10], 200.0 + i, 180.0, 60.0, 0.9)] for i in range(200)
        ]

    one = _table(faces(list(range(1, 21))))
    other = _table(faces((rng.permutation(20) + 1).tolist()))
    assert one.track_ids() == other.track_ids() == [1]
    np.testing.assert_array_equal(one.xyxy, other.xyxy)


def test_people_are_numbered_in_the_order_in_which_they_are_seen() -> None:
    def late(i: int) -> Seen | None:
        return (5, 500.0, 180.0, 60.0, 0.9) if i >= 80 else None

    def early(i: int) -> Seen | None:
        return (9, 100.0, 180.0, 60.0, 0.9)

    table = _table(path(150, late, early))
    assert (table.tracks_at(149).xyxy[0, 0], table.tracks_at(149).track_id.tolist()) == (
        table.xyxy[table.rows_of_track(1)[-1], 0],
        [1, 2],
    )
    assert table.xyxy[table.rows_of_track(1)[-1], 0] < 200


def test_a_second_box_on_the_same_face_is_the_same_face() -> None:
    def face(i: int) -> Seen:
        return (1, 300.0, 180.0, 80.0, 0.9)

    def middle_of_it(i: int) -> Seen | None:
        return (2, 310.0, 190.0, 50.0, 0.7) if 20 <= i < 40 else None

    table = _table(path(80, face, middle_of_it))
    assert table.track_ids() == [1]


def test_a_box_made_of_two_passing_faces_is_nobody() -> None:
    """While two faces pass, the detector sees a third one across both, once quite surely."""

    def left(i: int) -> Seen | None:
        return (1, 150.0 + 3 * i, 170.0, 60.0, 0.9) if not 45 <= i < 60 else None

    def right(i: int) -> Seen:
        return (2, 450.0 - 3 * i, 180.0, 60.0, 0.9)

    faces = path(100, left, right)
    for i in (60, 61, 62):  # the tracker took it for the first one, who came back as number 5
        faces[i] = [(1, 300.0, 175.0, 60.0, 0.85), *[(2, *f[1:]) for f in faces[i] if f[0] == 2]]
        faces[i].append((5, 150.0 + 3 * i, 170.0, 60.0, 0.9))
    for i in range(60, 100):
        faces[i] = [(5, *f[1:]) if f[0] == 1 and i > 62 else f for f in faces[i]]
    table = _table(faces)
    assert table.track_ids() == [1, 2]
    first = table.rows_of_track(1)
    assert table.xyxy[first[0], 0] < table.xyxy[first[-1], 0]


def test_the_trackers_guess_across_a_gap_is_judged_again() -> None:
    """The tracker gave number 1 to somebody else after a second; the right one is number 2."""

    def one(i: int) -> Seen | None:
        if i < 50:
            return (1, 200.0, 180.0, 60.0, 0.9)
        return (2, 200.0, 180.0, 60.0, 0.9) if i >= 75 else None

    def other(i: int) -> Seen | None:
        return (1, 270.0, 180.0, 60.0, 0.9) if i >= 76 else None

    table = _table(path(150, one, other))
    rows = table.rows_of_track(1)
    centre = (table.xyxy[rows, 0] + table.xyxy[rows, 2]) / 2
    assert np.abs(centre - 200).max() < 10
