"""The donors that ship are in order, and a portrait gets in only with a face and a licence."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from framework_fomm.donors import compose, portrait, store
from framework_fomm.donors.shape import mean_shape, similarity_points
from typer.testing import CliRunner

from framework.cli.donors import app
from framework.errors import ComponentError, MediaError, UserError
from framework.types import Detections, Frame

from .conftest import upright


def picture(height: int = 400, width: int = 360) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    image = np.full((height, width, 3), 230, np.uint8)
    face = np.hypot((x - width / 2) / (0.3 * width), (y - height / 2) / (0.4 * height)) < 1
    image[face] = (110, 140, 190)
    return image


class Finder:
    """A detector that finds what it is told to."""

    def __init__(self, *shares: tuple[float, float, float, float], turn: float = 0.0) -> None:
        self.shares, self.turn = shares, turn

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        result = []
        for frame in frames:
            room = 0.25 / 1.5  # the checker pads the picture by a quarter of its longer side
            h, w = frame.height, frame.width
            pad = round(room * max(h, w))
            boxes = [
                (
                    pad + a * (w - 2 * pad),
                    pad + b * (h - 2 * pad),
                    pad + c * (w - 2 * pad),
                    pad + d * (h - 2 * pad),
                )
                for a, b, c, d in self.shares
            ]
            points = np.array([upright(box) for box in boxes], np.float32).reshape(-1, 5, 2)
            for box, five in zip(boxes, points, strict=True):
                five[2, 0] += self.turn * (box[2] - box[0])
            result.append(Detections(np.array(boxes, np.float32), np.full(len(boxes), 0.9), points))
        return result


FACE = (0.25, 0.2, 0.75, 0.85)


@pytest.fixture
def portrait_file(tmp_path: Path) -> Path:
    path = tmp_path / "portrait.png"
    cv2.imwrite(str(path), picture())
    return path


def add(path: Path, folder: Path, finder: Finder | None = None, **changes: str) -> str:
    words = {"licence": "CC0", "consent": "synthetic, shows nobody", **changes}
    return portrait.add(path, folder, finder or Finder(FACE), **words)  # type: ignore[arg-type]


# --- those that ship ---


def test_embedded_donors_are_complete_and_attributed() -> None:
    donors = store.load(store.EMBEDDED_FOLDER)
    assert len(donors) >= 8 and len({d.name for d in donors}) == len(donors)
    for donor in donors:
        ids = donor.record["source_ids"]
        assert donor.record["k"] == len(set(ids)) >= 8
        assert donor.licence == "CC-BY-4.0" and "5047666" in donor.record["attribution"]
        assert tuple(ids) == compose.RECIPES[donor.name]
        assert donor.bgra.shape == (384, 384, 4)
        alpha = donor.bgra[..., 3]
        assert alpha[192, 192] == 255 and alpha[:4].max() < 255 and alpha[-3:].max() < 100
        opaque, matte = donor.at_size(128)
        assert opaque.shape == (128, 128, 3) and matte.shape == (128, 128)
        assert np.abs(opaque[0, 0].astype(int) - store.BACKGROUND).max() <= 1


def test_embedded_donors_are_sharp() -> None:
    """A plain mean of eight faces has a Laplacian variance an order of magnitude lower."""
    for donor in store.load(store.EMBEDDED_FOLDER):
        grey = cv2.cvtColor(donor.at_size(384)[0], cv2.COLOR_BGR2GRAY)
        assert cv2.Laplacian(grey[120:300, 110:270], cv2.CV_64F).var() > 25


# --- adding ---


def test_add_list_remove(portrait_file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "store"
    assert add(portrait_file, folder) == "own-01"
    assert add(portrait_file, folder, name="grandma") == "grandma"
    names = [d.name for d in store.load_selection("user", str(folder))]
    assert names == ["own-01", "grandma"]
    assert len(store.load_selection("all", str(folder))) == 2 + len(compose.RECIPES)
    donor = store.load(folder)[0]
    assert donor.bgra.shape == (384, 384, 4) and donor.bgra[190, 190, 3] == 255
    assert (folder.stat().st_mode & 0o077) == 0
    store.remove(folder, "grandma")
    assert [d.name for d in store.load(folder)] == ["own-01"]
    with pytest.raises(UserError, match="no added donor"):
        store.remove(folder, "grandma")
    assert str(portrait_file) not in (folder / "donors.json").read_text()


@pytest.mark.parametrize("missing", ["licence", "consent"])
@pytest.mark.parametrize("text", ["", "  ", "x"])
def test_no_statement_no_donor(
    portrait_file: Path, tmp_path: Path, missing: str, text: str
) -> None:
    with pytest.raises(UserError, match=missing):
        add(portrait_file, tmp_path / "store", **{missing: text})
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    ("finder", "message"),
    [
        (Finder(), "no face"),
        (Finder(FACE, (0.0, 0.0, 0.2, 0.3)), "2 faces"),
        (Finder((0.4, 0.4, 0.5, 0.55)), "px tall"),
        (Finder(FACE, turn=0.25), "turned to the side"),
    ],
)
def test_unsuitable_portraits(
    portrait_file: Path, tmp_path: Path, finder: Finder, message: str
) -> None:
    with pytest.raises(UserError, match=message):
        add(portrait_file, tmp_path / "store", finder)
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize("content", [b"", b"not a picture", b"\x89PNG\r\n\x1a\nbroken"])
def test_files_that_are_no_pictures(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "x.png"
    path.write_bytes(content)
    with pytest.raises(MediaError, match="no picture"):
        add(path, tmp_path / "store")
    with pytest.raises(MediaError, match="No such file"):
        add(tmp_path / "none.png", tmp_path / "store")


def test_portrait_at_the_edge_and_with_alpha(tmp_path: Path) -> None:
    """What lies beyond the picture is transparent, and a given matte is used."""
    cut = picture()[60:, 60:]
    alpha = np.full(cut.shape[:2], 255, np.uint8)
    alpha[:, :90] = 0
    path = tmp_path / "cut.png"
    cv2.imwrite(str(path), np.dstack([cut, alpha]))
    add(path, tmp_path / "store", Finder((0.1, 0.05, 0.8, 0.85)))
    matte = store.load(tmp_path / "store")[0].bgra[..., 3]
    assert matte[:20].max() == 0 and matte[200, 250] == 255


def test_names_are_checked(portrait_file: Path, tmp_path: Path) -> None:
    for name in ("../x", "Name", "a b", "x" * 65, "-x"):
        with pytest.raises(UserError, match="donor name"):
            add(portrait_file, tmp_path / "store", name=name)
    with pytest.raises(UserError, match="taken"):
        add(portrait_file, tmp_path / "store", name="donor-01")


# --- stores that were tampered with ---


def test_a_changed_store_is_refused(portrait_file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "store"
    add(portrait_file, folder)
    index = folder / "donors.json"
    good = index.read_text()

    def broken(text: str) -> str:
        index.write_text(text)
        with pytest.raises(UserError) as caught:
            store.load(folder)
        return str(caught.value)

    assert "can't be read" in broken("{")
    assert "isn't an index" in broken("[]")
    assert "no name" in broken(json.dumps({"format": store.FORMAT, "donors": [{}]}))
    document = json.loads(good)
    document["donors"][0]["licence"] = ""
    assert "no licence" in broken(json.dumps(document))
    index.write_text(good)
    (folder / "own-01.png").write_bytes(b"other")
    with pytest.raises(UserError, match="was changed"):
        store.load(folder)
    (folder / "own-01.png").unlink()
    with pytest.raises(UserError, match="can't be read"):
        store.load(folder)


def test_no_donor_at_all(tmp_path: Path) -> None:
    with pytest.raises(ComponentError, match="framework donors add"):
        store.load_selection("user", str(tmp_path / "nothing"))


def test_folder_comes_from_option_environment_or_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRAMEWORK_DONORS", "/from/environment")
    assert store.user_folder("/given") == Path("/given")
    assert store.user_folder() == Path("/from/environment")
    monkeypatch.delenv("FRAMEWORK_DONORS")
    assert store.user_folder().name == "donors"


# --- command line ---


def test_command_line_lists_and_removes(portrait_file: Path, tmp_path: Path) -> None:
    folder = tmp_path / "store"
    add(portrait_file, folder)
    runner = CliRunner()
    shown = runner.invoke(app, ["list", "--folder", str(folder)])
    assert shown.exit_code == 0
    assert "donor-01" in shown.output and "own-01" in shown.output and "5047666" in shown.output
    rows = json.loads(runner.invoke(app, ["list", "--json", "--folder", str(folder)]).output)
    assert {row["origin"] for row in rows} == {"embedded", "user"}
    assert runner.invoke(app, ["remove", "own-01", "--folder", str(folder)]).exit_code == 0
    assert not (folder / "own-01.png").exists()


def test_command_line_checks_with_the_real_detector(tmp_path: Path) -> None:
    """A shipped composite passes as a portrait; a wall doesn't; no licence, no donor."""
    folder, face, wall = (tmp_path / n for n in ("store", "face.png", "wall.png"))
    cv2.imwrite(str(face), store.load(store.EMBEDDED_FOLDER)[0].at_size(384)[0])
    cv2.imwrite(str(wall), np.full((300, 300, 3), 120, np.uint8))
    runner = CliRunner()
    words = ["--folder", str(folder), "--licence", "CC-BY-4.0", "--consent", "composite"]
    refused = runner.invoke(app, ["add", str(wall), *words])
    assert isinstance(refused.exception, UserError) and "no face" in str(refused.exception)
    bare = runner.invoke(app, ["add", str(face), "--folder", str(folder)])
    assert isinstance(bare.exception, UserError) and "licence" in str(bare.exception)
    added = runner.invoke(app, ["add", str(face), *words])
    assert added.exit_code == 0, added.exception
    assert "own-01" in added.output
    matte = store.load(folder)[0].bgra[..., 3]
    assert matte[190, 190] == 255 and matte[10, 10] == 0


# --- composition ---


def test_pyramid_collapses_to_the_picture() -> None:
    image = np.random.default_rng(0).uniform(0, 255, (96, 80, 3)).astype(np.float32)
    levels = compose.laplacian_pyramid(image, 5)
    assert np.abs(compose.collapse(levels) - image).max() < 1e-2


def test_matte_finds_the_head_before_an_uneven_wall() -> None:
    image = picture(384, 384).astype(np.float32)
    wall = (image == 230).all(-1)
    image[wall] -= np.linspace(0, 40, 384)[None, :].repeat(384, 0)[wall][:, None]
    matte = compose.background_matte(image.astype(np.uint8))
    assert matte[192, 192] == 1 and matte[10, 10] == 0 and matte[10, -10] == 0
    assert abs((matte > 0.5).mean() - (~wall).mean()) < 0.01


def test_mean_shape_ignores_place_size_and_angle() -> None:
    rng = np.random.default_rng(0)
    shape = rng.uniform(0, 100, (68, 2))
    shape[36:42], shape[42:48] = [30, 40], [70, 40]
    moved = []
    for _ in range(4):
        angle, scale = rng.uniform(-1, 1), rng.uniform(0.5, 2)
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        moved.append(scale * shape @ turn.T + rng.uniform(-50, 50, 2))
    mean = mean_shape(moved)
    assert np.allclose(similarity_points(shape, mean), mean, atol=1e-6)
    assert abs(mean[36:42, 1].mean() - mean[42:48, 1].mean()) < 1e-9


def test_a_missing_archive_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(compose, "LandmarkFinder", lambda: None)
    arguments = [str(tmp_path / "none.tar"), "--output", str(tmp_path / "out")]
    assert compose.main(arguments) == 2
    assert "error" in capsys.readouterr().err and not (tmp_path / "out").exists()
