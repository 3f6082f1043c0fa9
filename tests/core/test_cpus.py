from __future__ import annotations

import os

import pytest

from framework.config import RunConfig
from framework.cpus import usable_cpus
from framework.pipeline.components import Components
from framework.registry import Registry


def test_a_run_starts_where_the_system_knows_no_affinity(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on macOS and Windows."""
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 3)
    assert usable_cpus() == 3
    config = RunConfig(anonymizer="mask", fer="none", recommender="none")
    assert Components(config, Registry.load()).threads == 3
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert usable_cpus() == 1


def test_a_container_is_asked_how_much_it_grants(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {3, 5}, raising=False)
    assert usable_cpus() == 2
