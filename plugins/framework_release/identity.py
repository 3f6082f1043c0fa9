"""New names for people: drawn from the study's own secret, so that they stay over versions.

Nobody without the secret can tell which encounter a subject was; with it, the next version gives
the same people the same names. The order of the names is the order in the release, which therefore
says nothing about the order of recording.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from framework.atomic import explain
from framework.errors import MediaError
from framework.keyfile import read_key

KEY = "identity.key"
LENGTH = 8
"""Characters of a label: 40 bits, so that 10,000 people collide once in 20,000 studies."""
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"


def study_secret(folder: Path) -> bytes:
    """The secret of this study's releases; drawn when it is first asked for.

    Raises:
        MediaError: it cannot be written.
        ConfigError: it cannot be read, or is too short.
    """
    path = folder / KEY
    if not path.exists():
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as handle:
                handle.write(secrets.token_hex(32) + "\n")
        except FileExistsError:
            pass
        except OSError as error:
            raise MediaError(f"cannot write {path.name}: {explain(error)}") from None
    with contextlib.suppress(OSError):
        folder.chmod(0o700)
    return read_key(path, lambda message: None)


def labels(people: Iterable[str], secret: bytes) -> dict[str, str]:
    """A random-looking label for each person, the same for the same secret.

    Raises:
        ValueError: two people got the same label, which is next to impossible.
    """
    found = {person: label(f"person:{person}", secret) for person in people}
    if len(set(found.values())) != len(found):
        raise ValueError("two people drew the same label; delete the identity.key of this study")
    return found


def label(text: str, secret: bytes) -> str:
    """Eight letters and digits that only the secret can connect with ``text``."""
    digest = hmac.new(secret, text.encode(), hashlib.sha256).digest()
    number = int.from_bytes(digest, "big")
    return "".join(_ALPHABET[(number >> (5 * k)) & 31] for k in range(LENGTH))
