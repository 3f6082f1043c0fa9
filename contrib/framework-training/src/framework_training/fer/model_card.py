"""The model card that a training writes: what the network is, was given, can do and must not do.

The form follows Mitchell et al., "Model Cards for Model Reporting" (2019). Every number comes from
the results of the training and of the evaluations; the passages that no measurement changes lie in
``card/``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

from framework.types import EMOTIONS

_PASSAGES = {"fer2013": "fer2013", "labels": "muxspace", "expressions": "muxspace"}
"""Start of a data set's name -> the passage about it."""


def passage(name: str) -> str:
    """A text of the card that no measurement changes."""
    path = files("framework_training.fer") / "card" / f"{name}.md"
    return path.read_text(encoding="utf-8").strip()


def card(name: str, training: Mapping[str, Any], evaluations: Sequence[Mapping[str, Any]]) -> str:
    """The card as Markdown.

    Args:
        name: of the component or weight file.
        training: content of ``training.json``.
        evaluations: results of :mod:`framework_training.fer.evaluate`, with ``robustness`` where
            measured.
    """
    parts = [f"# Model card: `{name}`", "", _summary(training), "", passage("purpose"), ""]
    parts += ["## Data", "", *_data(training), "", "## Training", "", *_recipe(training), ""]
    parts += ["## Results", "", *_results(evaluations), ""]
    for result in evaluations:
        parts += _by_class(result)
    parts += _calibration(training)
    for result in evaluations:
        if "robustness" in result:
            parts += _robustness(result)
        if "groups" in result:
            parts += _groups(result)
    weak = passage("weak_spots").format(min_face=training["calibration"]["min_face"])
    parts += ["## Where it is weak", "", weak, ""]
    return "\n".join(parts)


def _summary(training: Mapping[str, Any]) -> str:
    size = f"{training['side']} x {training['side']} grey pixels"
    faces = f"{sum(training['faces']['learn']):,} faces at {size}"
    if "members" not in training:
        return (
            f"Architecture `{training['architecture']}`, started from {training['started_from']}, "
            f"trained for {training['epochs']} epochs on {faces}."
        )
    each = "; ".join(
        f"one started from {member['started_from']}, {member['epochs']} epochs"
        for member in training["members"]
    )
    return (
        f"Architecture `{training['architecture']}`: two networks side by side that see the face "
        f"and its mirror image; the answer is the mean of the four log-probabilities. "
        f"Both were trained on {faces}: {each}."
    )


def _data(training: Mapping[str, Any]) -> list[str]:
    faces = training["faces"]
    used = [
        text
        for source in training["trained_on"]
        for start, text in _PASSAGES.items()
        if source.lower().startswith(start)
    ]
    used.append("dlib" if training["architecture"].startswith("face-resnet29") else "imagenet")
    lines = ["* " + passage(key).replace("\n", "\n  ") for key in dict.fromkeys(used)]
    return [
        *lines,
        "",
        "By what most of ten people chose; *other* is contempt, unknown or no face:",
        "",
        "| | " + " | ".join((*EMOTIONS, "other")) + " |",
        "|---" * (len(EMOTIONS) + 2) + "|",
        "| trained on | " + " | ".join(f"{n:,}" for n in faces["learn"]) + " |",
        f"| {training['calibrated_on']} | "
        + " | ".join(f"{n:,}" for n in faces["held_out"])
        + " |",
        "",
        f"{faces['dropped']:,} pictures were left out: blank, copies of another one, or "
        "look-alikes of a picture in a test set.",
    ]


def _recipe(training: Mapping[str, Any]) -> list[str]:
    lines = []
    for member in training.get("members", [training]):
        recipe = member["recipe"]
        text = ", ".join(
            f"{key.replace('_', ' ')} {value}" for key, value in recipe.items() if value is not None
        )
        alone = ""
        if "members" in training:
            alone = (
                f" Alone it reaches {_percent(member['held_out']['accuracy'])} % (UAR "
                f"{_percent(member['held_out']['uar'])}) on the held-out faces."
            )
        lines += [f"`python -m framework_training.fer.train` with: {text}.{alone}", ""]
    return [
        *lines,
        "The targets are the shares of ten people's votes (choices of a single person left out); "
        "a second head learns FER2013's own labels. SGD with Nesterov momentum, one epoch of "
        "linear warm-up and half a cosine, a moving average of the weights. Random views: zoom, "
        "tight crops, shift, rotation, mirror, light, tone curves, an oval without hair, and for a "
        "share of the faces blur, movement, compression, darkness, noise, low resolution, hands, "
        "masks and rectangles.",
    ]


def _percent(value: float) -> str:
    return f"{100 * value:.1f}"


def _with_interval(result: Mapping[str, Any], name: str) -> str:
    text = _percent(result[name])
    if "interval_95" in result:
        low, high = result["interval_95"][name]
        text += f" ({_percent(low)} to {_percent(high)})"
    return text


def _results(evaluations: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = [
        "Accuracy, unweighted average recall (UAR) and expected calibration error (ECE, 15 bins) "
        "in percent, with 95 % percentile intervals of a bootstrap over faces. One forward pass. "
        "Resampling raises the ECE, so that its intervals lie too high. *Majority*: what most of "
        "ten people chose (of two choices with equally many votes the first; pictures whose "
        "majority is none of the seven are left out); *clear majority*: the same where more than "
        "half chose it; *FER2013*: FER2013's own labels, answered by the second head.",
        "",
        "| data | labels | n | accuracy | UAR | ECE |",
        "|---|---|---|---|---|---|",
    ]
    for result in evaluations:
        cells = " | ".join(_with_interval(result, key) for key in ("accuracy", "uar", "ece"))
        labels = "majority" if "votes" in result else "its own"
        lines.append(f"| {result['data']} | {labels} | {result['n']:,} | {cells} |")
        if "votes" in result:
            clear = result["votes"]["clear_majority"]
            cells = f"{_percent(clear['accuracy'])} | {_percent(clear['uar'])} | |"
            lines.append(f"| | clear majority | {clear['n']:,} | {cells}")
        if "fer2013" in result:
            own = result["fer2013"]
            cells = " | ".join(_with_interval(own, key) for key in ("accuracy", "uar", "ece"))
            lines.append(f"| | FER2013 | {own['n']:,} | {cells} |")
    lines.append("")
    for result in evaluations:
        if result.get("two_fold"):
            lines += [
                f"{result['data']} is also what the calibration was fitted on: each half of it was "
                f"measured with a calibration fitted on the other half (look-alikes in one half).",
                "",
            ]
        if "votes" in result:
            votes = result["votes"]
            share = votes["share_of_the_answer"]
            lines += [
                f"{result['data']}: another ten people would agree with the majority of these ten "
                f"in {_percent(votes['second_panel'])} % of the pictures (simulated from the "
                f"votes, `framework_fer.votes.second_panel`). The votes as "
                f"`ExpressionClassifier.votes` forecasts them differ from the real ones by a total "
                f"variation of {votes['total_variation']:.3f} on average; for the choice it finds "
                f"most likely it forecasts {_percent(share['forecast'])} % of the votes, and it "
                f"gets {_percent(share['people'])} %.",
                "",
            ]
    return lines


def _by_class(result: Mapping[str, Any]) -> list[str]:
    lines = [
        f"### By class: {result['data']}",
        "",
        "| label | n | recall | precision | " + " | ".join(EMOTIONS) + " |",
        "|---" * (len(EMOTIONS) + 4) + "|",
    ]
    for index, label in enumerate(EMOTIONS):
        if label not in result["per_class"]:
            continue
        one = result["per_class"][label]
        precision = "-" if one["precision"] is None else _percent(one["precision"])
        answers = " | ".join(str(count) for count in result["confusion"][index])
        lines.append(
            f"| {label} | {one['n']:,} | {_percent(one['recall'])} | {precision} | {answers} |"
        )
    return [*lines, "", "The last seven columns count the answers.", ""]


def _calibration(training: Mapping[str, Any]) -> list[str]:
    settings = training["calibration"]
    lines = [
        "## Calibration and abstention",
        "",
        f"A probability is the chance that most of ten people choose this expression. The logits "
        f"of the seven expressions and of anything else are divided by the temperature "
        f"{settings['majority']['temperature']:g}, fitted on {training['calibrated_on']}, "
        f"and then scaled class by class (vector scaling, Guo et al. 2017), and raised to a power "
        f"that grows with the top probability (`framework_fer.calibration.sharpened`). What "
        f"belongs to contempt, unknown and no face is spread evenly over the seven, so that such "
        f"faces become `unknown` sooner. A second whose top probability is under "
        f"**{settings['unknown_below']:g}** is `unknown`: the lowest threshold at which at most "
        f"one answer in ten is wrong, or, where that would leave less than 70 % answered, the "
        f"highest one that still answers 70 %. The curve on the same faces:",
        "",
        "| threshold | answered | of these wrong |",
        "|---|---|---|",
    ]
    for row in training["risk_coverage"]:
        if round(row["threshold"] * 100) % 10 == 0 and row["risk"] is not None:
            cells = f"{_percent(row['coverage'])} | {_percent(row['risk'])}"
            lines.append(f"| {row['threshold']:.1f} | {cells} |")
    return [*lines, ""]


def _robustness(result: Mapping[str, Any]) -> list[str]:
    tables = result["robustness"]

    def cells(scores: Mapping[str, float]) -> str:
        return " | ".join(_percent(scores[key]) for key in ("accuracy", "uar", "ece"))

    lines = [
        f"## By size and degradation: {result['data']}, n = {tables['n']:,}",
        "",
        "Sizes above that of the source are enlarged by interpolation.",
        "",
        "| | accuracy | UAR | ECE |",
        "|---|---|---|---|",
        f"| as it is | {cells(tables['none'])} |",
    ]
    lines += [f"| {side} px | {cells(scores)} |" for side, scores in tables["size"].items()]
    lines += [f"| {name} | {cells(scores)} |" for name, scores in tables["framing"].items()]
    for name, severities in tables["degradation"].items():
        for severity, scores in severities.items():
            lines.append(f"| {name}, severity {severity} | {cells(scores)} |")
    return [*lines, "", *_quality(result["data"], tables["quality"])]


def _groups(result: Mapping[str, Any]) -> list[str]:
    lines = [
        f"## By group: {result['data']}",
        "",
        "| group | n | accuracy | UAR |",
        "|---|---|---|---|",
    ]
    for name, row in result["groups"].items():
        accuracy = _with_interval({**row, "interval_95": {"accuracy": row["interval_95"]}}
                                  if "interval_95" in row else row, "accuracy")  # fmt: skip
        lines.append(f"| {name} | {row['n']:,} | {accuracy} | {_percent(row['uar'])} |")
    return [*lines, ""]


def _quality(data: str, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    lines = [
        f"### By face quality: {data}",
        "",
        "The same faces, 10 to 48 pixels wide and half of them blurred, at random; quality as in "
        "a recording (size and sharpness; no pose). *Answered*: the top probability reaches the "
        "threshold above. The timeline's `min_quality` is read off this table.",
        "",
        "| quality | n | answered | of these wrong |",
        "|---|---|---|---|",
    ]
    for row in rows:
        wrong = "-" if row["risk"] is None else _percent(row["risk"])
        lines.append(
            f"| {row['from']:g} to {row['to']:g} | {row['n']:,} | {_percent(row['answered'])} | "
            f"{wrong} |"
        )
    return [*lines, ""]
