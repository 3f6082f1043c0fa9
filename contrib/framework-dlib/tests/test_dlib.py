"""The plugin keeps the contract, finds its weights without importing their package, and works."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
from framework_benchmark.data import open_data
from framework_faceset.subject import find_subject

from framework import Kind, Registry
from framework.alignment import align
from framework.testing import conformance


@conformance("recognizer:dlib")
def test_contract(check) -> None:  # type: ignore[no-untyped-def]
    check()


def test_description_is_light() -> None:
    code = (
        "import sys, framework_dlib.plugin as p; list(p.framework_recognizers()); "
        "sys.exit('dlib' in sys.modules or 'face_recognition_models' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_tells_people_apart() -> None:
    registry = Registry.load()
    detector = registry.create(Kind.DETECTOR, "retinaface", {"size": 192})
    tracker = registry.create(Kind.TRACKER, "bytetrack")
    recognizer = registry.create(Kind.RECOGNIZER, "dlib")
    data = open_data("synthetic:persons=4,clips=2,seconds=0.5")
    rows = []
    for item in data.items:
        recording = item.source.read()
        subject = find_subject(recording, detector, tracker)
        crop = align(
            recording.frames[0].bgr,
            subject.landmarks[0],
            recognizer.input_size,
            recognizer.crop_scale,
        )
        rows.append(recognizer.embed([crop])[0])
    similar = np.stack(rows) @ np.stack(rows).T
    same = np.array([similar[i, i + 1] for i in range(0, 8, 2)])
    other = similar[0::2, 1::2][~np.eye(4, dtype=bool)]
    assert same.min() > other.max()
