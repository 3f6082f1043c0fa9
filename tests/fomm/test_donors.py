"""The donors that ship are in order, and a portrait gets in only with a face and a licence."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from framework_fomm.donors import portrait, store
from framework_fomm.donors_command import app
from framework_training.fomm.donors import compose, mixing, recipes
from framework_training.fomm.donors.hair import (
    HAIRLINE_ANGLES,
    OUTLINE_ANGLES,
    hairline_radii,
    outline_radii,
)
from framework_training.fomm.donors.matte import background_matte, wall_distance
from framework_training.fomm.donors.shape import (
    FACE,
    OUTSIDE,
    backward_field,
    mean_shape,
    region_masks,
    resample,
    similarity_points,
)
from typer.testing import CliRunner

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


BOX = (0.25, 0.2, 0.75, 0.85)


@pytest.fixture
def portrait_file(tmp_path: Path) -> Path:
    path = tmp_path / "portrait.png"
    cv2.imwrite(str(path), picture())
    return path


def add(path: Path, folder: Path, finder: Finder | None = None, **changes: str) -> str:
    words = {"licence": "CC0", "consent": "synthetic, shows nobody", **changes}
    return portrait.add(path, folder, finder or Finder(BOX), **words)  # type: ignore[arg-type]


# --- those that ship ---


def test_embedded_donors_are_complete_and_attributed() -> None:
    donors = store.load(store.EMBEDDED_FOLDER)
    assert len(donors) >= 8 and len({d.name for d in donors}) == len(donors)
    for donor in donors:
        ids = donor.record["source_ids"]
        assert donor.record["k"] == len(set(ids)) >= 8
        assert donor.licence == "CC-BY-4.0" and "5047666" in donor.record["attribution"]
        assert tuple(ids) == recipes.RECIPES[donor.name].sitters
        assert donor.bgra.shape == (384, 384, 4)
        alpha = donor.bgra[..., 3]
        assert alpha[192, 192] == 255 and alpha[:4].max() < 255 and alpha[-3:].max() < 100
        opaque, matte = donor.at_size(128)
        assert opaque.shape == (128, 128, 3) and matte.shape == (128, 128)
        assert np.abs(opaque[0, 0].astype(int) - store.BACKGROUND).max() <= 1


def test_no_sitter_owns_what_is_seen() -> None:
    """Every part of a face is another's; hair, ears and neck are of at least five people."""
    for donor in store.load(store.EMBEDDED_FOLDER):
        gave = donor.record["fine_detail_from"]
        assert set(gave) == {*FACE, *OUTSIDE}
        assert set(gave.values()) <= set(donor.record["source_ids"])
        assert len({gave[part] for part in FACE}) == len(FACE)
        assert len({gave[part] for part in OUTSIDE}) >= 5
        assert len(donor.record["face_mean_of"]) >= 8


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
    assert len(store.load_selection("all", str(folder))) == 2 + len(recipes.RECIPES)
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
        (Finder(BOX, (0.0, 0.0, 0.2, 0.3)), "2 faces"),
        (Finder((0.4, 0.4, 0.5, 0.55)), "px tall"),
        (Finder(BOX, turn=0.25), "turned to the side"),
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
    levels = mixing.laplacian_pyramid(image, 5)
    assert np.abs(mixing.collapse(levels) - image).max() < 1e-2


def test_matte_finds_the_head_before_an_uneven_wall() -> None:
    image = picture(384, 384).astype(np.float32)
    wall = (image == 230).all(-1)
    image[wall] -= np.linspace(0, 40, 384)[None, :].repeat(384, 0)[wall][:, None]
    matte = background_matte(wall_distance(image.astype(np.uint8)))
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


def face_points(size: float = 384, width: float = 1.0) -> np.ndarray:
    """68 points of a schematic face, the bridge of its nose in the middle of the picture."""
    centre, scale = size / 2, 0.3 * size  # bridge to chin
    points = np.zeros((68, 2))
    turn = np.deg2rad(np.linspace(-95, 95, 17))
    points[:17] = np.stack([0.62 * width * np.sin(turn), np.cos(turn)], 1)
    points[17:22] = [(-0.5 + 0.09 * i, -0.2) for i in range(5)]
    points[22:27] = [(0.14 + 0.09 * i, -0.2) for i in range(5)]
    points[27:31] = [(0, 0.13 * i) for i in range(4)]
    points[31:36] = [(-0.15 + 0.075 * i, 0.45) for i in range(5)]
    ring = np.deg2rad(np.arange(6) * 60)
    points[36:42] = np.stack([-0.3 + 0.12 * np.cos(ring), 0.05 * np.sin(ring)], 1)
    points[42:48] = np.stack([0.3 + 0.12 * np.cos(ring), 0.05 * np.sin(ring)], 1)
    ring = np.deg2rad(np.arange(20) * 18)
    points[48:] = np.stack([0.22 * np.cos(ring), 0.68 + 0.07 * np.sin(ring)], 1)
    return centre + scale * points


def sitter(
    name: str, hair: tuple[int, int, int], outline: float, hairline: float, size: int = 384
) -> mixing.Portrait:
    """A schematic head; outline and hairline are circles around the bridge, in face heights."""
    y, x = np.mgrid[:size, :size]
    points = face_points(size)
    radius = np.hypot(x - size / 2, y - size / 2) / (0.3 * size)
    angle = np.abs(np.rad2deg(np.arctan2(x - size / 2, size / 2 - y)))
    image = np.full((size, size, 3), 215, np.uint8)
    image[(radius < outline) | ((np.abs(x - size / 2) < 0.15 * size) & (y > size / 2))] = (
        110,
        140,
        190,
    )
    strands = np.array(hair) + 12 * (np.sin(x / 1.5)[..., None])
    where = (radius < outline) & (radius > hairline) & (angle < 85)
    image[where] = strands[where]
    wall = wall_distance(image)
    return mixing.Portrait(name, image, background_matte(wall), wall, points)


def test_outline_and_hairline_are_found() -> None:
    one = sitter("a", (40, 50, 60), 1.15, 0.75)
    edge = outline_radii(one.matte, one.points)
    assert np.abs(edge[np.abs(OUTLINE_ANGLES) < 100] / (0.3 * 384) - 1.15).max() < 0.03
    line = hairline_radii(one.bgr.astype(np.float32), one.points, edge)
    assert np.abs(line / (0.3 * 384) - 0.75).max() < 0.04 and len(line) == len(HAIRLINE_ANGLES)


def test_a_mixed_head_has_the_mean_outline_and_hairline_and_everybodys_hair_in_its_part() -> None:
    sitters = [sitter(str(i), (40 + i, 50, 60), 0.90 + 0.04 * i, 0.62 + 0.03 * i) for i in range(6)]
    recipe = recipes.Recipe(
        tuple(s.identity for s in sitters), dict(zip(OUTSIDE, "012345", strict=True))
    )
    aligned = mixing.align(sitters, sitters, 192)
    taken = dict.fromkeys(FACE, "0") | recipe.outside
    bgra = mixing.mix(aligned, taken)
    scale = float(aligned.shape[8, 1] - aligned.shape[27, 1])
    edge = outline_radii(bgra[..., 3].astype(np.float32) / 255, aligned.shape)
    above = np.abs(OUTLINE_ANGLES) < 80
    assert np.abs(edge[above] / scale - 1.0).max() < 0.06
    line = hairline_radii(bgra[..., :3].astype(np.float32), aligned.shape, edge)
    assert np.abs(line / scale - 0.695).max() < 0.06
    # a sitter's strands reach no further than their part
    other = {i: p.copy() for i, p in aligned.outsides.items()}
    noise = np.random.default_rng(0).normal(0, 30, other["0"].shape).astype(np.float32)
    other["0"] += noise
    changed = mixing.mix(dataclasses.replace(aligned, outsides=other), taken)
    difference = np.abs(changed[..., :3].astype(int) - bgra[..., :3]).mean(-1)
    part = aligned.masks[OUTSIDE[0]]
    inside = difference[(part > 0.9) & (bgra[..., 3] == 255)].mean()
    outside = difference[(part < 0.01) & (bgra[..., 3] == 255)].mean()
    assert inside > 8 and outside < 0.2 * inside


def test_regions_sum_to_one() -> None:
    masks = region_masks(face_points(192), 192)
    assert set(masks) == {*FACE, *OUTSIDE}
    assert np.allclose(sum(masks.values()), 1, atol=1e-4)
    assert all(mask.min() > -1e-5 and mask.max() > 0.3 for mask in masks.values())


def test_a_portrait_moved_onto_its_own_shape_stays() -> None:
    image = np.random.default_rng(0).uniform(0, 255, (192, 192, 1)).astype(np.float32)
    image = cv2.GaussianBlur(image, (0, 0), 3)
    points = face_points(192)
    moved = resample(image, backward_field(points, points, 192))
    assert np.abs(moved.squeeze() - image).max() < 0.5


def test_a_missing_archive_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(compose, "LandmarkFinder", lambda: None)
    arguments = [str(tmp_path / "none.tar"), "--output", str(tmp_path / "out")]
    assert compose.main(arguments) == 2
    assert "error" in capsys.readouterr().err and not (tmp_path / "out").exists()
