from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from framework.errors import ConfigError, MediaError, UserError
from framework.table import RowState, TrackTable
from framework.table_file import COLUMNS, load_table, save_table
from framework.types import EMOTIONS, Role
from tests.timeline.tables import table, tables

QUIET = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def small() -> TrackTable:
    return table(
        [0.0, 0.1, 0.25],
        0.5,
        [(0, 1), (0, 7), (2, 1)],
        samples=[(0, 1, "anger", 0.8, 0.9)],
        roles={1: Role.PATIENT},
        misses={1: "the detector failed"},
    )


def assert_same(a: TrackTable, b: TrackTable) -> None:
    assert (a.width, a.height, a.duration_s) == (b.width, b.height, b.duration_s)
    for name in ("time_s", "frame", "track_id", "xyxy", "score", "landmarks", "state"):
        x, y = getattr(a, name), getattr(b, name)
        assert x.dtype == y.dtype, name
        np.testing.assert_array_equal(x, y, err_msg=name)
    for name in ("frame", "track_id", "probabilities", "quality"):
        np.testing.assert_array_equal(getattr(a.samples, name), getattr(b.samples, name), name)
    assert a.samples.interval_s == b.samples.interval_s
    assert {t: a.role_of(t) for t in a.track_ids()} == {t: b.role_of(t) for t in b.track_ids()}
    assert a.misses == b.misses


def saved(tmp_path: Path, t: TrackTable | None = None) -> Path:
    path = tmp_path / "tracks.csv"
    save_table(small() if t is None else t, path)
    return path


def edit(path: Path, change: Callable[[str], str]) -> Path:
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8", newline="")
    return path


def cells(path: Path) -> list[list[str]]:
    return list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"))))


def put(path: Path, rows: list[list[str]], delimiter: str = ",") -> Path:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL, lineterminator="\r\n").writerows(
        rows
    )
    path.write_text(text.getvalue(), encoding="utf-8", newline="")
    return path


@QUIET
@given(t=tables())
def test_it_comes_back_bit_for_bit(tmp_path: Path, t: TrackTable) -> None:
    assert_same(t, load_table(saved(tmp_path, t)))


@QUIET
@given(t=tables(), seed=st.randoms(use_true_random=False))
def test_neither_order_nor_quotes_nor_windows_matter(tmp_path: Path, t: TrackTable, seed) -> None:  # type: ignore[no-untyped-def]
    path = saved(tmp_path, t)
    meta, header, *rows = cells(path)
    seed.shuffle(rows)
    order = list(range(len(header)))
    seed.shuffle(order)
    width = len(header)
    meta = meta + [""] * (width - len(meta))  # what spreadsheets do to a short first row
    mixed = [meta, *([row[k] for k in order] for row in [header, *rows])]
    put(path, mixed)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert_same(t, load_table(path))


@QUIET
@given(t=tables())
def test_semicolons_with_decimal_commas(tmp_path: Path, t: TrackTable) -> None:
    path = saved(tmp_path, t)
    meta, header, *rows = cells(path)
    place = header.index("reason")
    rows = [[c if k == place else c.replace(".", ",") for k, c in enumerate(r)] for r in rows]
    put(path, [meta, header, *rows], delimiter=";")
    assert_same(t, load_table(path))


def test_the_format_is_the_documented_one(tmp_path: Path) -> None:
    lines = saved(tmp_path).read_text(encoding="utf-8").splitlines()
    assert lines[0] == (
        "# framework-tracks 1,width=320,height=240,frames=3,duration_s=0.5,interval_s=0.2"
    )
    assert lines[1] == ",".join(COLUMNS)
    assert lines[2].startswith("0,0.0,frame,,")
    assert lines[3].startswith("0,0.0,detected,1,patient,10.0,20.0,60.0,80.0,1.0,")
    assert ",0.8," in lines[3]
    assert lines[5].startswith("1,0.1,miss,,") and lines[5].endswith(",the detector failed")
    assert len(lines) == 2 + 3 + 3


def test_a_deleted_track_leaves_every_frame_its_time(tmp_path: Path) -> None:
    path = saved(tmp_path)
    meta, header, *rows = cells(path)
    put(path, [meta, header, *(r for r in rows if r[3] != "1")])
    back = load_table(path)
    assert back.track_ids() == [7]
    np.testing.assert_array_equal(back.time_s, small().time_s)
    assert len(back.samples) == 0


def test_a_row_put_in_by_hand_needs_no_more_than_a_box(tmp_path: Path) -> None:
    path = edit(saved(tmp_path), lambda t: t + "1,,edited,1,,12,22,62,82\n")
    back = load_table(path)
    row = back.rows_of_frame(1)
    assert back.state[row].tolist() == [RowState.EDITED]
    assert back.xyxy[row].tolist() == [[12, 22, 62, 82]]
    assert back.score[row].tolist() == [0.0]
    assert np.isnan(back.landmarks[row]).all()
    assert back.role_of(1) == Role.PATIENT
    assert back.tracks_at(1).observed.tolist() == [True]  # type: ignore[union-attr]


def test_one_changed_row_gives_the_whole_track_its_role(tmp_path: Path) -> None:
    path = edit(
        saved(tmp_path), lambda t: t.replace("0,0.0,detected,7,unknown", "0,,detected,7,Doctor")
    )
    assert load_table(path).role_of(7) == Role.DOCTOR


def test_a_comment_column_and_comment_lines_are_welcome(tmp_path: Path) -> None:
    path = saved(tmp_path)
    meta, header, *rows = cells(path)
    put(path, [meta, [*header, "comment"], ["# looked at twice"], *([*r, "ok"] for r in rows), []])
    assert_same(small(), load_table(path))


def test_spreadsheets_may_write_seven_as_seven_point_zero(tmp_path: Path) -> None:
    path = edit(saved(tmp_path), lambda t: t.replace("0,0.0,detected,7,", "0.0,0.0,detected,7.0,"))
    assert_same(small(), load_table(path))


def test_a_reason_is_no_formula(tmp_path: Path) -> None:
    path = saved(tmp_path, table([0.0], 0.1, [], misses={0: "=HYPERLINK(1)\nnext"}))
    assert ",'=HYPERLINK(1) next" in path.read_text(encoding="utf-8")
    assert load_table(path).misses == {0: "=HYPERLINK(1) next"}


FACE = "0,0.0,detected,7,unknown,10.0,20.0,60.0,80.0,1.0"
BROKEN = [
    (lambda t: t.replace("tracks 1", "tracks 9"), "line 1: format 9 is not known, expected 1"),
    (lambda t: "frame,x1\n1,2\n", "line 1: expected `# framework-tracks 1,width=...`"),
    (lambda t: "", "line 1: expected"),
    (lambda t: t.replace("width=320", "width=0"), "line 1: expected width and height"),
    (lambda t: t.replace("width=320,", ""), "line 1: expected `width=`"),
    (
        lambda t: t.replace("duration_s=0.5", "duration_s=x"),
        "line 1: duration_s: expected a number",
    ),
    (lambda t: t.splitlines()[0] + "\n", "names of the columns"),
    (lambda t: t.replace(",quality,", ",qualty,"), "line 2: unknown column 'qualty'; did you mean"),
    (lambda t: t.replace(",quality,", ",mood,"), "line 2: unknown column 'mood'; call your own"),
    (lambda t: t.replace(",score,", ",x1,"), "line 2: column 'x1' occurs twice"),
    (lambda t: t.replace(",x2,", ",,"), "line 2: missing column x2"),
    (
        lambda t: t.replace(FACE, FACE.replace("10.0", "ten")),
        "line 5, column x1: expected a number",
    ),
    (lambda t: t.replace(FACE, FACE.replace("60.0", "5")), "line 5, column x2: expected x1 < x2"),
    (lambda t: t.replace(FACE, FACE.replace("80.0", "20")), "line 5, column y2: expected x1 < x2"),
    (
        lambda t: t.replace(FACE, FACE.replace(",1.0", ",1.5")),
        "line 5, column score: expected 0 to 1",
    ),
    (
        lambda t: t.replace(FACE, FACE.replace("detected", "found")),
        "line 5, column state: expected",
    ),
    (
        lambda t: t.replace(FACE, FACE.replace("detected", "frame")),
        "line 5, column state: a row with",
    ),
    (
        lambda t: t.replace(FACE, FACE.replace("unknown", "nurse")),
        "line 5, column role: expected one",
    ),
    (
        lambda t: t.replace(FACE, FACE.replace("0,0.0", "3,0.0", 1)),
        "line 5, column frame: expected a",
    ),
    (
        lambda t: t.replace(FACE, FACE.replace(",7,", ",x,")),
        "line 5, column track_id: expected a whole",
    ),
    (
        lambda t: t.replace(FACE, FACE.replace("0,0.0", "0,0.3", 1)),
        "line 5, column time_s: frame 0 is",
    ),
    (
        lambda t: t.replace(FACE, FACE.replace("0,0.0", "0,soon", 1)),
        "line 5, column time_s: expected",
    ),
    (
        lambda t: t.replace(FACE, FACE + ",1.0"),
        "line 5, column ly0: fill all of lx0 to ly4, or none",
    ),
    (lambda t: t.replace(FACE, FACE.replace(",7,", ",1,")), "lines 4 and 5: track 1 occurs twice"),
    (lambda t: t.replace(",0.8,", ",0.1,"), "column anger: expected probabilities with sum 1"),
    (lambda t: t + "1,,edited,1,,400,22,420,82\n", "line 9, column x1: the box"),
    (
        lambda t: t + "1,,edited,1,doctor,1,2,3,4\n",
        "line 9, column role: track 1 is patient in line 4",
    ),
    (lambda t: t.replace("1,0.1,miss", "2,0.25,miss"), "no row tells the time of frame 1"),
    (lambda t: t.replace("1,0.1,miss", "1,0.9,miss"), "column time_s: frame 2 (0.25 s) is before"),
    (lambda t: t + '"open\n', "not valid CSV"),
]


@pytest.mark.parametrize(("change", "message"), BROKEN, ids=[m for _, m in BROKEN])
def test_what_does_not_validate_is_named_by_line_and_column(
    tmp_path: Path, change: Callable[[str], str], message: str
) -> None:
    path = saved(tmp_path)
    before = path.read_text(encoding="utf-8")
    edit(path, change)
    assert path.read_text(encoding="utf-8") != before, "the case must change the file"
    with pytest.raises(ConfigError) as error:
        load_table(path)
    text = str(error.value)
    assert message in text
    assert "\n" not in text
    assert str(tmp_path) not in text and path.name not in text


def test_what_is_no_file_or_no_text_is_said(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="no such file"):
        load_table(tmp_path / "none.csv")
    with pytest.raises(MediaError, match="it is a folder"):
        load_table(tmp_path)
    path = tmp_path / "utf16.csv"
    path.write_text("# framework-tracks 1", encoding="utf-16")
    with pytest.raises(ConfigError, match="UTF-8"):
        load_table(path)


@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_whatever_is_typed_into_a_cell_is_read_or_refused(
    tmp_path: Path, data: st.DataObject
) -> None:
    path = saved(tmp_path)
    rows = cells(path)
    line = data.draw(st.integers(0, len(rows) - 1))
    column = data.draw(st.integers(0, len(rows[line]) - 1))
    value = st.one_of(
        st.text(max_size=12), st.sampled_from(["1e999", "-1", "nan", "2,5", "1_0", "٣"])
    )
    rows[line][column] = data.draw(value.filter(lambda s: "\x00" not in s))
    put(path, rows)
    with contextlib.suppress(UserError):
        load_table(path)


def test_emotions_come_in_the_order_of_the_contract() -> None:
    start = COLUMNS.index("anger")
    assert COLUMNS[start : start + 7] == EMOTIONS
