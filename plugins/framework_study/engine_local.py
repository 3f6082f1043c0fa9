"""The engine ``local``: processes on this machine, without a service."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from typing import Any

import psutil

from framework.cpus import usable_cpus
from framework.errors import ConfigError
from framework_study.execute import GIGABYTE, OVER_MEMORY
from framework_study.layout import Layout
from framework_study.spec import StudyKeys
from framework_study.task import Outcome, Task

END_S = 10.0
"""How long a worker may take to go."""


@dataclass
class _Child:
    process: subprocess.Popen[str]
    task: Task | None = None
    at: tuple[int, int | None] = (0, None)
    ended: bool = field(default=False)


class LocalEngine:
    """Worker processes, started when there is work and replaced when they die.

    Raises:
        ConfigError: there is too little memory for one worker.
    """

    def __init__(self, keys: StudyKeys, layout: Layout, threads: int) -> None:
        self._layout, self._threads = layout, threads
        self._memory_gb = keys.worker_memory_gb
        self._workers = _affordable(keys, threads)
        self._children: list[_Child] = []
        self._answers: queue.Queue[tuple[_Child, dict[str, Any] | None]] = queue.Queue()

    @property
    def workers(self) -> int:
        return self._workers

    def start(self, task: Task) -> None:
        child = next((c for c in self._children if c.task is None and not c.ended), None)
        child = child or self._born()
        child.task, child.at = task, (0, None)
        try:
            assert child.process.stdin is not None
            child.process.stdin.write(json.dumps(task.to_json()) + "\n")
            child.process.stdin.flush()
        except OSError:
            pass  # it has died; its reader says so

    def _born(self) -> _Child:
        layout = self._layout
        layout.logs.mkdir(parents=True, exist_ok=True)
        number = len(self._children) + 1
        environment = os.environ | {"PYTHONUNBUFFERED": "1"}
        # Matrices are small here, and many workers share the cores.
        environment.setdefault("OPENBLAS_NUM_THREADS", "1")
        environment.setdefault("OMP_NUM_THREADS", str(self._threads))
        with (layout.logs / f"worker-{number}.log").open("a", encoding="utf-8") as log:
            process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "framework_study.worker",
                    str(layout.root),
                    str(self._memory_gb),
                    str(self._threads),
                ],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                encoding="utf-8",
                env=environment,
            )
        child = _Child(process)
        self._children.append(child)
        threading.Thread(target=self._listen, args=(child,), daemon=True).start()
        return child

    def _listen(self, child: _Child) -> None:
        assert child.process.stdout is not None
        for line in child.process.stdout:
            self._answers.put((child, json.loads(line)))
        child.process.wait()
        self._answers.put((child, None))

    def wait(self, timeout_s: float) -> list[Outcome]:
        outcomes: list[Outcome] = []
        try:
            self._take(*self._answers.get(timeout=timeout_s), outcomes)
            while True:
                self._take(*self._answers.get_nowait(), outcomes)
        except queue.Empty:
            return outcomes

    def _take(self, child: _Child, answer: dict[str, Any] | None, outcomes: list[Outcome]) -> None:
        task = child.task
        if answer is None:
            child.ended = True
            self._children.remove(child)
            if task is not None:
                child.task = None
                outcomes.append(_lost(task, child.process.returncode, self._memory_gb))
        elif task is not None and answer["kind"] == "progress" and answer["key"] == task.key:
            child.at = (answer["done"], answer["total"])
        elif task is not None and answer["kind"] == "outcome":
            child.task = None
            outcomes.append(Outcome(**{**answer["outcome"], "task": task}))

    def progress(self) -> dict[str, tuple[int, int | None]]:
        return {c.task.key: c.at for c in self._children if c.task is not None}

    def close(self) -> None:
        for child in self._children:
            child.process.kill()
        for child in self._children:
            child.process.wait(END_S)


def _lost(task: Task, status: int, memory_gb: float) -> Outcome:
    if status == OVER_MEMORY:
        reason = (
            f"the worker took more than {memory_gb:g} GB of memory and was ended; raise "
            "worker_memory_gb in study.yaml"
        )
        return Outcome(task, "memory", reason, again=True)
    how = f"signal {-status}" if status < 0 else f"status {status}"
    return Outcome(task, "lost", f"the worker died ({how})", again=True)


def _affordable(keys: StudyKeys, threads: int) -> int:
    """Workers at once: what was asked for, or as many as cores and memory allow."""
    free_gb = psutil.virtual_memory().available / GIGABYTE
    by_memory = int(free_gb / keys.worker_memory_gb)
    if keys.workers:
        if keys.workers * keys.worker_memory_gb > psutil.virtual_memory().total / GIGABYTE:
            raise ConfigError(
                f"{keys.workers} workers with {keys.worker_memory_gb:g} GB each need more memory "
                f"than this machine has; use fewer (--workers), or lower worker_memory_gb"
            )
        return keys.workers
    if by_memory < 1:
        raise ConfigError(
            f"{free_gb:.1f} GB of memory are free, and a worker may take {keys.worker_memory_gb:g} "
            "GB; close other programs, or lower worker_memory_gb in study.yaml"
        )
    return max(1, min(by_memory, usable_cpus() // max(1, threads)))
