"""The command line keeps linear algebra on one thread unless it is told otherwise."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

PROBE = """
import json, sys
import framework.cli.main as command
command._one_thread_for_blas()
import numpy, scipy.linalg
from threadpoolctl import threadpool_info
found = [(i["user_api"], i["num_threads"]) for i in threadpool_info()]
print(json.dumps([n for api, n in found if api == "blas"]))
"""


def blas_threads(**changed: str) -> list[int]:
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")
    environment = {k: v for k, v in os.environ.items() if k not in names} | changed
    done = subprocess.run(
        [sys.executable, "-c", PROBE], env=environment, capture_output=True, text=True, check=True
    )
    return list(json.loads(done.stdout))


def test_one_thread() -> None:
    assert set(blas_threads()) <= {1}


def test_the_environment_decides() -> None:
    given = blas_threads(OPENBLAS_NUM_THREADS="2")
    if not given:
        pytest.skip("NumPy's linear algebra is not one that can be asked")
    assert max(given) == min(2, os.cpu_count() or 1)
