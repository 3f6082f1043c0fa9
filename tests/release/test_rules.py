"""The parts of a release on their own: consent, groups, versions, labels, checksums, watermark."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import cv2
import numpy as np
import pytest
from framework_release.anonymity import generalise
from framework_release.checksums import differences, write_sums
from framework_release.consent import Consent, parse_consent
from framework_release.figures import binomial
from framework_release.identity import labels, study_secret
from framework_release.versions import next_version
from framework_release.watermark import detect, mark
from hypothesis import given, settings
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("cell", "patient", "doctor"),
    [
        ("publication", "publication", "none"),
        ("Publication", "publication", "none"),
        ("patient=publication; doctor=publication", "publication", "publication"),
        ("doctor=research, patient=publication", "publication", "research"),
        ("", "none", "none"),
        ("research", "research", "none"),
    ],
)
def test_consent_is_read(cell: str, patient: str, doctor: str) -> None:
    assert parse_consent(cell) == Consent(patient, doctor)


@pytest.mark.parametrize(
    "cell", ["yes", "publish", "nurse=publication", "publication; patient=none", "publication!"]
)
def test_consent_that_is_not_understood_is_none_and_says_so(cell: str) -> None:
    found = parse_consent(cell)
    assert (found.patient, found.doctor) == ("none", "none") and found.problem


people = st.lists(
    st.fixed_dictionaries(
        {
            "age": st.one_of(st.integers(0, 100).map(str), st.just(""), st.just("unknown")),
            "sex": st.sampled_from(["f", "m", "d", ""]),
            "ward": st.sampled_from(["a", "b", "c"]),
        }
    ),
    max_size=60,
)


@settings(max_examples=80, deadline=None)
@given(people, st.integers(2, 8))
def test_k_people_share_every_combination_whatever_the_groups(
    rows: list[dict[str, str]], k: int
) -> None:
    columns = ("age", "sex", "ward")
    found = generalise(rows, columns, k, "age", 10)
    assert len(found.rows) == len(rows)
    sizes = Counter(tuple(r[c] for c in columns) for r in found.rows)
    if len(rows) >= k:
        assert min(sizes.values()) >= k
    elif rows:
        assert sizes == {("n/a", "n/a", "n/a"): len(rows)}
    for raw, shown in zip(rows, found.rows, strict=True):
        assert shown["age"] != raw["age"] or not raw["age"]  # no exact age ever leaves
        assert shown["sex"] in (raw["sex"] or "n/a", "*", "n/a")


def test_groups_that_are_large_enough_stay_as_they_are_and_ages_are_banded() -> None:
    rows = [{"age": str(40 + k % 10), "sex": "fm"[k % 2]} for k in range(12)]
    found = generalise(rows, ("age", "sex"), 5, "age", 10)
    assert {tuple(r.values()) for r in found.rows} == {("40-49", "f"), ("40-49", "m")}
    assert found.steps == () and found.smallest == 6


def test_a_few_odd_people_are_suppressed_rather_than_everybody_generalised() -> None:
    rows = [{"sex": "f"}] * 20 + [{"sex": "m"}] * 20 + [{"sex": "x"}, {"sex": "y"}] * 3
    found = generalise(rows, ("sex",), 5, None, 10)
    assert Counter(r["sex"] for r in found.rows) == {"f": 20, "m": 20, "n/a": 6}
    assert "6 people were suppressed" in found.steps[0]


def test_labels_follow_from_the_secret_alone(tmp_path: Path) -> None:
    secret = study_secret(tmp_path / "a")
    assert study_secret(tmp_path / "a") == secret
    mine = labels([f"p{k}" for k in range(2000)], secret)
    assert len(set(mine.values())) == 2000
    assert labels(["p7"], secret)["p7"] == mine["p7"]
    assert labels(["p7"], study_secret(tmp_path / "b"))["p7"] != mine["p7"]
    assert all(label.isalnum() and label == label.lower() for label in mine.values())


def test_versions_follow_what_changed() -> None:
    one = next_version([], "a", ["s1", "s2"], "1.0.0", today="2026-11-01")
    assert next_version(one, "a", ["s1", "s2"], "1.0.0", today="2027-01-01") == one
    two = next_version(one, "b", ["s1", "s2"], "1.0.0", today="2026-12-01")
    assert two[-1].version == "1.0.1"
    three = next_version(two, "c", ["s1"], "1.0.0", withdrawn=["s2"], today="2026-12-02")
    assert three[-1].version == "1.1.0" and "withdrew" in three[-1].notes[0]
    assert "s2" not in " ".join(three[-1].notes)
    four = next_version(three, "d", ["s1", "s3"], "2.0.0", today="2026-12-03")
    assert four[-1].version == "2.0.0" and four[-1].notes == ("1 participant added.",)


def test_checksums_tell_a_changed_list_from_a_changed_file(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("one")
    (tmp_path / "b.txt").write_text("two")
    write_sums(tmp_path)
    assert differences(tmp_path) == []
    whole = (tmp_path / "SHA256SUMS").read_bytes()
    (tmp_path / "SHA256SUMS").write_bytes(whole.replace(b"a.txt", b"c.txt"))
    assert differences(tmp_path)[0].path == "SHA256SUMS"
    (tmp_path / "SHA256SUMS").write_bytes(whole)
    (tmp_path / "SHA256SUMS.sha256").write_text("0" * 64 + "  SHA256SUMS\n")
    assert [d.path for d in differences(tmp_path)] == ["SHA256SUMS.sha256"]
    write_sums(tmp_path)
    (tmp_path / "b.txt").unlink()
    (tmp_path / "b.txt").symlink_to(tmp_path / "a.txt")
    assert ("b.txt", "replaced by a link") in [(d.path, d.what) for d in differences(tmp_path)]


def picture(seed: int) -> np.ndarray:
    """A frame with the smoothness and the edges of a picture."""
    rng = np.random.default_rng(seed)
    base = rng.normal(128, 60, (18, 32, 3)).astype(np.float32)
    frame = cv2.resize(base, (640, 360), interpolation=cv2.INTER_CUBIC)
    for _ in range(12):
        x, y = rng.integers(0, 600), rng.integers(0, 320)
        cv2.rectangle(frame, (int(x), int(y)), (int(x) + 60, int(y) + 40), rng.random(3) * 255, -1)
    return np.clip(frame + rng.normal(0, 3, frame.shape), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_watermark_is_found_after_scaling_and_not_where_there_is_none(scale: float) -> None:
    frames = [picture(seed) for seed in (1, 2, 3)]
    size = (int(640 * scale), int(360 * scale))

    def small(frame: np.ndarray) -> np.ndarray:
        return cv2.resize(frame, size, interpolation=cv2.INTER_AREA)

    marked = [mark(f) for f in frames]
    assert detect(small(f) for f in marked).found
    assert not detect(small(f) for f in frames).found
    error = np.mean((marked[0].astype(float) - frames[0]) ** 2)
    assert 10 * np.log10(255**2 / error) > 36  # not seen at a normal distance


def test_interval_of_nobody_recognised_is_not_zero_wide() -> None:
    found = binomial(0, 10, "people")
    assert found.low == 0.0 and found.high == pytest.approx(0.3085, abs=1e-4)
