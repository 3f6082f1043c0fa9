from __future__ import annotations

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from framework.agreement import compare
from framework.audit import AuditRecorder, Damage, Dismissal, FrameFate, SecondSearch
from framework.errors import MediaError
from framework.manifest import build_manifest, component_record
from framework.report import ReportData, render_report, views, write_report
from framework.spec import ComponentSpec, WeightSpec
from framework.timeline import TimelineConfig, Timelines
from framework.types import EMOTIONS, UNKNOWN, ComponentEvent, PersonTimeline, Recommendation, Role
from tests.timeline.tables import table, timeline

VOID = {"meta", "link", "br", "hr", "img", "input"}


class Outline(HTMLParser):
    """Every tag with its attributes; fails on a tag that is closed wrongly."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open.pop() == tag, f"</{tag}> closes nothing"

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text.append(data)


def outline(page: str) -> Outline:
    parser = Outline()
    parser.feed(page)
    assert parser.open == []
    return parser


def words(page: str) -> str:
    return " ".join(" ".join(outline(page).text).split())


def data(*, passed: bool = True, people: list[PersonTimeline] | None = None) -> ReportData:
    t = table(
        [k / 10 for k in range(40)],
        4.0,
        [(k, 1) for k in range(40)] + [(k, 2) for k in range(20)],
        carried=[(5, 1)],
        roles={1: Role.PATIENT, 2: Role.DOCTOR},
    )
    recorder = AuditRecorder(t)
    for index in range(40):
        bare = [2] if not passed and index == 3 else []
        recorder.frame(index, FrameFate.COVERED, bare)
    recorder.event(ComponentEvent(0, 0.0, 1, "fallback"))
    recorder.note("The audio track was dropped.")
    if not passed:
        recorder.failure("anonymize", ValueError("/home/mueller"), 1.0)
        recorder.damage(Damage(3.0, "broken off", 0.5))
        recorder.dismissed(Dismissal(0.2, 0.3, 2, "weak"))
    people = people or [
        timeline(["anger", "anger", UNKNOWN, "neutral"], "person-1", Role.PATIENT),
        timeline(["happiness", "neutral", UNKNOWN, UNKNOWN], "person-2", Role.DOCTOR),
    ]
    after = [timeline(["anger", "fear", UNKNOWN, UNKNOWN], "person-1", Role.PATIENT)]
    weight = WeightSpec("package:w/net.onnx", "ab" * 32, "MIT", ("WIDER FACE",), "paper", True)
    spec = ComponentSpec("blur", "covers by a blur", "m:f", "m:C", weights=(weight,), licence="MIT")
    raw = tuple(people)
    return ReportData(
        audit=recorder.finish(
            frames_out=40,
            duration_out_s=4.0,
            search=SecondSearch(searched=True, frames=20, frames_per_s=5.0, detectors=("x",)),
        ),
        manifest=build_manifest("run", [component_record("anonymizer", spec, None)]),
        timelines=Timelines(raw, raw, TimelineConfig(min_quality=0.15), 0.45),
        agreement=compare(raw, after),
        recommendations=(
            Recommendation(
                2.0,
                Role.DOCTOR,
                "patient-negative",
                "Pause & <listen>.",
                "The patient showed anger for 2 seconds.",
                "person-1",
                "anger",
                0.0,
                2.0,
                0.7,
            ),
        ),
    )


def test_the_page_is_self_contained_and_runs_nothing() -> None:
    page = render_report(replace(data(), video="anonymized.mp4"))
    tags = outline(page).tags
    names = {tag for tag, _ in tags}
    assert not names & {
        "script",
        "img",
        "image",
        "iframe",
        "link",
        "object",
        "embed",
        "video",
        "use",
    }
    assert not re.search(r"https?:|//|@import|url\(", page.replace("</", ""))
    for _, attributes in tags:
        assert not [
            a for a in attributes if a.startswith("on") or a in ("src", "srcset", "xlink:href")
        ]
        href = attributes.get("href")
        assert href is None or re.fullmatch(r"#advice-\d+|anonymized\.mp4#t=[\d.]+", href)
    policy = [a for tag, a in tags if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy[0]["content"] == "default-src 'none'; style-src 'unsafe-inline'"


def test_it_says_what_a_board_asks_for() -> None:
    text = words(render_report(data()))
    for expected in (
        "Audit passed",
        "Unprotected 0.00 s",
        "person-1 patient",
        "in view in 3 of 4 seconds, 3 of them with a label",
        "below 0.15, or if no emotion reaches a probability of 0.45",
        "Nothing is smoothed.",
        "Evidence: anger of person-1, 0:00 to 0:02",
        "confidence 70 %",
        "unknown after",
        "fallback 1",
        "The audio track was dropped.",
        "Covering faces is pseudonymisation, not a guarantee of anonymity.",
        "A facial movement is not a felt emotion.",
        "Not for diagnosis, and not for judging staff.",
        "net.onnx",
        "WIDER FACE",
        "abababababab",
    ):
        assert expected in text, expected


def test_a_failed_audit_is_the_first_thing_one_reads() -> None:
    text = words(render_report(data(passed=False)))
    assert "Audit passed" not in text
    start = text.index("Audit not passed")
    assert start < 200
    assert "0.10 face-seconds left uncovered (1 frame)" in text[start : start + 300]
    for expected in ("ValueError in anonymize", "broken off; 0.50 s lost", "(2 frames): weak"):
        assert expected in text, expected
    assert "mueller" not in text


def test_every_text_is_escaped() -> None:
    base = data()
    evil = '<script>alert("x")</script>'
    assert base.recommendations is not None
    advice = replace(base.recommendations[0], text=evil, reason=evil, rule=evil, about="person-1")
    page = render_report(
        replace(
            base,
            title=evil,
            recommendations=(advice,),
            audit=replace(base.audit, notes=(evil,)),
            video='x" onclick="y',
        )
    )
    assert "<script" not in page and 'onclick="y' not in page
    assert page.count("&lt;script&gt;") >= 4
    outline(page)


def test_golden_fragments() -> None:
    page = render_report(replace(data(), video="anonymized.mp4"))
    assert (
        '<path class="e-anger" d="M0 1h500v10h-500z"/>'
        '<path class="e-neutral" d="M750 49h250v10h-250z"/></svg>'
    ) in page
    assert '<a href="#advice-1" style="left:50%">1</a>' in page
    assert '<a href="anonymized.mp4#t=0.0">0:02</a>' in page
    assert "Pause &amp; &lt;listen&gt;." in page
    row = re.search(r'<tr class="total">\s*<th>all together.*?</tr>', page, re.S)
    assert row is not None
    cells = re.findall(r'<td class="n">(.*?)(?:<small></small>)?</td>', row[0])
    # By hand: p_o 1/5, p_e 2/25; the divergences from the middle are 0.766 and 0.683 bits.
    assert cells == ["5", "20.0 %", "0.130", "0.725", "3 (60 %)"]


def test_what_was_not_done_is_not_shown() -> None:
    bare = replace(data(), timelines=None, agreement=None, recommendations=None)
    text = words(render_report(bare))
    for absent in (
        "Emotions over time",
        "Distribution",
        "Advice",
        "before and after",
        "felt emotion",
    ):
        assert absent not in text, absent
    assert "Not for diagnosis" in text
    none = words(render_report(replace(data(), recommendations=())))
    assert "No rule found a reason for advice." in none


def test_the_labels_after_are_drawn_below_those_before() -> None:
    base = data()
    assert 'class="strip"' not in render_report(base)
    later = timeline(["anger", "fear", UNKNOWN, UNKNOWN], "person-1", Role.PATIENT)
    page = render_report(replace(base, after=(later,)))
    assert page.count('class="strip"') == 2  # person-2 is not there any more
    assert words(page).index("before after") > words(page).index("Emotions before and after")


def test_generated_faces_are_declared() -> None:
    base = data()
    assert "Synthetic media." not in words(render_report(base))
    swapped = replace(base, manifest=replace(base.manifest, synthetic_media=True))
    text = words(render_report(swapped))
    assert "Synthetic media." in text and "AUC of about 0.85" in text


def test_smoothing_and_correction_are_stated() -> None:
    base = data()
    assert base.timelines is not None
    changed = replace(base.timelines, config=TimelineConfig(smoothing_s=4), corrected=True)
    text = words(render_report(replace(base, timelines=changed)))
    assert "moving average of 5 seconds" in text
    assert "resting face is corrected for" in text


def test_many_people_are_all_in_the_tables_and_the_busiest_are_drawn() -> None:
    people = [
        timeline(["anger"] * (k + 1) + [UNKNOWN] * (30 - k), f"person-{k}") for k in range(20)
    ]
    base = data(people=people)
    page = render_report(base)
    assert page.count('class="person"') == views.MOST_PEOPLE
    assert "12 of 20 people are drawn" in words(page)
    assert page.count('<tr class="bar">') == 20


@pytest.mark.parametrize("seconds", [0, 1, 7200])
def test_any_length_gives_a_page(seconds: int) -> None:
    people = [timeline([EMOTIONS[k % 7] for k in range(seconds)])]
    page = render_report(data(people=people))
    outline(page)
    assert len(page) < 1_000_000


def test_it_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "out" / "report.html"
    write_report(path, data())
    assert path.read_text(encoding="utf-8").endswith("</html>\n")
    assert [p.name for p in path.parent.iterdir()] == ["report.html"]
    (tmp_path / "file").write_text("x")
    with pytest.raises(MediaError, match=r"cannot write report\.html"):
        write_report(tmp_path / "file" / "report.html", data())


def test_nothing_of_this_machine_is_on_the_page(tmp_path: Path) -> None:
    page = render_report(data(passed=False))
    for secret in (str(Path.home()), str(tmp_path), str(Path.cwd())):
        if len(secret) > 3:
            assert secret not in page
