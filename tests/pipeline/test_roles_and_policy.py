"""One anonymizer for each role, licence policy, and the lock list of plugins."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from framework import ComponentError, ConfigError, Role, run
from framework.pipeline.by_role import parse_roles
from tests.core.installed import install

from .conftest import bright, flat, pictures

Clip = Callable[..., Path]
pytestmark = pytest.mark.usefixtures("parts")


def go(source: Path, out: Path, *options: str, **settings: Any) -> list[Any]:
    base: dict[str, Any] = {"detector": "square", "fer": "none", "recommender": "none"}
    result = run(source, out=out, options=options, **(base | settings))
    assert result.passed, result.reasons
    return pictures(out / "anonymized.mp4")


def test_a_bare_name_serves_all_and_unnamed_roles_get_the_mask() -> None:
    assert set(parse_roles("blur").values()) == {"blur"}
    assert parse_roles("patient=fomm, doctor=blur") == {
        Role.PATIENT: "fomm",
        Role.DOCTOR: "blur",
        Role.BYSTANDER: "mask",
        Role.UNKNOWN: "mask",
    }


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("patent=blur", "unknown role; did you mean 'patient'"),
        ("patient=blur,doctor", "expected ROLE=NAME"),
        ("patient=blur,patient=mask", "named twice"),
        ("patient=", "expected ROLE=NAME"),
    ],
)
def test_roles_that_do_not_parse(text: str, expected: str) -> None:
    with pytest.raises(ConfigError, match=expected):
        parse_roles(text)


def test_every_role_gets_its_own_cover(clip: Clip, tmp_path: Path) -> None:
    images = go(
        clip(frames=12, faces=2),
        tmp_path / "out",
        "mask.colour=#00ff00",
        anonymizer="patient=fill,bystander=mask",
        people=1,
    )
    half = images[0].shape[1] // 2
    sides = [images[5][:, :half], images[5][:, half:]]
    green = [int(((s[..., 1] > 180) & (s[..., 0] < 80)).sum()) for s in sides]
    blue = [int(((s[..., 0] > 150) & (s[..., 1] < 80)).sum()) for s in sides]
    assert (np.argmax(green) != np.argmax(blue)) and min(max(green), max(blue)) > 200
    assert all(bright(image) == 0 and not flat(image) for image in images)


def test_an_option_that_no_part_knows_is_refused(clip: Clip, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"anonymizer\.sharpness: none of fill, mask has it"):
        go(clip(frames=2), tmp_path / "o", "anonymizer.sharpness=3", anonymizer="patient=fill")


def test_the_licence_policy_refuses_weights_that_do_not_allow_it(
    parts: Path, clip: Clip, tmp_path: Path
) -> None:
    install(
        parts,
        "research-only",
        "from framework import ComponentSpec, WeightSpec, hookimpl\n"
        "@hookimpl\n"
        "def framework_anonymizers():\n"
        "    yield ComponentSpec('academic', 'x', 'fake_parts:Fill', 'fake_parts:NoOptions',\n"
        "        weights=(WeightSpec('w.bin', '', 'non-commercial', ('faces',), 'them'),))\n",
    )
    source = clip(frames=2)
    go(source, tmp_path / "o", anonymizer="academic", licence_policy="research")
    with pytest.raises(
        ComponentError,
        match=r"w\.bin \(non-commercial; trained on faces\) are not declared to allow commercial",
    ):
        go(source, tmp_path / "o", anonymizer="academic", licence_policy="commercial")


def test_the_lock_list_pins_who_may_bring_components(clip: Clip, tmp_path: Path) -> None:
    source, config = clip(frames=2), tmp_path / "run.yaml"
    config.write_text("plugins: {fake-parts: '1.0'}\n")
    go(source, tmp_path / "o", anonymizer="fill", config=config)
    config.write_text("plugins: {fake-parts: '2.0'}\n")
    with pytest.raises(ConfigError, match=r"expected fake-parts 2\.0, installed is 1\.0"):
        go(source, tmp_path / "o", anonymizer="fill", config=config)
    config.write_text("plugins: {not-there: '2.0'}\n")
    with pytest.raises(ConfigError, match=r"pip install not-there==2\.0"):
        go(source, tmp_path / "o", anonymizer="fill", config=config)
    config.write_text("plugins: {not-there: 2.0}\n")
    with pytest.raises(ConfigError, match=r"write it in quotes: '2\.0'"):
        go(source, tmp_path / "o", anonymizer="fill", config=config)
    config.write_text("plugins: {}\n")
    with pytest.raises(ComponentError, match=r"unknown (anonymizer|detector).*leaves it out: fake"):
        go(source, tmp_path / "o", anonymizer="fill", config=config)


def test_a_pin_is_for_a_distribution_however_it_is_spelt_and_not_for_an_entry_point(
    parts: Path, clip: Clip, tmp_path: Path
) -> None:
    install(
        parts,
        "imposter",
        "from framework import ComponentSpec, hookimpl\n"
        "@hookimpl\n"
        "def framework_anonymizers():\n"
        "    yield ComponentSpec('smuggled', 'x', 'fake_parts:Lazy', 'fake_parts:NoOptions')\n",
        entry="fake-parts",
    )
    source, config = clip(frames=2), tmp_path / "run.yaml"
    config.write_text("plugins: {Fake_Parts: '1.0'}\n")
    go(source, tmp_path / "o", anonymizer="fill", config=config)
    with pytest.raises(ComponentError, match=r"unknown anonymizer 'smuggled'.*imposter\)"):
        go(source, tmp_path / "o2", anonymizer="smuggled", config=config)
