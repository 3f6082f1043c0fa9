"""The acceptance test: twelve encounters become a release, and two of them do not."""

from __future__ import annotations

import csv
import hashlib
import json
import os
import shutil
import subprocess
from datetime import datetime
from pathlib import Path

import pytest
import yaml
from framework_release.check.run import check_release

from framework.approvals import append_approval, hash_files
from framework.cli.main import main
from tests.release.study_maker import (
    DOCTOR_AGREES,
    DOCTOR_DOES_NOT,
    NO_CONSENT,
    OFFSET_S,
    RELEASED,
    SYNTHETIC,
    UNCOVERED,
    approve,
    read_rows,
    write_rows,
)

pytest.importorskip("c2pa", reason="pip install c2pa-python")
pytest.importorskip("pyarrow", reason="pip install pyarrow")


def build(study: Path, out: Path, *more: str) -> int:
    return main(["release", "build", str(study), "--out", str(out), "--detector", "square", *more])


def hashes(root: Path) -> dict[str, str]:
    return {
        p.relative_to(root).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest()
        for p in sorted(root.rglob("*"))
        if p.is_file()
    }


def subjects(study: Path) -> dict[str, str]:
    """participant_id by encounter."""
    with (study / "release" / "subjects.csv").open() as handle:
        return {r["id"]: r["participant_id"] for r in csv.DictReader(handle)}


def test_ten_of_twelve_are_released_and_the_others_are_listed_with_their_reason(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert build(study, tmp_path / "again") == 0
    told = capsys.readouterr().out
    assert "10 encounters of 10 people, 2 left out" in told
    with (study / "release" / "left-out.csv").open() as handle:
        left = {r["id"]: r for r in csv.DictReader(handle)}
    assert {id: r["rule"] for id, r in left.items()} == {
        NO_CONSENT: "consent",
        UNCOVERED: "verify",
    }
    assert "research" in left[NO_CONSENT]["reason"]
    assert "recognises person-1" in left[UNCOVERED]["reason"]
    assert set(subjects(study)) == set(RELEASED)
    assert f"left out {UNCOVERED}" in told


def test_check_passes_with_status_0_and_every_check_ran(study: Path, tmp_path: Path) -> None:
    release = study.parent / "release"
    page = tmp_path / "verdict.html"
    assert main(["release", "check", str(release), "--out", str(page)]) == 0
    found = json.loads(page.with_suffix(".json").read_text())
    assert found["passed"] and len(found["findings"]) == 11
    assert "Every check passed" in page.read_text()
    assert hashes(release) == hashes(release)


def test_the_bids_validator_finds_no_error(study: Path) -> None:
    pytest.importorskip("bids_validator_deno", reason="pip install bids-validator-deno")
    from framework_release.check.bids import validator

    finding = validator(study.parent / "release")
    if finding.passed is None:
        pytest.skip(finding.detail)
    assert finding.passed, finding.detail


def test_a_second_build_is_the_same_to_the_last_byte(study: Path, tmp_path: Path) -> None:
    release = study.parent / "release"
    assert build(study, tmp_path / "second") == 0
    assert hashes(tmp_path / "second") == hashes(release)
    assert {p.stat().st_mtime for p in (tmp_path / "second").rglob("*")} == {946684800.0}


def test_without_the_kept_recordings_only_signatures_differ(study: Path, tmp_path: Path) -> None:
    shutil.rmtree(study / "release" / "recordings")
    assert build(study, tmp_path / "second") == 0
    before, after = hashes(study.parent / "release"), hashes(tmp_path / "second")
    assert before.keys() == after.keys()
    changed = {n for n in before if before[n] != after[n]}
    # What holds the signature, and what holds the hash of that.
    derived = {"SHA256SUMS", "SHA256SUMS.sha256", "croissant.json", "ro-crate-metadata.json"}
    assert {n for n in changed if not n.endswith(".mp4")} <= derived
    sizes = [(study.parent / "release" / n).stat().st_size for n in changed if n.endswith(".mp4")]
    again = [(tmp_path / "second" / n).stat().st_size for n in changed if n.endswith(".mp4")]
    assert sizes == again


def test_one_byte_changed_in_any_file_is_noticed_and_the_file_is_named(
    study: Path, tmp_path: Path
) -> None:
    from framework_release.checksums import differences

    release = study.parent / "release"
    files = [p for p in sorted(release.rglob("*")) if p.is_file()]
    assert len(files) > 60
    for path in files:
        whole = path.read_bytes()
        for at in {0, len(whole) // 2, len(whole) - 1}:
            damaged = bytearray(whole)
            damaged[at] ^= 1
            path.write_bytes(damaged)
            named = {d.path for d in differences(release)}
            assert path.relative_to(release).as_posix() in named, (path, at)
        path.write_bytes(whole)
    assert differences(release) == []


@pytest.mark.parametrize(
    "name", ["participants.tsv", "release.json", "SHA256SUMS", "SHA256SUMS.sha256", "README.md"]
)
def test_the_command_names_a_changed_file_with_status_1(
    study: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    path = study.parent / "release" / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    arguments = ["release", "check", str(study.parent / "release"), "--skip", "validator"]
    assert main(arguments) == 1
    assert f"{name}: changed" in capsys.readouterr().out


def test_a_folder_that_is_no_release_gives_status_2(tmp_path: Path) -> None:
    assert main(["release", "check", str(tmp_path)]) == 2


def test_nothing_of_the_study_is_in_the_release(study: Path) -> None:
    release = study.parent / "release"
    private = [b"enc-0", b"enc-1", b"-patient.mkv", str(study.parent).encode(), b"videos/"]
    private += [(study / "release" / "identity.key").read_bytes().strip()]
    for path in release.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        for text in private:
            assert text not in content, (path, text)
            assert text.decode() not in path.name
    names = {p.name for p in release.rglob("*")}
    assert not names & {"tracks.csv", "manifest.json", "audit.json", "doctor-view"}


def test_the_doctors_view_leaves_only_with_the_doctors_consent(study: Path) -> None:
    release = study.parent / "release"
    who = subjects(study)
    agreed, not_agreed = (release / who[id] for id in (DOCTOR_AGREES, DOCTOR_DOES_NOT))
    assert len(list(agreed.rglob("*_video.mp4"))) == 2
    assert len(list(not_agreed.rglob("*_video.mp4"))) == 1
    events = [next(f.rglob("*_events.tsv")).read_text() for f in (agreed, not_agreed)]
    assert "\tdoctor\t" in events[0] and "\tdoctor\t" not in events[1]


def test_two_recordings_share_a_timeline_with_a_fraction_of_a_second(study: Path) -> None:
    folder = study.parent / "release" / subjects(study)[DOCTOR_AGREES]
    (scans,) = folder.rglob("*_scans.tsv")
    rows = [line.split("\t") for line in scans.read_text().splitlines()[1:]]
    starts = {Path(name).name.split("_")[3]: datetime.fromisoformat(t) for name, t in rows}
    apart = starts["recording-doctor"] - starts["recording-patient"]
    assert apart.total_seconds() == pytest.approx(OFFSET_S)
    assert starts["recording-patient"] == datetime(1900, 1, 1)


def test_approval_counts_for_exactly_these_files(study: Path, tmp_path: Path) -> None:
    first, second = RELEASED[4], RELEASED[5]
    with (study / "results" / first / "report.html").open("a") as handle:
        handle.write(" ")
    append_approval(
        study / "review" / "approvals.jsonl",
        id=second,
        files=hash_files(study / "results" / second),
        reviewer="r1",
        statement="I saw a face after all.",
        decision="withdraw",
    )
    assert build(study, tmp_path / "next") == 0
    with (study / "release" / "left-out.csv").open() as handle:
        left = {r["id"]: r["reason"] for r in csv.DictReader(handle)}
    assert "changed since it was approved: report.html" in left[first]
    assert "withdrawn by r1" in left[second]
    approve(study, first)
    approve(study, second)
    assert build(study, tmp_path / "last") == 0
    assert len(subjects(study)) == 10


def test_an_audit_that_did_not_pass_keeps_an_encounter_out(study: Path, tmp_path: Path) -> None:
    path = study / "results" / RELEASED[6] / "audit.json"
    audit = json.loads(path.read_text())
    audit["passed"], audit["reasons"] = False, ["0.10 face-seconds left uncovered"]
    path.write_text(json.dumps(audit))
    approve(study, RELEASED[6])
    assert build(study, tmp_path / "next") == 0
    text = (study / "release" / "left-out.csv").read_text()
    assert f"{RELEASED[6]},audit,0.10 face-seconds left uncovered" in text


def test_a_result_that_was_not_searched_again_stays_back(study: Path, tmp_path: Path) -> None:
    path = study / "results" / RELEASED[6] / "audit.json"
    audit = json.loads(path.read_text())
    audit["search"]["searched"], audit["total"]["unprotected_s"] = False, None
    path.write_text(json.dumps(audit))
    approve(study, RELEASED[6])
    assert build(study, tmp_path / "next") == 0
    text = (study / "release" / "left-out.csv").read_text()
    assert f"{RELEASED[6]},audit,recording: the result was not searched for faces" in text


def test_a_person_who_withdraws_is_in_no_file_of_the_next_version(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    id = RELEASED[7]
    gone = subjects(study)[id]
    first = study.parent / "release"
    shown = {p.name: p.read_bytes() for p in first.rglob(f"{gone}*_video.mp4")}
    assert shown
    # Nobody but who has the study can say who it is; the data manager may use the encounter's id.
    status = main(
        [
            *("release", "withdraw", str(study), id, "--out", str(tmp_path / "next")),
            *("--detector", "square", "--reason", "wrote a letter"),
        ]
    )
    assert status == 0
    assert f"withdrawn: {id}" in capsys.readouterr().out
    release = tmp_path / "next"
    for path in release.rglob("*"):
        assert gone not in path.as_posix()
        content = path.read_bytes() if path.is_file() else b""
        assert gone.encode() not in content and id.encode() not in content, path
        assert content not in shown.values()
        assert b"wrote a letter" not in content
    assert _faces_of(study, id, release) == 0
    changes = (release / "CHANGES").read_text()
    assert changes.startswith("1.1.0 ") and "1 participant withdrew" in changes
    # k is still kept: with nine people, one of the groups is too small now.
    assert check_release(release, skip=["validator"]).status == 0
    assert not [
        p for p in (study / "release" / "recordings").iterdir() if p.read_bytes() in shown.values()
    ]
    # And they stay out, whatever the table says.
    assert build(study, tmp_path / "later") == 0
    assert id not in subjects(study)


def _faces_of(study: Path, id: str, release: Path) -> int:
    """Faces of a person in the release, by the recogniser that knows everybody in the originals."""
    from study_parts import Colour, NoOptions

    from framework.media import open_reader
    from tests.release.study_maker import SIDE

    judge = Colour(NoOptions(), None)

    def squares(path: Path) -> list[object]:
        with open_reader(path) as reader:
            frames = [f.bgr for f in reader]
        left = [20 + abs(index % 20 - 10) for index in range(len(frames))]
        return [f[30 : 30 + SIDE, x : x + SIDE] for f, x in zip(frames, left, strict=True)]

    videos = study.parent / "videos"
    own = judge.embed(squares(videos / f"{id}-patient.mkv"))
    assert ((own @ own.T) > 0.99).mean() > 0.9  # it knows them in their own recording
    found = 0
    for path in release.rglob("*_video.mp4"):
        found += int((judge.embed(squares(path)) @ own.T > 0.99).any(axis=1).sum())
    return found


def test_who_withdraws_may_be_named_as_participant_and_an_unknown_id_is_refused(
    study: Path, tmp_path: Path
) -> None:
    out = ["--out", str(tmp_path / "next"), "--detector", "square"]
    assert main(["release", "withdraw", str(study), "sub-nobody", *out]) == 2
    assert not (study / "release" / "withdrawn.jsonl").exists()
    gone = subjects(study)[RELEASED[2]]
    assert main(["release", "withdraw", str(study), gone, *out]) == 0
    assert RELEASED[2] not in subjects(study)


def test_new_labels_say_nothing_about_the_order_and_stay_over_versions(
    study: Path, tmp_path: Path
) -> None:
    before = subjects(study)
    order = [id for id, _ in sorted(before.items(), key=lambda item: item[1])]
    assert order != sorted(order)
    rows = read_rows(study)
    rows[0], rows[5] = rows[5], rows[0]
    write_rows(study, rows)
    assert build(study, tmp_path / "next") == 0
    assert subjects(study) == before


def test_groups_are_generalised_until_k_people_share_each(study: Path) -> None:
    table = (study.parent / "release" / "participants.tsv").read_text().splitlines()
    assert table[0].split("\t") == ["participant_id", "age", "sex", "sessions"]
    cells = [tuple(line.split("\t")[1:3]) for line in table[1:]]
    assert {c: cells.count(c) for c in cells} == {("30-39", "f"): 5, ("30-39", "m"): 5}


def test_synthetic_media_are_marked_in_four_ways(study: Path) -> None:
    from framework_release.credentials import CAPTURED, read_credential
    from framework_release.credentials import SYNTHETIC as GENERATED
    from framework_release.watermark import detect_file

    release, who = study.parent / "release", subjects(study)
    for id in RELEASED:
        for video in (release / who[id]).rglob("*_video.mp4"):
            made = id in SYNTHETIC
            sidecar = json.loads(video.with_suffix(".json").read_text())["SyntheticMedia"]
            assert sidecar["GeneratedFaces"] is made and sidecar["Watermark"] is made
            assert ("Art. 50" in sidecar["Statement"]) is made
            found = read_credential(video)
            assert found.valid and found.source_type == (GENERATED if made else CAPTURED)
            assert detect_file(video).found is made
    assert "compositeWithTrainedAlgorithmicMedia" in (release / "README.md").read_text()


def test_croissant_is_loaded_and_iterated_by_its_library(study: Path) -> None:
    mlcroissant = pytest.importorskip("mlcroissant", reason="pip install mlcroissant")
    release = study.parent / "release"
    data = mlcroissant.Dataset(jsonld=str(release / "croissant.json"))
    assert data.metadata.ctx.conforms_to.value.endswith("/1.1")
    with (release / "tables" / "seconds.csv").open() as handle:
        wanted = list(csv.DictReader(handle))
    found = list(data.records("seconds"))
    assert len(found) == len(wanted) > 20
    assert found[0]["seconds/label"].decode() == wanted[0]["label"]
    assert len(list(data.records("participants"))) == 10
    body = json.loads((release / "croissant.json").read_text())
    assert body["rai:personalSensitiveInformation"] and body["rai:machineAnnotationTools"]


def test_parquet_and_csv_hold_the_same(study: Path) -> None:
    pandas = pytest.importorskip("pandas")
    tables = study.parent / "release" / "tables"
    for name in ("seconds", "recordings", "episodes"):
        a = pandas.read_csv(tables / f"{name}.csv", keep_default_na=True)
        b = pandas.read_parquet(tables / f"{name}.parquet")
        assert list(a.columns) == list(b.columns) and len(a) == len(b)


def test_datasheet_has_this_sets_own_figures(study: Path) -> None:
    release = study.parent / "release"
    readme, page = (release / "README.md").read_text(), (release / "datasheet.html").read_text()
    for text in (readme, page):
        assert "0 of 11 people" in text  # eleven recordings of one person each
        assert "0 of 9 people" in text and "0 of 2 people" in text  # by method
        assert "fewer than 5" in text  # of those left out
        assert "2026-0815" in text and "data@hospital.example" in text
    assert "happiness: 0.0 % (95 % interval 0.0 to 30.8" in readme  # a filled square has no face
    citation = yaml.safe_load((release / "CITATION.cff").read_text())
    assert citation["authors"][0]["family-names"] == "Doe" and citation["type"] == "dataset"
    datacite = json.loads((release / "datacite.json").read_text())
    assert datacite["types"]["resourceTypeGeneral"] == "Dataset"


def test_checksums_are_those_that_sha256sum_checks(study: Path) -> None:
    tool = shutil.which("sha256sum")
    if tool is None:
        pytest.skip("sha256sum is not installed")
    release = study.parent / "release"
    run = subprocess.run(
        [tool, "--strict", "-c", "SHA256SUMS"], cwd=release, capture_output=True, check=False
    )
    assert run.returncode == 0, run.stderr


def test_what_does_not_belong_is_found(study: Path) -> None:
    release = study.parent / "release"
    (release / "original.mkv").write_bytes(b"x")
    found = {f.name: f for f in check_release(release, skip=["validator"]).findings}
    assert "original.mkv: not listed" in found["Every file is as it was released"].detail
    assert not found["Nothing missing, nothing else"].passed


def _resum(release: Path) -> None:
    """Somebody who changes a release can make the checksums anew; the other checks must see it."""
    from framework_release.checksums import write_sums

    write_sums(release)


@pytest.mark.parametrize(
    ("file", "old", "new", "check"),
    [
        ("participants.tsv", "30-39\tf", "30-34\tf", "No small groups"),
        ("tables/seconds.csv", "sub-", "sub-x", "Every row refers to a file"),
        ("dataset_description.json", '"BIDSVersion"', '"Bids"', "It is a BIDS data set"),
        ("croissant.json", '"sha256": "', '"sha256": "0', "Croissant loads"),
    ],
)
def test_each_check_fails_on_what_it_is_for(
    study: Path, file: str, old: str, new: str, check: str
) -> None:
    release = study.parent / "release"
    path = release / file
    path.write_text(path.read_text().replace(old, new, 1))
    _resum(release)
    failed = [
        f.name for f in check_release(release, skip=["validator"]).findings if f.passed is False
    ]
    assert any(name.startswith(check) for name in failed), failed


def test_sound_metadata_and_a_broken_signature_are_found(study: Path) -> None:
    import av
    import numpy as np

    release = study.parent / "release"
    video = sorted(release.rglob("*_video.mp4"))[0]
    with av.open(str(video), "w", options={"movflags": "use_metadata_tags"}) as out:
        out.metadata["location"] = "+52.5+13.4/"
        stream = out.add_stream("libx264", rate=10)
        stream.width, stream.height, stream.pix_fmt = 160, 96, "yuv420p"
        sound = out.add_stream("aac", rate=16000)
        frame = av.VideoFrame.from_ndarray(np.zeros((96, 160, 3), np.uint8), format="bgr24")
        out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        block = av.AudioFrame.from_ndarray(
            np.zeros((1, 16000), np.float32), format="fltp", layout="mono"
        )
        block.sample_rate = 16000
        out.mux(sound.encode(block))
        out.mux(sound.encode(None))
    _resum(release)
    findings = {f.name: f for f in check_release(release, skip=["validator"]).findings}
    assert "location" in findings["No metadata"].detail
    assert not findings["No sound that was not declared"].passed
    assert "credential missing" in findings["Content credentials are valid"].detail


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("licence", None, "licence"),
        ("acces", "open", "did you mean 'access'"),
        ("access", "everybody", "access"),
        ("k", 1, "k"),
        ("groups", ["age", "weight"], "no column weight"),
    ],
)
def test_a_wrong_release_file_gives_one_line_and_status_2(
    study: Path,
    tmp_path: Path,
    key: str,
    value: object,
    told: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    body = yaml.safe_load((study / "release.yaml").read_text())
    body[key] = value
    if value is None:
        del body[key]
    (study / "release.yaml").write_text(yaml.safe_dump(body))
    assert build(study, tmp_path / "out", "--quiet") == 2
    error = capsys.readouterr().err.strip()
    assert told in error and len(error.splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_a_folder_with_other_files_is_never_overwritten(study: Path, tmp_path: Path) -> None:
    out = tmp_path / "mine"
    out.mkdir()
    (out / "thesis.txt").write_text("years of work")
    assert build(study, out) == 2
    assert (out / "thesis.txt").read_text() == "years of work"
    release = study.parent / "release"
    (release / "notes.txt").write_text("added by hand")
    assert build(study, release) == 2
    assert (release / "notes.txt").exists()
    assert build(study, study / "here") == 2


def test_nobody_releasable_is_status_1_and_leaves_nothing(study: Path, tmp_path: Path) -> None:
    rows = read_rows(study)
    for row in rows:
        row["consent"] = "none"
    write_rows(study, rows)
    assert build(study, tmp_path / "out") == 1
    assert not (tmp_path / "out").exists()
    assert not [p for p in tmp_path.iterdir() if "partial" in p.name]


def test_several_visits_of_one_person_are_sessions_of_one_participant(
    study: Path, tmp_path: Path
) -> None:
    rows = read_rows(study)
    for row in rows[4:7]:
        row |= {"person": "p-same", "sex": "f"}
    write_rows(study, rows)
    assert build(study, tmp_path / "out") == 0
    who = subjects(study)
    assert len({who[r["id"]] for r in rows[4:7]}) == 1
    sessions = sorted(p.name for p in (tmp_path / "out" / who[rows[4]["id"]]).iterdir())
    assert sessions == ["ses-01", "ses-02", "ses-03"]
    assert check_release(tmp_path / "out", skip=["validator"]).status == 0


def test_private_files_of_the_release_are_for_their_owner_alone(study: Path) -> None:
    private = study / "release"
    assert private.stat().st_mode & 0o077 == 0
    for name in ("identity.key", "signing-key.pem"):
        assert (private / name).stat().st_mode & 0o077 == 0
    assert os.access(private / "subjects.csv", os.R_OK)
