"""What this package offers."""

from __future__ import annotations

from collections.abc import Iterable

from framework.hookspecs import hookimpl
from framework.spec import ComponentSpec


@hookimpl
def framework_recommenders() -> Iterable[ComponentSpec]:
    yield ComponentSpec(
        name="rules",
        summary="advice from a rule file (YAML) that you can edit; the paper's rules by default",
        factory="framework_rules.recommender:build",
        config="framework_rules.config:RulesOptions",
        licence="MIT",
    )
