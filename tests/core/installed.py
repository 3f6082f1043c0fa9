"""Makes packages that look installed, and environments in which packages are installed."""

from __future__ import annotations

import base64
import hashlib
import subprocess
import sys
import venv
import zipfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]


def install(
    site: Path,
    distribution: str,
    source: str,
    *,
    version: str = "1.0",
    entry: str | None = None,
) -> None:
    """Put a one-module distribution with a ``framework.plugins`` entry point into ``site``.

    Args:
        site: a folder on ``sys.path``.
        distribution: its name; the module is the same with underscores.
        source: text of the module.
        entry: name of the entry point; the distribution's name if None.
    """
    module = distribution.replace("-", "_")
    (site / f"{module}.py").write_text(source, encoding="utf-8")
    info = site / f"{module}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n", encoding="utf-8"
    )
    (info / "entry_points.txt").write_text(
        f"[framework.plugins]\n{entry or distribution} = {module}\n", encoding="utf-8"
    )


def make_wheel(folder: Path, distribution: str, source: str, version: str = "1.0") -> Path:
    """Write the wheel of a one-module distribution with a ``framework.plugins`` entry point."""
    module = distribution.replace("-", "_")
    info = f"{module}-{version}.dist-info"
    files = {
        f"{module}.py": source,
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\n"
        "Tag: py3-none-any\n",
        f"{info}/entry_points.txt": f"[framework.plugins]\n{distribution} = {module}\n",
    }
    record = "".join(f"{name},{_hash(text)},{len(text)}\n" for name, text in files.items())
    path = folder / f"{module}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for name, text in {**files, f"{info}/RECORD": f"{record}{info}/RECORD,,\n"}.items():
            wheel.writestr(name, text)
    return path


def _hash(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return "sha256=" + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def make_environment(root: Path, wheels: Sequence[Path]) -> Path:
    """A new environment in which pip installed the wheels; its interpreter.

    It sees the packages of this one and the source of the framework, so that nothing is downloaded.
    """
    venv.create(root / "env", with_pip=False)
    libraries = root / "env" / "lib" / f"python{sys.version_info[0]}.{sys.version_info[1]}"
    packages = libraries / "site-packages"
    outer = [place for place in sys.path if place.endswith("site-packages")]
    research = ROOT / "contrib" / "framework-weights-research" / "src"
    seen = [ROOT, ROOT / "plugins", research, *outer]
    (packages / "shared.pth").write_text("".join(f"{place}\n" for place in seen))
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    options = ["--no-deps", "--no-index", "--target", str(packages)]
    done = subprocess.run(
        [*pip, "install", *options, *map(str, wheels)], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return root / "env" / "bin" / "python"
