"""Detectors, trackers, classifiers, recognizers, recommenders and voices: sound and broken ones."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from framework.testing import Status, Subject, run_checks
from framework.testing.kit import checks_of, run_check
from framework.types import (
    EMOTIONS,
    UNKNOWN,
    Detections,
    EmotionWindow,
    Frame,
    Image,
    Measure,
    Recommendation,
    Role,
    Tracks,
)


class Detector:
    """Finds the brightest spot: not a face, but of the right form."""

    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        return [self.one(frame.bgr) for frame in frames]

    def one(self, image: Image) -> Detections:
        y, x = np.unravel_index(int(image[..., 0].argmax()), image.shape[:2])
        return Detections(
            xyxy=np.array([[x, y, x + 5, y + 5]], np.float32), score=np.array([0.5], np.float32)
        )


class DetectorOneAnswer(Detector):
    def detect(self, frames: Sequence[Frame]) -> list[Detections]:
        return super().detect(frames[:1])


class DetectorScores(Detector):
    def one(self, image: Image) -> Detections:
        return Detections(xyxy=[[0, 0, 5, 5]], score=[7.0])


class DetectorRemembers(Detector):
    def __init__(self) -> None:
        self.count = 0

    def one(self, image: Image) -> Detections:
        self.count += 1
        return Detections(xyxy=[[0, 0, 5, self.count]], score=[0.5])


class DetectorWrites(Detector):
    def one(self, image: Image) -> Detections:
        if image.flags.writeable:
            image[...] = 0
        return super().one(image)


class DetectorNoTiny(Detector):
    def one(self, image: Image) -> Detections:
        assert image.shape[0] > 10, "too small"
        return super().one(image)


class Tracker:
    """Nearest box within 60 pixels keeps its number."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.last: dict[int, Any] = {}
        self.next = 0

    def update(self, frame: Frame, detections: Detections) -> Tracks:
        ids: list[int] = []
        for box in detections.xyxy:
            near = {
                k: float(np.abs(box - old).max()) for k, old in self.last.items() if k not in ids
            }
            best = min(near, key=lambda k: near[k], default=-1)
            if best < 0 or near[best] > 60:
                best, self.next = self.next, self.next + 1
            self.last[best] = box
            ids.append(best)
        return Tracks(
            xyxy=detections.xyxy,
            score=detections.score,
            landmarks=detections.landmarks,
            track_id=np.array(ids, np.int64),
        )


class TrackerDropsSecond(Tracker):
    def update(self, frame: Frame, detections: Detections) -> Tracks:
        return super().update(frame, detections[:1])


class TrackerNewNumbers(Tracker):
    def update(self, frame: Frame, detections: Detections) -> Tracks:
        self.last = {}
        return super().update(frame, detections)


class TrackerForgetsFast(Tracker):
    def update(self, frame: Frame, detections: Detections) -> Tracks:
        if not len(detections):
            self.last = {}
        return super().update(frame, detections)


class TrackerNoReset(Tracker):
    def reset(self) -> None:
        if not hasattr(self, "last"):
            super().reset()


class Classifier:
    """A softmax of the picture's mean colours."""

    labels = EMOTIONS
    input_size = 32
    crop_scale = 1.0
    unknown_below = 0.2

    def classify(self, faces: Sequence[Image]) -> Any:
        rows = np.zeros((len(faces), 7), np.float32)
        for k, face in enumerate(faces):
            rows[k, :3] = face.mean(axis=(0, 1)) / 64
        e = np.exp(rows)
        return (e / e.sum(axis=1, keepdims=True)).astype(np.float32)


class ClassifierLogits(Classifier):
    def classify(self, faces: Sequence[Image]) -> Any:
        return 3 * super().classify(faces)


class ClassifierLabels(Classifier):
    labels = ("joy", *EMOTIONS[1:])


class ClassifierConstant(Classifier):
    def classify(self, faces: Sequence[Image]) -> Any:
        return np.full((len(faces), 7), 1 / 7, np.float32)


class ClassifierBatchNorm(Classifier):
    """Looks at the other crops of the batch, as a network in training mode does."""

    def classify(self, faces: Sequence[Image]) -> Any:
        rows = super().classify(faces)
        return (rows * 0.5 + rows.mean(axis=0) * 0.5).astype(np.float32) if len(rows) else rows


class Recognizer:
    input_size = 32
    crop_scale = 1.0

    def embed(self, faces: Sequence[Image]) -> Any:
        rows = np.array([f[::4, ::4].astype(np.float32).ravel() - 127 for f in faces], np.float32)
        rows = rows.reshape(len(faces), 8 * 8 * 3)
        return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)


class RecognizerLong(Recognizer):
    def embed(self, faces: Sequence[Image]) -> Any:
        return 2 * super().embed(faces)


class Measurer:
    measures = (
        Measure("brightness", "1", 0.0, 1.0, "mean grey value"),
        Measure("tilt", "degrees", -90.0, 90.0, "nan: it is never known"),
    )
    input_size = 32
    crop_scale = 1.0

    def measure(self, faces: Sequence[Image]) -> Any:
        rows = [(float(f.mean()) / 255, np.nan) for f in faces]
        return np.array(rows, np.float32).reshape(-1, 2)


class MeasurerOutOfRange(Measurer):
    def measure(self, faces: Sequence[Image]) -> Any:
        return 255 * super().measure(faces)


class MeasurerNameless(Measurer):
    measures = (*Measurer.measures[:1], Measure("Tilt", "", 0.0, 1.0, "no unit"))


class MeasurerBlind(Measurer):
    def measure(self, faces: Sequence[Image]) -> Any:
        return np.full((len(faces), 2), 0.5, np.float32)


class MeasurerWrites(Measurer):
    def measure(self, faces: Sequence[Image]) -> Any:
        out = super().measure(faces)
        for face in faces:
            face[:2] = 0
        return out


class RecognizerRandom(Recognizer):
    def embed(self, faces: Sequence[Image]) -> Any:
        rows = np.random.default_rng().standard_normal((len(faces), 8)).astype(np.float32)
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


class Recommender:
    """Advice after the first second in which the patient looks sad."""

    def recommend(self, window: EmotionWindow) -> list[Recommendation]:
        out = []
        for person in window.of(Role.PATIENT):
            for second, label in zip(person.second.tolist(), person.label, strict=True):
                if label == "sadness":
                    out.append(self.say(float(second), person.person))
                    break
        return out

    def say(self, second: float, about: str, **changes: Any) -> Recommendation:
        fields: dict[str, Any] = {
            "time_s": second + 1,
            "to": Role.DOCTOR,
            "rule": "sad",
            "text": "A word may help.",
            "reason": "patient: sadness",
            "about": about,
            "emotion": "sadness",
            "start_s": second,
            "end_s": second + 1,
            "confidence": 0.8,
        }
        return Recommendation(**{**fields, **changes})


class RecommenderWithoutEvidence(Recommender):
    def recommend(self, window: EmotionWindow) -> list[Recommendation]:
        return [self.say(0.0, p.person) for p in window.people if len(p)]


class RecommenderFuture(Recommender):
    def recommend(self, window: EmotionWindow) -> list[Recommendation]:
        return [self.say(900.0, a.about) for a in super().recommend(window)]


class RecommenderCounts(Recommender):
    def __init__(self) -> None:
        self.calls = 0

    def recommend(self, window: EmotionWindow) -> list[Recommendation]:
        self.calls += 1
        return super().recommend(window) if self.calls % 2 else []


class RecommenderClock(Recommender):
    def recommend(self, window: EmotionWindow) -> list[Recommendation]:
        return [a for a in super().recommend(window) if a.time_s < 500]


class RecommenderBystander(Recommender):
    def recommend(self, window: EmotionWindow) -> list[Recommendation]:
        found = [self.say(0.0, p.person) for p in window.people if "sadness" in p.label]
        return [a for a in found if a.emotion != UNKNOWN]


class Voice:
    """Turns the sound around, block by block."""

    def anonymize(self, samples: Any, sample_rate: int) -> Any:
        out = samples.copy()
        for start in range(0, len(out), 400):
            out[start : start + 400] = out[start : start + 400][::-1]
        return out


class VoiceUnchanged(Voice):
    def anonymize(self, samples: Any, sample_rate: int) -> Any:
        return samples.copy()


class VoiceShorter(Voice):
    def anonymize(self, samples: Any, sample_rate: int) -> Any:
        return super().anonymize(samples, sample_rate)[: len(samples) // 400 * 400]


class VoiceTooLoud(Voice):
    def anonymize(self, samples: Any, sample_rate: int) -> Any:
        return 1.5 * super().anonymize(samples, sample_rate)


class VoiceRandom(Voice):
    def anonymize(self, samples: Any, sample_rate: int) -> Any:
        out = super().anonymize(samples, sample_rate)
        return (0.9 * out + 0.01 * random.SystemRandom().random()).astype(np.float32)


SOUND = [
    ("detector", Detector, {"finds-a-face"}),
    ("tracker", Tracker, set()),
    ("emotion-classifier", Classifier, set()),
    ("recognizer", Recognizer, set()),
    ("measurer", Measurer, set()),
    ("recommender", Recommender, set()),
    ("voice-anonymizer", Voice, set()),
]

BROKEN = [
    ("detector", Detector, "finds-a-face"),
    ("detector", DetectorOneAnswer, "answers-for-each-frame"),
    ("detector", DetectorScores, "answers-for-each-frame"),
    ("detector", DetectorRemembers, "is-stateless-and-repeatable"),
    ("detector", DetectorWrites, "leaves-the-input-alone"),
    ("detector", DetectorNoTiny, "accepts-any-size"),
    ("tracker", TrackerDropsSecond, "tracks-every-confident-face"),
    ("tracker", TrackerNewNumbers, "keeps-the-number-of-a-person"),
    ("tracker", TrackerForgetsFast, "bridges-short-gaps"),
    ("tracker", TrackerNoReset, "reset-restores"),
    ("emotion-classifier", ClassifierLogits, "rows-are-distributions"),
    ("emotion-classifier", ClassifierLabels, "announces-labels-and-input"),
    ("emotion-classifier", ClassifierConstant, "looks-at-the-face"),
    ("emotion-classifier", ClassifierBatchNorm, "batch-equals-single"),
    ("recognizer", RecognizerLong, "embeddings-have-unit-length"),
    ("recognizer", RecognizerRandom, "repeatable"),
    ("measurer", MeasurerOutOfRange, "values-are-in-their-ranges"),
    ("measurer", MeasurerNameless, "announces-measures-and-input"),
    ("measurer", MeasurerBlind, "looks-at-the-face"),
    ("measurer", MeasurerWrites, "leaves-the-input-alone"),
    ("recommender", RecommenderWithoutEvidence, "no-evidence-no-advice"),
    ("recommender", RecommenderFuture, "advice-is-well-formed"),
    ("recommender", RecommenderCounts, "is-a-pure-function"),
    ("recommender", RecommenderClock, "a-later-start-shifts-the-times-only"),
    ("recommender", RecommenderBystander, "bystanders-are-left-out"),
    ("voice-anonymizer", VoiceUnchanged, "changes-the-voice"),
    ("voice-anonymizer", VoiceShorter, "keeps-length-and-range"),
    ("voice-anonymizer", VoiceTooLoud, "survives-odd-sound"),
    ("voice-anonymizer", VoiceRandom, "same-seed-same-result"),
]


@pytest.mark.parametrize(("kind", "component", "allowed"), SOUND)
def test_sound_component_passes(kind: str, component: type, allowed: set[str]) -> None:
    found = run_checks(Subject.from_factory(kind, component))
    failed = {r.name: r.message for r in found if r.status == Status.FAILED}
    assert failed.keys() <= allowed, failed


@pytest.mark.parametrize(("kind", "component", "check"), BROKEN)
def test_broken_component_fails_its_check(kind: str, component: type, check: str) -> None:
    subject = Subject.from_factory(kind, component)
    (chosen,) = [c for c in checks_of(subject) if c.name == check]
    result = run_check(chosen, subject)
    assert result.status == Status.FAILED
    assert result.message
