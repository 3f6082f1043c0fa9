"""The verdict on one page, and as JSON."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from framework.atomic import write_text
from framework.report.html import render_html
from framework.report.scale import clock
from framework_verify.gate import Verification

FORMAT = "framework-verification"
VERSION = 1


def write_reports(verification: Verification, page: Path) -> list[Path]:
    """Write the page, and a .json of the same name beside it, whichever of them is named."""
    page = page.with_suffix(".html") if page.suffix.lower() == ".json" else page
    data = page.with_suffix(".json")
    write_text(page, render(verification))
    write_text(data, json.dumps(as_values(verification), indent=2) + "\n")
    return [page, data]


def as_values(verification: Verification) -> dict[str, Any]:
    """Plain values. Nothing names a file or a person."""
    return {
        "format": FORMAT,
        "version": VERSION,
        "passed": verification.passed,
        **asdict(verification),
    }


def render(verification: Verification) -> str:
    """The page as HTML; every text is escaped."""
    return render_html("framework_verify", v=verification, ranges=ranges)


def ranges(seconds: tuple[int, ...], most: int = 20) -> str:
    """``0:03-0:05, 1:10``: neighbouring seconds joined, the first twenty stretches."""
    stretches: list[list[int]] = []
    for second in seconds:
        if stretches and second == stretches[-1][1] + 1:
            stretches[-1][1] = second
        else:
            stretches.append([second, second])
    texts = [clock(a) if a == b else f"{clock(a)}-{clock(b)}" for a, b in stretches[:most]]
    more = len(stretches) - most
    return ", ".join(texts) + (f" and {more} more" if more > 0 else "")
