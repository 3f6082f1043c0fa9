"""Which person gets which donor: random from a secret key, never from how the person looks.

Each pair of person and donor has a score, an HMAC-SHA256 under the key; a person takes the donor of
the highest score that nobody before took (rendezvous hashing, Thaler and Ravishankar 1998). So:

* without the key nobody can tell from the donor who it was, or that two recordings show one person;
* with the same key the same person gets the same donor in every recording and camera, as long as
  the person has the same name there (see :func:`person_name`);
* adding a donor moves only those people who take the new one.

People choose in a fixed order, the named roles first, so that whom a second camera happens to see
in the background doesn't change the patient's donor.
"""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Iterable, Mapping, Sequence

from framework.types import Role

KEY_BYTES = 32
_FIRST = {Role.PATIENT: 0, Role.DOCTOR: 1}


def new_key() -> bytes:
    """A key for one run."""
    return secrets.token_bytes(KEY_BYTES)


def preferences(key: bytes, person: str, donors: Sequence[str]) -> list[str]:
    """Names of the donors in the order in which this person takes them."""
    if not key:
        raise ValueError("key: expected at least one byte")

    def score(donor: str) -> bytes:
        # lengths first, so that no two pairs give the same message
        message = f"{len(person)}:{person}:{len(donor)}:{donor}".encode()
        return hmac.digest(key, message, "sha256")

    return sorted(donors, key=lambda donor: (score(donor), donor), reverse=True)


def person_name(track_id: int, roles: Mapping[int, Role]) -> str:
    """What a person is called for the choice.

    The only patient, and the only doctor, of a recording are called by their role, because the
    numbers of tracks differ from camera to camera and roles don't. Everybody else is called by the
    number of the track.
    """
    role = roles.get(track_id, Role.UNKNOWN)
    if role in _FIRST and list(roles.values()).count(role) == 1:
        return str(role)
    return f"track-{track_id}"


class Assignment:
    """Donors of the people of one recording; sticky, and nobody shares one."""

    def __init__(self, key: bytes, donors: Sequence[str]) -> None:
        self._key = key
        self._donors = list(donors)
        self._taken: dict[int, str] = {}

    def plan(self, roles: Mapping[int, Role]) -> None:
        """Choose for everybody of a recording at once, the named roles first, bystanders not."""
        order = sorted(roles, key=lambda track: (_FIRST.get(roles[track], 2), track))
        for track_id in order:
            if roles[track_id] != Role.BYSTANDER:
                self._choose(track_id, person_name(track_id, roles))

    def donor_of(self, track_id: int, role: Role = Role.UNKNOWN) -> str | None:
        """The donor of a track; chosen now if it wasn't yet. None: no donor is left."""
        if track_id not in self._taken:
            self._choose(track_id, f"track-{track_id}" if role not in _FIRST else str(role))
        return self._taken.get(track_id)

    def names(self) -> Iterable[str]:
        """The donors that are taken."""
        return self._taken.values()

    def _choose(self, track_id: int, person: str) -> None:
        if track_id in self._taken:
            return
        used = set(self._taken.values())
        for donor in preferences(self._key, person, self._donors):
            if donor not in used:
                self._taken[track_id] = donor
                return
