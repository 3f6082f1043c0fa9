"""The components of one run, built once from its configuration."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TypeVar

from framework.config import COMPONENT_GROUPS, RunConfig
from framework.errors import ConfigError, ContractError
from framework.protocols import Anonymizer, Detector, EmotionClassifier, Recommender, Tracker
from framework.registry import Component, Registry
from framework.spec import BuildContext, Kind
from framework.suggest import did_you_mean

NONE = "none"
"""Name that switches an optional component off."""

P = TypeVar("P")

KIND_OF_GROUP: dict[str, Kind] = {
    "detector": Kind.DETECTOR,
    "tracker": Kind.TRACKER,
    "anonymizer": Kind.ANONYMIZER,
    "fer": Kind.EMOTION_CLASSIFIER,
    "recommender": Kind.RECOMMENDER,
}

STAGE_GROUPS = ("video", "resolve", "timeline")
"""Option groups of the core's own stages."""


@dataclass
class Components:
    """Builds on demand, so that a run never loads a network it does not use."""

    config: RunConfig
    registry: Registry
    key: bytes | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        known = (*COMPONENT_GROUPS, *STAGE_GROUPS)
        for group in self.config.options:
            if group not in known:
                raise ConfigError(f"unknown option group '{group}'{did_you_mean(group, known)}")
        for group in COMPONENT_GROUPS:
            self.selected(group)  # a misspelt name must not cost a decoded video

    @property
    def threads(self) -> int:
        return self.config.threads or len(os.sched_getaffinity(0))

    def context(self) -> BuildContext:
        return BuildContext(
            threads=self.threads, device=self.config.device, seed=self.config.seed, key=self.key
        )

    def selected(self, group: str) -> Component | None:
        """The description of the component that serves a group; None if it is switched off.

        Its options are validated here, before any work starts.
        """
        name = str(getattr(self.config, group))
        if name == NONE and group in ("fer", "recommender"):
            return None
        kind = KIND_OF_GROUP[group]
        component = self.registry.get(kind, name)
        self.registry.validate(kind, name, self.config.options_of(group), group)
        return component

    def _create(self, group: str) -> object:
        return self.registry.create(
            KIND_OF_GROUP[group],
            str(getattr(self.config, group)),
            self.config.options_of(group),
            self.context(),
            prefix=group,
        )

    def detector(self) -> Detector:
        return _require(self._create("detector"), Detector, self.config.detector)

    def tracker(self) -> Tracker:
        return _require(self._create("tracker"), Tracker, self.config.tracker)

    def anonymizer(self) -> Anonymizer:
        return _require(self._create("anonymizer"), Anonymizer, self.config.anonymizer)

    def classifier(self) -> EmotionClassifier | None:
        if self.config.fer == NONE:
            return None
        return _require(self._create("fer"), EmotionClassifier, self.config.fer)

    def recommender(self) -> Recommender | None:
        if self.config.recommender == NONE:
            return None
        return _require(self._create("recommender"), Recommender, self.config.recommender)


def _require(made: object, protocol: type[P], name: str) -> P:
    if not isinstance(made, protocol):
        raise ContractError(
            f"component '{name}': expected an object with the methods of {protocol.__name__}, "
            f"got {type(made).__name__}; run 'framework check' on it"
        )
    return made
