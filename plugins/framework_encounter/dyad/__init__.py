"""What happens between two people: synchrony, mimicry, and who leads.

Every function takes plain arrays, so that it serves any two series and not only two faces::

    from framework_encounter.dyad import on_common_grid, surrogate_synchrony

    pair = on_common_grid(time_a, smile_a, time_b, smile_b)
    result = surrogate_synchrony(pair.first, pair.second, rate_hz=pair.rate_hz)
    print(result.effect_size, result.p_value)

Sign of every lag: positive means that the first series leads and the second follows.
"""

from framework_encounter.dyad.mimicry import Mimicry, Reaction, mimicry, reactions
from framework_encounter.dyad.phases import PhaseChange, compare_spans, halves, thirds
from framework_encounter.dyad.series import Pair, on_common_grid
from framework_encounter.dyad.surrogates import Synchrony, pseudo_pairs, surrogate_synchrony
from framework_encounter.dyad.windowed import Peaks, WindowedCorrelation, windowed_correlation

__all__ = [
    "Mimicry",
    "Pair",
    "Peaks",
    "PhaseChange",
    "Reaction",
    "Synchrony",
    "WindowedCorrelation",
    "compare_spans",
    "halves",
    "mimicry",
    "on_common_grid",
    "pseudo_pairs",
    "reactions",
    "surrogate_synchrony",
    "thirds",
    "windowed_correlation",
]
