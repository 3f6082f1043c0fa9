"""What a check says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """One check.

    Attributes:
        name: what was asked.
        passed: the answer; None if it could not be checked here.
        detail: what was found, a sentence.
        files: the files it is about; the first hundred.
    """

    name: str
    passed: bool | None
    detail: str
    files: tuple[str, ...] = ()


def judged(name: str, problems: list[tuple[str, str]], good: str) -> Finding:
    """A finding from (file, problem) pairs; passed if there are none."""
    if not problems:
        return Finding(name, True, good)
    texts = list(dict.fromkeys(f"{file}: {text}" if file else text for file, text in problems))
    more = f"; and {len(texts) - 8} more" if len(texts) > 8 else ""
    files = tuple(dict.fromkeys(file for file, _ in problems if file))[:100]
    return Finding(name, False, "; ".join(texts[:8]) + more, files)
