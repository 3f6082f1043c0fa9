"""CenterFace keeps the contract, and decodes as its authors do."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
from framework_deface.centerface import decode, nms

from framework import Kind, Registry
from framework.testing import conformance, scenes


@conformance("detector:centerface")
def test_contract(check) -> None:
    check()


def test_description_is_light() -> None:
    code = (
        "import sys, framework_deface.plugin as p; list(p.framework_detectors()); "
        "sys.exit(bool({'deface', 'cv2', 'onnx', 'onnxruntime'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_one_cell_becomes_one_box() -> None:
    heat = np.zeros((8, 8), np.float32)
    size, offset = np.zeros((2, 8, 8), np.float32), np.zeros((2, 8, 8), np.float32)
    marks = np.zeros((10, 8, 8), np.float32)
    heat[3, 5] = 0.9
    size[:, 3, 5] = math.log(6), math.log(4)  # height 24, width 16 pixels
    offset[:, 3, 5] = 0.25, -0.5
    marks[:2, 3, 5] = 0.5, 0.25  # half down, a quarter to the right
    boxes, scores, points = decode(heat, size, offset, marks, 0.5)
    cx, cy = (5 - 0.5 + 0.5) * 4, (3 + 0.25 + 0.5) * 4
    assert boxes[0] == pytest.approx([cx - 8, cy - 12, cx + 8, cy + 12])
    assert points[0, 0] == pytest.approx([cx - 4, cy])
    assert scores == pytest.approx([0.9])


def test_of_two_boxes_on_one_face_the_better_stays() -> None:
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [40, 40, 50, 50]], np.float32)
    assert nms(boxes, np.array([0.5, 0.9, 0.3], np.float32), 0.3) == [1, 2]


def test_finds_a_face_where_it_is_and_at_the_border() -> None:
    found = Registry.load().create(Kind.DETECTOR, "centerface")
    box = (60.0, 40.0, 131.0, 140.0)
    for shift in (0.0, -55.0):
        moved = (box[0] + shift, box[1], box[2] + shift, box[3])
        (answer,) = found.detect([scenes.frame(scenes.picture(260, 200, [moved]))])
        best = answer.xyxy[int(answer.score.argmax())]
        centre = (best[:2] + best[2:]) / 2
        assert abs(centre[0] - (moved[0] + moved[2]) / 2) < 14
        assert abs(centre[1] - (moved[1] + moved[3]) / 2) < 14
