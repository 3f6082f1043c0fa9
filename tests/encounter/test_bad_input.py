"""Recordings as they come: turned, at different rates, with nobody in them. One line each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from framework_encounter import make_encounter, run_encounter
from framework_encounter.voice import CHUNK, RATE, model_file, voice_activity

from framework.cli.main import main
from framework.errors import ComponentError
from tests.encounter.conftest import scene
from tests.media.recordings import make_video
from tests.pipeline.conftest import WIDTH, bright, pictures

Camera = Callable[..., Path]
pytestmark = pytest.mark.usefixtures("parts")
FAKES = ["--detector", "square", "--fer", "happy", "-a", "fill", "--no-recheck"]
BASE: dict[str, Any] = {
    "detector": "square",
    "fer": "happy",
    "anonymizer": "fill",
    "recheck": False,
}


def test_a_camera_that_hangs_upside_down(tmp_path: Path) -> None:
    """Regions are those of the upright picture, whatever way the sensor was."""
    upright = [scene(i, left=True) for i in range(25)]
    source = make_video(
        tmp_path / "turned.mp4", [p[::-1, ::-1].copy() for p in upright], matrix=(180, False, False)
    )
    recording = {"file": str(source), "shows": "patient", "regions": {"patient": "left"}}
    out = tmp_path / "out"
    result = run_encounter(make_encounter({"recordings": [recording]}), out=out, **BASE)
    table = result.castings[0].table
    assert table.xyxy[:, 2].max() < WIDTH / 2 + 4
    images = pictures(out / "camera-1" / "anonymized.mp4")
    assert all(bright(image) == 0 for image in images)
    # right way up: the fill's blue is in the left half
    blue = images[10][..., 0].astype(int) - images[10][..., 1]
    assert (blue > 80)[:, : WIDTH // 2].any() and not (blue > 80)[:, WIDTH // 2 + 10 :].any()


def test_cameras_with_different_frame_rates(camera: Camera, tmp_path: Path) -> None:
    a, b = camera("a.mkv", 60, fps=15), camera("b.mkv", 28, fps=7, seed=1)
    recordings = [
        {"file": str(a), "shows": "patient"},
        {"file": str(b), "shows": "doctor", "offset_s": 0.0},
    ]
    encounter = make_encounter({"recordings": recordings, "sync": "manual"})
    result = run_encounter(encounter, out=tmp_path / "out", **BASE)
    assert [p.label for p in result.joint.people] == [("happiness",) * 4] * 2
    assert [a.frames_out for a in result.audits] == [60, 28]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "no recording: give an encounter file, --patient and --doctor, or --both"),
        (["--patient-side", "left"], "--patient-side says where the patient is in --both"),
        (["--patient", "A", "--doctor", "A"], "the same recording is given twice"),
        (["--patient", "none.mp4"], "none.mp4"),
        (["--patient", "A", "--doctor", "B", "--sync", "manual"], "expected manual=SECONDS"),
        (["--patient", "A", "--doctor", "B"], "camera 2 (doctor) has no sound to synchronise by"),
        (["--patient", "A", "--doctor", "E", "--sync", "manual=0"], "no face for the doctor in"),
        (["--patient", "A", "--doctor", "B", "--sync", "manual=99s"], "do not overlap"),
        (["--both", "T"], "nothing says who is who in camera 1 (patient and doctor)"),
        (["--both", "T", "--patient-side", "up"], "--patient-side up: expected left or right"),
        (["--patient", "T"], "two faces for the patient in camera 1 (patient)"),
        (["x.yaml", "--patient", "A"], "--patient and an encounter file: give one of them"),
    ],
)
def test_every_mistake_is_one_line_and_leaves_nothing(
    camera: Camera,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    made = {
        "A": lambda: camera("a.mkv", 20, sound=np.full(16000, 0.01, np.float32)),
        "B": lambda: camera("b.mkv", 20, seed=1),
        "E": lambda: camera("e.mkv", 20, faces=lambda i: (False, False)),
        "T": lambda: camera("t.mkv", 20, faces=lambda i: (True, True)),
    }
    given = [str(made[a]()) if a in made else a for a in arguments]
    out = tmp_path / "out"
    assert main(["encounter", "run", *given, "--out", str(out), *FAKES, "-q"]) == 2
    error = capsys.readouterr().err.strip()
    assert message in error and error.startswith("error: ") and "\n" not in error
    assert not out.exists()


def test_the_short_form_from_the_command_line(
    camera: Camera, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--patient", str(camera("a.mkv", 40)), "--doctor", str(camera("b.mkv", 30, seed=1))]
    out = tmp_path / "out"
    given += ["--sync", "manual=0.5s", "--id", "enc-7", "--out", str(out)]
    assert main(["encounter", "run", *given, *FAKES]) == 0
    text = capsys.readouterr().out
    assert "camera 2 (doctor): starts at 0.500 s by manual" in text
    assert '"id": "enc-7"' in (out / "encounter.json").read_text()
    hidden = [p.name for p in out.rglob("*") if p.name.startswith(".")]
    assert hidden == [".framework-results.json"]
    # again over the old results, and the recording itself is never replaced
    assert main(["encounter", "run", *given, *FAKES, "-q"]) == 0
    inside = str(out / "camera-1" / "anonymized.mp4")
    assert main(["encounter", "run", "--patient", inside, "--out", str(out), *FAKES]) == 2
    assert "would replace or mix with a recording" in capsys.readouterr().err


def test_voice_activity_without_the_package_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, camera: Camera, tmp_path: Path
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("importlib.util.find_spec", lambda name: None)
        with pytest.raises(ComponentError, match=r"pip install 'clinical-empathy-framework\[voi"):
            model_file()
    encounter = make_encounter(
        {
            "recordings": [{"file": str(camera("a.mkv", 10)), "shows": "patient"}],
            "voice_activity": True,
        }
    )
    monkeypatch.setattr("framework_encounter.stages.model_file", _absent)
    with pytest.raises(ComponentError, match="not there"):
        run_encounter(encounter, out=tmp_path / "out", **BASE)
    assert not (tmp_path / "out").exists()


def _absent() -> Path:
    raise ComponentError("not there")


def test_speech_is_counted_by_the_second_on_the_shared_clock(
    camera: Camera, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a stand-in for the network: loud chunks are speech."""
    from framework_encounter import voice
    from framework_encounter.clock import exactly

    class Loud:
        def __init__(self, threads: int) -> None:
            pass

        def probability(self, chunk: Any) -> float:
            assert len(chunk) == CHUNK
            return float(np.abs(chunk).max() > 0.05)

    monkeypatch.setattr(voice, "VoiceDetector", Loud)
    monkeypatch.setattr(voice, "model_file", lambda: Path("x"))
    sound = np.zeros(4 * 8000, np.float32)
    sound[8000:16000] = 0.3 * np.sin(np.arange(8000) * 0.5)
    source = camera("a.mkv", 40, sound=sound)
    found = voice_activity([source], [exactly(2.0, "manual")], 7)
    assert np.isnan(found.speech[[0, 1, 6]]).all()
    np.testing.assert_allclose(found.speech[[2, 3, 4]], [0, 1, 0], atol=0.05 + CHUNK / RATE)
