"""The page: lanes that lead to the moment in the covered recording, advice that is marked."""

from __future__ import annotations

import re
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from framework_encounter.clock import Clock, exactly
from framework_encounter.dyad.interaction import kept
from framework_encounter.dyad.of_encounter import Dyad
from framework_encounter.joint import Joint, Voice
from framework_encounter.report import CameraView, EncounterPage, render_page
from framework_encounter.sync import SyncResult
from framework_encounter.voice import ONE_MICROPHONE, TOLD

from framework.audit import Audit
from framework.timeline import TimelineConfig
from framework.types import EMOTIONS, PersonTimeline, Recommendation, Role
from tests.dyad.test_interaction import follows

SECONDS = 90
OFFSET_S, DRIFT = 12.5, 1e-4


def person(role: Role, name: str, first: int) -> PersonTimeline:
    n = SECONDS - first
    return PersonTimeline(
        person=name,
        role=role,
        second=np.arange(first, SECONDS),
        probabilities=np.full((n, len(EMOTIONS)), 1 / 7, np.float32),
        label=("neutral",) * n,
        samples=np.full(n, 5),
        coverage=np.ones(n, np.float32),
        quality=np.ones(n, np.float32),
    )


def camera(name: str, shows: str, clock: Clock, duration_s: float) -> CameraView:
    audit = SimpleNamespace(total=SimpleNamespace(unprotected_s=0.0), duration_in_s=duration_s)
    return CameraView(name, shows, "anonymized.mp4", clock, cast(Audit, audit), ("<b>note</b>",))


@pytest.fixture
def page() -> EncounterPage:
    people = (person(Role.PATIENT, "person-1", 0), person(Role.DOCTOR, "person-2", 12))
    cameras = (np.zeros(SECONDS, np.int64), np.ones(SECONDS - 12, np.int64))
    share = np.full(SECONDS, 0.5, np.float32)
    voice = Voice(np.arange(SECONDS), share, {Role.PATIENT: share, Role.DOCTOR: share}, TOLD)
    late = Clock("audio", SyncResult(OFFSET_S, DRIFT, 0.9, 20, 0.001))
    advice = Recommendation(
        time_s=23.0,
        to=Role.DOCTOR,
        rule="a-rule",
        text="A nod <may> help.",
        reason="why",
        about="person-1",
        emotion="fear",
        start_s=20.0,
        end_s=23.0,
        confidence=0.8,
    )
    return EncounterPage(
        "enc-1",
        Joint(people, cameras, SECONDS, voice),
        (
            camera("camera-1", "patient", exactly(0.0, "own"), 90.0),
            camera("camera-2", "doctor", late, 77.0),
        ),
        "../",
        "for tests",
        (),
        False,
        TimelineConfig(),
        0.5,
        (advice,),
        (),
        (),
    )


def test_every_stretch_of_a_lane_leads_to_its_moment_on_the_cameras_own_clock(
    page: EncounterPage,
) -> None:
    text = render_page(page)
    jumps = re.findall(
        r'<a href="\.\./(camera-\d)/anonymized\.mp4#t=([\d.]+)" style="left:([\d.]+)%', text
    )
    assert {name for name, _, _ in jumps} == {"camera-1", "camera-2"}
    for name, own, left in jumps:
        shared = float(left) / 100 * SECONDS
        expected = shared
        if name == "camera-2":
            expected = max((max(shared, 12) - OFFSET_S) / (1 + DRIFT), 0.0)
        assert float(own) == pytest.approx(expected, abs=0.06)
    assert sum(name == "camera-1" for name, _, _ in jumps) >= SECONDS // 2
    # nobody's lane leads anywhere before their camera ran
    assert min(float(left) for name, _, left in jumps if name == "camera-2") >= 100 * 10 / SECONDS


def test_advice_is_marked_in_the_lanes_and_leads_to_its_onset(page: EncounterPage) -> None:
    text = render_page(page)
    assert f'<a href="#advice-1" style="left:{100 * 23 / SECONDS:.3f}%">1</a>' in text
    listed = text[text.index('<li id="advice-1">') :]
    assert "given 3 s after the onset" in listed
    assert "camera-1/anonymized.mp4#t=20.0" in listed
    assert "camera-2/anonymized.mp4#t=7.5" in listed
    assert "A nod &lt;may&gt; help." in text and "<may>" not in text and "<b>note" not in text


def test_who_speaks_is_drawn_as_far_as_it_is_known(page: EncounterPage) -> None:
    text = render_page(page)
    assert "patient speaks" in text and "doctor speaks" in text and TOLD in text
    patient = render_page(replace(page, joint=page.joint.only([Role.PATIENT])))
    assert "patient speaks" in patient and "doctor speaks" not in patient
    share = np.zeros(SECONDS, np.float32)
    alone: Any = Voice(np.arange(SECONDS), share, note=ONE_MICROPHONE)
    text = render_page(replace(page, joint=replace(page.joint, voice=alone)))
    assert "speaks</span>" not in text and ONE_MICROPHONE in text
    assert "Speech over time" not in render_page(
        replace(page, joint=replace(page.joint, voice=None))
    )


def test_a_drift_that_could_not_be_measured_is_no_zero(page: EncounterPage) -> None:
    assert "100 ppm" in render_page(page)
    short = Clock("audio", SyncResult(OFFSET_S, 0.0, 1.0, 3, 0.001))
    cameras = (page.cameras[0], replace(page.cameras[1], clock=short))
    assert "too short to tell" in render_page(replace(page, cameras=cameras))


def test_the_page_shows_what_happens_between_the_two_to_those_who_may_see_it(
    page: EncounterPage,
) -> None:
    found = follows(1.0)
    html = render_page(replace(page, dyad=Dyad(found, found, tuple(kept(found, found)))))
    assert "Between the two" in html and 'class="heat"' in html
    assert "What covering does to synchrony" in html
    assert "Between the two" not in render_page(page)
