"""Advice on a stored timeline, for trying rules without analysing a video again."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from framework.config import COMPONENT_GROUPS, load_run_config
from framework.errors import ConfigError, ContractError
from framework.pipeline.components import check_licences
from framework.pipeline.lock import locked_registry
from framework.protocols import Recommender
from framework.spec import BuildContext, Kind
from framework.suggest import did_you_mean
from framework.types import EmotionWindow, Recommendation
from framework_encounter.joint_file import stored_timelines


def advise(
    timeline: str | Path, *, recommender: str | None = None, options: Iterable[str] = ()
) -> list[Recommendation]:
    """What a recommender says to a stored timeline, in order of time.

    Args:
        timeline: folder of a run or encounter, an ``emotions.csv``, or a ``timeline.csv``.
        recommender: its name; None: ``rules``.
        options: ``"recommender.NAME=value"`` texts.

    Raises:
        UserError: the timeline or the rules cannot be used.
    """
    config = load_run_config(None, options, recommender=recommender)
    for group in config.options:
        if group != "recommender":
            known = "" if group in COMPONENT_GROUPS else did_you_mean(group, ["recommender"])
            raise ConfigError(f"option group '{group}' has no part in advice{known}")
    registry = locked_registry(config)
    component = registry.get(Kind.RECOMMENDER, config.recommender)
    check_licences(component, config.licence_policy)
    values = config.options_of("recommender")
    chosen = registry.validate(Kind.RECOMMENDER, config.recommender, values, "recommender")
    made = registry.create(Kind.RECOMMENDER, config.recommender, chosen, BuildContext())
    if not isinstance(made, Recommender):
        raise ContractError(f"component '{config.recommender}': expected a Recommender")
    people = stored_timelines(Path(timeline))
    return sorted(made.recommend(EmotionWindow(tuple(people))), key=lambda a: a.time_s)
