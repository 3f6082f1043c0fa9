"""``python -m framework_study.worker``: a worker of the local engine.

Tasks come in as lines of JSON on standard input, and answers leave on what was standard output when
the process began. Whatever components print goes to standard error, and so into the worker's log.
When standard input ends, the run that started this worker is gone, and the worker ends at once.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

REPORT_S = 0.5


def main(folder: str, memory_gb: float, threads: int) -> None:
    """Work until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the run itself decides what an interrupt means
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    tasks: queue.Queue[dict[str, Any]] = queue.Queue()
    threading.Thread(target=_listen, args=(tasks,), name="tasks", daemon=True).start()

    def answer(kind: str, **values: Any) -> None:
        try:
            answers.write(json.dumps({"kind": kind, **values}) + "\n")
            answers.flush()
        except BrokenPipeError:
            os._exit(0)

    import cv2

    from framework_study.execute import Worker
    from framework_study.layout import Layout
    from framework_study.task import Task

    cv2.setNumThreads(threads)
    worker = Worker(Layout(Path(folder)), memory_gb)
    answer("ready")
    while True:
        task = Task.of_json(tasks.get())
        told = [0.0]

        def report(
            done: int, total: int | None, task: Task = task, told: list[float] = told
        ) -> None:
            if time.monotonic() - told[0] >= REPORT_S:
                told[0] = time.monotonic()
                answer("progress", key=task.key, done=done, total=total)

        outcome = asdict(worker.do(task, report))
        outcome["task"] = task.key
        answer("outcome", outcome=outcome)


def _listen(tasks: queue.Queue[dict[str, Any]]) -> None:
    for line in sys.stdin:
        tasks.put(json.loads(line))
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]), int(sys.argv[3]))
