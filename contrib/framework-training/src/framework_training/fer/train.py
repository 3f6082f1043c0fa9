"""``python -m framework_training.fer.train``: labelled faces in; weights, metrics, card out."""

from __future__ import annotations

import json
import os
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
import torch.distributed as dist
import typer
from framework_fer import calibration, votes, weightfile
from framework_fer.networks import build_network
from framework_fer.votes import HEADS, OTHER, OUTPUTS
from numpy.typing import NDArray

from framework.errors import EXIT_CANNOT_RUN, UserError
from framework.types import EMOTIONS
from framework_training.fer import initial, metrics
from framework_training.fer.augment import Augmentation
from framework_training.fer.batches import TrainingBatches
from framework_training.fer.datasets import LabelledFaces
from framework_training.fer.division import Split, divided, plain_inputs
from framework_training.fer.finish import Report, finish
from framework_training.fer.loop import Trainer, logits_of
from framework_training.fer.recipe import Recipe


@dataclass(frozen=True)
class Job:
    """Everything one training process needs, besides the faces."""

    recipe: Recipe
    report: Report
    device: str
    processes: int
    workers: int
    initial: str
    resume: bool
    stop_after_s: float
    calibrate: LabelledFaces | None = None

    @property
    def out(self) -> Path:
        """Folder for checkpoint and log."""
        return self.report.out

    @property
    def threads(self) -> int:
        """Of each process; 0 is the library's choice."""
        return self.report.threads


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
    network = build_network(recipe.architecture, recipe.dropout)
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
    movements = targets.shape[1] - OUTPUTS
    trainer = Trainer(network, recipe, device, job.out, rank, job.processes, movements)
    if job.resume:
        trainer.resume()
    judged = data.held_out.take(np.flatnonzero(data.held_out.labels < OTHER))
    tune = plain_inputs(judged, recipe.side)
    began = time.monotonic()

    def after_epoch(epoch: int, loss: float) -> None:
        p = calibration.softmax(logits_of(trainer.average, tune, device)[:, : len(EMOTIONS)])
        line = {
            "epoch": epoch,
            "loss": round(loss, 4),
            "held_out_accuracy": round(metrics.accuracy(p, judged.labels), 4),
            "held_out_uar": round(metrics.unweighted_average_recall(p, judged.labels), 4),
            "seconds": round(time.monotonic() - began, 1),
        }
        with (job.out / "log.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        typer.echo(json.dumps(line))

    trainer.fit(batches, after_epoch, job.workers, job.stop_after_s)
    if rank == 0:
        if job.calibrate is not None:
            data = replace(data, held_out=job.calibrate)
        finish(
            job.report, data, trainer.average, device, recipe.architecture, recipe.side,
            {"started_from": source, "epochs": trainer.epoch, "recipe": recipe.model_dump()},
            cross=job.calibrate is not None,
        )  # fmt: skip
    if job.processes > 1:
        dist.destroy_process_group()


def with_teacher(
    learn: LabelledFaces, recipe: Recipe, teacher: Path | None, device: str
) -> NDArray[np.float32]:
    """The targets: the labels, or their mean with what a trained network answers.

    Ten votes are a small sample, so that a network's considered answer is often better than they
    are (born-again networks, Furlanello et al. 2018).
    """
    wanted = votes.targets(learn.labels, learn.votes, learn.original, recipe.second_head)
    if teacher is None:
        return wanted
    tensors, description = weightfile.read(teacher)
    network = build_network(description.architecture)
    state = network.state_dict()
    state.update({name: torch.from_numpy(values) for name, values in tensors.items()})
    network.load_state_dict(state)
    network.to(device)
    inputs = plain_inputs(learn, description.side)
    where = torch.device(device)
    # A pair looks at the mirror image itself.
    views = [inputs]
    if description.architecture != "face-resnet29-pair":
        views.append(np.ascontiguousarray(inputs[:, :, :, ::-1]))
    logits = [logits_of(network, view, where) for view in views]
    for head in HEADS:
        soft = np.mean([calibration.softmax(rows[:, head]) for rows in logits], axis=0)
        mass = wanted[:, head].sum(axis=1, keepdims=True)
        wanted[:, head] = (1 - recipe.distil) * wanted[:, head] + recipe.distil * mass * soft
    return wanted


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
    if data.learn.scores is not None and job.recipe.movements > 0:
        targets = np.concatenate([targets, data.learn.scores], axis=1)
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
    calibrate: Annotated[
        Path | None, typer.Option(help="set to calibrate and report on instead of held-out faces")
    ] = None,
    architecture: Annotated[str, typer.Option()] = Recipe().architecture,
    epochs: Annotated[int, typer.Option()] = Recipe().epochs,
    batch: Annotated[int, typer.Option()] = Recipe().batch,
    side: Annotated[int, typer.Option(help="of the network's input, pixels")] = Recipe().side,
    first_side: Annotated[int, typer.Option(help="during the first epochs")] = (
        Recipe().first_side
    ),
    first_share: Annotated[float, typer.Option(help="share of the epochs with it")] = (
        Recipe().first_share
    ),
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
    split_seed: Annotated[
        int | None, typer.Option(help="of the held-out faces; without it the seed")
    ] = None,
    weight_decay: Annotated[float, typer.Option()] = Recipe().weight_decay,
    distil: Annotated[float, typer.Option(help="weight of the teacher's answers")] = (
        Recipe().distil
    ),
    second_head: Annotated[float, typer.Option(help="weight of the loss on FER2013's labels")] = (
        Recipe().second_head
    ),
    movements: Annotated[float, typer.Option(help="weight of the scores of facial movements")] = (
        Recipe().movements
    ),
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
            first_share=first_share,
            learning_rate=learning_rate, balance=balance, mixup=mixup, smoothing=smoothing,
            dropout=dropout, degradation=degradation, held_out=held_out, seed=seed,
            sync_every=sync_every, jitter=jitter, split_seed=split_seed,
            weight_decay=weight_decay, distil=distil, movements=movements,
            second_head=second_head,
            precision=_precision(precision, chosen),  # type: ignore[arg-type]
        )  # fmt: skip
        build_network(recipe.architecture)
        unseen = [*(test or []), *([calibrate] if calibrate else [])]
        parts, tests = divided(data, also or [], unseen, also_per_class, recipe)
        apart = tests[-1] if calibrate else None
        tests = tests[:-1] if calibrate else tests
        stop = stop_after * 60 if stop_after > 0 else float("inf")
        report = Report(
            out, name, chosen, threads, tuple(tests), bootstrap, robustness, recipe.division
        )
        job = Job(recipe, report, chosen, processes, workers, start_from, resume, stop, apart)
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
