"""From a trained network to what is published: calibrated weight file, metrics, model card."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from framework.spec import BuildContext
from framework.types import EMOTIONS
from framework_fer import (
    baseline,
    calibration,
    classifier,
    evaluate,
    metrics,
    model_card,
    weightfile,
)
from framework_fer.config import ClassifierOptions
from framework_fer.datasets import LabelledFaces
from framework_fer.division import Split, plain_inputs
from framework_fer.loop import logits_of
from framework_fer.votes import HEADS, OTHER, among_seven, seven_and_other

TARGET_RISK = 0.1
LEAST_COVERAGE = 0.7
BALANCE = 0.15
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
    """
    labels = data.held_out.labels
    logits = logits_of(network, plain_inputs(data.held_out, side), device)
    first = seven_and_other(logits)
    majority = fitted(first, labels, BALANCE)
    second = logits[:, HEADS[1]]
    original = labels if data.held_out.original is None else data.held_out.original
    labelled = original < len(EMOTIONS)
    fer2013 = fitted(second[labelled], original[labelled])
    votes_temperature = 1.0
    if data.held_out.votes is not None:
        wanted = data.held_out.votes / data.held_out.votes.sum(axis=1, keepdims=True)
        votes_temperature = calibration.fit_share_temperature(logits[:, HEADS[0]], wanted)
    answers = among_seven(majority.probabilities(first))
    # A face that most people call none of the seven has no right answer: it should be unknown.
    curve = metrics.risk_coverage(answers, labels)
    among = labels < len(EMOTIONS)
    probabilities, labels = answers[among], labels[among]
    description = weightfile.Description(
        architecture=architecture,
        labels=EMOTIONS,
        side=side,
        majority=majority,
        votes_temperature=round(votes_temperature, 4),
        fer2013=fer2013,
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
    measured(report, data.held_out, training)


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


def measured(report: Report, held_out: LabelledFaces, training: dict[str, Any]) -> None:
    """Measure the written weights on held-out faces and test sets; write numbers and card."""
    path = report.out / f"{report.name}.safetensors"
    context = BuildContext(threads=report.threads, device=report.device)  # type: ignore[arg-type]
    loaded = classifier.load(path, (training["architecture"],), ClassifierOptions(), context)
    results = []
    for everything in (replace(held_out, name="held out from training"), *report.tests):
        faces = everything.take(np.flatnonzero(everything.labels < OTHER))
        result, _ = evaluate.evaluate(loaded, faces, report.draws)
        if everything.original is not None:
            result["fer2013"] = evaluate.by_original_label(loaded, everything, report.draws)
        result["robustness"] = evaluate.robustness(loaded, faces, report.robustness, report.seed)
        results.append(result)
    metrics_text = json.dumps({"training": training, "evaluations": results}, indent=1)
    (report.out / "metrics.json").write_text(metrics_text + "\n", encoding="utf-8")
    text = model_card.card(report.name, training, results)
    (report.out / f"{report.name}.md").write_text(text, encoding="utf-8")
