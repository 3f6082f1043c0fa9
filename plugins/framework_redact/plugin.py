"""What this package offers. Light: the modules named here are imported when a component is
selected."""

from __future__ import annotations

from collections.abc import Iterable

from framework.hookspecs import hookimpl
from framework.spec import ComponentSpec


@hookimpl
def framework_anonymizers() -> Iterable[ComponentSpec]:
    yield ComponentSpec(
        name="blur",
        summary="strong blur bound to the size of the face; expression is lost",
        factory="framework_redact.blur:build",
        config="framework_redact.config:BlurOptions",
        licence="MIT",
    )
    yield ComponentSpec(
        name="pixelate",
        summary="a fixed number of coloured squares over each face; expression is lost",
        factory="framework_redact.pixelate:build",
        config="framework_redact.config:PixelateOptions",
        licence="MIT",
    )
    yield ComponentSpec(
        name="mask",
        summary="a solid box, ellipse or face-shaped patch of one colour; nothing is left",
        factory="framework_redact.mask:build",
        config="framework_redact.config:MaskOptions",
        licence="MIT",
    )
    yield ComponentSpec(
        name="none",
        summary="leaves faces as they are: the floor of privacy in a benchmark, no protection",
        factory="framework_redact.none:build",
        config="framework_redact.config:NoneOptions",
        capabilities=frozenset({"unprotected"}),
        licence="MIT",
    )
