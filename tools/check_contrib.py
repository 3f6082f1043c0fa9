"""Build the packages under contrib/ as wheels, install them beside the core, and run their tests.

Everything happens in a fresh environment in a temporary folder. Packages that the running
environment has already (torch, OpenCV, ...) are seen from it and not downloaded again; the core and
the contrib packages themselves are installed from wheels, so that what is tested is what would be
published. Missing requirements come from pip's usual index.

    python tools/check_contrib.py              every package
    python tools/check_contrib.py framework-onnx
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
import time
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CORE = "clinical-empathy-framework"


def run(command: list[str], folder: Path) -> str:
    """Run a command, show what it says when it fails, and return what it printed."""
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    # Python reads these before any .pth file: they would put the source before the wheels.
    for name in ("PYTHONPATH", "FRAMEWORK_PLUGINS"):
        environment.pop(name, None)
    environment["OMP_NUM_THREADS"] = "1"  # two test processes share the processors
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    if done.returncode:
        print(done.stdout[-6000:], done.stderr[-6000:], sep="\n", file=sys.stderr)
        raise SystemExit(f"error: {' '.join(command[:6])} ... ended with {done.returncode}")
    return done.stdout


def fresh_environment(place: Path) -> str:
    """A new environment that sees the running one's packages after its own; its interpreter."""
    venv.create(place, with_pip=True)
    python = place / "bin" / "python"
    version = f"python{sys.version_info[0]}.{sys.version_info[1]}"
    seen = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    # A plain line: .pth files in there, such as those of editable installs, are not followed.
    link = place / "lib" / version / "site-packages" / "outer.pth"
    link.write_text("".join(f"{folder}\n" for folder in sorted(seen)))
    return str(python)


def main(names: list[str]) -> int:
    packages = sorted(path.parent for path in (ROOT / "contrib").glob("*/pyproject.toml"))
    if unknown := sorted(set(names) - {path.name for path in packages}):
        print(f"error: no package {unknown[0]} under contrib/", file=sys.stderr)
        return 2
    chosen = [path for path in packages if not names or path.name in names]
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="contrib-") as folder:
        place = Path(folder)
        python = fresh_environment(place / "env")
        pip = [python, "-m", "pip", "--quiet", "--disable-pip-version-check"]
        wheels = place / "wheels"
        # One at a time and from a copy, so that no build folder is left in the source.
        for source in (ROOT, *chosen):
            run([*pip, "wheel", "--no-deps", "-w", str(wheels), str(copied(source, place))], place)
        built = {path.name.split("-")[0].replace("_", "-"): path for path in wheels.glob("*.whl")}
        core = str(built.pop(CORE))
        # Installed even though the running environment has it too: the source must not be used.
        own = [core, *map(str, built.values())]
        run([*pip, "install", "--no-deps", "--force-reinstall", *own], place)
        requirements = ["pytest>=8", "pytest-xdist>=3.6", "onnx>=1.16", *map(str, built.values())]
        run([*pip, "install", *requirements], place)
        where = run([python, "-c", "import framework; print(framework.__file__)"], place).strip()
        if not where.startswith(str(place)):
            print(f"error: the core is imported from {where}, not from its wheel", file=sys.stderr)
            return 1
        listing = json.loads(run([python, "-m", "framework.cli.main", "plugins", "--json"], place))
        for problem in listing["problems"]:
            print(f"error: {problem['distribution']}: {problem['error']}", file=sys.stderr)
        if listing["problems"]:
            return 1
        # Its templates are data, which a wheel can lose.
        run([python, "-m", "framework.cli.main", "plugin", "new", "from-wheel"], place)
        options = ["-n", "2", "-p", "no:cacheprovider", "--import-mode=importlib"]
        tests = [str(path / "tests") for path in chosen]
        out = run([python, "-m", "pytest", *options, *tests], place)
        print((out.strip().splitlines() or [""])[-1])
    print(f"{len(chosen)} packages in {time.monotonic() - start:.0f} s")
    return 0


def copied(source: Path, place: Path) -> Path:
    """A copy of what a wheel is built from, without anything that was built or downloaded."""
    if source != ROOT:
        target = place / "source" / source.name
        ignored = shutil.ignore_patterns("build", "*.egg-info", "__pycache__", ".*")
        shutil.copytree(source, target, ignore=ignored)
        return target
    target = place / "source" / CORE
    target.mkdir(parents=True)
    ignored = shutil.ignore_patterns("*.egg-info", "__pycache__", ".*_cache")
    for name in ("framework", "plugins"):
        shutil.copytree(source / name, target / name, ignore=ignored)
    for name in ("pyproject.toml", "README.md", "LICENSE", "NOTICE.md"):
        shutil.copy(source / name, target / name)
    return target


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
