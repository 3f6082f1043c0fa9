"""Make sure that ``import cv2`` works in this environment.

opencv-python links against libGL and glib of the system, which a bare server lacks. If the import
fails, the headless build of the same version takes its place: it is the same library without
windows.
"""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version


def imports() -> bool:
    """Whether a fresh interpreter can import cv2."""
    return subprocess.run([sys.executable, "-c", "import cv2"], capture_output=True).returncode == 0


def main() -> int:
    if imports():
        return 0
    wanted = version("opencv-python")
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    print("import cv2 fails here (libGL or glib is missing); taking opencv-python-headless instead")
    subprocess.run([*pip, "uninstall", "-y", "opencv-python"], check=True)
    subprocess.run([*pip, "install", f"opencv-python-headless=={wanted}"], check=True)
    if imports():
        return 0
    print("error: cv2 still does not import; run 'framework doctor'", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
