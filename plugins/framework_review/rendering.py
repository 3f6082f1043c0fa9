"""Rendering again after corrections, in a process of its own so that the page stays quick."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import yaml

from framework.atomic import write_text
from framework.errors import ConfigError
from framework_review.items import Item, Review, read_json

RUN_KEYS = (
    "anonymizer",
    "fer",
    "detector",
    "recommender",
    "role",
    "on_miss",
    "allow_no_faces",
    "audio",
    "per_frame",
    "recheck",
    "licence_policy",
    "options",
)
"""Settings of the first run that the second one takes from its manifest."""


class Rendering:
    """At most one rendering at a time.

    Attributes:
        state: ``idle``, ``running``, ``done`` or ``failed``.
        message: what the command said last, without paths.
    """

    def __init__(self, review: Review, key_file: Path | None) -> None:
        self._review, self._key_file = review, key_file
        self._lock = threading.Lock()
        self.state, self.message, self.item = "idle", "", ""

    def start(self, item: Item) -> None:
        """Render an item from its tables as they are on disk.

        Raises:
            ConfigError: another rendering is running, or the results do not say how they were made.
        """
        with self._lock:
            if self.state == "running":
                raise ConfigError(f"'{self.item}' is being rendered; wait until it is done")
            command = self._command(item)
            self.state, self.message, self.item = "running", "", item.id
        threading.Thread(target=self._work, args=(command,), daemon=True).start()

    def _command(self, item: Item) -> list[str]:
        framework = [sys.executable, "-m", "framework"]
        if self._review.study is not None:
            return [*framework, "study", "run", str(self._review.study)]
        if len(item.cameras) != 1:
            raise ConfigError(
                "the cameras of an encounter are rendered together: run `framework encounter "
                "render` with the corrected tables"
            )
        (camera,) = item.cameras
        settings = read_json(item.results / "manifest.json").get("settings")
        if not isinstance(settings, dict):
            raise ConfigError("manifest.json does not say how the results were made; run it again")
        command = [*framework, "render", str(camera.source), "--tracks", str(camera.table)]
        command += ["--out", str(item.results), "--quiet"]
        if self._key_file is not None:
            command += ["--key-file", str(self._key_file)]
        # Beside the table, since nothing is written to places that the user did not name.
        config = camera.table.with_name(f"{camera.table.stem}.review-run.yaml")
        chosen = {key: settings[key] for key in RUN_KEYS if settings.get(key) not in (None, {})}
        write_text(config, yaml.safe_dump(chosen))
        return [*command, "--config", str(config)]

    def _work(self, command: list[str]) -> None:
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            lines = [line for line in done.stderr.splitlines() if line.strip()]
            # 1: it ran, and the audit says what is still open. The page shows that.
            ok = done.returncode in (0, 1)
            with self._lock:
                self.state = "done" if ok else "failed"
                self.message = (
                    "" if ok else _without_paths(lines[-1] if lines else "no reason given")
                )
        except OSError as error:
            with self._lock:
                self.state, self.message = "failed", error.strerror or "it could not be started"
        finally:
            if "--config" in command:
                Path(command[command.index("--config") + 1]).unlink(missing_ok=True)


def _without_paths(line: str) -> str:
    """The message for the page: a word with a folder in it may name somebody."""
    return " ".join("..." if "/" in word or "\\" in word else word for word in line.split())
