"""Followers and creases: what they promise, and that their fit finds what is there."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from framework_fomm.creases import Creases, from_canvas, on_canvas, to_canvas
from framework_fomm.crop import Square
from framework_fomm.exact import FACE_POINTS, through_keypoints
from framework_fomm.followers import LANDMARKS, WIDTHS, Followers
from framework_fomm.model import Fomm, FommConfig, Keypoints
from framework_fomm.outline import follow_skull, head_coordinates
from framework_fomm.weights import load_model, save_model
from framework_training.fomm import fit
from framework_training.fomm.landmarks import MIRROR
from framework_training.fomm.loop import Training
from framework_training.fomm.options import TrainingOptions, compact_config
from framework_training.fomm.pack import SIZE, PackWriter, save_pack
from hypothesis import given, settings
from hypothesis import strategies as st

from framework.errors import WeightsError
from tests.fomm.test_train_program import TINY, landmarks_at

CORNERS = (14, 15)


def face(seed: int = 0) -> torch.Tensor:
    """(1, 33, 2) keypoints of an upright head in the middle of a picture."""
    usual = torch.tensor(
        [(-0.9, -0.5), (-0.6, -0.6), (-0.2, -0.5), (0.2, -0.5), (0.6, -0.6), (0.9, -0.5)]
        + [(-0.99, -0.01), (-0.7, -0.1), (-0.4, 0.01), (-0.7, 0.1)]
        + [(0.4, 0.01), (0.7, -0.1), (0.99, -0.01), (0.7, 0.1)]
        + [(-0.5, 1.1), (0.5, 1.1), (0.0, 0.95), (0.0, 1.3), (0.0, 1.05), (0.0, 1.15)]
        + [(0.0, 0.65), (0.0, 1.9), (-1.3, 1.6), (1.3, 1.6), (-1.54, 0.075), (1.54, 0.075)]
        + [(-0.7, 0.0), (0.7, 0.0)]
        + [(0.0, 0.0)] * 5
    )
    generator = torch.Generator().manual_seed(seed)
    jitter = 0.02 * torch.randn(usual.shape, generator=generator)
    jitter[[6, 8, 10, 12, 24, 25]] = 0
    return follow_skull((0.31 * (usual + jitter))[None])[0]


def moved(value: torch.Tensor, angle: float, size: float, x: float, y: float) -> torch.Tensor:
    c, s = size * np.cos(angle), size * np.sin(angle)
    turn = torch.tensor([[c, -s], [s, c]], dtype=torch.float32)
    return value @ turn.T + torch.tensor([x, y], dtype=torch.float32)


def test_head_coordinates_are_undone_by_turn_and_middle() -> None:
    value = moved(face(), 0.3, 1.2, 0.1, -0.1)
    inside, turn, middle = head_coordinates(value)
    back = middle[:, None] + inside @ turn.transpose(1, 2)
    torch.testing.assert_close(back, value)
    upright = head_coordinates(face())[0]
    torch.testing.assert_close(inside, upright, atol=1e-4, rtol=1e-4)


@settings(max_examples=20, deadline=None)
@given(
    st.floats(-0.5, 0.5),
    st.floats(0.6, 1.4),
    st.floats(-0.2, 0.2),
    st.floats(-0.2, 0.2),
    st.integers(0, 1000),
)
def test_followers_go_along_with_the_head(
    angle: float, size: float, x: float, y: float, seed: int
) -> None:
    followers = Followers()
    followers.weight.normal_(0, 0.2, generator=torch.Generator().manual_seed(seed))
    value = face(seed)
    expected = moved(followers(value), angle, size, x, y)
    torch.testing.assert_close(
        followers(moved(value, angle, size, x, y)), expected, atol=2e-3, rtol=2e-3
    )


def test_the_flow_leads_through_further_places() -> None:
    """Places far from everything else arrive exactly where they are told to."""
    line = torch.linspace(-1, 1, 64)
    still = torch.stack(torch.meshgrid(line, line, indexing="xy"), -1)[None]
    value = face()[:, :FACE_POINTS]
    place = torch.tensor([[[0.75, -0.75]]])
    start = torch.cat([value, place + 0.1], 1)
    flow = through_keypoints(still, start, torch.cat([value, place], 1), 64, (0.1,))
    at = torch.nn.functional.grid_sample(
        flow.permute(0, 3, 1, 2), place[:, None], align_corners=True
    )[0, :, 0, 0]
    torch.testing.assert_close(at, torch.tensor([0.85, -0.65]), atol=0.01, rtol=0)
    # and without them the rest of the picture is as it was
    plain = through_keypoints(still, value, value, 64)
    torch.testing.assert_close(plain, still, atol=1e-5, rtol=0)


def lit(size: int = 32, strength: float = 1.0) -> Creases:
    """Brighter in the middle of the canvas as the left mouth corner goes left."""
    creases = Creases(size, strength).eval()
    creases.places.copy_(on_canvas(head_coordinates(face())[0][0, :FACE_POINTS]))
    middle = slice(size // 4, 3 * size // 4)
    creases.basis[2 * CORNERS[0], :, middle, middle] = -1.0
    return creases


def smiling(by: float) -> torch.Tensor:
    value = face().clone()
    value[:, CORNERS[0], 0] -= by
    return value


def test_nothing_is_lit_where_nothing_moved() -> None:
    picture = torch.rand(2, 3, 48, 48)
    value = face().expand(2, -1, -1)
    turned = moved(value, 0.2, 1.1, 0.05, 0.0)
    torch.testing.assert_close(lit()(picture, value, value), picture, atol=1e-5, rtol=0)
    torch.testing.assert_close(lit()(picture, value, turned), picture, atol=2e-3, rtol=0)


def test_light_follows_expression_and_head() -> None:
    creases, picture = lit(), torch.full((1, 3, 64, 64), 0.4)
    more = creases(picture, face(), smiling(0.05)) - picture
    assert more.max() > 0.03 and more.min() > -1e-4
    less = creases(picture, face(), smiling(-0.05)) - picture
    assert less.min() < -0.03
    shifted = creases(picture, face(), moved(smiling(0.05), 0, 1, 0.25, 0)) - picture
    x = torch.arange(64.0)

    def centre(change: torch.Tensor) -> float:
        weight = change[0, 0].sum(0)
        return float((weight * x).sum() / weight.sum())

    assert centre(shifted) - centre(more) == pytest.approx(0.25 * 63 / 2, abs=1.0)
    assert float(more[..., :2].abs().max()) < 1e-4  # nothing beyond the face


def test_creases_are_drawn_stronger_than_they_are_trained_and_never_glow() -> None:
    creases, picture = lit(strength=1.75), torch.full((1, 3, 32, 32), 0.4)
    drawn = creases(picture, face(), smiling(0.01)) - picture
    trained = creases.train()(picture, face(), smiling(0.01)) - picture
    assert float(drawn.max() / trained.max()) == pytest.approx(1.75, rel=0.05)
    glaring = creases.eval()(picture, face(), smiling(0.3))
    assert float(glaring.max()) < 0.44 * math.exp(0.25) - 0.04 + 1e-4
    darkest = creases(picture, face(), smiling(-0.3))
    assert 0.44 * math.exp(-0.4) - 0.04 - 1e-4 < float(darkest.min()) < 0.28


def test_larger_pictures_are_lit_alike() -> None:
    small = lit()(torch.full((1, 3, 48, 48), 0.4), face(), smiling(0.05))
    large = lit()(torch.full((1, 3, 384, 384), 0.4), face(), smiling(0.05))
    shrunk = torch.nn.functional.interpolate(large, size=(48, 48), mode="area")
    assert float((shrunk - small).abs().mean()) < 0.003


def test_canvas_maps_are_each_others_inverse() -> None:
    value = moved(face(3), 0.2, 0.9, 0.1, 0.05)
    places = on_canvas(head_coordinates(face())[0][0, :FACE_POINTS])
    _, turn, middle = head_coordinates(value)
    there = to_canvas(places, value, turn, middle, 96).permute(0, 3, 1, 2)
    back = from_canvas(places, value, 96)  # canvas -> picture
    around = torch.nn.functional.grid_sample(there, back, align_corners=True)[0]
    line = torch.linspace(-1, 1, 96)
    wanted = torch.stack(torch.meshgrid(line, line, indexing="xy"))
    assert float((around - wanted).abs()[:, 24:72, 24:72].mean()) < 0.02


# --- fitting ---


def pack_of(n: int = 40, cheeks: float = 400.0) -> PackWriter:
    """Clips in which cheeks darken as the mouth grows wide, and the outer lips go along."""
    import cv2

    rng = np.random.default_rng(0)
    writer = PackWriter("cartoon")
    for person in range(3):
        pictures, marks = [], []
        for _ in range(n):
            points = landmarks_at(112, 112, 70)
            wide, brows = rng.normal(0, 3, 2)
            points[17:27, 1] += brows
            points[48, 0] -= wide
            points[54, 0] += wide
            points[[49, 59], 0] -= wide / 2
            points[[53, 55], 0] += wide / 2
            picture = np.full((SIZE, SIZE, 3), 120, np.float32)
            for x in (70, 154):
                cv2.circle(picture, (x, 135), 12, (120 - cheeks * wide / 70,) * 3, -1)
            pictures.append(np.clip(picture, 0, 255).astype(np.uint8))
            marks.append(points)
        # the packed crop is 1.12 times the square
        whole = Square(SIZE / 2, SIZE / 2, SIZE / 1.12)
        writer.add(pictures, marks, [whole] * n, person)
    return writer


def test_fit_finds_what_follows_and_what_darkens() -> None:
    pack = pack_of().pack()
    found = fit.Fit(pack)
    followers = Followers()
    followers.weight.copy_(torch.from_numpy(found.followers()))
    seen = followers(found.value)
    wanted = pack.landmarks[:, list(LANDMARKS)] * (2 / (SIZE - 1)) - 1
    off = np.linalg.norm(seen.numpy() - wanted, axis=-1) * SIZE / 2
    assert off.mean() < 0.5  # pixels
    basis, places = found.creases(48)
    assert basis.shape == (2 * FACE_POINTS, 3, 48, 48) and places.shape == (FACE_POINTS, 2)
    creases = Creases(48).train()
    creases.basis.copy_(torch.from_numpy(basis))
    creases.places.copy_(torch.from_numpy(places))
    narrow, wide = (int(i) for i in np.argsort(pack.landmarks[:, 54, 0])[[0, -1]])
    picture = torch.full((1, 3, SIZE, SIZE), 120 / 255)
    change = creases(picture, found.value[[narrow]], found.value[[wide]]) - picture
    cheek, brow = change[0, 0, 130:141, 65:76], change[0, 0, 90:100, 105:120]
    assert float(cheek.mean()) < -0.02
    assert abs(float(brow.mean())) < 0.01


def test_fit_is_symmetric() -> None:
    found = fit.Fit(pack_of(15).pack())
    basis, _ = found.creases(32)
    left, right = basis[2 * CORNERS[0]], basis[2 * CORNERS[1]]
    np.testing.assert_allclose(left, -right[..., ::-1], atol=1e-4)
    assert all(MIRROR[LANDMARKS[i]] == LANDMARKS[j] for i, j in enumerate(fit._MIRRORED_FOLLOWERS))


def test_stills_alone_can_be_fitted() -> None:
    rng = np.random.default_rng(1)
    writer = PackWriter("cartoon")
    picture = rng.integers(0, 255, (SIZE, SIZE, 3)).astype(np.uint8)
    for _ in range(6):
        points = landmarks_at(112, 112, 70 + rng.normal())
        writer.add([picture], [points], [Square(SIZE / 2, SIZE / 2, SIZE / 1.12)])
    found = fit.Fit(writer.pack())
    assert np.isfinite(found.followers()).all() and np.isfinite(found.creases(16)[0]).all()


def older(**changes: object) -> FommConfig:
    without = {"followers": False, "crease_size": 0, "crease_strength": 1.0}
    return compact_config(48, {**TINY, **without, **changes})


def test_program_adds_both_to_finished_weights(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    torch.manual_seed(0)
    before = Fomm(older()).eval()
    save_model(before, tmp_path / "old.safetensors", licence="x", trained_on=[])
    save_pack(pack_of(10).pack(), tmp_path / "pack.safetensors")
    call = [str(tmp_path / "old.safetensors"), "--pack", str(tmp_path / "pack.safetensors")]
    assert fit.main([*call, "--out", str(tmp_path / "new.safetensors")]) == 0
    after = load_model(tmp_path / "new.safetensors")
    assert after.config == dataclasses.replace(
        before.config,
        followers=True,
        crease_size=fit.CREASE_SIZE,
        crease_strength=fit.CREASE_STRENGTH,
    )
    assert after.generator.creases is not None and after.generator.creases.basis.abs().max() > 0
    # the rest is untouched
    for name, tensor in before.state_dict().items():
        if tensor.dtype.is_floating_point:
            torch.testing.assert_close(after.state_dict()[name], tensor, atol=1e-2, rtol=1e-2)
    # a face that does nothing is shown as before
    picture, value = torch.rand(1, 3, 48, 48), face()
    still = Keypoints(value, torch.eye(2).expand(1, 33, 2, 2).contiguous())
    with torch.no_grad():
        images = [m.generator(picture, still, still).image for m in (before, after)]
    assert float((images[0] - images[1]).abs().mean()) < 0.01
    capsys.readouterr()
    assert fit.main([str(tmp_path / "pack.safetensors"), *call[1:], "--out", "x"]) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_a_network_with_other_keypoints_has_no_room_for_them() -> None:
    official = Fomm(FommConfig(image_size=64, kp_blocks=2, motion_blocks=2, kp_expansion=4))
    with pytest.raises(WeightsError, match="can't have followers"):
        fit.grown(official)
    with pytest.raises(ValueError, match="exact_keypoints"):
        dataclasses.replace(older(exact_keypoints=False), followers=True)
    with pytest.raises(ValueError, match="crease_size needs"):
        dataclasses.replace(older(), crease_size=8, blend_output=False)
    assert len(WIDTHS) == len(LANDMARKS)


def test_older_weights_grow_when_training_goes_on(tmp_path: Path) -> None:
    torch.manual_seed(0)
    before = Fomm(older()).eval()
    save_model(before, tmp_path / "old.safetensors", licence="x", trained_on=[])
    run = Training(
        tmp_path,
        pack_of(10).pack(),
        compact_config(48, TINY),
        TrainingOptions(steps=1, warmup_steps=0, perceptual_weight=0.0),
        "cpu",
        threads=1,
    )
    run.restore(tmp_path / "old.safetensors")
    creases = run.model.generator.creases
    assert creases is not None and creases.basis.abs().max() > 0
    torch.testing.assert_close(run.average.state["generator.creases.basis"], creases.basis)
    kept, name = run.model.state_dict(), "kp_detector.kp.weight"
    torch.testing.assert_close(kept[name], before.state_dict()[name], atol=1e-3, rtol=1e-2)
