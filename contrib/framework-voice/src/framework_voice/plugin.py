"""What this plugin offers. Nothing heavy is imported here."""

from __future__ import annotations

from collections.abc import Iterable

from framework import ComponentSpec, hookimpl


@hookimpl
def framework_voice_anonymizers() -> Iterable[ComponentSpec]:
    yield ComponentSpec(
        name="silence",
        summary="speech becomes silence, pauses a faint noise: who spoke when, and nothing else",
        factory="framework_voice.silence:build",
        config="framework_voice.config:SilenceOptions",
        licence="MIT",
    )
    yield ComponentSpec(
        name="mcadams",
        summary="WEAK: shifted formants (McAdams); an informed attacker still knows the voice",
        factory="framework_voice.mcadams:build",
        config="framework_voice.config:McAdamsOptions",
        requires=("scipy>=1.13",),
        capabilities=frozenset({"weak"}),
        licence="MIT",
    )
