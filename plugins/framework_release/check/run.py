"""All checks, and the verdict."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from framework.atomic import write_text
from framework.errors import EXIT_CANNOT_RUN, EXIT_CHECK_FAILED, EXIT_OK, ConfigError
from framework.progress import Progress, silent
from framework.report.html import render_html
from framework_release.check import bids, files, media, tables
from framework_release.check.finding import Finding
from framework_release.results import read_json

FORMAT = "framework-release-check"
SKIPPABLE = ("credentials", "watermarks", "validator")


@dataclass(frozen=True)
class Checked:
    """The verdict.

    Attributes:
        version: of the release, as it says.
        findings: every check, in order.
        unchecked: names of checks that must be done and could not be.
    """

    version: str
    findings: tuple[Finding, ...]
    unchecked: tuple[str, ...]

    @property
    def passed(self) -> bool:
        return all(f.passed is not False for f in self.findings) and not self.unchecked

    @property
    def status(self) -> int:
        """0 all passed, 1 a check failed, 2 a check that must be done could not be."""
        if any(f.passed is False for f in self.findings):
            return EXIT_CHECK_FAILED
        return EXIT_CANNOT_RUN if self.unchecked else EXIT_OK


def check_release(root: Path, *, skip: Sequence[str] = (), progress: Progress = silent) -> Checked:
    """Check a release by itself.

    Args:
        skip: of :data:`SKIPPABLE`, what need not be checked.

    Raises:
        UserError: it is no release.
    """
    wrong = sorted(set(skip) - set(SKIPPABLE))
    if wrong:
        raise ConfigError(f"--skip {wrong[0]}: expected one of {', '.join(SKIPPABLE)}")
    sums = files.checksums(root)
    about = _about(root, sums)
    recordings: dict[str, Any] = {
        str(n): r for n, r in about.get("recordings", {}).items() if _inside(root, str(n))
    }
    steps: list[tuple[str, Callable[[], tuple[Finding, ...]]]] = [
        ("files", lambda: (sums, files.nothing_else(root))),
        ("schema", lambda: (bids.own_rules(root),)),
        ("validator", lambda: (bids.validator(root),)),
        ("croissant", lambda: (tables.croissant(root),)),
        ("rows", lambda: (tables.rows_refer(root, recordings), tables.small_cells(root, about))),
        ("media", lambda: media.metadata_and_sound(root, recordings)),
        ("credentials", lambda: (media.credentials(root, recordings),)),
        ("watermarks", lambda: (media.watermarks(root, recordings),)),
    ]
    found: list[Finding] = []
    unchecked: list[str] = []
    for k, (name, step) in enumerate(steps):
        progress("check", k, len(steps))
        if name in skip:
            continue
        results = step()
        found += results
        if name == "credentials" and any(f.passed is None for f in results):
            unchecked.append(name)
    progress("check", len(steps), len(steps))
    return Checked(str(about.get("version", "unknown")), tuple(found), tuple(unchecked))


def _about(root: Path, sums: Finding) -> dict[str, Any]:
    """``release.json``; empty if it was changed beyond reading, which the checksums say."""
    try:
        about = read_json(root / "release.json")
    except Exception:
        if sums.passed:
            raise
        return {}
    return about if isinstance(about.get("recordings"), dict) else {}


def _inside(root: Path, name: str) -> bool:
    return (root / name).resolve().is_relative_to(root.resolve())


def write_page(checked: Checked, page: Path) -> list[Path]:
    """The verdict on one page, and as JSON beside it."""
    page = page.with_suffix(".html") if page.suffix.lower() == ".json" else page
    data = page.with_suffix(".json")
    write_text(page, render_html("framework_release.check", v=checked))
    body = {"format": FORMAT, "passed": checked.passed, **asdict(checked)}
    write_text(data, json.dumps(body, indent=2) + "\n")
    return [page, data]
