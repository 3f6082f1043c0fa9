"""One portrait of somebody who does not exist, covered by each method: what the names mean.

Never a face of the data set.
"""

from __future__ import annotations

import base64

from framework_faceset.subject import find_subject

from framework.errors import FrameworkError
from framework.spec import Kind
from framework_benchmark.covering import cover
from framework_benchmark.data.synthetic import synthetic
from framework_benchmark.methods import RELEASED
from framework_benchmark.runner import Bench

FRAMES = 12


def strip(bench: Bench) -> list[tuple[str, str]]:
    """(method, picture as data URL); methods that fail are left out."""
    import cv2

    try:
        source = synthetic("persons=1,clips=1,seconds=1").items[0].source
        recording = source.read()
        build = bench.workshop.build
        config = bench.config
        parts = [
            bench.workshop.part(kind, name, config.options.get(str(kind), {}), str(kind))
            for kind, name in ((Kind.DETECTOR, config.detector), (Kind.TRACKER, config.tracker))
        ]
        subject = find_subject(recording, build(parts[0]), build(parts[1]))
    except FrameworkError:
        return []
    found = []
    for method in bench.methods:
        if method.part is None:
            continue
        try:
            covered = cover(build(method.part, RELEASED), recording, subject)
        except Exception:  # the table of failures says why
            continue
        data = cv2.imencode(".jpg", covered.images[-1], [cv2.IMWRITE_JPEG_QUALITY, 85])[1]
        text = base64.b64encode(data.tobytes()).decode("ascii")
        found.append((method.label, f"data:image/jpeg;base64,{text}"))
    return found
