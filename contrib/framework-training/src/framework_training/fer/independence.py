"""``python -m framework_training.fer.independence``: how independent two classifiers are as judges.

Two classifiers that are both right agree, which says nothing about their independence. What counts
is how much more often they err together, and give the same wrong answer, than two would that know
nothing of each other and have the same confusion matrices.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from framework_fer.config import ClassifierOptions
from framework_fer.framing import Framing
from numpy.typing import NDArray

from framework.errors import EXIT_CANNOT_RUN, UserError
from framework.spec import BuildContext
from framework.types import EMOTIONS
from framework_training.fer import datasets, metrics
from framework_training.fer.evaluate import FACTORIES, tight_views


def compared(
    first: NDArray[np.int64], second: NDArray[np.int64], labels: NDArray[np.int64]
) -> dict[str, float]:
    """Agreement of two judges beyond their accuracy.

    Args:
        first, second: (n,) answers.
        labels: (n,).

    Returns:
        ``accuracy_first``, ``accuracy_second``; ``agreement`` and ``agreement_expected``: share of
        equal answers, and what it would be if, given the label, neither depended on the other;
        ``both_wrong`` and ``both_wrong_expected``: the same of faces on which both err;
        ``error_correlation``: Pearson's correlation of their errors (0: independent);
        ``same_wrong_answer``: of the faces on which both err, the share with one answer;
        ``kappa``: Cohen's kappa of the answers.
    """
    classes = len(EMOTIONS)
    wrong_first, wrong_second = first != labels, second != labels
    agreement_expected = both_expected = 0.0
    for label in np.unique(labels):
        mine = labels == label
        share = float(mine.mean())
        one = np.bincount(first[mine], minlength=classes) / mine.sum()
        other = np.bincount(second[mine], minlength=classes) / mine.sum()
        agreement_expected += share * float(one @ other)
        both_expected += share * float((1 - one[label]) * (1 - other[label]))
    agreement = float((first == second).mean())
    marginal = float(
        (np.bincount(first, minlength=classes) / len(labels))
        @ (np.bincount(second, minlength=classes) / len(labels))
    )
    both = wrong_first & wrong_second
    constant = wrong_first.std() == 0 or wrong_second.std() == 0
    return {
        "accuracy_first": float(1 - wrong_first.mean()),
        "accuracy_second": float(1 - wrong_second.mean()),
        "agreement": agreement,
        "agreement_expected": agreement_expected,
        "both_wrong": float(both.mean()),
        "both_wrong_expected": both_expected,
        "error_correlation": 0.0
        if constant
        else float(np.corrcoef(wrong_first.astype(float), wrong_second.astype(float))[0, 1]),
        "same_wrong_answer": float((first[both] == second[both]).mean()) if both.any() else 0.0,
        "kappa": (agreement - marginal) / (1 - marginal) if marginal < 1 else 1.0,
    }


def text(result: dict[str, Any]) -> str:
    """The result as a person reads it."""

    def percent(name: str) -> str:
        return f"{100 * result[name]:.1f} %"

    low, high = result["error_correlation_95"]
    return "\n".join(
        [
            f"data                 {result['data']}, n = {result['n']}",
            f"accuracy             resnet {percent('accuracy_first')}, effnet "
            f"{percent('accuracy_second')}",
            f"agreement            {percent('agreement')} (independent given the label: "
            f"{percent('agreement_expected')}; kappa {result['kappa']:.2f})",
            f"both wrong           {percent('both_wrong')} (independent given the label: "
            f"{percent('both_wrong_expected')})",
            f"error correlation    {result['error_correlation']:.2f} ({low:.2f} to {high:.2f})",
            f"of these one answer  {percent('same_wrong_answer')}",
        ]
    )


def main(
    data: Annotated[Path, typer.Option(help="labelled faces: .npz, folder or .csv")],
    json_out: Annotated[Path | None, typer.Option("--json", help="write the result here")] = None,
    threads: Annotated[int, typer.Option(min=0, help="0: the library's choice")] = 0,
    bootstrap: Annotated[int, typer.Option(min=1, help="resamples of the interval")] = 1000,
) -> None:
    """Measure how independent ``resnet`` and ``effnet`` are."""
    try:
        faces = datasets.load(data)
        views = tight_views(faces)
        context = BuildContext(threads=threads, device="cpu")
        first, second = (
            FACTORIES[name](ClassifierOptions(), context)
            .classify_framed(views, Framing.TIGHT)
            .argmax(axis=1)
            for name in ("resnet", "effnet")
        )
        result: dict[str, Any] = {"data": faces.name, "n": len(faces)}
        result |= compared(first, second, faces.labels)
        both = np.stack([first != faces.labels, second != faces.labels], axis=1).astype(np.float32)
        result["error_correlation_95"] = metrics.bootstrap(
            lambda rows, _: float(np.nan_to_num(np.corrcoef(rows[:, 0], rows[:, 1]).item(1))),
            both,
            faces.labels,
            bootstrap,
        )
        typer.echo(text(result))
        if json_out is not None:
            json_out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    except UserError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(EXIT_CANNOT_RUN) from error
    except OSError as error:
        typer.echo(f"--json: cannot be written ({error.strerror})", err=True)
        raise typer.Exit(EXIT_CANNOT_RUN) from error


if __name__ == "__main__":
    typer.run(main)
