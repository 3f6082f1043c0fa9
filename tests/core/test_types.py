from __future__ import annotations

import numpy as np
import pytest

from framework.errors import ContractError
from framework.types import Detections, Frame, PersonTimeline, Role, Tracks


def test_shapes_are_checked_and_named_in_the_message() -> None:
    with pytest.raises(ContractError, match=r"Detections\.xyxy: expected shape \('n', 4\), got"):
        Detections(xyxy=np.zeros((2, 3)), score=np.zeros(2))
    with pytest.raises(ContractError, match=r"Detections\.score: expected shape \(2,\), got"):
        Detections(xyxy=np.zeros((2, 4)), score=np.zeros(3))
    with pytest.raises(ContractError, match="landmarks"):
        Detections(xyxy=np.zeros((2, 4)), score=np.zeros(2), landmarks=np.zeros((1, 5, 2)))


def test_coordinates_must_be_finite() -> None:
    with pytest.raises(ContractError, match="finite"):
        Detections(xyxy=[[0, 0, np.nan, 1]], score=[0.5])


def test_containers_cannot_be_changed() -> None:
    detections = Detections(xyxy=[[0, 0, 1, 1]], score=[0.5])
    with pytest.raises(ValueError, match="read-only"):
        detections.xyxy[0, 0] = 5
    with pytest.raises(AttributeError):
        detections.score = np.ones(1)  # type: ignore[misc]


def test_the_caller_s_array_is_neither_shared_nor_frozen() -> None:
    mine = np.zeros((1, 4), np.float32)
    detections = Detections(xyxy=mine, score=[0.5])
    mine[0, 0] = 7
    assert detections.xyxy[0, 0] == 0


def test_rows_are_taken_by_mask_slice_and_integer() -> None:
    tracks = Tracks(
        xyxy=[[0, 0, 1, 1], [2, 2, 3, 3], [4, 4, 5, 5]],
        score=[0.1, 0.2, 0.3],
        track_id=[7, 8, 9],
        role=(Role.PATIENT, Role.DOCTOR, Role.BYSTANDER),
        observed=[True, False, True],
    )
    chosen = tracks[tracks.score > 0.15]
    assert chosen.track_id.tolist() == [8, 9]
    assert chosen.role == (Role.DOCTOR, Role.BYSTANDER)
    assert chosen.observed is not None
    assert chosen.observed.tolist() == [False, True]
    assert tracks[1].track_id.tolist() == [8]
    assert tracks[:2].role == (Role.PATIENT, Role.DOCTOR)
    assert [int(one.track_id[0]) for one in tracks] == [7, 8, 9]


def test_ids_are_unique_within_a_frame() -> None:
    with pytest.raises(ContractError, match="unique"):
        Tracks(xyxy=np.zeros((2, 4)), score=np.zeros(2), track_id=[1, 1])


def test_a_frame_is_a_colour_picture_of_bytes() -> None:
    with pytest.raises(ContractError, match=r"expected \(h, w, 3\) uint8, got \(4, 4\) uint8"):
        Frame(np.zeros((4, 4), np.uint8), 0, 0.0)  # type: ignore[arg-type]


def test_a_timeline_knows_its_labels_and_has_no_holes() -> None:
    def timeline(second: list[int], label: tuple[str, ...]) -> PersonTimeline:
        n = len(second)
        return PersonTimeline(
            "person-1",
            Role.PATIENT,
            np.array(second),
            np.full((n, 7), np.nan, np.float32),
            label,
            np.zeros(n, np.int64),
            np.zeros(n, np.float32),
            np.full(n, np.nan, np.float32),
        )

    assert len(timeline([3, 4], ("unknown", "neutral"))) == 2
    with pytest.raises(ContractError, match="consecutive"):
        timeline([3, 5], ("unknown", "neutral"))
    with pytest.raises(ContractError, match="bored"):
        timeline([3], ("bored",))
