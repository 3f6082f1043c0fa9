"""Feed the program mutated recordings, tables and YAML files, and look at how each one ends.

    nice -n 15 python examples/fuzz.py --media 1000 --texts 200 --seed 0 --out fuzz.json

Every case runs in a process of its own. It must end as a run ends that a user started: with results
(status 0 or 1) or with a message (status 2). The program counts what must not happen: another
exception, more than 30 seconds, more than 1.5 GB, and a frame in the results in which the original
face comes through at its place (the detail check of ``framework verify``). Exit status 1 if
anything of that happened; the mutated file is then kept beside the report.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import resource
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from importlib import resources
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from PIL import Image as Pillow

from framework import analyze, render, run
from framework.config import load_run_config
from framework.detail import PASSES, detail_correlation
from framework.errors import CheckError, UserError
from framework.media import open_reader

LIMIT_S = 30
LIMIT_MB = 1500
SIDE = 160
FRAMES = 8
SETTINGS: dict[str, Any] = {"anonymizer": "mask", "fer": "none", "recommender": "none"}
OPTIONS = ("detector.size=160", "detector.rotations=never")
FAILURES = ("exception", "hang", "memory", "face survived", "killed")


def pictures() -> list[np.ndarray]:
    """A few frames of somebody who does not exist, moving a little."""
    data = (resources.files("framework_fomm.donors") / "embedded" / "donor-01.png").read_bytes()
    portrait = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    small = cv2.resize(portrait, (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return [np.ascontiguousarray(np.roll(small, k, axis=1)) for k in range(FRAMES)]


def video(frames: list[np.ndarray], form: str, codec: str, pixels: str, **options: str) -> bytes:
    """The frames as a recording of this form."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=form) as out:
        stream = out.add_stream(codec, rate=25, options=options)
        stream.width = stream.height = SIDE
        stream.pix_fmt = pixels
        for index, picture in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(picture, "bgr24").reformat(format=pixels)
            frame.pts, frame.time_base = index, Fraction(1, 25)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return buffer.getvalue()


def seeds(frames: list[np.ndarray]) -> dict[str, bytes]:
    """One valid file of each kind, by suffix."""
    rgb = [Pillow.fromarray(np.ascontiguousarray(f[:, :, ::-1])) for f in frames]

    def still(form: str, **options: Any) -> bytes:
        buffer = io.BytesIO()
        rgb[0].save(buffer, form, **options)
        return buffer.getvalue()

    fast = {"preset": "ultrafast", "crf": "18"}
    animation = {"save_all": True, "append_images": rgb[1:], "duration": 40}
    return {
        "a.mp4": video(frames, "mp4", "libx264", "yuv420p", **fast),
        "b.mkv": video(frames, "matroska", "libx264", "yuv420p", **fast),
        "c.ts": video(frames, "mpegts", "libx264", "yuv420p", **fast),
        "d.h264": video(frames, "h264", "libx264", "yuv420p", **fast),
        "e.webm": video(frames, "webm", "libvpx", "yuv420p", crf="10", b="2M", deadline="realtime"),
        "f.avi": video(frames, "avi", "mjpeg", "yuvj420p"),
        "g.jpg": still("JPEG", quality=92),
        "h.png": still("PNG"),
        "i.webp": still("WEBP", quality=92),
        "j.tiff": still("TIFF"),
        "k.bmp": still("BMP"),
        "l.gif": still("GIF", **animation),
        "m.webp": still("WEBP", **animation),
        "n.png": still("PNG", **animation),
    }


def mutate(data: bytes, chance: random.Random, others: list[bytes]) -> bytes:
    """Change a file as damage, or somebody with bad intent, would."""
    body = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 5))):
        kind = chance.randrange(8)
        # Half of all changes hit the head, where sizes and tables are.
        reach = min(len(body), 600) if chance.random() < 0.5 else len(body)
        at = chance.randrange(max(1, reach))
        length = chance.choice((1, 4, 16, 300, 3000))
        if kind == 0:
            for _ in range(chance.choice((1, 8, 60))):
                place = chance.randrange(max(1, reach))
                body[place : place + 1] = bytes([chance.randrange(256)])
        elif kind == 1:
            del body[at : at + length]
        elif kind == 2:
            body[at:at] = body[at : at + length]
        elif kind == 3:
            body = body[: max(1, at)]
        elif kind == 4:
            body[at : at + 4] = chance.choice(
                (b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff", b"\x80\0\0\0", b"\0\0\0\1")
            )
        elif kind == 5:
            other = chance.choice(others)
            start = chance.randrange(len(other))
            body[at : at + length] = other[start : start + length]
        elif kind == 6:
            body[at : at + length] = bytes(chance.randrange(256) for _ in range(length))
        else:
            body += chance.choice(others)[:5000]
        if not body:
            body = bytearray(b"\0")
    return bytes(body)


TEXTS = {
    "run.yaml": b"anonymizer: mask\nfer: none\nrecommender: none\npeople: 2\nfer_rate: 5.0\n"
    b"options:\n  detector: {size: 160, rotations: never}\n  anonymizer: {}\n"
    b"on_miss: cover\nseed: 7\naudio: drop\n",
    "rules.yaml": (resources.files("framework_rules") / "default.yaml").read_bytes()
    if (resources.files("framework_rules") / "default.yaml").is_file()
    else b"version: 1\nrules: []\n",
    "encounter.yaml": b"recordings:\n  - {file: a.mp4, shows: [patient]}\n"
    b"  - {file: b.mp4, shows: [doctor]}\nsync: {method: audio}\n",
}
SPLICES = (
    b"*a", b"&a ", b"[", b"{", b"? ", b"- ", b"!!python/none", b"9" * 5000, b"1e9999", b"nan",
    b"\0", b"\xff\xfe", b"\t", b": ", b"'", b'"', b"=cmd", b"-1", b"2001-99-99", b"\r", b",,,,",
    b"100000000", b"x" * 70000, b"\xe2\x80\xae", b"inf", b";",
)  # fmt: skip


def mutate_text(data: bytes, chance: random.Random) -> bytes:
    """Change a text where it means something."""
    body = bytearray(data)
    for _ in range(chance.choice((1, 2, 4))):
        at = chance.randrange(len(body) + 1)
        if chance.random() < 0.7:
            body[at : at + chance.choice((0, 0, 1, 5))] = chance.choice(SPLICES)
        else:
            lines = bytes(body).split(b"\n")
            line = chance.randrange(len(lines))
            if chance.random() < 0.5:
                del lines[line]
            else:
                lines.insert(chance.randrange(len(lines)), lines[line] * chance.choice((1, 2, 50)))
            body = bytearray(b"\n".join(lines) or b"x")
    return bytes(body)


def survives(out: Path, originals: list[np.ndarray]) -> bool:
    """Whether a face comes through in any picture of the results."""
    box = np.array([SIDE * 0.25, SIDE * 0.2, SIDE * 0.75, SIDE * 0.85], np.float32)
    for path in out.glob("anonymized*"):
        with open_reader(path) as reader:
            for frame in reader:
                if frame.bgr.shape != originals[0].shape:
                    continue
                for original in originals:
                    value = detail_correlation(original, frame.bgr, box)
                    if value is not None and value >= PASSES:
                        return True
    return False


def media_case(path: Path, originals: list[np.ndarray]) -> str:
    """Run one mutated recording."""
    out = path.parent / "out"
    result = run(path, out=out, options=OPTIONS, threads=1, **SETTINGS)
    if survives(out, originals):
        return "face survived"
    return "status 0" if result.passed else "status 1"


def text_case(path: Path, originals: list[np.ndarray], clip: Path) -> str:
    """Use one mutated table or YAML file as a user would."""
    if path.suffix == ".csv":
        out = path.parent / "out"
        result = render(clip, path, out=out, options=OPTIONS, threads=1, **_render_settings())
        if survives(out, originals):
            # A person may take a face out of a table; then the audit must say so.
            return "face survived" if result.passed else "status 1"
        return "status 0" if result.passed else "status 1"
    if path.name.endswith("run.yaml"):
        load_run_config(path)
    elif path.name.endswith("rules.yaml"):
        from framework_rules.load import load_rules

        load_rules(path)
    else:
        from framework_encounter.yaml_lines import read_document

        read_document(path, "encounter file")
    return "status 0"


def _render_settings() -> dict[str, Any]:
    return dict(SETTINGS)


def guarded(case: Callable[[], str]) -> tuple[str, str]:
    """How a case ends, as the command line would say it."""
    try:
        return case(), ""
    except UserError as error:
        text = str(error)
        return (
            ("exception", f"message of several lines: {text}")
            if "\n" in text
            else (
                "status 2",
                text,
            )
        )
    except CheckError as error:
        return "status 1", str(error)
    except BaseException as error:
        import traceback

        return "exception", f"{type(error).__name__}: {error}\n{traceback.format_exc()[-1500:]}"


def in_child(case: Callable[[], str], wall_s: float) -> tuple[str, str, float, int]:
    """Run a case in a fork of this process: outcome, detail, seconds, megabytes.

    It may take ``LIMIT_S`` seconds of processor time, and ``wall_s`` in all.
    """
    receive, send = os.pipe()
    began = time.monotonic()
    child = os.fork()
    if child == 0:
        os.close(receive)
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        resource.setrlimit(resource.RLIMIT_CPU, (LIMIT_S, LIMIT_S))
        with os.fdopen(send, "w", encoding="utf-8") as pipe:
            json.dump(guarded(case), pipe)
        os._exit(0)
    os.close(send)
    status, usage = 0, None
    while time.monotonic() - began < wall_s:
        done, status, usage = os.wait4(child, os.WNOHANG)
        if done:
            break
        time.sleep(0.01)
    else:
        os.kill(child, signal.SIGKILL)
        os.wait4(child, 0)
        os.close(receive)
        return "hang", "", time.monotonic() - began, 0
    with os.fdopen(receive, encoding="utf-8", errors="replace") as pipe:
        data = pipe.read()
    seconds = time.monotonic() - began
    megabytes = usage.ru_maxrss // 1024 if usage else 0
    if not data and os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGXCPU:
        return "hang", "processor time", seconds, megabytes
    if not data:
        return "killed", f"wait status {status}", seconds, megabytes
    outcome, detail = json.loads(data)
    if megabytes > LIMIT_MB:
        return "memory", detail, seconds, megabytes
    return outcome, detail, seconds, megabytes


def main() -> int:
    """Run all cases and report."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--media", type=int, default=1000, help="mutated media files")
    parser.add_argument("--texts", type=int, default=200, help="mutated tables and YAML files")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--wall",
        type=float,
        default=LIMIT_S,
        help="seconds a case may take in all",
    )
    parser.add_argument("--out", type=Path, default=Path("fuzz.json"), help="the report")
    options = parser.parse_args()

    frames = pictures()
    files = seeds(frames)
    counts: dict[str, Counter[str]] = {}
    worst = {"seconds": 0.0, "megabytes": 0}
    failures: list[dict[str, Any]] = []
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        clip = place / "clip.mp4"
        clip.write_bytes(files["a.mp4"])
        table = place / "table"
        made = in_child(lambda: _analysed(clip, table), options.wall)
        if made[0] != "status 0":
            print(f"the unchanged clip cannot be analysed: {made}")
            return 2
        texts = {**TEXTS, "tracks.csv": (table / "tracks.csv").read_bytes()}
        cases = [("media", i) for i in range(options.media)]
        cases += [("text", i) for i in range(options.texts)]
        for kind, number in cases:
            # Every case has a seed of its own, so that one can be repeated alone.
            chance = random.Random(f"{options.seed}/{kind}/{number}")
            source = files if kind == "media" else texts
            name = sorted(source)[number % len(source)]
            if kind == "media":
                data = mutate(source[name], chance, list(files.values()))
            else:
                data = mutate_text(source[name], chance)
            with tempfile.TemporaryDirectory(dir=place) as own:
                path = Path(own) / name
                path.write_bytes(data)
                if kind == "media":
                    ended = in_child(lambda path=path: media_case(path, frames), options.wall)
                else:
                    ended = in_child(lambda path=path: text_case(path, frames, clip), options.wall)
            outcome, detail, seconds, megabytes = ended
            counts.setdefault(f"{kind} {name}", Counter())[outcome] += 1
            worst["seconds"] = max(worst["seconds"], round(seconds, 2))
            worst["megabytes"] = max(worst["megabytes"], megabytes)
            if outcome in FAILURES:
                kept = options.out.with_name(f"{options.out.stem}-{kind}-{number}-{name}")
                kept.write_bytes(data)
                failures.append(
                    {"case": f"{kind} {number} {name}", "outcome": outcome, "detail": detail}
                )
                print(f"{outcome}: {kind} {number} {name}: {detail}", flush=True)
            _report(options, counts, worst, failures, time.monotonic() - began)
    total = sum(sum(c.values()) for c in counts.values())
    ends = sum(counts.values(), Counter())
    print(
        f"{total} cases: {dict(ends)}; slowest {worst['seconds']} s, most {worst['megabytes']} MB"
    )
    return 1 if failures else 0


def _analysed(clip: Path, out: Path) -> str:
    analyze(clip, out=out, options=OPTIONS, fer="none", threads=1)
    return "status 0"


def _report(
    options: argparse.Namespace,
    counts: dict[str, Counter[str]],
    worst: dict[str, Any],
    failures: list[dict[str, Any]],
    seconds: float,
) -> None:
    body = {
        "command": " ".join(["python", *sys.argv]),
        "seed": options.seed,
        "cases": sum(sum(c.values()) for c in counts.values()),
        "seconds": round(seconds, 1),
        "outcomes": {name: dict(c) for name, c in sorted(counts.items())},
        "worst": worst,
        "failures": failures,
    }
    options.out.write_text(json.dumps(body, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
