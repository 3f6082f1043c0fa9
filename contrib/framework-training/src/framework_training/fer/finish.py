"""From a trained network to what is published: calibrated weight file, metrics, model card."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from framework_fer import baseline, calibration, classifier, weightfile
from framework_fer.config import ClassifierOptions
from framework_fer.votes import HEADS, OTHER, among_seven, seven_and_other
from numpy.typing import NDArray
from torch import nn

from framework.spec import BuildContext
from framework.types import EMOTIONS
from framework_training.fer import duplicates, evaluate, metrics, model_card
from framework_training.fer.datasets import LabelledFaces
from framework_training.fer.division import Split, plain_inputs
from framework_training.fer.loop import logits_of

TARGET_RISK = 0.1
LEAST_COVERAGE = 0.7
BALANCE = 0.25
"""How far the calibration of the first head favours rare expressions, see
:func:`framework_fer.calibration.fit_vector` and docs/fer-experiments.md."""
MIN_FACE = 24.0
"""Side of the smallest face in the robustness table that is still judged, pixels."""


@dataclass(frozen=True)
class Report:
    """Where the result goes and how thoroughly it is measured.

    Attributes:
        out: folder.
        name: of the weight file and the card.
        device: ``cpu`` or ``cuda``.
        threads: 0 leaves the library's setting.
        tests: further sets to measure on, besides the held-out faces.
        draws: of the bootstrap.
        robustness: most faces of the tables by size and degradation.
        seed: of the degradations.
    """

    out: Path
    name: str
    device: str
    threads: int
    tests: tuple[LabelledFaces, ...] = ()
    draws: int = 1000
    robustness: int = 600
    seed: int = 1


def finish(
    report: Report,
    data: Split,
    network: nn.Module,
    device: torch.device,
    architecture: str,
    side: int,
    history: dict[str, Any],
    cross: bool = False,
) -> None:
    """Calibrate on the held-out faces, write the weight file, its metrics and its card.

    Args:
        report: where to.
        data: held-out faces for the calibration; the other part is only counted.
        network: on ``device``.
        device: as it says.
        architecture: name of the network, see :mod:`framework_fer.networks`.
        side: of its input, pixels.
        history: how it came about, for ``training.json`` and the card: ``started_from``,
            ``epochs``, ``recipe``, or ``members`` with one such entry for each network of several.
        cross: the held-out faces are what the figures are about, so that a calibration fitted on
            one half of them is measured on the other; what is written is fitted on both.
    """
    labels = data.held_out.labels
    logits = logits_of(network, plain_inputs(data.held_out, side), device)
    steps = calibrations(logits, data.held_out)
    crossed = two_fold(logits, data.held_out, report.seed) if cross else None
    answers = steps.answers(logits) if crossed is None else crossed.answers
    # A face that most people call none of the seven has no right answer: it should be unknown.
    curve = metrics.risk_coverage(answers, labels)
    among = labels < len(EMOTIONS)
    probabilities, labels = answers[among], labels[among]
    description = weightfile.Description(
        architecture=architecture,
        labels=EMOTIONS,
        side=side,
        majority=steps.majority,
        votes_temperature=steps.votes_temperature,
        fer2013=steps.fer2013,
        unknown_below=metrics.threshold_for_risk(curve, TARGET_RISK, LEAST_COVERAGE),
        min_face=MIN_FACE,
        neutral_profile=tuple(
            round(v, 4) for v in baseline.neutral_profile(probabilities, labels).tolist()
        ),
        trained_on=tuple(data.learn.name.split(" + ")),
    )
    tensors = {
        name: values.float().cpu().numpy()
        for name, values in network.state_dict().items()
        if values.dtype.is_floating_point
    }
    weightfile.write(report.out / f"{report.name}.safetensors", tensors, description)
    training = history | {
        "architecture": architecture,
        "side": side,
        "trained_on": list(description.trained_on),
        "calibrated_on": data.held_out.name if cross else "the faces held out from training",
        "faces": {
            "learn": np.bincount(data.learn.labels, minlength=OTHER + 1).tolist(),
            "held_out": np.bincount(data.held_out.labels, minlength=OTHER + 1).tolist(),
            "dropped": data.dropped,
        },
        "held_out": {
            "accuracy": metrics.accuracy(probabilities, labels),
            "uar": metrics.unweighted_average_recall(probabilities, labels),
            "ece": metrics.expected_calibration_error(probabilities, labels),
            "recall": dict(
                zip(EMOTIONS, metrics.recalls(probabilities, labels).tolist(), strict=True)
            ),
        },
        "calibration": description.model_dump(
            include={"majority", "votes_temperature", "fer2013", "unknown_below", "min_face"}
        ),
        "risk_coverage": [
            {"threshold": t, "coverage": c, "risk": None if np.isnan(r) else r}
            for t, c, r in zip(
                curve.threshold.tolist(), curve.coverage.tolist(), curve.risk.tolist(), strict=True
            )
        ],
    }
    text = json.dumps(training, indent=1) + "\n"
    (report.out / "training.json").write_text(text, encoding="utf-8")
    measured(report, data.held_out, training, crossed)


@dataclass(frozen=True)
class Calibrations:
    """What turns the logits of both heads into probabilities."""

    majority: weightfile.HeadCalibration
    votes_temperature: float
    fer2013: weightfile.HeadCalibration

    def answers(self, logits: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, 7) probabilities of the majority, as the component gives them."""
        return among_seven(self.majority.probabilities(seven_and_other(logits)))


def calibrations(logits: NDArray[np.float32], faces: LabelledFaces) -> Calibrations:
    """Fit both heads on faces that the network has not seen.

    Args:
        logits: (n, 17).
        faces: n of them, those included that most people call none of the seven.
    """
    original = faces.labels if faces.original is None else faces.original
    labelled = original < len(EMOTIONS)
    votes_temperature = 1.0
    if faces.votes is not None:
        wanted = faces.votes / faces.votes.sum(axis=1, keepdims=True)
        votes_temperature = calibration.fit_share_temperature(logits[:, HEADS[0]], wanted)
    return Calibrations(
        fitted(seven_and_other(logits), faces.labels, BALANCE),
        round(votes_temperature, 4),
        fitted(logits[labelled, HEADS[1]], original[labelled]),
    )


def folds(faces: LabelledFaces, seed: int) -> NDArray[np.bool_]:
    """(n,) two halves of a set; look-alikes are in the same one."""
    group = duplicates.groups(duplicates.miniatures(faces), faces.person)
    names, index = np.unique(group, return_inverse=True)
    half = np.random.default_rng([seed, 2]).permutation(len(names)) % 2 == 0
    return np.asarray(half[index])


@dataclass(frozen=True)
class TwoFold:
    """Probabilities of a set, those of each half calibrated on the other.

    Attributes:
        answers: (n, 7), see :meth:`Calibrations.answers`.
        forecast: (n, 10), shares of the votes.
        fer2013: (n, 7), of the second head.
    """

    answers: NDArray[np.float32]
    forecast: NDArray[np.float32]
    fer2013: NDArray[np.float32]


def two_fold(logits: NDArray[np.float32], faces: LabelledFaces, seed: int) -> TwoFold:
    """Calibrate each half of a set on the other.

    Args:
        logits: (n, 17).
        faces: n of them.
        seed: of the halves.
    """
    half = folds(faces, seed)
    seven = (len(logits), len(EMOTIONS))
    found = TwoFold(
        np.empty(seven, np.float32),
        np.empty((len(logits), HEADS[0].stop), np.float32),
        np.empty(seven, np.float32),
    )
    for mine in (half, ~half):
        other = np.flatnonzero(~mine)
        steps = calibrations(logits[other], faces.take(other))
        found.answers[mine] = steps.answers(logits[mine])
        found.forecast[mine] = calibration.softmax(logits[mine, HEADS[0]], steps.votes_temperature)
        found.fer2013[mine] = steps.fer2013.probabilities(logits[mine, HEADS[1]])
    return found


def fitted(
    logits: NDArray[np.float32], labels: NDArray[np.int64], balance: float = 0.0
) -> weightfile.HeadCalibration:
    """All three steps of :mod:`framework_fer.calibration` for one head, on held-out faces."""
    temperature = calibration.fit_temperature(logits, labels)
    factor, offset = calibration.fit_vector(
        logits / np.float32(temperature), labels, balance=balance
    )
    vector = calibration.calibrated(logits, temperature, factor.tolist(), offset.tolist())
    level, slope = calibration.fit_sharpening(vector, labels)
    return weightfile.HeadCalibration(
        temperature=round(temperature, 4),
        factor=tuple(round(v, 4) for v in factor.tolist()),
        offset=tuple(round(v, 4) for v in offset.tolist()),
        sharpening=(round(level, 4), round(slope, 4)),
    )


def measured(
    report: Report,
    held_out: LabelledFaces,
    training: dict[str, Any],
    crossed: TwoFold | None,
) -> None:
    """Measure the written weights on held-out faces and test sets; write numbers and card.

    Args:
        report: where to, and which test sets.
        held_out: what the calibration was fitted on.
        training: content of ``training.json``.
        crossed: two-fold probabilities of the held-out faces, which then take the place of those
            that the written calibration gives.
    """
    path = report.out / f"{report.name}.safetensors"
    context = BuildContext(threads=report.threads, device=report.device)  # type: ignore[arg-type]
    loaded = classifier.load(path, (training["architecture"],), ClassifierOptions(), context)
    results = []
    own = held_out if crossed is not None else replace(held_out, name="held out from training")
    for everything in (own, *report.tests):
        faces = everything.take(np.flatnonzero(everything.labels < OTHER))
        result, _ = evaluate.evaluate(loaded, faces, report.draws)
        if everything.original is not None:
            result["fer2013"] = evaluate.by_original_label(loaded, everything, report.draws)
        if everything is own and crossed is not None:
            result |= _crossed(report, everything, crossed)
        result["robustness"] = evaluate.robustness(loaded, faces, report.robustness, report.seed)
        results.append(result)
    metrics_text = json.dumps({"training": training, "evaluations": results}, indent=1)
    (report.out / "metrics.json").write_text(metrics_text + "\n", encoding="utf-8")
    text = model_card.card(report.name, training, results)
    (report.out / f"{report.name}.md").write_text(text, encoding="utf-8")


def _crossed(report: Report, everything: LabelledFaces, crossed: TwoFold) -> dict[str, Any]:
    """The figures that depend on the calibration, from two-fold probabilities."""
    among = np.flatnonzero(everything.labels < OTHER)
    faces, answers = everything.take(among), crossed.answers[among]
    changed: dict[str, Any] = {"two_fold": True}
    changed |= evaluate.measure(answers, faces.labels, report.draws)
    if faces.votes is not None:
        changed["votes"] = evaluate.against_votes(crossed.forecast[among], answers, faces)
    if everything.original is not None:
        changed["fer2013"] = evaluate.measure(crossed.fer2013, everything.original, report.draws)
    return changed
