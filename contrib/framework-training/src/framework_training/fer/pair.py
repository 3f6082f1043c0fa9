"""``python -m framework_training.fer.pair RUN RUN``: two trained networks as one that averages.

The pair is calibrated on faces that neither of them has seen: those both held out
(``--split-seed``), or with ``--calibrate`` another set, of which one half is then measured with a
calibration fitted on the other.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import torch
import typer
from framework_fer import weightfile
from framework_fer.resnet import FaceResNetPair
from pydantic import ValidationError

from framework.errors import EXIT_CANNOT_RUN, UserError
from framework_training.fer.division import divided
from framework_training.fer.finish import Report, finish
from framework_training.fer.recipe import Recipe

ARCHITECTURE = "face-resnet29-pair"
MEMBER = "face-resnet29"


def history_of(run: Path) -> tuple[dict[str, Any], Recipe]:
    """How a network came about, and its recipe, from the ``training.json`` of its run.

    Raises:
        UserError: no such file, or not one that ``framework_training.fer.train`` writes.
    """
    try:
        history = json.loads((run / "training.json").read_text(encoding="utf-8"))
        return history, Recipe.model_validate(history["recipe"])
    except OSError as error:
        raise UserError(
            f"{run.name}: expected the folder of a finished training with training.json in it"
        ) from error
    except (ValueError, KeyError, TypeError, ValidationError) as error:
        raise UserError(
            f"{run.name}/training.json: expected what framework_training.fer.train writes, with "
            f"the recipe of one network; train it again"
        ) from error


def weights_of(run: Path) -> tuple[dict[str, torch.Tensor], int]:
    """State of a run's network, and the side of its input.

    Raises:
        UserError: not exactly one weight file, or one of another architecture.
    """
    found = sorted(run.glob("*.safetensors"))
    if len(found) != 1:
        raise UserError(f"{run.name}: expected one .safetensors file, found {len(found)}")
    tensors, description = weightfile.read(found[0])
    weightfile.require_architecture(found[0], description, (MEMBER,))
    return {name: torch.from_numpy(values) for name, values in tensors.items()}, description.side


def main(
    first: Annotated[Path, typer.Argument(help="folder of a finished training")],
    second: Annotated[Path, typer.Argument(help="folder of another")],
    data: Annotated[list[Path], typer.Option(help="the faces both were trained on; repeat")],
    out: Annotated[Path, typer.Option(help="folder for weights, metrics and card")],
    name: Annotated[str, typer.Option(help="name of the weight file")] = "fer",
    also: Annotated[list[Path] | None, typer.Option(help="as in the trainings")] = None,
    also_per_class: Annotated[int, typer.Option(min=0, help="as in the trainings")] = 1500,
    test: Annotated[list[Path] | None, typer.Option(help="sets to report on")] = None,
    calibrate: Annotated[
        Path | None, typer.Option(help="set to calibrate and report on instead of held-out faces")
    ] = None,
    threads: Annotated[int, typer.Option(min=0, help="0: the library's choice")] = 0,
    bootstrap: Annotated[int, typer.Option(min=0, help="resamples of the intervals")] = 1000,
    robustness: Annotated[
        int, typer.Option(min=1, help="faces of the tables by size and degradation")
    ] = 600,
) -> None:
    """Join two trainings, calibrate the pair and report on it."""
    try:
        history, recipe = history_of(first)
        other_history, other = history_of(second)
        same = (recipe.division, recipe.held_out) == (other.division, other.held_out)
        if calibrate is None and not same:
            raise UserError(
                f"{first.name} and {second.name} held out different faces, so that none are left "
                f"to calibrate on; train with the same --split-seed and --held-out, or give a set "
                f"that neither has seen with --calibrate"
            )
        state, side = weights_of(first)
        other_state, other_side = weights_of(second)
        if side != other_side:
            raise UserError(
                f"{first.name} takes faces of {side} pixels and {second.name} of {other_side}; "
                f"train with the same --side"
            )
        if threads:
            torch.set_num_threads(threads)
        network = FaceResNetPair()
        network.first.load_state_dict(state, strict=False)
        network.second.load_state_dict(other_state, strict=False)
        unseen = [*(test or []), *([calibrate] if calibrate else [])]
        parts, tests = divided(data, also or [], unseen, also_per_class, recipe)
        if calibrate is not None:
            parts, tests = replace(parts, held_out=tests[-1]), tests[:-1]
        out.mkdir(parents=True, exist_ok=True)
        report = Report(out, name, "cpu", threads, tests, bootstrap, robustness, recipe.division)
        kept = ("started_from", "epochs", "recipe", "held_out")
        finish(
            report, parts, network, torch.device("cpu"), ARCHITECTURE, side,
            {"members": [{key: h[key] for key in kept} for h in (history, other_history)]},
            cross=calibrate is not None,
        )  # fmt: skip
    except UserError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(EXIT_CANNOT_RUN) from error


if __name__ == "__main__":
    typer.run(main)
