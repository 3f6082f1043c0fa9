"""What this plugin offers. Nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Iterable

from framework import ComponentSpec, hookimpl


@hookimpl
def framework_anonymizers() -> Iterable[ComponentSpec]:
    yield ComponentSpec(
        name="k-same",
        summary="the average of the k donors most like the face; no expression is left",
        factory="framework_kanon.anonymizer:build",
        config="framework_kanon.config:KSameOptions",
        capabilities=frozenset({"synthetic"}),
        licence="MIT",
    )
