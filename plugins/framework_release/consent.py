"""The column ``consent`` of ``encounters.csv``: who agreed to what.

One word for the patient, or one for each role::

    publication
    patient=publication; doctor=publication

=============== ===================================================================
``publication`` may be released, covered, to whoever the access level admits
``research``    may be analysed in this study; nothing of this person is released
``none``        no consent; nothing of this person is released
``withdrawn``   there was consent, and it was taken back
=============== ===================================================================

An empty cell is ``none``. A word that is not in the table is no consent either.
"""

from __future__ import annotations

from dataclasses import dataclass

WORDS = ("publication", "research", "none", "withdrawn")
PUBLICATION = "publication"


@dataclass(frozen=True, slots=True)
class Consent:
    """What the people of one encounter agreed to.

    Attributes:
        patient, doctor: one of :data:`WORDS`.
        problem: why the cell is not understood; empty if it is.
    """

    patient: str
    doctor: str
    problem: str = ""


def parse_consent(cell: str) -> Consent:
    """Read one cell. What is not understood is no consent."""
    given = {"patient": "none", "doctor": "none"}
    named: set[str] = set()
    for part in filter(None, (p.strip() for p in cell.replace(",", ";").split(";"))):
        role, equals, word = (piece.strip().lower() for piece in part.partition("="))
        if not equals:
            role, word = "patient", role
        if role not in given:
            return Consent("none", "none", f"'{role}' is neither patient nor doctor")
        if word not in WORDS:
            return Consent("none", "none", f"'{word}' is none of {', '.join(WORDS)}")
        if role in named:
            return Consent("none", "none", f"{role} is named twice")
        named.add(role)
        given[role] = word
    return Consent(given["patient"], given["doctor"])
