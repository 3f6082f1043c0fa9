"""Each attacker finds what it is built to find, and nothing where there is nothing."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
import pytest
from framework_benchmark.attacks import t0_naive, t1_informed, t2_retrained, t3_reversal, t4_track
from framework_benchmark.attacks.ridge import fit_ridge
from framework_benchmark.attacks.t5_motion import CURVES, attack, curves
from framework_benchmark.metrics.identification import hits

from framework.harness import CropPair, Material, Template

D = 24


def _unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=-1, keepdims=True)).astype(np.float32)


def _template(rows: np.ndarray, found: bool = True) -> Template:
    rows = np.atleast_2d(rows)
    return Template(_unit(rows), np.full(len(rows), found), 0)


def _rank1(scores: np.ndarray) -> float:
    return float(hits(scores, np.arange(len(scores))).mean())


@pytest.fixture
def people() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(20, D))


def _noisy(rows: np.ndarray, seed: int) -> np.ndarray:
    return rows + 0.1 * np.random.default_rng(seed).normal(size=rows.shape)


def _material(
    people: np.ndarray, probes: Sequence[Template | None], covered: Sequence[Template | None]
) -> Material:
    clear = [_template(p) for p in people]
    return Material(clear, covered, probes, np.arange(len(people)))


def test_t0_recognises_clear_faces_and_guesses_without_one(people: np.ndarray) -> None:
    seen = [_template(p) for p in _noisy(people, 1)]
    assert _rank1(t0_naive.attack(_material(people, seen, seen))["T0"]) == 1.0
    unseen = [_template(p, found=False) for p in people]
    assert _rank1(t0_naive.attack(_material(people, unseen, unseen))["T0"]) == pytest.approx(0.05)


def test_t1_sees_a_cover_that_always_maps_a_person_alike(people: np.ndarray) -> None:
    hidden = people[:, ::-1] * np.sign(np.random.default_rng(5).normal(size=D))
    probes = [_template(p, found=False) for p in _noisy(hidden, 1)]
    covered = [_template(p, found=False) for p in _noisy(hidden, 2)]
    material = _material(people, probes, covered)
    assert _rank1(t0_naive.attack(material)["T0"]) == pytest.approx(0.05)
    assert _rank1(t1_informed.attack(material)["T1"]) == 1.0


def test_t2_learns_a_linear_disguise_from_other_people(people: np.ndarray) -> None:
    rng = np.random.default_rng(6)
    turn = np.linalg.qr(rng.normal(size=(D, D)))[0]
    others = rng.normal(size=(80, D))
    fit = [(_template(o), _template(o @ turn)) for o in others]
    probes = [_template(p @ turn) for p in _noisy(people, 1)]
    material = Material(
        [_template(p) for p in people],
        probes,
        probes,
        np.arange(20),
        fit=fit,
        fit_persons=[str(i // 2) for i in range(80)],
    )
    assert _rank1(t0_naive.attack(material)["T0"]) < 0.4
    found = t2_retrained.attack(material)
    assert _rank1(found["T2-clear"]) == 1.0
    assert "T2-covered" in found
    assert t2_retrained.attack(_material(people, probes, probes)) == {}


def test_ridge_interpolates_and_survives_constant_input() -> None:
    rng = np.random.default_rng(7)
    x = rng.normal(size=(60, 5))
    w = rng.normal(size=(5, 3))
    assert np.allclose(fit_ridge(x, x @ w + 2)(x[:4]), x[:4] @ w + 2, atol=0.05)
    flat = fit_ridge(np.ones((6, 5)), rng.normal(size=(6, 3)))
    assert np.isfinite(flat(np.ones((2, 5)))).all()


def test_t3_undoes_a_scrambling_of_pixels() -> None:
    rng = np.random.default_rng(8)
    side = 12
    order = rng.permutation(side * side * 3)
    smooth = rng.normal(size=(8, side * side * 3))  # faces live in few dimensions

    def faces(n: int, seed: int) -> np.ndarray:
        mix = np.random.default_rng(seed).normal(size=(n, 8)) @ smooth
        return np.clip(127 + 20 * mix, 0, 255).astype(np.uint8)

    def picture(row: np.ndarray) -> np.ndarray:
        return row.reshape(side, side, 3)

    def embed(crops: Sequence[np.ndarray]) -> np.ndarray:
        return _unit(np.stack([c.ravel().astype(float) - 127 for c in crops]))

    other, own = faces(60, 1), faces(15, 2)
    material = Material(
        [_template(embed([picture(o)])) for o in own],
        [None] * 15,
        [None] * 15,
        np.arange(15),
        fit_crops=[CropPair(picture(o), picture(o[order]), embed([picture(o)])[0]) for o in other],
        probe_crops=[picture(o[order]) for o in own],
        embed=embed,
        size=side,
    )
    assert _rank1(t3_reversal.attack(material)["T3-learned"]) > 0.8


def _pictures(count: int, seed: int, side: int = 48) -> list[np.ndarray]:
    """Smooth random pictures with detail; two calls with one seed give the same ones."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        coarse = cv2.resize(rng.uniform(60, 190, (6, 6, 3)), (side, side))
        fine = cv2.GaussianBlur(rng.normal(size=(side, side, 3)), (0, 0), 1.2) * 45
        found.append(np.clip(coarse + fine, 0, 255).astype(np.uint8))
    return found


def _of_detail(crops: Sequence[np.ndarray]) -> np.ndarray:
    """A recogniser that looks at fine structure alone."""
    large = np.stack([cv2.resize(c, (48, 48)).astype(float) for c in crops])
    rows = [(c - cv2.GaussianBlur(c, (0, 0), 4)).ravel() for c in large]
    return _unit(np.stack(rows))


def _reversible(cover: Callable[[np.ndarray], np.ndarray]) -> Material:
    other, own = _pictures(40, 1), _pictures(12, 2)
    return Material(
        [_template(_of_detail([o])) for o in own],
        [None] * 12,
        [None] * 12,
        np.arange(12),
        fit_crops=[CropPair(o, cover(o), _of_detail([o])[0]) for o in other],
        probe_crops=[cover(o) for o in own],
        embed=_of_detail,
        size=48,
    )


def _genuine(scores: np.ndarray) -> float:
    return float(np.diagonal(scores).mean())


def test_t3_leaves_what_was_not_covered_as_it_is() -> None:
    """An attacker who restores is not weaker than one who compares: none is an upper end."""
    found = t3_reversal.attack(_reversible(lambda picture: picture))
    assert set(found) == {"T3-learned", "T3-deconvolved"}
    for scores in found.values():
        assert _genuine(scores) > 0.99


def test_t3_deconvolves_a_weak_blur_and_gains_by_it() -> None:
    def blurred(picture: np.ndarray) -> np.ndarray:
        return np.asarray(cv2.GaussianBlur(picture, (0, 0), 0.03 * 48), np.uint8)

    material = _reversible(blurred)
    found = t3_reversal.attack(material)
    untouched = _of_detail([c for c in material.probe_crops if c is not None])
    plain = float(
        np.mean([t.vector @ row for t, row in zip(material.clear, untouched, strict=True) if t])
    )
    assert 1 - _genuine(found["T3-deconvolved"]) < 0.5 * (1 - plain)  # half of the loss is undone
    assert _rank1(found["T3-deconvolved"]) == 1.0


def test_t2_reads_the_colours_that_a_cover_leaves() -> None:
    """A cover of four squares whose colours follow the person, seen by a blind recogniser."""
    rng = np.random.default_rng(3)

    def covered(person: int, item: int) -> np.ndarray:
        own = np.random.default_rng([person, 9]).uniform(70, 180, (2, 2, 3))
        light = np.random.default_rng([person, item, 9]).normal(size=3) * 25  # differs by item
        squares = np.clip(own + light, 0, 255).astype(np.uint8)
        return np.asarray(cv2.resize(squares, (48, 48), interpolation=cv2.INTER_NEAREST))

    def blind() -> Template:
        return _template(rng.normal(size=D))

    fit = [(p, i) for p in range(100, 140) for i in (0, 1)]
    vectors = {p: _unit(np.random.default_rng([p, 5]).normal(size=D)) for p, _ in fit}
    material = Material(
        [blind() for _ in range(20)],
        [blind() for _ in range(20)],
        [blind() for _ in range(20)],
        np.arange(20),
        fit_crops=[CropPair(covered(p, i), covered(p, i), vectors[p], str(p)) for p, i in fit],
        covered_crops=[covered(p, 0) for p in range(20)],
        probe_crops=[covered(p, 1) for p in range(20)],
    )
    found = t2_retrained.attack(material)
    assert _rank1(found["T2-pixels-covered"]) > 0.8
    assert _rank1(t1_informed.attack(material)["T1"]) < 0.4


def test_whitening_is_the_inverse_root_of_the_shrunk_covariance() -> None:
    """Against the plain formula, on more dimensions than residuals."""
    rng = np.random.default_rng(4)
    rows, persons = rng.normal(size=(20, 30)), [str(i // 2) for i in range(20)]
    found = t2_retrained._within_class(rows, persons)
    assert found is not None
    residuals = rows - np.repeat(rows.reshape(10, 2, 30).mean(axis=1), 2, axis=0)
    covariance = residuals.T @ residuals / 10
    scale, share = np.trace(covariance) / 30, 30 / 50
    covariance = (1 - share) * covariance + share * scale * np.eye(30)
    values, axes = np.linalg.eigh(covariance)
    expected = (rows[3] - rows.mean(axis=0)) @ axes @ np.diag(values**-0.5) @ axes.T
    assert np.allclose(found(rows[3].astype(np.float32)), expected, atol=1e-4)


def test_t4_finds_one_frame_in_a_hundred(people: np.ndarray) -> None:
    """99 frames show one and the same stranger, one shows the person."""
    rng = np.random.default_rng(9)
    donor = rng.normal(size=D)
    probes = []
    for p in people:
        rows = np.tile(donor, (100, 1)) + 0.1 * rng.normal(size=(100, D))
        rows[57] = p
        probes.append(_template(rows))
    material = _material(people, probes, probes)
    found = t4_track.attack(material)
    assert _rank1(t0_naive.attack(material)["T0"]) < 0.2
    assert _rank1(found["T4-mean"]) < 0.7
    assert _rank1(found["T4-best1"]) == 1.0


def test_t4_needs_a_track(people: np.ndarray) -> None:
    stills = [_template(p) for p in people]
    assert t4_track.attack(_material(people, stills, stills)) == {}


def test_t5_recognises_manners_of_moving() -> None:
    t = np.arange(80) / 25
    face = np.array([[0, 0], [40, 0], [20, 20], [5, 40], [35, 40]], np.float32)

    def clip(person: int, phase: float) -> np.ndarray:
        manner = np.random.default_rng(person)
        sway = manner.uniform(1, 12, 3)
        speed = manner.uniform(0.3, 2.5, 3)
        move = sway[:, None] * np.sin(2 * np.pi * speed[:, None] * t + phase)
        points = face[None] + np.stack([move[0], move[1]], axis=-1)[:, None, :]
        points[:, 3:, 1] += np.abs(move[2])[:, None]
        low, high = points.min(axis=1) - 20, points.max(axis=1) + 20
        return curves(
            np.concatenate([low, high], axis=1).astype(np.float32), points.astype(np.float32)
        )

    enrolled = [clip(p, 0.3) for p in range(10)]
    probes = [clip(p, 1.9) for p in range(10)]
    found = attack(enrolled, probes, [clip(p, 0.0) for p in range(10, 30)])
    assert enrolled[0].shape == (80, CURVES)
    assert _rank1(found["T5"]) >= 0.5  # chance: 0.1
    blind = attack(enrolled, [None] * 10, [])
    assert blind == {}
