"""The network has the published layout and computes the published numbers."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import torch
from framework_fomm.model import (
    Fomm,
    FommConfig,
    Keypoints,
    coordinate_grid,
    inverse_2x2,
    relative_motion,
)
from framework_training.fomm import parity
from hypothesis import given, settings
from hypothesis import strategies as st

GOLDEN = Path(__file__).parent / "golden"


def test_official_configuration_has_the_official_names_and_shapes() -> None:
    layout = json.loads((GOLDEN / "official_layout.json").read_text())
    with torch.device("meta"):
        model = Fomm(FommConfig())
    for entry in ("generator", "kp_detector"):
        state = getattr(model, entry).state_dict()
        assert {name: list(t.shape) for name, t in state.items()} == layout[entry]


def test_official_network_computes_the_golden_values() -> None:
    with torch.inference_mode():
        computed = dict(parity.computed_arrays(seed=0))
    with np.load(GOLDEN / "seed0_thinned.npz") as golden:
        assert len(golden.files) == 14
        for name in golden.files:
            value = computed[name].numpy()
            if value.ndim == 4 and value.shape[-1] >= 64:
                value = value[:, :, ::16, ::16]
            difference = np.abs(value - golden[name].astype(np.float64)).max()
            assert difference <= parity.tolerance(name), name


def test_parity_program_refuses_what_it_cannot_compare(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = [("kp_source_value", torch.zeros(2, 10, 2))]
    monkeypatch.setattr(parity, "computed_arrays", lambda seed: iter(fake))
    stranger, misshapen, good, off = (tmp_path / f"{n}.npz" for n in "abcd")
    np.savez(stranger, unheard_of=np.zeros(3))
    np.savez(misshapen, kp_source_value=np.zeros((1, 10, 2)))
    np.savez(good, kp_source_value=np.full((2, 10, 2), 5e-5))
    np.savez(off, kp_source_value=np.full((2, 10, 2), 5e-4))
    report = tmp_path / "out.json"
    assert parity.main([str(stranger)]) == 2
    assert "unheard_of" in capsys.readouterr().err
    assert parity.main([str(misshapen)]) == 2
    assert "(1, 10, 2)" in capsys.readouterr().err
    assert parity.main([str(tmp_path / "missing.npz")]) == 2
    assert parity.main([str(good), "--json", str(report)]) == 0
    assert json.loads(report.read_text()) == {"kp_source_value": 5e-5}
    assert parity.main([str(off)]) == 1


def test_source_is_encoded_once_with_the_same_result(tiny_model: Fomm) -> None:
    source, driving = torch.rand(1, 3, 64, 64), torch.rand(3, 3, 64, 64)
    with torch.inference_mode():
        ks, kd = tiny_model.kp_detector(source), tiny_model.kp_detector(driving)
        generator = tiny_model.generator
        once = generator.render(generator.encode(source).expand(3), ks.expand(3), kd).image
        each = torch.cat([generator(source, ks, kd[i : i + 1]).image for i in range(3)])
    assert torch.allclose(once, each, atol=1e-5)


def test_blend_with_full_trust_is_the_warped_source(blend_model: Fomm) -> None:
    """occlusion = 1 everywhere and no motion: the picture comes out as it went in."""
    picture = torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        blend_model.generator.dense_motion_network.occlusion.bias.fill_(40.0)
        blend_model.generator.dense_motion_network.occlusion.weight.zero_()
        keypoints = blend_model.kp_detector(picture)
        result = blend_model.generator(picture, keypoints, keypoints).image
    assert torch.allclose(result, picture, atol=1e-3)


def test_detail_raises_the_resolution_of_a_blended_result(blend_model: Fomm) -> None:
    picture = torch.rand(1, 3, 64, 64)
    large = torch.nn.functional.interpolate(picture, size=(96, 96), mode="bilinear")
    generator = blend_model.generator
    with torch.inference_mode():
        keypoints = blend_model.kp_detector(picture)
        image = generator.render(generator.encode(picture, large), keypoints, keypoints).image
    assert image.shape == (1, 3, 96, 96)


@given(st.integers(0, 2**31))
@settings(max_examples=25, deadline=None)
def test_relative_motion_at_rest_leaves_the_source(seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    eye = torch.eye(2)

    def some(n: int) -> Keypoints:
        noise = 0.2 * torch.randn(n, 4, 2, 2, generator=generator)
        return Keypoints(torch.rand(n, 4, 2, generator=generator) - 0.5, eye + noise)

    source, driver = some(1), some(1)
    still = relative_motion(source, driver, driver)
    assert torch.allclose(still.value, source.value, atol=1e-5)
    assert torch.allclose(still.jacobian, source.jacobian, atol=1e-3)


def test_inverse_in_closed_form() -> None:
    matrices = torch.randn(50, 3, 2, 2, generator=torch.Generator().manual_seed(0)).double()
    identity = matrices @ inverse_2x2(matrices)
    assert torch.allclose(identity, torch.eye(2).double().expand_as(identity), atol=1e-8)


def test_grid_has_its_corners_at_one() -> None:
    grid = coordinate_grid(3, 5, torch.zeros(1))
    assert grid[0, 0].tolist() == [-1, -1] and grid[2, 4].tolist() == [1, 1]
    assert grid[1, 0].tolist() == [-1, 0]


def test_configuration_says_what_is_wrong() -> None:
    with pytest.raises(ValueError, match="1 / integer"):
        FommConfig(kp_scale=0.3)
    with pytest.raises(ValueError, match="halved"):
        FommConfig(image_size=100)
    with pytest.raises(ValueError, match="colour"):
        FommConfig.from_dict({"colour": 1})
    small = dataclasses.replace(FommConfig(), image_size=128, blend_output=True)
    assert FommConfig.from_dict(json.loads(json.dumps(small.to_dict()))) == small
