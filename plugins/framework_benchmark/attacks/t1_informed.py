"""T1, informed: covers their own pictures in the same way, and compares like with like.

Threat: somebody who knows (or guesses) the method and has it at hand, but neither the secret nor
the seed: their pictures get other donors. Known as the parrot attack (Newton et al. 2005). Crops
are cut where the cover lies, whether or not a detector takes it for a face.
"""

from __future__ import annotations

from framework.harness import Material, Scores
from framework.spec import BuildContext
from framework_benchmark.attacks.component import FunctionAttack, NoOptions
from framework_benchmark.attacks.material import compare, vectors


def attack(material: Material) -> dict[str, Scores]:
    """One variant, ``T1``."""
    return {"T1": compare(vectors(material.probes), vectors(material.covered))}


def build(config: NoOptions, context: BuildContext) -> FunctionAttack:
    """Factory of ``t1``."""
    return FunctionAttack(attack, own_threshold=True)
