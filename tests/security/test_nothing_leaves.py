"""Nothing leaves the machine: no socket, no name look-up, no file outside the output folder."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GUARD = """
import sys
def guard(event, arguments):
    if event.startswith("socket.") and event not in ("socket.gethostname",):
        print("SOCKET", event, arguments, file=sys.stderr)
sys.addaudithook(guard)
"""


def portrait(folder: Path) -> Path:
    """A picture of nobody, which ships."""
    data = (resources.files("framework_fomm.donors") / "embedded" / "donor-01.png").read_bytes()
    (folder / "visit.png").write_bytes(data)
    return folder / "visit.png"


def without_network() -> list[str]:
    """The command that takes the network away, where this machine allows it."""
    command = ["unshare", "--user", "--map-root-user", "--net"]
    if shutil.which("unshare") is None:
        return []
    tried = subprocess.run([*command, "true"], capture_output=True, check=False)
    return command if tried.returncode == 0 else []


def traced(log: Path) -> list[str]:
    """The command that writes down sockets opened by compiled code, where it is installed."""
    if shutil.which("strace") is None:
        return []
    tried = subprocess.run(["strace", "-o", os.devnull, "true"], capture_output=True, check=False)
    command = ["strace", "-f", "-o", str(log), "-e", "trace=socket,connect"]
    return command if tried.returncode == 0 else []


class Machine:
    """A fresh home and temporary folder, and a program that looks for what is left in them."""

    def __init__(self, folder: Path) -> None:
        self.home, self.temporary, self.guard = (
            folder / name for name in ("home", "temporary", "guard")
        )
        for path in (self.home, self.temporary, self.guard):
            path.mkdir()
        (self.guard / "sitecustomize.py").write_text(GUARD)
        self.log = folder / "sockets.txt"

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        kept = ("PATH", "LANG", "LD_LIBRARY_PATH", "VIRTUAL_ENV")
        surroundings = {name: os.environ[name] for name in kept if name in os.environ}
        surroundings |= {
            "HOME": str(self.home),
            "TMPDIR": str(self.temporary),
            "PYTHONPATH": os.pathsep.join([str(self.guard), str(ROOT)]),
            "PYTHONDONTWRITEBYTECODE": "1",
            "OPENBLAS_NUM_THREADS": "1",
        }
        return subprocess.run(
            [*traced(self.log), *without_network(), sys.executable, *command],
            capture_output=True,
            text=True,
            check=False,
            cwd=self.temporary,
            env=surroundings | environment,
        )

    def left(self) -> list[str]:
        """Files and folders that appeared in the home or the temporary folder."""
        return [str(p) for folder in (self.home, self.temporary) for p in folder.rglob("*")]

    def sockets(self) -> str:
        """Calls of compiled code for a socket other than one inside this machine."""
        if not self.log.exists():
            return ""
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join(
            line
            for line in lines
            if "(" in line and "AF_UNIX" not in line and ("socket(" in line or "connect(" in line)
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def test_the_main_job_opens_no_socket_and_writes_only_its_output(
    machine: Machine, tmp_path: Path
) -> None:
    source, out = portrait(tmp_path), tmp_path / "out"
    done = machine.run("-m", "framework", "run", str(source), "--out", str(out), "--quiet")
    assert done.returncode == 0, done.stderr
    assert (out / "audit.json").is_file()
    assert "SOCKET" not in done.stderr
    assert machine.sockets() == ""
    assert machine.left() == []


def test_doctor_opens_no_socket_and_writes_nothing(machine: Machine) -> None:
    done = machine.run("-m", "framework", "doctor")
    assert done.returncode == 0, done.stderr
    assert "SOCKET" not in done.stderr
    assert machine.sockets() == ""
    assert machine.left() == []


def test_the_guards_of_this_file_see_a_socket_and_a_file(machine: Machine) -> None:
    code = "import socket, pathlib; socket.socket(); (pathlib.Path.home() / 'x').write_text('')"
    done = machine.run("-c", code)
    assert "SOCKET" in done.stderr
    assert len(machine.left()) == 1
    if traced(machine.log):
        assert "socket(" in machine.sockets()


LIBRARY_USE = """
import os, framework
import onnxruntime
from framework import Registry
Registry.load()
print(os.environ["ORT_DISABLE_TELEMETRY"])
"""


def test_use_as_a_library_leaves_no_device_identifier(machine: Machine) -> None:
    done = machine.run("-c", LIBRARY_USE)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "1"
    assert machine.left() == []


def test_a_user_who_wants_telemetry_keeps_it(machine: Machine) -> None:
    code = "import os, framework; print(os.environ['ORT_DISABLE_TELEMETRY'])"
    assert machine.run("-c", code, ORT_DISABLE_TELEMETRY="0").stdout.strip() == "0"


def test_a_program_that_loaded_onnxruntime_first_sends_no_events(machine: Machine) -> None:
    code = (
        "import sys, types; fake = types.ModuleType('onnxruntime'); told = []\n"
        "fake.disable_telemetry_events = lambda: told.append(1)\n"
        "sys.modules['onnxruntime'] = fake\n"
        "import framework; print(told)"
    )
    assert machine.run("-c", code).stdout.strip() == "[1]"


def _imports(path: Path) -> tuple[set[str], bool]:
    """Packages a module imports when it is imported, and whether anything in it imports ORT."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    top: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.Import):
            top |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            top.add(node.module.split(".")[0])
    runtime = any(
        (isinstance(n, ast.Import) and any(a.name.startswith("onnxruntime") for a in n.names))
        or (isinstance(n, ast.ImportFrom) and (n.module or "").startswith("onnxruntime"))
        for n in ast.walk(tree)
    )
    return top, runtime


def test_every_module_that_loads_onnxruntime_loads_the_framework_first() -> None:
    users = []
    for folder in ("framework", "plugins", "contrib"):
        for path in (ROOT / folder).rglob("*.py"):
            if "tests" in path.parts:
                continue
            top, runtime = _imports(path)
            if runtime:
                users.append(path.name)
                assert "onnxruntime" not in top, f"{path.name}: import it where it is used"
                inside = path.is_relative_to(ROOT / "framework")
                assert inside or "framework" in top, f"{path.name}: does not import framework"
    assert len(users) >= 5
