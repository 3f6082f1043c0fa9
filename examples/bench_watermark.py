"""How often the watermark is found, and how often it is found where there is none.

    python examples/bench_watermark.py VIDEO [VIDEO ...]

Each recording is marked, coded again with H.264 at CRF 28, at full and at half size, and looked at.
False alarms are counted on the unmarked recordings, coded alike, and on each of them moved by
random steps (cyclic shifts), which gives many more tries.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import av
import cv2
import numpy as np
from framework_release.watermark import THRESHOLD, detect, detect_file, mark
from scipy.stats import beta

from framework.media import open_reader
from framework.types import Image

FRAMES = 60
CASES = ((18, 1.0), (28, 1.0), (28, 0.5))
SHIFTS = 20


def read(path: Path) -> list[Image]:
    with open_reader(path) as reader:
        frames = []
        for frame in reader:
            frames.append(frame.bgr)
            if len(frames) == FRAMES:
                break
    return frames


def code(frames: Sequence[Image], path: Path, crf: int, scale: float) -> Path:
    """Another tool's copy: H.264 at this CRF, scaled."""
    height, width = frames[0].shape[:2]
    size = (int(width * scale) // 2 * 2, int(height * scale) // 2 * 2)
    with av.open(str(path), "w") as out:
        stream = out.add_stream("libx264", rate=25, options={"crf": str(crf)})
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        for frame in frames:
            small = cv2.resize(frame, size, interpolation=cv2.INTER_AREA)
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(small), format="bgr24")
            out.mux(stream.encode(picture))
        out.mux(stream.encode(None))
    return path


def interval(k: int, n: int) -> str:
    low = beta.ppf(0.025, k, n - k + 1) if k else 0.0
    high = beta.ppf(0.975, k + 1, n - k) if k < n else 1.0
    return f"{k} of {n} ({100 * low:.2f} to {100 * high:.2f} %)"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("videos", nargs="+", type=Path)
    videos = parser.parse_args().videos
    found: dict[tuple[int, float], list[float]] = {case: [] for case in CASES}
    plain: list[float] = []
    shifted: list[float] = []
    quality: list[float] = []
    rng = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "coded.mp4"
        for path in videos:
            frames = read(path)
            marked = [mark(frame) for frame in frames]
            error = np.mean((marked[0].astype(float) - frames[0]) ** 2)
            quality.append(10 * np.log10(255**2 / error))
            for crf, scale in CASES:
                found[crf, scale].append(detect_file(code(marked, place, crf, scale)).score)
            for scale in (1.0, 0.5):
                plain.append(detect_file(code(frames, place, 28, scale)).score)
            still = frames[:: max(1, len(frames) // 6)]
            for _ in range(SHIFTS):
                dy, dx = (int(rng.integers(8, n - 8)) for n in frames[0].shape[:2])
                shifted.append(detect(np.roll(f, (dy, dx), (0, 1)) for f in still).score)
            height, width = frames[0].shape[:2]
            scores = ", ".join(f"{found[case][-1]:.1f}" for case in CASES)
            print(f"{width}x{height}: PSNR {quality[-1]:.1f} dB, scores {scores}", flush=True)
    print(f"threshold {THRESHOLD}; {len(videos)} recordings, {FRAMES} frames each")
    print(f"PSNR of the mark: median {np.median(quality):.1f} dB, lowest {min(quality):.1f} dB")
    for (crf, scale), scores in found.items():
        hits = sum(s >= THRESHOLD for s in scores)
        print(f"found at CRF {crf}, scale {scale:g}: {interval(hits, len(scores))}")
    for name, scores in (("coded at CRF 28", plain), ("shifted", shifted)):
        hits = sum(s >= THRESHOLD for s in scores)
        print(f"false alarms, {name}: {interval(hits, len(scores))}, highest {max(scores):.2f}")


if __name__ == "__main__":
    main()
