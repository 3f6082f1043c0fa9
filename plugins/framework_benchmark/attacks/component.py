"""An attack as the harness uses it: a function, and what it is given."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from framework.harness import Material, Scores


class NoOptions(BaseModel):
    """These components have no options: what is compared must mean the same everywhere."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True)
class FunctionAttack:
    """A function that satisfies :class:`framework.Attack`."""

    function: Callable[[Material], dict[str, Scores]]
    needs: frozenset[str] = frozenset()
    uses_recognizer: bool = True
    own_threshold: bool = False

    def attack(self, material: Material) -> dict[str, Scores]:
        """See the module of the function."""
        return self.function(material)
