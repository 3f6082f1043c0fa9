"""The engines for clusters: the same bytes as on one machine, also when workers and nodes die."""

from __future__ import annotations

import re
import shutil
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from framework_study.engine_slurm import make_executor
from framework_study.layout import Layout
from framework_study.run import run_study
from framework_study.spec import load_config

from framework.errors import ConfigError
from tests.study.conftest import contents

FAKE = {"anonymizer": "fill", "detector": "square", "fer": "happy"}
GOLDEN = Path(__file__).parent / "golden.sbatch"


def test_slurm_engine_with_submitits_local_executor_gives_the_same_bytes(
    study: Path, work: Callable[..., Any], parts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("submitit")
    monkeypatch.setenv("PYTHONPATH", str(parts))
    with (study / "study.yaml").open("a") as handle:
        handle.write("slurm: {cluster: local, timeout_min: 5}\n")
    result = run_study(study, engine="slurm", only=["enc-002"], **FAKE)
    assert result.passed, result.reasons
    by_jobs = contents(study / "results")
    shutil.rmtree(study / "results")
    shutil.rmtree(study / "state" / "store")
    work(study, only=["enc-002"])
    assert contents(study / "results") == by_jobs


def test_sbatch_script_is_the_one_that_was_looked_at(
    study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    submitit = pytest.importorskip("submitit")
    monkeypatch.setattr(submitit.SlurmExecutor, "affinity", classmethod(lambda cls: 2))
    monkeypatch.setattr("shutil.which", lambda name, *more: f"/usr/bin/{name}")
    with (study / "study.yaml").open("a") as handle:
        handle.write("slurm: {slurm_partition: cpu, slurm_account: lab, timeout_min: 90}\n")
    keys = load_config(study / "study.yaml", engine="slurm", workers=50).keys
    executor = make_executor(keys, Layout(study), threads=2)
    script = executor._executor._make_submission_file_text("COMMAND", "UID")
    script = script.replace(str(study.resolve()), "STUDY").replace(str(study), "STUDY")
    assert script == GOLDEN.read_text()


def test_slurm_engine_without_a_cluster_or_with_an_unknown_option_says_so(study: Path) -> None:
    pytest.importorskip("submitit")
    keys = load_config(study / "study.yaml", engine="slurm").keys
    if shutil.which("srun") is None:
        with pytest.raises(ConfigError, match="engine slurm"):
            make_executor(keys, Layout(study), threads=1)
    wrong = keys.model_copy(update={"slurm": {"cluster": "local", "slurm_partitoin": "x"}})
    with pytest.raises(ConfigError, match="slurm_partitoin"):
        make_executor(wrong, Layout(study), threads=1)


@pytest.mark.skipif(sys.platform == "win32", reason="Ray's test cluster needs POSIX")
def test_ray_cluster_of_two_nodes_that_loses_a_worker_and_a_node_gives_the_same_bytes(
    study: Path, work: Callable[..., Any], parts: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ray = pytest.importorskip("ray")
    monkeypatch.setenv("PYTHONPATH", str(parts))  # the nodes' workers must find the components
    from ray.cluster_utils import Cluster

    cluster = Cluster(
        initialize_head=True,
        head_node_args={"num_cpus": 1, "include_dashboard": False, "object_store_memory": 10**8},
    )
    second = cluster.add_node(num_cpus=1, object_store_memory=10**8)
    ray.init(address=cluster.address, log_to_driver=False)
    try:
        stop = threading.Event()

        def saboteur() -> None:
            import psutil

            store = study / "state" / "store"
            while not stop.is_set() and len(list(store.glob("*/*/done.json"))) < 2:
                time.sleep(0.05)
            for process in psutil.process_iter(["cmdline"]):
                if re.match(r"ray::Hand", " ".join(process.info["cmdline"] or [])):
                    process.kill()
                    break
            while not stop.is_set() and len(list(store.glob("*/*/done.json"))) < 4:
                time.sleep(0.05)
            cluster.remove_node(second, allow_graceful=False)

        thread = threading.Thread(target=saboteur)
        thread.start()
        result = run_study(study, engine="ray", **FAKE)
        if not result.passed:  # both blows may have hit the same task, which is then set aside
            result = run_study(study, engine="ray", again=True, **FAKE)
        stop.set()
        thread.join()
    finally:
        ray.shutdown()
        cluster.shutdown()
    assert result.passed, result.reasons
    by_ray = contents(study / "results")
    shutil.rmtree(study / "results")
    shutil.rmtree(study / "state" / "store")
    work(study)
    assert contents(study / "results") == by_ray
