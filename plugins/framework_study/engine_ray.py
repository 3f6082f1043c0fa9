"""The engine ``ray``: actors on a cluster, each with its own components.

Tasks carry paths. Ray itself repeats nothing: a task that is lost with its worker or its node comes
back to the study, which counts it and starts it again, as with every engine.
"""

from __future__ import annotations

import importlib
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from framework.errors import ComponentError, ConfigError
from framework_study.layout import Layout
from framework_study.spec import StudyKeys
from framework_study.task import Outcome, Task

LOST = "the worker or its node died"


class Hand:
    """What an actor does: one task after the other."""

    def __init__(self, root: str, memory_gb: float, threads: int) -> None:
        import cv2

        from framework_study.execute import Worker

        cv2.setNumThreads(threads)
        self._worker = Worker(Layout(Path(root)), memory_gb)

    def do(self, values: dict[str, Any]) -> dict[str, Any]:
        """Do a task given as plain data; how it ended, as plain data."""
        outcome = asdict(self._worker.do(Task.of_json(values)))
        del outcome["task"]
        return outcome


class RayEngine:
    """Actors of a Ray cluster: an own one on this machine, or one that runs already.

    Raises:
        ComponentError: Ray is not installed.
        ConfigError: the cluster cannot be reached, or has no processor for a worker.
    """

    def __init__(self, keys: StudyKeys, layout: Layout, threads: int) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is reported to anybody
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        try:
            ray: Any = importlib.import_module("ray")
        except ModuleNotFoundError:
            raise ComponentError(
                "engine ray needs package 'ray', which is not installed; run: pip install "
                "clinical-empathy-framework[ray]"
            ) from None
        self._ray = ray
        self._own = not ray.is_initialized()
        if self._own:
            # An own cluster has exactly the processors that the workers need.
            alone: dict[str, Any] = (
                {} if keys.address else {"num_cpus": (keys.workers or _usable()) * threads}
            )
            try:
                ray.init(
                    address=keys.address or "local",
                    include_dashboard=None if keys.address else False,
                    log_to_driver=False,
                    configure_logging=False,
                    **alone,
                )
            except (ConnectionError, RuntimeError, ValueError) as error:
                raise ConfigError(
                    f"no Ray cluster at {keys.address or 'this machine'}: "
                    f"{' '.join(str(error).split())[:200]}"
                ) from None
        processors = int(ray.cluster_resources().get("CPU", 0)) // max(1, threads)
        if processors < 1:
            raise ConfigError(f"the Ray cluster has no worker with {threads} processors")
        self._workers = min(keys.workers, processors) if keys.workers else processors
        self._make = ray.remote(num_cpus=max(1, threads), max_restarts=0, max_task_retries=0)(Hand)
        self._arguments = (str(layout.root.resolve()), keys.worker_memory_gb, threads)
        self._idle: list[Any] = []
        self._at_work: dict[Any, tuple[Any, Task]] = {}

    @property
    def workers(self) -> int:
        return self._workers

    def start(self, task: Task) -> None:
        actor = self._idle.pop() if self._idle else self._make.remote(*self._arguments)
        self._at_work[actor.do.remote(task.to_json())] = (actor, task)

    def wait(self, timeout_s: float) -> list[Outcome]:
        ready, _ = self._ray.wait(list(self._at_work), num_returns=1, timeout=timeout_s)
        outcomes = []
        for answer in ready:
            actor, task = self._at_work.pop(answer)
            try:
                outcomes.append(Outcome(task=task, **self._ray.get(answer)))
                self._idle.append(actor)
            except self._ray.exceptions.RayTaskError as error:
                cause = " ".join(str(error.cause).split())
                reason = f"{type(error.cause).__name__}: {cause}"
                outcomes.append(Outcome(task, "failed", reason, str(error), again=True))
                self._drop(actor)
            except self._ray.exceptions.RayError as error:
                outcomes.append(Outcome(task, "lost", LOST, str(error), again=True))
                self._drop(actor)
        return outcomes

    def _drop(self, actor: Any) -> None:
        """An actor that died may have left others idle on the same node that died with it."""
        self._ray.kill(actor)
        for other in self._idle:
            self._ray.kill(other)
        self._idle.clear()

    def progress(self) -> dict[str, tuple[int, int | None]]:
        return {task.key: (0, None) for _, task in self._at_work.values()}

    def close(self) -> None:
        for actor in [*self._idle, *(actor for actor, _ in self._at_work.values())]:
            self._ray.kill(actor)
        self._idle.clear()
        self._at_work.clear()
        if self._own:
            self._ray.shutdown()


def _usable() -> int:
    from framework.cpus import usable_cpus

    return usable_cpus()
