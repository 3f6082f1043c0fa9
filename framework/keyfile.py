"""The user's secret, from which donors are chosen."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

from framework.errors import ConfigError
from framework.reading import read_limited, why_unreadable

SHORTEST = 16
"""Bytes. Below that a key could be found by trying."""

LONGEST = 2**16
"""Bytes."""


def read_key(path: Path, warn: Callable[[str], None]) -> bytes:
    """Read a key file.

    Args:
        path: any file of at least 16 bytes; white space at its ends does not count.
        warn: told if others on this machine can read the file.

    Raises:
        ConfigError: missing, not readable or too short.
    """
    hint = "make one with: head -c 32 /dev/urandom | base64 > donor.key && chmod 600 donor.key"
    try:
        key = read_limited(path, LONGEST).strip()
        mode = path.stat().st_mode
    except FileNotFoundError:
        raise ConfigError(f"key file {path}: no such file; {hint}") from None
    except OSError as error:
        raise ConfigError(f"key file {path}: {why_unreadable(error)}") from None
    if len(key) < SHORTEST:
        raise ConfigError(f"key file {path}: expected at least {SHORTEST} bytes; {hint}")
    # Windows keeps permissions elsewhere, and shows every file as open to all.
    if os.name == "posix" and mode & (stat.S_IRGRP | stat.S_IROTH):
        warn(f"key file {path} can be read by others on this machine; run: chmod 600 {path}")
    return key
