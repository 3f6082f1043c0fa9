"""``python -m framework_fer.train``: labelled faces in; weights, metrics and a model card out."""

from __future__ import annotations

import json
import os
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import torch.distributed as dist
import typer
from numpy.typing import NDArray

from framework.errors import EXIT_CANNOT_RUN, UserError
from framework.spec import BuildContext
from framework.types import EMOTIONS
from framework_fer import (
    baseline,
    calibration,
    classifier,
    datasets,
    duplicates,
    evaluate,
    initial,
    metrics,
    model_card,
    weightfile,
)
from framework_fer.augment import Augmentation, plain_view
from framework_fer.batches import TrainingBatches
from framework_fer.config import ClassifierOptions
from framework_fer.datasets import LabelledFaces
from framework_fer.framing import normalised
from framework_fer.loop import Trainer, logits_of
from framework_fer.networks import build_network
from framework_fer.recipe import Recipe

TARGET_RISK = 0.2
LEAST_COVERAGE = 0.7
MIN_FACE = 24.0
"""Side of the smallest face in the robustness table that is still judged, pixels."""


@dataclass(frozen=True)
class Job:
    """Everything one training process needs, besides the faces."""

    recipe: Recipe
    out: Path
    name: str
    device: str
    threads: int
    processes: int
    workers: int
    initial: str
    resume: bool
    stop_after_s: float
    tests: tuple[LabelledFaces, ...] = ()
    draws: int = 1000
    robustness: int = 600


@dataclass(frozen=True)
class Split:
    """Faces to learn from and faces to tune on; no photograph and no person is in both."""

    learn: LabelledFaces
    held_out: LabelledFaces
    dropped: int


def joined(sets: Sequence[LabelledFaces]) -> LabelledFaces:
    """Several sets as one; persons keep their names, apart for each set."""
    named = any(faces.person for faces in sets)
    return LabelledFaces(
        name=" + ".join(faces.name for faces in sets),
        greys=tuple(grey for faces in sets for grey in faces.greys),
        placement=np.concatenate([faces.placement for faces in sets]),
        labels=np.concatenate([faces.labels for faces in sets]),
        person=tuple(
            f"{faces.name}/{name}" if name else ""
            for faces in sets
            for name in (faces.person or ("",) * len(faces))
        )
        if named
        else (),
    )


def limited(faces: LabelledFaces, per_class: int, seed: int) -> LabelledFaces:
    """At most ``per_class`` faces of each class, drawn at random; 0 keeps all."""
    if per_class <= 0:
        return faces
    rng = np.random.default_rng(seed)
    rows = [
        rng.permutation(np.flatnonzero(faces.labels == label))[:per_class]
        for label in range(len(EMOTIONS))
    ]
    return faces.take(np.sort(np.concatenate(rows)))


def split(
    faces: LabelledFaces,
    only_learn: LabelledFaces | None,
    unseen: Sequence[LabelledFaces],
    recipe: Recipe,
) -> Split:
    """Hold out whole groups of look-alikes; drop blanks, copies and what ``unseen`` holds.

    Args:
        faces: divided.
        only_learn: further faces, never held out: sets whose labels are too noisy to tune on.
        unseen: test sets; training faces that look like one of theirs are dropped.
    """
    everything = faces if only_learn is None else joined([faces, only_learn])
    small = duplicates.miniatures(everything)
    group = duplicates.groups(small, everything.person)
    keep = ~duplicates.blank(everything)
    for test in unseen:
        keep &= ~duplicates.seen_in(small, duplicates.miniatures(test))
    divided = np.arange(len(everything)) < len(faces)
    own = np.unique(group[divided & keep])
    rng = np.random.default_rng([recipe.seed, 1])
    chosen = rng.permutation(own)[: max(1, round(recipe.held_out * len(own)))]
    held = np.isin(group, chosen)
    # Of several copies of one photograph the first stays, unless persons are named: then a group
    # is a person, and all their pictures count.
    first = np.ones(len(everything), bool)
    if not everything.person:
        first = group == np.arange(len(everything))
    learn = np.flatnonzero(keep & ~held & first)
    tune = np.flatnonzero(keep & held & divided & first)
    return Split(
        everything.take(learn), everything.take(tune), len(everything) - len(learn) - len(tune)
    )


def plain_inputs(faces: LabelledFaces, side: int) -> NDArray[np.float32]:
    """Network input of faces as they are, (n, 1, side, side)."""
    views = [plain_view(g, p, side) for g, p in zip(faces.greys, faces.placement, strict=True)]
    return normalised(np.stack(views))


def run(job: Job, data: Split, targets: NDArray[np.float32], rank: int, rendezvous: str) -> None:
    """One training process; rank 0 writes."""
    if job.threads:
        torch.set_num_threads(job.threads)
    torch.manual_seed(job.recipe.seed)
    if job.processes > 1:
        dist.init_process_group(
            "gloo", init_method=f"file://{rendezvous}", rank=rank, world_size=job.processes
        )
    recipe = job.recipe
    device = torch.device(job.device)
    network = build_network(recipe.architecture, len(EMOTIONS), recipe.dropout)
    source = "random weights"
    if job.initial != "none":
        path = None if job.initial == "auto" else Path(job.initial)
        source = initial.start(network, path)
    augmentation = replace(Augmentation().scaled(recipe.jitter), degradation=recipe.degradation)

    def batches(epoch: int, side: int) -> TrainingBatches:
        return TrainingBatches(
            data.learn, targets, augmentation, side, recipe.batch, epoch, recipe.seed,
            recipe.balance, recipe.mixup, rank, job.processes,
        )  # fmt: skip

    if source.startswith("dlib"):
        sample = replace(
            batches(0, recipe.side), batch=min(512, len(data.learn)), part=0, parts=1, mixup=0.0
        )
        from framework_fer.resnet import FaceResNet

        assert isinstance(network, FaceResNet)
        initial.settle_normalisation(network, torch.from_numpy(sample[0][0]))
    trainer = Trainer(network, recipe, device, job.out, rank, job.processes)
    if job.resume:
        trainer.resume()
    tune = plain_inputs(data.held_out, recipe.side)
    began = time.monotonic()

    def after_epoch(epoch: int, loss: float) -> None:
        p = calibration.softmax(logits_of(trainer.average, tune, device))
        line = {
            "epoch": epoch,
            "loss": round(loss, 4),
            "held_out_accuracy": round(metrics.accuracy(p, data.held_out.labels), 4),
            "held_out_uar": round(metrics.unweighted_average_recall(p, data.held_out.labels), 4),
            "seconds": round(time.monotonic() - began, 1),
        }
        with (job.out / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        typer.echo(json.dumps(line))

    trainer.fit(batches, after_epoch, job.workers, job.stop_after_s)
    if rank == 0:
        finish(job, data, trainer, tune, source)
    if job.processes > 1:
        dist.destroy_process_group()


def finish(job: Job, data: Split, trainer: Trainer, tune: NDArray[np.float32], source: str) -> None:
    """Calibrate on the held-out faces, write the weight file and its metrics."""
    recipe = job.recipe
    labels = data.held_out.labels
    logits = logits_of(trainer.average, tune, trainer.device)
    temperature = calibration.fit_temperature(logits, labels)
    factor, offset = calibration.fit_vector(logits / np.float32(temperature), labels)
    vector = calibration.calibrated(logits, temperature, factor.tolist(), offset.tolist())
    level, slope = calibration.fit_sharpening(vector, labels)
    sharpening = (round(level, 4), round(slope, 4))
    probabilities = calibration.sharpened(vector, *sharpening)
    curve = metrics.risk_coverage(probabilities, labels)
    description = weightfile.Description(
        architecture=recipe.architecture,
        labels=EMOTIONS,
        side=recipe.side,
        temperature=round(temperature, 4),
        factor=tuple(round(v, 4) for v in factor.tolist()),
        offset=tuple(round(v, 4) for v in offset.tolist()),
        sharpening=sharpening,
        unknown_below=metrics.threshold_for_risk(curve, TARGET_RISK, LEAST_COVERAGE),
        min_face=MIN_FACE,
        neutral_profile=tuple(
            round(v, 4) for v in baseline.neutral_profile(probabilities, labels).tolist()
        ),
        trained_on=tuple(data.learn.name.split(" + ")),
    )
    tensors = {
        name: values.float().cpu().numpy()
        for name, values in trainer.average.state_dict().items()
        if values.dtype.is_floating_point
    }
    weightfile.write(job.out / f"{job.name}.safetensors", tensors, description)
    result = {
        "architecture": recipe.architecture,
        "started_from": source,
        "epochs": trainer.epoch,
        "trained_on": list(description.trained_on),
        "recipe": recipe.model_dump(),
        "faces": {
            "learn": np.bincount(data.learn.labels, minlength=len(EMOTIONS)).tolist(),
            "held_out": np.bincount(labels, minlength=len(EMOTIONS)).tolist(),
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
            include={
                "temperature",
                "factor",
                "offset",
                "sharpening",
                "unknown_below",
                "min_face",
            }
        ),
        "risk_coverage": [
            {"threshold": t, "coverage": c, "risk": None if np.isnan(r) else r}
            for t, c, r in zip(
                curve.threshold.tolist(), curve.coverage.tolist(), curve.risk.tolist(), strict=True
            )
        ],
    }
    (job.out / "training.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    report(job, data.held_out, result)


def report(job: Job, held_out: LabelledFaces, training: dict[str, Any]) -> None:
    """Measure the written weights on held-out faces and test sets; write numbers and card."""
    path = job.out / f"{job.name}.safetensors"
    context = BuildContext(threads=job.threads, device=job.device)  # type: ignore[arg-type]
    loaded = classifier.load(path, job.recipe.architecture, ClassifierOptions(), context)
    results = []
    for faces in (replace(held_out, name="held out from training"), *job.tests):
        result, _ = evaluate.evaluate(loaded, faces, job.draws)
        result["robustness"] = evaluate.robustness(loaded, faces, job.robustness, job.recipe.seed)
        results.append(result)
    metrics_text = json.dumps({"training": training, "evaluations": results}, indent=1)
    (job.out / "metrics.json").write_text(metrics_text + "\n", encoding="utf-8")
    text = model_card.card(job.name, training, results)
    (job.out / f"{job.name}.md").write_text(text, encoding="utf-8")


def with_teacher(
    learn: LabelledFaces, recipe: Recipe, teacher: Path | None, device: str
) -> NDArray[np.float32]:
    """The targets: the labels, or their mean with what a trained network answers.

    Labels of FER2013 agree with a panel on about two faces of three, so that a network's considered
    answer is often better than the label (born-again networks, Furlanello et al. 2018).
    """
    hard = np.eye(len(EMOTIONS), dtype=np.float32)[learn.labels]
    if teacher is None:
        return hard
    tensors, description = weightfile.read(teacher)
    network = build_network(description.architecture, len(EMOTIONS))
    state = network.state_dict()
    state.update({name: torch.from_numpy(values) for name, values in tensors.items()})
    network.load_state_dict(state)
    network.to(device)
    inputs = plain_inputs(learn, description.side)
    where = torch.device(device)
    both = (inputs, np.ascontiguousarray(inputs[:, :, :, ::-1]))
    answers = [
        calibration.calibrated(
            logits_of(network, view, where),
            description.temperature,
            description.factor,
            description.offset,
            description.sharpening,
        )
        for view in both
    ]
    soft = np.mean(answers, axis=0)
    return np.asarray((1 - recipe.distil) * hard + recipe.distil * soft, np.float32)


def _spawned(rank: int, job: Job, data: Split, targets: NDArray[np.float32], where: str) -> None:
    run(job, data, targets, rank, where)


def train(job: Job, data: Split, teacher: Path | None) -> None:
    """Train in this process, or in several that share each batch."""
    job.out.mkdir(parents=True, exist_ok=True)
    if not job.resume:
        (job.out / "log.jsonl").unlink(missing_ok=True)
    if job.threads:
        torch.set_num_threads(job.threads)
    targets = with_teacher(data.learn, job.recipe, teacher, job.device)
    if job.processes == 1:
        run(job, data, targets, 0, "")
        return
    from torch.multiprocessing.spawn import start_processes

    # Idle OpenMP threads spin by default, which starves the other processes on a busy machine.
    os.environ.setdefault("OMP_NUM_THREADS", str(job.threads or 1))
    with tempfile.TemporaryDirectory() as folder:
        where = str(Path(folder) / "rendezvous")
        # Forked processes share the faces; a GPU context does not survive a fork.
        how = "fork" if job.device == "cpu" and hasattr(os, "fork") else "spawn"
        start_processes(  # type: ignore[no-untyped-call]
            _spawned, (job, data, targets, where), nprocs=job.processes, start_method=how
        )


def _precision(asked: str, device: str) -> str:
    """``auto``: bfloat16 where the processor computes with it, otherwise float32."""
    if asked != "auto":
        return asked
    if device == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float16"
    supported = bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
    return "bfloat16" if supported else "float32"


def main(
    data: Annotated[list[Path], typer.Option(help="labelled faces: .npz, folder or .csv; repeat")],
    out: Annotated[Path, typer.Option(help="folder for weights, checkpoint, metrics and card")],
    name: Annotated[str, typer.Option(help="name of the weight file")] = "fer",
    also: Annotated[
        list[Path] | None, typer.Option(help="further faces, never held out: noisier labels")
    ] = None,
    also_per_class: Annotated[int, typer.Option(min=0, help="most of each class; 0: all")] = 1500,
    test: Annotated[
        list[Path] | None, typer.Option(help="sets to report on; look-alikes leave the training")
    ] = None,
    architecture: Annotated[str, typer.Option()] = Recipe().architecture,
    epochs: Annotated[int, typer.Option()] = Recipe().epochs,
    batch: Annotated[int, typer.Option()] = Recipe().batch,
    side: Annotated[int, typer.Option(help="of the network's input, pixels")] = Recipe().side,
    first_side: Annotated[int, typer.Option(help="during the first third")] = Recipe().first_side,
    learning_rate: Annotated[float, typer.Option()] = Recipe().learning_rate,
    balance: Annotated[float, typer.Option()] = Recipe().balance,
    mixup: Annotated[float, typer.Option()] = Recipe().mixup,
    smoothing: Annotated[float, typer.Option()] = Recipe().smoothing,
    dropout: Annotated[float, typer.Option()] = Recipe().dropout,
    degradation: Annotated[float, typer.Option()] = Recipe().degradation,
    jitter: Annotated[float, typer.Option(help="scale of the geometric augmentation")] = (
        Recipe().jitter
    ),
    held_out: Annotated[float, typer.Option(help="share kept for tuning")] = Recipe().held_out,
    seed: Annotated[int, typer.Option()] = Recipe().seed,
    start_from: Annotated[
        str,
        typer.Option(
            help="auto: published weights in a pip package; none; their file, or a .safetensors "
            "of this plugin"
        ),
    ] = "auto",
    teacher: Annotated[
        Path | None, typer.Option(help="weight file whose answers soften the labels")
    ] = None,
    device: Annotated[str, typer.Option(help="auto, cpu or cuda")] = "auto",
    precision: Annotated[str, typer.Option(help="auto, float32, bfloat16 or float16")] = "auto",
    threads: Annotated[int, typer.Option(min=0, help="of each process; 0: the library's")] = 0,
    processes: Annotated[int, typer.Option(min=1, help="that share each batch (CPU)")] = 1,
    sync_every: Annotated[
        int, typer.Option(help="steps between averaging of the processes' weights; 1: gradients")
    ] = Recipe().sync_every,
    workers: Annotated[int, typer.Option(min=0, help="loader processes")] = 0,
    resume: Annotated[bool, typer.Option(help="continue from the checkpoint in --out")] = False,
    bootstrap: Annotated[int, typer.Option(min=0, help="resamples of the intervals")] = 1000,
    robustness: Annotated[
        int, typer.Option(min=1, help="faces of the tables by size and degradation")
    ] = 600,
    stop_after: Annotated[float, typer.Option(help="minutes; 0: when the epochs are done")] = 0.0,
) -> None:
    """Train a seven-class expression classifier and report on it honestly."""
    from pydantic import ValidationError

    try:
        chosen = device if device != "auto" else ("cuda" if torch.cuda.is_available() else "cpu")
        recipe = Recipe(
            architecture=architecture, epochs=epochs, batch=batch, side=side, first_side=first_side,
            learning_rate=learning_rate, balance=balance, mixup=mixup, smoothing=smoothing,
            dropout=dropout, degradation=degradation, held_out=held_out, seed=seed,
            sync_every=sync_every, jitter=jitter,
            precision=_precision(precision, chosen),  # type: ignore[arg-type]
        )  # fmt: skip
        build_network(recipe.architecture, len(EMOTIONS))
        sets = [datasets.load(path) for path in data]
        extra = [limited(datasets.load(path), also_per_class, seed) for path in also or []]
        tests = [datasets.load(path) for path in test or []]
        for faces in (*sets, *extra, *tests):
            if faces.excluded:
                typer.echo(
                    f"{faces.name}: left out, unknown labels: {datasets.describe(faces.excluded)}",
                    err=True,
                )
        parts = split(joined(sets), joined(extra) if extra else None, tests, recipe)
        stop = stop_after * 60 if stop_after > 0 else float("inf")
        job = Job(
            recipe, out, name, chosen, threads, processes, workers, start_from, resume, stop,
            tuple(tests), bootstrap, robustness,
        )  # fmt: skip
        train(job, parts, teacher)
    except ValidationError as error:
        first = error.errors()[0]
        typer.echo(f"--{'-'.join(map(str, first['loc']))}: {first['msg']}", err=True)
        raise typer.Exit(EXIT_CANNOT_RUN) from error
    except UserError as error:
        typer.echo(str(error), err=True)
        raise typer.Exit(EXIT_CANNOT_RUN) from error


if __name__ == "__main__":
    typer.run(main)
