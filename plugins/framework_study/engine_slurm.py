"""The engine ``slurm``: job arrays on a cluster of a university or hospital, through submitit.

Whatever can be done now is sent as one job array; its jobs do one task each. Their folder is
``state/slurm``.
"""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from framework.errors import ComponentError, ConfigError
from framework_study.layout import Layout
from framework_study.spec import StudyKeys
from framework_study.task import Outcome, Task

WORKERS = 100
"""Jobs at once, unless study.yaml says otherwise."""
MINUTES = 240
"""How long a job may take, unless study.yaml says otherwise."""
LOOK_S = 0.2


def do_task(root: str, memory_gb: float, threads: int, values: dict[str, Any]) -> dict[str, Any]:
    """What a job does: one task, given and answered as plain data."""
    import cv2

    from framework_study.execute import Worker

    cv2.setNumThreads(threads)
    outcome = asdict(Worker(Layout(Path(root)), memory_gb).do(Task.of_json(values)))
    del outcome["task"]
    return outcome


def make_executor(keys: StudyKeys, layout: Layout, threads: int) -> Any:
    """submitit's executor with the study's settings.

    Raises:
        ComponentError: submitit is not installed.
        ConfigError: this is no node of a Slurm cluster, or it does not know an option.
    """
    try:
        import submitit
    except ModuleNotFoundError:
        raise ComponentError(
            "engine slurm needs package 'submitit', which is not installed; run: pip install "
            "clinical-empathy-framework[slurm]"
        ) from None
    options: dict[str, Any] = dict(keys.slurm)
    cluster = str(options.pop("cluster", "slurm"))
    settings: dict[str, Any] = {
        "name": "framework-study",
        "timeout_min": MINUTES,
        "mem_gb": keys.worker_memory_gb,
        "cpus_per_task": max(1, threads),
    }
    if cluster == "slurm":
        settings["slurm_array_parallelism"] = keys.workers or WORKERS
        settings["slurm_setup"] = [
            "export OPENBLAS_NUM_THREADS=1",
            f"export OMP_NUM_THREADS={max(1, threads)}",
        ]
    try:
        executor = submitit.AutoExecutor(folder=layout.state / "slurm", cluster=cluster)
        executor.update_parameters(**settings | options)
    except (RuntimeError, NameError, TypeError, ValueError, AssertionError) as error:
        raise ConfigError(f"engine slurm: {' '.join(str(error).split())[:300]}") from None
    return executor


class SlurmEngine:
    """Job arrays, one job a task."""

    def __init__(self, keys: StudyKeys, layout: Layout, threads: int) -> None:
        self._executor = make_executor(keys, layout, threads)
        self._arguments = (str(layout.root.resolve()), keys.worker_memory_gb, threads)
        self._workers = keys.workers or WORKERS
        self._ready: list[Task] = []
        self._jobs: list[tuple[Any, Task]] = []

    @property
    def workers(self) -> int:
        return self._workers

    def start(self, task: Task) -> None:
        self._ready.append(task)

    def wait(self, timeout_s: float) -> list[Outcome]:
        self._send()
        end = time.monotonic() + timeout_s
        while not (done := [pair for pair in self._jobs if pair[0].done()]):
            if time.monotonic() >= end:
                return []
            time.sleep(min(LOOK_S, timeout_s))
        self._jobs = [pair for pair in self._jobs if pair not in done]
        return [self._outcome(job, task) for job, task in done]

    def _send(self) -> None:
        """Send what is ready as one job array."""
        tasks, self._ready = self._ready, []
        if tasks:
            with self._executor.batch():
                jobs = [
                    self._executor.submit(do_task, *self._arguments, task.to_json())
                    for task in tasks
                ]
            self._jobs += list(zip(jobs, tasks, strict=True))

    def _outcome(self, job: Any, task: Task) -> Outcome:
        try:
            return Outcome(task=task, **job.result())
        except Exception as error:  # the job died, was cancelled, or ran out of time or memory
            reason = f"job {job.job_id} ended without a result ({job.state.lower()})"
            return Outcome(task, "lost", reason, str(error), again=True)

    def progress(self) -> dict[str, tuple[int, int | None]]:
        return {task.key: (0, None) for _, task in self._jobs}

    def close(self) -> None:
        for job, _ in self._jobs:
            job.cancel(check=False)
        self._jobs.clear()
