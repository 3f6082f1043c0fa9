"""Who is attacked, who is in the gallery, and from whom an attacker may learn.

Sets are disjoint by person: nobody an attacker learns from is attacked.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from framework.harness import DataSet, Item

FEWEST = 2
"""Persons without whom there is nobody to be confused with."""
LEARN_SHARE = 3
"""Where the persons who are not attacked do not suffice, one in so many of those with several items
is given to the attackers to learn from."""


@dataclass(frozen=True, eq=False)
class Selection:
    """The roles of the items.

    Attributes:
        enrolled: one item of each attacked person: what an attacker has.
        probes: other items of the same persons: what is released.
        fit: items of other persons: what attackers learn from.
        loose: items without a second one of the same person, where identity cannot be attacked at
            all (sets of labelled expressions); only utility is measured on them.
        notes: what a reader must know.
    """

    enrolled: Sequence[Item]
    probes: Sequence[Item]
    fit: Sequence[Item]
    loose: Sequence[Item]
    notes: tuple[str, ...] = ()

    @property
    def persons(self) -> list[str]:
        return [item.person for item in self.enrolled]

    def digest(self) -> str:
        """Hash of who has which role: scores of one selection say nothing about another."""
        parts = [[i.id for i in items] for items in (self.enrolled, self.probes, self.fit)]
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def select(data: DataSet, *, persons: int, fit: int, probes: int, seed: int) -> Selection:
    """Draw persons and their items, the same ones for the same seed.

    Attackers learn most from persons with several items (which differences do not matter?), so
    that those who are not attacked come first, then persons with a single item.

    Args:
        persons: most persons that are attacked.
        fit: most persons an attacker may learn from.
        probes: most probes of each attacked person.
    """
    by_person = data.persons()
    several = _drawn([p for p, items in by_person.items() if len(items) > 1], seed)
    single = _drawn([p for p, items in by_person.items() if len(items) == 1], seed)
    notes: list[str] = []
    if len(several) < FEWEST:
        loose = [by_person[p][0] for p in single + several][:persons]
        notes.append(
            f"{len(several)} of {len(by_person)} persons have two items or more; identification "
            f"needs at least {FEWEST}, so no attacker is measured"
        )
        return Selection((), (), (), loose, tuple(notes))
    learners = [*several[persons:], *single][:fit]
    attacked = several[:persons]
    already = len(several) - len(attacked)
    most = min(len(several) // LEARN_SHARE, len(several) - FEWEST) - already
    spare = max(0, min(fit - len(learners), most))
    learners += attacked[len(attacked) - spare :]
    attacked = attacked[: len(attacked) - spare]
    enrolled, released = [], []
    for person in attacked:
        items = _drawn_items(by_person[person], seed)
        enrolled.append(items[0])
        released += items[1 : 1 + probes]
    learning = [i for p in learners for i in _drawn_items(by_person[p], seed)[:2]]
    return Selection(enrolled, released, learning, (), tuple(notes))


def _rank(text: str, seed: int) -> str:
    return hashlib.sha256(f"{seed} {text}".encode()).hexdigest()


def _drawn(persons: list[str], seed: int) -> list[str]:
    return sorted(persons, key=lambda person: _rank(person, seed))


def _drawn_items(items: list[Item], seed: int) -> list[Item]:
    return sorted(items, key=lambda item: _rank(item.id, seed))
