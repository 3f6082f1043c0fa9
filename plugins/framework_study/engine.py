"""What every engine does: it takes tasks, works on some at once, and says how each ended."""

from __future__ import annotations

from typing import Protocol

from framework_study.layout import Layout
from framework_study.spec import StudyKeys
from framework_study.task import Outcome, Task


class Engine(Protocol):
    """Where the work is done. Tasks carry paths, never pixels; results lie in the store.

    A task that is repeated does no harm: what it leaves is found by its key.
    """

    @property
    def workers(self) -> int:
        """How many tasks are worked on at once."""
        ...

    def start(self, task: Task) -> None:
        """Begin a task. Called only while fewer than :attr:`workers` are at work."""
        ...

    def wait(self, timeout_s: float) -> list[Outcome]:
        """The tasks that ended, after at most ``timeout_s`` without one."""
        ...

    def progress(self) -> dict[str, tuple[int, int | None]]:
        """For each task at work, by key: frames done, and frames in all where that is known."""
        ...

    def close(self) -> None:
        """End every worker, whatever it is doing."""
        ...


def make_engine(keys: StudyKeys, layout: Layout, threads: int) -> Engine:
    """The engine that study.yaml or ``--engine`` names.

    Args:
        threads: of each worker.

    Raises:
        UserError: it is not installed, or cannot be reached.
    """
    if keys.engine == "ray":
        from framework_study.engine_ray import RayEngine

        return RayEngine(keys, layout, threads)
    if keys.engine == "slurm":
        from framework_study.engine_slurm import SlurmEngine

        return SlurmEngine(keys, layout, threads)
    from framework_study.engine_local import LocalEngine

    return LocalEngine(keys, layout, threads)
