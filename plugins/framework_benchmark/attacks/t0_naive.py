"""T0, naive: compares what was released with clear pictures of the person.

Threat: somebody with pictures of patients and an ordinary face recogniser, who knows nothing of how
the faces were covered. Where the detector finds no face there is nothing to compare, and they
guess.
"""

from __future__ import annotations

from framework.harness import Material, Scores
from framework.spec import BuildContext
from framework_benchmark.attacks.component import FunctionAttack, NoOptions
from framework_benchmark.attacks.material import compare, vectors


def attack(material: Material) -> dict[str, Scores]:
    """One variant, ``T0``."""
    probes = [t.vector if t is not None and t.seen else None for t in material.probes]
    return {"T0": compare(probes, vectors(material.clear))}


def build(config: NoOptions, context: BuildContext) -> FunctionAttack:
    """Factory of ``t0``."""
    return FunctionAttack(attack)
