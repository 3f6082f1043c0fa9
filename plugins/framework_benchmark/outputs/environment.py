"""Where figures were made: versions, processor, threads; and how to make them again."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from framework.cpus import usable_cpus
from framework.manifest import PACKAGES
from framework_benchmark.config import BenchmarkConfig, MethodConfig


def environment(threads: int) -> dict[str, Any]:
    """Plain values; no host, user or path."""
    packages = {}
    for name in ("clinical-empathy-framework", *PACKAGES):
        try:
            packages[name] = version(name)
        except PackageNotFoundError:
            continue
    return {
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "processor": _processor(),
        "threads": threads or usable_cpus(),
        "packages": packages,
    }


def command(config: BenchmarkConfig) -> str:
    """The command that repeats a benchmark. The folder of the data is left for the reader to put
    in: a path can name a person or a study."""
    form, colon, rest = config.data.partition(":")
    data = config.data if form == "synthetic" else form + (":DATA" if colon and rest else "")
    default = BenchmarkConfig.model_validate({})
    parts = ["framework benchmark", f"--data {data}", f"--anonymizers {_methods(config)}"]
    if config.recognizers:
        parts.append(f"--recognizers {','.join(config.recognizers)}")
    if config.fer:
        parts.append(f"--fer {','.join(config.fer)}")
    for name in ("persons", "fit", "probes", "frames", "few", "resamples", "seed"):
        value = getattr(config, name)
        if value != getattr(default, name):
            parts.append(f"--{name} {value}")
    if config.attacks != default.attacks:
        parts.append(f"--attacks {','.join(config.attacks)}")
    parts += [
        f"-o {group}.{key}={value}"
        for group, values in sorted(config.options.items())
        for key, value in sorted(values.items())
        if not _is_path(value)
    ]
    return " ".join([*parts, "--out OUT"])


def _methods(config: BenchmarkConfig) -> str:
    def one(method: MethodConfig) -> str:
        return method.name + ("(...)" if method.options else "")

    return ",".join(one(m) for m in config.anonymizers)


def _is_path(value: object) -> bool:
    return isinstance(value, str) and (os.sep in value or Path(value).suffix != "")


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except (OSError, UnicodeDecodeError):
        pass
    return platform.processor() or platform.machine()
