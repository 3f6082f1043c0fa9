"""The check that nothing detected is left open, and that it would notice."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from framework.boxes import covered_share
from framework.resolve import resolve, unprotected_detections
from tests.resolve.trajectories import HEIGHT, RATE, WIDTH, Seen, log_of, path


def _faces() -> list[list[Seen]]:
    return path(50, lambda i: (1, 200.0 + 3 * i, 180.0, 60.0, 0.9))


def test_a_resolved_table_leaves_nothing_open() -> None:
    log = log_of(_faces())
    table = resolve(log, WIDTH, HEIGHT, 2.0).table
    assert unprotected_detections(log, table).face_seconds == 0


def test_a_shifted_box_is_noticed_with_its_time() -> None:
    log = log_of(_faces())
    table = resolve(log, WIDTH, HEIGHT, 2.0).table
    boxes = table.xyxy.copy()
    boxes[10:15, :] += 40
    found = unprotected_detections(log, replace(table, xyxy=boxes))
    assert found.frames.tolist() == [10, 11, 12, 13, 14]
    assert found.face_seconds == pytest.approx(5 / RATE)


def test_a_removed_row_is_noticed() -> None:
    log = log_of(_faces())
    table = resolve(log, WIDTH, HEIGHT, 2.0).table
    keep = table.frame != 7
    cut = replace(
        table,
        frame=table.frame[keep],
        track_id=table.track_id[keep],
        xyxy=table.xyxy[keep],
        score=table.score[keep],
        landmarks=table.landmarks[keep],
        state=table.state[keep],
    )
    assert unprotected_detections(log, cut).frames.tolist() == [7]
    assert len(unprotected_detections(log, cut.with_misses({7: "no face found"}))) == 0


def test_dismissed_detections_are_counted_apart() -> None:
    faces = path(
        50,
        lambda i: (1, 300.0, 180.0, 60.0, 0.9),
        lambda i: (2, 80.0, 60.0, 30.0, 0.4) if i == 20 else None,
    )
    log = log_of(faces)
    result = resolve(log, WIDTH, HEIGHT, 2.0)
    assert len(unprotected_detections(log, result.table)) == 1
    assert len(unprotected_detections(log, result.table, dismissed=result.dismissed)) == 0
    assert len(unprotected_detections(log, result.table, score=0.6)) == 0


def test_two_boxes_may_cover_a_face_together() -> None:
    face = np.array([0, 0, 10, 10], np.float32)
    halves = np.array([[-1, -1, 5, 11], [5, -1, 11, 11]], np.float32)
    assert covered_share(face, halves) == pytest.approx(1.0)
    assert covered_share(face, halves[:1]) == pytest.approx(0.5)
    assert covered_share(face, np.zeros((0, 4), np.float32)) == 0.0


cells = st.tuples(*(st.integers(0, 12) for _ in range(4)))


@given(box=cells, others=st.lists(cells, max_size=5))
def test_the_covered_share_counts_pixels(
    box: tuple[int, int, int, int], others: list[tuple[int, int, int, int]]
) -> None:
    def ordered(b: tuple[int, int, int, int]) -> list[int]:
        return [min(b[0], b[2]), min(b[1], b[3]), max(b[0], b[2]), max(b[1], b[3])]

    canvas = np.zeros((12, 12), bool)
    boxes = [ordered(b) for b in others]
    for x0, y0, x1, y1 in boxes:
        canvas[y0:y1, x0:x1] = True
    left, top, right, bottom = ordered(box)
    inside = canvas[top:bottom, left:right]
    expected = inside.mean() if inside.size else 1.0
    got = covered_share(
        np.array(ordered(box), np.float32), np.array(boxes, np.float32).reshape(-1, 4)
    )
    assert got == pytest.approx(float(expected))
