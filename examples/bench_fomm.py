"""How fast is the swap? Against the published implementation's forward pass, and as a whole.

    python examples/bench_fomm.py                        both, with the weights that ship
    python examples/bench_fomm.py --weights published    the published size, weights by the parity
                                                         rule (no download needed)
    python examples/bench_fomm.py --weights vox-cpk.pth.tar

``network``: keypoints and picture of each driving frame. The baseline is what the published
demonstration does for each frame: keypoints of one frame, the source encoded anew, batch norm
unfolded, float32, default memory format. Both run with the same weights and inputs, in turns, so
that whatever else the machine does hits both; figures are medians over the rounds.

``anonymizer``: everything from a decoded frame with its tracks to the finished picture, on a drawn
scene with one face (a shipped donor) that moves; detection, tracking and video coding excluded.
"""

from __future__ import annotations

import argparse
import copy
import json
import platform
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from framework_fomm.anonymizer import FommAnonymizer
from framework_fomm.config import FommOptions
from framework_fomm.crop import SIDE_PER_HEIGHT, Square
from framework_fomm.donors.store import EMBEDDED_FOLDER, load
from framework_fomm.inference import Animator, choose_device
from framework_fomm.model import Fomm, FommConfig
from framework_fomm.plugin import FOMM_WEIGHTS
from framework_fomm.scene import place
from framework_fomm.weights import load_model
from framework_training.fomm.parity import fill_by_rule
from numpy.typing import NDArray

from framework.errors import EXIT_CANNOT_RUN, FrameworkError
from framework.types import Frame, Tracks
from framework.weights import verified

Picture = NDArray[np.uint8]


def load_weights(choice: str) -> Fomm:
    """``embedded``, ``published`` (official size, weights by rule) or a file."""
    if choice == "published":
        model = Fomm(FommConfig()).eval().requires_grad_(False)
        with torch.no_grad():
            fill_by_rule(model, seed=0)
        return model
    return load_model(verified(FOMM_WEIGHTS) if choice == "embedded" else Path(choice))


def pictures(size: int, count: int) -> list[Picture]:
    """A source and driving frames: one donor, shifted and turned a little differently each time."""
    import cv2

    base = load(EMBEDDED_FOLDER)[0].at_size(size)[0]
    rng = np.random.default_rng(0)
    result = [base]
    for _ in range(count):
        matrix = cv2.getRotationMatrix2D((size / 2, size / 2), rng.uniform(-12, 12), 1.0)
        matrix = matrix + np.pad(rng.uniform(-0.04, 0.04, (2, 1)) * size, ((0, 0), (2, 0)))
        moved = cv2.warpAffine(base, matrix, (size, size), borderMode=cv2.BORDER_REPLICATE)
        result.append(np.asarray(moved, np.uint8))
    return result


def published(model: Fomm, source: Picture, driving: list[Picture]) -> Iterator[torch.Tensor]:
    """The baseline, a frame at a time: (3, s, s) float32 RGB in [0, 1] each."""

    def tensor(picture: Picture) -> torch.Tensor:
        rgb = np.ascontiguousarray(picture[:, :, ::-1])
        return torch.from_numpy(rgb).permute(2, 0, 1)[None].float().contiguous() / 255

    first = tensor(source)
    start = model.kp_detector(first)
    for picture in driving:
        pose = model.kp_detector(tensor(picture))
        yield model.generator(first, start, pose).image[0]


def bench_network(model: Fomm, options: argparse.Namespace) -> dict[str, Any]:
    """Frames a second of both, their ratio, and how far the pictures differ."""
    size = model.config.image_size
    source, *driving = pictures(size, options.batch)
    animator = Animator(copy.deepcopy(model), torch.device("cpu"), options.precision)
    encoded = animator.encode(source, np.full((size, size), 255, np.uint8), None)

    def fast() -> Picture:
        return animator.render(encoded, animator.keypoints(np.stack(driving))[0])[0]

    with torch.inference_mode():
        list(published(model, source, driving[:1]))
        fast()
        baseline, ours = [], []
        for _ in range(options.rounds):
            start = time.perf_counter()
            expected = torch.stack(list(published(model, source, driving[: options.baseline])))
            middle = time.perf_counter()
            made = fast()
            end = time.perf_counter()
            baseline.append((middle - start) / options.baseline)
            ours.append((end - middle) / len(driving))
    rgb = torch.from_numpy(np.ascontiguousarray(made[..., ::-1])).permute(0, 3, 1, 2).float() / 255
    gap = (rgb[: options.baseline] - expected).abs()
    slow, quick = statistics.median(baseline), statistics.median(ours)
    return {
        "image_size": size,
        "precision": animator.precision,
        "batch": options.batch,
        "published_fps": 1 / slow,
        "ours_fps": 1 / quick,
        "times_faster": statistics.median(a / b for a, b in zip(baseline, ours, strict=True)),
        "mean_abs_difference": float(gap.mean()),
        "mean_abs_difference_below_1_255": bool(gap.mean() < 1 / 255),
        "max_abs_difference": float(gap.max()),
        "rounds": options.rounds,
    }


def drawn_scene(width: int, height: int, count: int) -> tuple[list[Frame], list[Tracks]]:
    """Frames with one moving face, and where it is."""
    import cv2

    rng = np.random.default_rng(1)
    coarse = rng.integers(60, 200, (9, 16, 3), dtype=np.uint8)
    wall = np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)
    portrait, matte = load(EMBEDDED_FOLDER)[1].at_size(384)
    frames, tracks = [], []
    for i in range(count):
        side = 0.55 * height
        x, y = width / 2 + 0.1 * width * np.sin(i / 20), height / 2 + 0.03 * height * np.sin(i / 9)
        image = wall.copy()
        place(image, portrait, matte, Square(x, y, side), np.ones(3, np.float32))
        h = side / SIDE_PER_HEIGHT
        box = [x - 0.36 * h, y - 0.45 * h, x + 0.36 * h, y + 0.55 * h]
        frames.append(Frame(image, i, i / 25))
        tracks.append(
            Tracks(
                xyxy=np.array([box], np.float32),
                score=np.ones(1, np.float32),
                track_id=np.ones(1, np.int64),
            )
        )
    return frames, tracks


def bench_anonymizer(model: Fomm, options: argparse.Namespace) -> dict[str, Any]:
    """Frames a second of the whole component for one face."""
    width, height = options.frame
    settings = FommOptions(batch=options.batch, precision=options.precision)
    animator = Animator(copy.deepcopy(model), choose_device(options.device), options.precision)
    swap = FommAnonymizer(settings, animator, load(EMBEDDED_FOLDER), b"benchmark")
    step = options.batch
    frames, tracks = drawn_scene(width, height, step * (options.rounds + 2))
    seconds, processor = [], []
    for start in range(0, len(frames), step):
        begin, before = time.perf_counter(), time.process_time()
        swap.anonymize_batch(frames[start : start + step], tracks[start : start + step])
        seconds.append((time.perf_counter() - begin) / step)
        processor.append((time.process_time() - before) / step)
    warm = sorted(seconds[2:])  # the first two batches encode the donor and end the warm-up
    masked = [e.detail for e in swap.drain_events() if e.detail != "warm-up"]
    return {
        "frame": f"{width}x{height}",
        "device": str(animator.device),
        "precision": animator.precision,
        "batch": step,
        "fps_median": 1 / statistics.median(warm),
        # of all threads; hardly depends on what else the machine is doing
        "cpu_ms_per_frame": 1000 * statistics.median(processor[2:]),
        "fps_p5": 1 / warm[min(len(warm) - 1, int(0.95 * len(warm)))],
        "frames": len(warm) * step,
        "masked_frames": len(masked),
    }


def frame_size(text: str) -> tuple[int, int]:
    """``1280x720`` -> (1280, 720)."""
    width, _, height = text.partition("x")
    return int(width), int(height)


def main(arguments: list[str] | None = None) -> int:
    """Exit status 0: measured; 2: could not run."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--weights", default="embedded", help="embedded, published or a file")
    parser.add_argument("--mode", choices=["network", "anonymizer", "all"], default="all")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--batch", type=int, default=8, help="frames that go through together")
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--baseline", type=int, default=4, help="baseline frames a round")
    parser.add_argument("--frame", type=frame_size, default=(1280, 720), help="WIDTHxHEIGHT")
    parser.add_argument("--precision", choices=["auto", "float32", "bfloat16"], default="auto")
    parser.add_argument("--device", choices=["auto", "cpu", "cuda"], default="cpu")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args(arguments)
    options.baseline = min(options.baseline, options.batch)
    torch.set_num_threads(options.threads)
    try:
        model = load_weights(options.weights)
    except FrameworkError as error:
        print(f"error: {error}", file=sys.stderr)
        return EXIT_CANNOT_RUN
    result: dict[str, Any] = {
        "weights": Path(options.weights).name,
        "threads": options.threads,
        "machine": platform.processor() or platform.machine(),
        "torch": torch.__version__,
    }
    if options.mode in ("network", "all"):
        result["network"] = bench_network(model, options)
    if options.mode in ("anonymizer", "all"):
        result["anonymizer"] = bench_anonymizer(model, options)
    text = json.dumps(result, indent=2)
    print(text)
    if options.json:
        options.json.write_text(text + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
