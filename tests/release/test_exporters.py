"""Every exporter's files, read back by the library of the tool where there is one."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from framework_encounter import stored_timelines
from framework_release.exporters.boris import BorisExporter
from framework_release.exporters.elan import ElanExporter
from framework_release.exporters.openface import OpenFaceExporter
from framework_release.exporters.options import LinkedMediaOptions, NoOptions
from framework_release.exporters.tables import LongCsvExporter, ParquetExporter
from framework_release.results import read_results

from framework import ConfigError, MediaError, Role, run
from tests.release.conftest import BASE, OFFSET_S


@pytest.fixture
def out(tmp_path: Path) -> Path:
    folder = tmp_path / "exported"
    folder.mkdir()
    return folder


def test_elan_file_has_the_right_media_and_times_on_each_cameras_own_clock(
    visit: Path, out: Path
) -> None:
    pympi = pytest.importorskip("pympi", reason="pip install pympi-ling")
    files = ElanExporter(LinkedMediaOptions()).export(visit, out)
    assert [f.name for f in files] == ["camera-1.eaf", "camera-2.eaf"]
    first, second = (pympi.Elan.Eaf(str(f)) for f in files)
    for document, name in ((first, "camera-1"), (second, "camera-2")):
        (media,) = document.media_descriptors
        linked = (out / media["RELATIVE_MEDIA_URL"]).resolve()
        assert linked == (visit / name / "anonymized.mp4").resolve() and linked.is_file()
        assert media["MIME_TYPE"] == "video/mp4"
        assert str(out.parent) not in (out / f"{name}.eaf").read_text()
        names = {"patient-expression", "doctor-expression", "advice-to-doctor"}
        assert names <= set(document.get_tier_names())
    patient = first.get_annotation_data_for_tier("patient-expression")
    assert [(a[0], a[1], a[2]) for a in patient] == [(0, 8000, "happiness")]
    # On the second camera's clock the same starts before its first frame, and is cut there.
    late = second.get_annotation_data_for_tier("patient-expression")
    assert [(a[0], a[1], a[2]) for a in late] == [(0, 4000, "happiness")]
    advice = second.get_annotation_data_for_tier("advice-to-doctor")
    assert [(a[0], a[2]) for a in advice] == [
        (round(1000 * (3 - OFFSET_S)), "Ask how she feels. / Wait.")
    ]


def test_elan_copies_media_if_asked_to(visit: Path, out: Path) -> None:
    pytest.importorskip("pympi", reason="pip install pympi-ling")
    files = ElanExporter(LinkedMediaOptions(copy_media=True)).export(visit, out)
    assert (out / "camera-1.mp4").read_bytes() == (
        visit / "camera-1" / "anonymized.mp4"
    ).read_bytes()
    assert out / "camera-2.mp4" in files


def test_parquet_gives_back_every_number(visit: Path, out: Path) -> None:
    pq = pytest.importorskip("pyarrow.parquet", reason="pip install pyarrow")
    ParquetExporter(NoOptions()).export(visit, out)
    table = pq.read_table(out / "seconds.parquet")
    people = stored_timelines(visit)
    assert table.num_rows == sum(len(p) for p in people)
    happy = dict(
        zip(
            zip(table["person"].to_pylist(), table["second"].to_pylist(), strict=True),
            table["happiness"].to_pylist(),
            strict=True,
        )
    )
    for person in people:
        for k, second in enumerate(person.second.tolist()):
            wanted = float(person.probabilities[k, 3])
            found = happy[person.person, second]
            assert (found is None) == (wanted != wanted)
            assert found is None or found == pytest.approx(wanted, abs=1e-6)
    assert b"description" in table.schema.field("coverage").metadata
    assert pq.read_table(out / "advice.parquet")["text"].to_pylist()[0] == "Ask how she feels."


def test_long_csv_has_one_row_a_measure_and_pivots_back(visit: Path, out: Path) -> None:
    pandas = pytest.importorskip("pandas")
    (file,) = LongCsvExporter(NoOptions()).export(visit, out)
    table = pandas.read_csv(file)
    people = stored_timelines(visit)
    assert len(table) == sum(len(p) for p in people) * 9
    wide = table.pivot(index=["person", "second"], columns="measure", values="value")
    for person in people:
        for k, second in enumerate(person.second.tolist()):
            row = wide.loc[(person.person, second)]
            assert row["coverage"] == pytest.approx(person.coverage[k], abs=1e-6)
    assert set(table["id"]) == {"enc-1"}


def test_openface_csv_has_its_first_five_columns_by_second(visit: Path, out: Path) -> None:
    (file,) = OpenFaceExporter(NoOptions()).export(visit, out)
    with file.open() as handle:
        found = list(csv.DictReader(handle))
    assert list(found[0])[:5] == ["frame", "face_id", "timestamp", "confidence", "success"]
    assert {r["face_id"] for r in found} == {"1", "2"}
    assert float(found[0]["emotion_happiness"]) == pytest.approx(0.9, abs=0.01)


def test_openface_csv_has_a_row_a_face_where_frames_were_kept(
    parts: Path, camera: object, tmp_path: Path, out: Path
) -> None:
    source = camera("c.mkv", 30)  # type: ignore[operator]
    run(source, out=tmp_path / "one", per_frame=True, **BASE)  # type: ignore[arg-type]
    (file,) = OpenFaceExporter(NoOptions()).export(tmp_path / "one", out)
    with file.open() as handle:
        found = list(csv.DictReader(handle))
    with (tmp_path / "one" / "emotions_frames.csv").open() as handle:
        frames = list(csv.DictReader(handle))
    assert len(found) == len(frames) > 3
    assert [int(r["frame"]) - 1 for r in found] == [int(r["frame"]) for r in frames]


def test_boris_states_are_paired_and_only_known_behaviours_are_used(visit: Path, out: Path) -> None:
    BorisExporter(LinkedMediaOptions()).export(visit, out)
    project = json.loads((out / "project.boris").read_text())
    assert project["project_format_version"] == "7.0"
    kinds = {b["code"]: b["type"] for b in project["behaviors_conf"].values()}
    subjects = {s["name"] for s in project["subjects_conf"].values()}
    assert set(project["observations"]) == {"camera-1", "camera-2"}
    for observation in project["observations"].values():
        (path,) = observation["file"]["1"]
        assert (out / path).resolve().is_file()
        counts: dict[tuple[str, str], int] = {}
        for time, subject, behavior, modifier, _ in observation["events"]:
            assert 0 <= time <= observation["media_info"]["length"][path] + 1e-6
            assert modifier == "" and subject in subjects
            if kinds[behavior] == "State event":
                counts[subject, behavior] = counts.get((subject, behavior), 0) + 1
        assert counts and all(n % 2 == 0 for n in counts.values())
    with (out / "events.csv").open() as handle:
        table = list(csv.DictReader(handle))
    total = sum(len(o["events"]) for o in project["observations"].values())
    assert len(table) == total
    assert {r["Behavior type"] for r in table} == {"START", "STOP", "POINT"}


def test_without_the_doctor_nothing_of_the_doctor_is_left(visit: Path) -> None:
    results = read_results(visit).without(Role.DOCTOR)
    assert [c.name for c in results.cameras] == ["camera-1"]
    assert [p.role for p in results.people] == [Role.PATIENT]
    assert results.advice == ()


def test_a_folder_without_results_says_what_is_expected(tmp_path: Path, out: Path) -> None:
    with pytest.raises(MediaError, match="no results in it"):
        LongCsvExporter(NoOptions()).export(tmp_path, out)


def test_results_without_emotions_cannot_be_annotated(
    parts: Path, camera: object, tmp_path: Path, out: Path
) -> None:
    source = camera("c.mkv", 30)  # type: ignore[operator]
    run(source, out=tmp_path / "one", **{**BASE, "fer": "none"})  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="--fer"):
        BorisExporter(LinkedMediaOptions()).export(tmp_path / "one", out)


@pytest.mark.parametrize("name", ["elan", "parquet", "csv-long", "openface", "boris", "bids"])
def test_the_exporter_passes_the_conformance_kit(name: str) -> None:
    from framework.cli.main import main

    assert main(["check", f"exporter:{name}"]) == 0


def test_bids_export_has_both_cameras_on_one_timeline_and_no_error(visit: Path, out: Path) -> None:
    from framework_release.check.bids import own_rules, validator
    from framework_release.exporters.bids import BidsExporter, BidsOptions

    BidsExporter(BidsOptions.model_validate({"subject": "x1"})).export(visit, out)
    scans = (out / "sub-x1" / "ses-01" / "sub-x1_ses-01_scans.tsv").read_text().splitlines()
    assert scans[1].endswith("T00:00:00.000000") and scans[2].endswith("T00:00:01.250000")
    assert own_rules(out).passed is False  # no licence: it is not a release
    assert own_rules(out).detail == "dataset_description.json: no License"
    found = validator(out)
    assert found.passed is not False, found.detail
