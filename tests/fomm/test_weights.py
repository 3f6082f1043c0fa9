"""Weight files: what is wrong with a wrong one is said, and no code in it runs."""

from __future__ import annotations

import dataclasses
import pickle
from pathlib import Path

import pytest
import torch
from framework_fomm.model import Fomm
from framework_fomm.weights import files as weights
from framework_fomm.weights import load_model, save_model

from framework.errors import WeightsError

from .conftest import TINY, TINY_BLEND, make_model


@pytest.fixture
def official(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Fomm]:
    """A checkpoint in the published format; 'official' is tiny here, or the file has 240 MB."""
    monkeypatch.setattr(weights, "FommConfig", lambda: TINY)
    model = make_model(TINY, seed=3)
    path = tmp_path / "vox-cpk.pth.tar"
    state = {
        "generator": model.generator.state_dict(),
        "kp_detector": model.kp_detector.state_dict(),
        "optimizer_generator": {"state": {}, "param_groups": [{"lr": 2e-4}]},
        "epoch": 99,
    }
    torch.save(state, path)
    return path, model


def same(a: Fomm, b: Fomm, tolerance: float = 0.0) -> bool:
    other = b.state_dict()
    return all(
        torch.allclose(t.float(), other[n].float(), atol=tolerance, rtol=tolerance)
        for n, t in a.state_dict().items()
    )


def test_round_trip(tmp_path: Path) -> None:
    model = make_model(TINY_BLEND)
    path = tmp_path / "a.safetensors"
    save_model(model, path, licence="MIT", trained_on=["x"])
    loaded = load_model(path)
    assert loaded.config == TINY_BLEND and same(model, loaded, 2e-3) and not loaded.training
    assert list(tmp_path.iterdir()) == [path]


def test_published_checkpoint_loads(official: tuple[Path, Fomm]) -> None:
    path, model = official
    assert same(load_model(path), model)
    assert load_model(path).config.align_corners
    assert not load_model(path, align_corners=False).config.align_corners


def test_legacy_format_and_data_parallel_names_load(official: tuple[Path, Fomm]) -> None:
    path, model = official
    content = {
        entry: {f"module.{n}": t for n, t in getattr(model, entry).state_dict().items()}
        for entry in weights.ENTRIES
    }
    torch.save(content, path, _use_new_zipfile_serialization=False)
    assert same(load_model(path), model)


class _Bomb:
    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (Path.touch, (Path("/tmp/never"),))  # type: ignore[return-value]


def test_a_pickle_with_code_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "evil.pth.tar"
    mark = tmp_path / "ran"

    class Bomb:
        def __reduce__(self) -> tuple[object, tuple[Path]]:
            return (Path.touch, (mark,))

    torch.save({"generator": Bomb(), "kp_detector": {}}, path)
    with pytest.raises(WeightsError, match="expected a First Order Motion Model checkpoint"):
        load_model(path)
    path.write_bytes(pickle.dumps(_Bomb()))
    with pytest.raises(WeightsError):
        load_model(path)
    assert not mark.exists()


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04broken", b"\x80\x02."])
@pytest.mark.parametrize("name", ["x.pth.tar", "x.safetensors"])
def test_junk_is_refused_in_one_line(tmp_path: Path, content: bytes, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(WeightsError) as caught:
        load_model(path)
    assert "\n" not in str(caught.value) and name in str(caught.value)
    assert str(tmp_path) not in str(caught.value)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no such file"):
        load_model(tmp_path / "none.pth.tar")


def test_checkpoint_of_something_else(official: tuple[Path, Fomm]) -> None:
    path, model = official
    torch.save({"model": {}}, path)
    with pytest.raises(WeightsError, match="'generator'"):
        load_model(path)
    generator = dict(model.generator.state_dict())
    detector = dict(model.kp_detector.state_dict())
    first = next(iter(generator))
    torch.save({"generator": {**generator, "extra": torch.zeros(1)}, "kp_detector": detector}, path)
    with pytest.raises(WeightsError, match="extra is not known"):
        load_model(path)
    torch.save({"generator": {**generator, first: torch.zeros(3)}, "kp_detector": detector}, path)
    with pytest.raises(WeightsError, match=r"of another size: .*\(3,\)"):
        load_model(path)
    del generator[first]
    torch.save({"generator": generator, "kp_detector": detector}, path)
    with pytest.raises(WeightsError, match=f"{first} is missing"):
        load_model(path)


def test_values_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    model = make_model(TINY)
    model.generator.final.bias.data[0] = float("nan")
    path = tmp_path / "nan.safetensors"
    save_model(model, path, licence="MIT", trained_on=[])
    with pytest.raises(WeightsError, match=r"final\.bias"):
        load_model(path)


def test_safetensors_of_another_size_or_kind(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    path = tmp_path / "a.safetensors"
    save_file({"w": torch.zeros(2)}, path)
    with pytest.raises(WeightsError, match="'config'"):
        load_model(path)
    save_file({"w": torch.zeros(2)}, path, metadata={"config": '{"wings": 2}'})
    with pytest.raises(WeightsError, match="wings"):
        load_model(path)
    model = make_model(TINY)
    model.config = dataclasses.replace(TINY, num_kp=6)
    save_model(model, path, licence="MIT", trained_on=[])
    with pytest.raises(WeightsError, match="of another size"):
        load_model(path)
