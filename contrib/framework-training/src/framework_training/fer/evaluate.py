"""``python -m framework_training.fer.evaluate``: how good a classifier is on any labelled set.

Prints accuracy, unweighted average recall, calibration error, the confusion matrix and the speed;
``--json`` writes the same. ``--find-faces`` takes whole photographs. ``--robustness`` adds results
by face size and under each synthetic degradation, ``--by`` results by group. ``--labels fer2013``
measures the second head on FER2013's own labels, for comparison with the literature.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from framework_fer import classifier as component
from framework_fer.classifier import ExpressionClassifier
from framework_fer.config import ClassifierOptions
from framework_fer.framing import Framing
from framework_fer.votes import HEADS, Labelling, second_panel
from numpy.typing import NDArray

from framework.errors import EXIT_CANNOT_RUN, UserError
from framework.registry import Registry
from framework.spec import BuildContext, Kind
from framework.types import EMOTIONS
from framework_training.fer import datasets, duplicates, metrics
from framework_training.fer.augment import plain_view
from framework_training.fer.datasets import LabelledFaces
from framework_training.fer.degradation import DEGRADATIONS, Grey, at_size
from framework_training.fer.reading_quality import by_quality
from framework_training.fer.whole_pictures import found

SIZES = (24, 32, 48, 64, 96, 128, 224)
"""Sides of the faces of the robustness table, pixels."""
SEVERITIES = (0.25, 0.75)
ZOOMS = (0.8, 1.25, 1.5)
"""Sizes of the face in the picture: 1.5 shows brows to chin, as posed sets are often cut."""
CONTRASTS = (0.5, 0.25)
FACTORIES = {"resnet": component.build_resnet, "effnet": component.build_effnet}


def tight_views(faces: LabelledFaces, side: int | None = None) -> list[Grey]:
    """Each face cut to the tight framing, at its own resolution or at ``side`` pixels."""
    views = []
    for grey, placement in zip(faces.greys, faces.placement, strict=True):
        own = round(1.0 / float(np.hypot(placement[0, 0], placement[1, 0])))
        views.append(plain_view(grey, placement, side or max(1, own)))
    return views


def measure(
    probabilities: NDArray[np.float32], labels: NDArray[np.int64], draws: int
) -> dict[str, Any]:
    """The numbers of one evaluation.

    Args:
        probabilities: (n, 7).
        labels: (n,).
        draws: of the bootstrap; 0 leaves the intervals out.
    """
    predicted = probabilities.argmax(axis=1)
    present = np.unique(labels)
    # Answers among the classes that occur: a set without neutral faces cannot be answered
    # "neutral".
    among = present[probabilities[:, present].argmax(axis=1)]
    result: dict[str, Any] = {
        "n": len(labels),
        "accuracy": metrics.accuracy(probabilities, labels),
        "uar": metrics.unweighted_average_recall(probabilities, labels),
        "ece": metrics.expected_calibration_error(probabilities, labels),
        "nll": metrics.negative_log_likelihood(probabilities, labels),
        "accuracy_among_present": float((among == labels).mean()),
        "labels": list(EMOTIONS),
        "confusion": metrics.confusion_matrix(labels, predicted, len(EMOTIONS)).tolist(),
        "per_class": {
            EMOTIONS[c]: {
                "n": int((labels == c).sum()),
                "recall": float((predicted[labels == c] == c).mean()),
                "precision": float((labels[predicted == c] == c).mean())
                if (predicted == c).any()
                else None,
            }
            for c in present.tolist()
        },
        "risk_coverage": _curve(probabilities, labels),
    }
    if draws:
        statistics: dict[str, Callable[..., float]] = {
            "accuracy": metrics.accuracy,
            "uar": metrics.unweighted_average_recall,
            "ece": metrics.expected_calibration_error,
        }
        result["interval_95"] = {
            name: metrics.bootstrap(statistic, probabilities, labels, draws)
            for name, statistic in statistics.items()
        }
    return result


def _curve(probabilities: NDArray[np.float32], labels: NDArray[np.int64]) -> list[dict[str, Any]]:
    curve = metrics.risk_coverage(probabilities, labels, np.round(np.arange(0.2, 0.96, 0.05), 2))
    return [
        {"threshold": t, "coverage": c, "risk": None if np.isnan(r) else r}
        for t, c, r in zip(
            curve.threshold.tolist(), curve.coverage.tolist(), curve.risk.tolist(), strict=True
        )
    ]


def zoomed(face: Grey, factor: float) -> Grey:
    """The face ``factor`` times as large around its middle; above 1 the rim is cut off."""
    placement = datasets.whole_picture(face.shape)
    placement = placement * factor
    placement[:, 2] += 0.5 * (1 - factor)
    return plain_view(face, placement, face.shape[0])


def robustness(
    classifier: ExpressionClassifier, faces: LabelledFaces, limit: int, seed: int
) -> dict[str, Any]:
    """Accuracy by face size and under each degradation, on at most ``limit`` faces drawn at random.

    A face larger than its source is enlarged by interpolation: it says what enlarging does, not
    what a closer camera would do. Degradations are applied at 96 pixels.
    """
    rng = np.random.default_rng(seed)
    rows = np.sort(rng.permutation(len(faces))[:limit])
    some = faces.take(rows)
    views = tight_views(some)

    def scores(pictures: Sequence[Grey]) -> dict[str, float]:
        p = classifier.classify_framed(list(pictures), Framing.TIGHT)
        return {
            "accuracy": metrics.accuracy(p, some.labels),
            "uar": metrics.unweighted_average_recall(p, some.labels),
            "ece": metrics.expected_calibration_error(p, some.labels),
        }

    large = [plain_view(v, datasets.whole_picture(v.shape), 96) for v in views]
    sizes = {}
    for side in SIZES:
        at = [plain_view(v, datasets.whole_picture(v.shape), max(side, 1)) for v in views]
        shrunk = [at_size(v, side)[:, :] for v in views]
        # Shrinking needs a low-pass, which a plain view has not.
        chosen = [
            s if side < min(v.shape) else a for v, a, s in zip(views, at, shrunk, strict=True)
        ]
        sizes[str(side)] = scores(chosen)
    degraded: dict[str, dict[str, dict[str, float]]] = {}
    for name, degrade in DEGRADATIONS.items():
        degraded[name] = {
            str(severity): scores(
                [
                    degrade(v, severity, np.random.default_rng([seed, i]))
                    for i, v in enumerate(large)
                ]
            )
            for severity in SEVERITIES
        }
    framings = {
        f"face {zoom:g} times as large": scores([zoomed(v, zoom) for v in large]) for zoom in ZOOMS
    }
    framings |= {
        f"contrast times {share:g}": scores(
            [np.asarray(np.rint((v - v.mean()) * share + v.mean()), np.uint8) for v in large]
        )
        for share in CONTRASTS
    }
    return {
        "n": len(some),
        "none": scores(views),
        "framing": framings,
        "size": sizes,
        "degradation": degraded,
        "quality": by_quality(classifier, views, some, seed),
    }


def against_votes(
    forecast: NDArray[np.float32], answers: NDArray[np.float32], faces: LabelledFaces
) -> dict[str, Any]:
    """How well the votes themselves are forecast, and how far people agree with each other.

    Args:
        forecast: (n, 10), shares of the ten votes.
        answers: (n, 7).
        faces: with votes and the labels of their majority.
    """
    assert faces.votes is not None
    counts = np.asarray(faces.votes, np.float64)
    shares = counts / counts.sum(axis=1, keepdims=True)
    clear = counts.max(axis=1) * 2 > counts.sum(axis=1)
    top = forecast.argmax(axis=1)
    return {
        "total_variation": float(np.abs(forecast - shares).sum(axis=1).mean() / 2),
        "share_of_the_answer": {
            "forecast": float(forecast.max(axis=1).mean()),
            "people": float(shares[np.arange(len(top)), top].mean()),
        },
        "clear_majority": {
            "n": int(clear.sum()),
            "accuracy": metrics.accuracy(answers[clear], faces.labels[clear]),
            "uar": metrics.unweighted_average_recall(answers[clear], faces.labels[clear]),
        },
        "second_panel": second_panel(counts),
    }


def by_original_label(
    classifier: ExpressionClassifier, faces: LabelledFaces, draws: int
) -> dict[str, Any]:
    """Accuracy, UAR and ECE of the second head on FER2013's own labels of the same faces."""
    assert faces.original is not None
    logits = classifier.logits(tight_views(faces), Framing.TIGHT)[:, HEADS[1]]
    probabilities = classifier.description.fer2013.probabilities(logits)
    return measure(probabilities, faces.original, draws)


def by_group(
    probabilities: NDArray[np.float32],
    labels: NDArray[np.int64],
    group: Sequence[str],
    draws: int,
) -> dict[str, dict[str, Any]]:
    """Accuracy with its interval in each group of faces, in order of the names.

    Args:
        probabilities: (n, 7).
        labels: (n,).
        group: n names; an empty one belongs to no group.
        draws: of the bootstrap; 0 leaves the intervals out.
    """
    names = np.array(group)
    result: dict[str, dict[str, Any]] = {}
    for name in sorted(set(group) - {""}):
        mine = np.flatnonzero(names == name)
        p, y = probabilities[mine], labels[mine]
        row: dict[str, Any] = {
            "n": len(mine),
            "accuracy": metrics.accuracy(p, y),
            "uar": metrics.unweighted_average_recall(p, y),
            "ece": metrics.expected_calibration_error(p, y),
        }
        if draws:
            row["interval_95"] = metrics.bootstrap(metrics.accuracy, p, y, draws)
        result[name] = row
    return result


def evaluate(
    classifier: ExpressionClassifier, faces: LabelledFaces, draws: int
) -> tuple[dict[str, Any], NDArray[np.float32]]:
    """Everything ``--json`` contains, besides the robustness tables, and the probabilities."""
    views = tight_views(faces)
    classifier.classify_framed(views[:8], Framing.TIGHT)  # warm-up, not timed
    began = time.perf_counter()
    probabilities = classifier.classify_framed(views, Framing.TIGHT)
    seconds = time.perf_counter() - began
    result = measure(probabilities, faces.labels, draws)
    result["faces_per_second"] = len(views) / max(seconds, 1e-9)
    result["runtime"] = classifier.runtime.name
    result["data"] = faces.name
    result["excluded_labels"] = faces.excluded or {}
    if faces.votes is not None and classifier.labelling == "votes":
        forecast = classifier.votes(views, Framing.TIGHT)
        result["votes"] = against_votes(forecast, probabilities, faces)
    if faces.group:
        result["groups"] = by_group(probabilities, faces.labels, faces.group, draws)
    return result, probabilities


def text(result: dict[str, Any]) -> str:
    """The result as a person reads it."""
    interval = result.get("interval_95", {})

    def percent(name: str) -> str:
        value = f"{100 * result[name]:.2f} %"
        if name in interval:
            low, high = interval[name]
            value += f"  (95 % interval {100 * low:.2f} to {100 * high:.2f})"
        return value

    lines = [
        f"data                       {result['data']}, n = {result['n']}",
        f"accuracy                   {percent('accuracy')}",
        f"unweighted average recall  {percent('uar')}",
        f"calibration error (ECE)    {percent('ece')}",
        f"speed                      {result['faces_per_second']:.0f} faces/s on "
        f"{result['runtime']}",
    ]
    if result["excluded_labels"]:
        excluded = datasets.describe(result["excluded_labels"])
        lines.append(f"left out, unknown labels   {excluded}")
    if result.get("without_face"):
        lines.append(f"left out, no face found    {result['without_face']}")
    if len(result["per_class"]) < len(EMOTIONS):
        among = 100 * result["accuracy_among_present"]
        lines.append(f"among the classes present  {among:.2f} %")
    if "votes" in result:
        votes, clear = result["votes"], result["votes"]["clear_majority"]
        share = votes["share_of_the_answer"]
        lines += [
            f"most people agree           n = {clear['n']}: {100 * clear['accuracy']:.2f} %, "
            f"unweighted {100 * clear['uar']:.2f} %",
            f"another ten people         {100 * votes['second_panel']:.2f} % (simulated from the "
            "votes)",
            f"share of the answer        forecast {100 * share['forecast']:.1f} %, people "
            f"{100 * share['people']:.1f} %; total variation of the votes "
            f"{votes['total_variation']:.3f}",
        ]
    lines += ["", "confusion (rows: label, columns: answer)"]
    short = [name[:7] for name in result["labels"]]
    lines.append(" " * 10 + "".join(f"{name:>9}" for name in short) + "   recall")
    for index, row in enumerate(result["confusion"]):
        total = sum(row)
        recall = f"{100 * row[index] / total:7.1f} %" if total else "      -"
        cells = "".join(f"{count:>9}" for count in row)
        lines.append(f"{result['labels'][index]:<10}{cells} {recall}")
    if "groups" in result:
        lines += ["", *_groups_text(result["groups"])]
    if "robustness" in result:
        lines += ["", *_robustness_text(result["robustness"])]
    return "\n".join(lines)


def _groups_text(groups: dict[str, dict[str, Any]]) -> list[str]:
    lines = ["group                 n   accuracy, 95 % interval"]
    for name, row in groups.items():
        text = f"{name:<18}{row['n']:>5}   {100 * row['accuracy']:.1f} %"
        if "interval_95" in row:
            low, high = row["interval_95"]
            text += f" ({100 * low:.1f} to {100 * high:.1f})"
        lines.append(text)
    return lines


def _robustness_text(tables: dict[str, Any]) -> list[str]:
    lines = [f"robustness, n = {tables['n']}: accuracy (UAR)"]

    def cell(scores: dict[str, float]) -> str:
        return f"{100 * scores['accuracy']:.1f} % ({100 * scores['uar']:.1f} %)"

    lines.append(f"{'as it is':<18}{cell(tables['none'])}")
    lines += [f"{side + ' px':<18}{cell(scores)}" for side, scores in tables["size"].items()]
    lines += [f"{name:<26}{cell(scores)}" for name, scores in tables["framing"].items()]
    for name, severities in tables["degradation"].items():
        cells = "   ".join(f"{s}: {cell(scores)}" for s, scores in severities.items())
        lines.append(f"{name:<18}{cells}")
    lines.append("small and blurred at random, by face quality: answered, of these wrong")
    for row in tables["quality"]:
        wrong = "-" if row["risk"] is None else f"{100 * row['risk']:.1f} %"
        lines.append(
            f"{row['from']:g} to {row['to']:<12g}n = {row['n']:<6}{100 * row['answered']:.1f} %, "
            f"{wrong}"
        )
    return lines


def main(
    data: Annotated[Path, typer.Option(help="labelled faces: .npz, folder or .csv")],
    classifier: Annotated[str, typer.Option(help="resnet or effnet")] = "resnet",
    weights: Annotated[
        Path | None, typer.Option(help="another weight file of its architecture")
    ] = None,
    json_out: Annotated[Path | None, typer.Option("--json", help="write the result here")] = None,
    labels: Annotated[
        str, typer.Option(help="votes: what most of ten people chose; fer2013: FER2013's own label")
    ] = "votes",
    by: Annotated[
        str, typer.Option(help="also by group: a column of the table or an array of the .npz")
    ] = "",
    framing: Annotated[
        Framing, typer.Option(help="how arrays and folders were cut: like FER2013, or aligned")
    ] = Framing.TIGHT,
    find_faces: Annotated[
        bool,
        typer.Option("--find-faces", help="whole photographs: find the largest face in each first"),
    ] = False,
    detector: Annotated[str, typer.Option(help="for --find-faces")] = "retinaface",
    runtime: Annotated[str, typer.Option(help="auto, onnxruntime or torch")] = "auto",
    precision: Annotated[str, typer.Option(help="float32, or int8: the quantised network")] = (
        "float32"
    ),
    device: Annotated[str, typer.Option(help="auto, cpu or cuda")] = "auto",
    threads: Annotated[int, typer.Option(min=0, help="0: the library's choice")] = 0,
    batch: Annotated[int, typer.Option(min=1, help="faces in one call")] = 32,
    bootstrap: Annotated[int, typer.Option(min=0, help="resamples; 0: no intervals")] = 1000,
    robustness_tables: Annotated[
        bool, typer.Option("--robustness", help="also by face size and under degradations")
    ] = False,
    limit: Annotated[int, typer.Option(min=1, help="faces of the robustness tables")] = 1000,
    unique: Annotated[
        bool, typer.Option("--unique", help="only one of several copies of a photograph")
    ] = False,
    seed: Annotated[int, typer.Option(min=0, help="of degradations and draws")] = 0,
) -> None:
    """Measure a classifier on a labelled set."""
    from pydantic import ValidationError

    try:
        if classifier not in FACTORIES:
            raise UserError(f"--classifier {classifier}: expected one of {', '.join(FACTORIES)}")
        if labels not in ("votes", "fer2013"):
            raise UserError(f"--labels {labels}: expected votes or fer2013")
        if device not in ("auto", "cpu", "cuda"):
            raise UserError(f"--device {device}: expected auto, cpu or cuda")
        options = ClassifierOptions.model_validate(
            {"runtime": runtime, "precision": precision, "weights": weights, "batch": batch}
        )
        context = BuildContext(threads=threads, device=device)  # type: ignore[arg-type]
        labelling: Labelling = "fer2013" if labels == "fer2013" else "votes"
        faces, without = datasets.load(data, framing, labelling, by=by), 0
        if find_faces:
            finder = Registry.load().create(Kind.DETECTOR, detector, {}, context)
            faces, without = found(faces, finder)
        if unique:
            group = duplicates.groups(duplicates.miniatures(faces))
            faces = faces.take(np.flatnonzero(group == np.arange(len(faces))))
        loaded = FACTORIES[classifier](options, context)
        loaded.labelling = labelling
        result, _ = evaluate(loaded, faces, bootstrap)
        result["classifier"] = classifier
        result["precision"] = options.precision
        result["labelling"] = labelling
        result["without_face"] = without
        if robustness_tables:
            result["robustness"] = robustness(loaded, faces, limit, seed)
        typer.echo(text(result))
        if json_out is not None:
            _write(json_out, result)
    except ValidationError as error:
        first = error.errors()[0]
        typer.echo(f"--{'-'.join(map(str, first['loc']))}: {first['msg']}", err=True)
        raise typer.Exit(EXIT_CANNOT_RUN) from error
    except UserError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(EXIT_CANNOT_RUN) from error


def _write(path: Path, result: dict[str, Any]) -> None:
    partial = path.with_name(path.name + ".partial")
    try:
        partial.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise UserError(f"--json {path.name}: cannot be written ({error.strerror})") from error
    finally:
        partial.unlink(missing_ok=True)


if __name__ == "__main__":
    typer.run(main)
