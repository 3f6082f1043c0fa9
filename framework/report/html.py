"""Every page the product writes: one frame, one look, and the page's own parts in its package."""

from __future__ import annotations

from importlib import resources
from typing import Any

from framework.report import palette

FRAME = __package__


def render_html(package: str, **values: Any) -> str:
    """Render the ``page.html`` of a package, which fills the blocks of ``frame.html`` beside this.

    The frame forbids scripts and everything that would be loaded. Every value is escaped unless the
    page marks it as safe, which only charts drawn here are.

    Args:
        package: where ``page.html`` and what it includes lie.
        values: what the page names; one that is missing is an error, not a blank.
    """
    import jinja2  # imported here: `framework --help` must not pay for it

    def source(name: str) -> str | None:
        for place in (package, FRAME):
            file = resources.files(place).joinpath(name)
            if file.is_file():
                return file.read_text(encoding="utf-8")
        return None

    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(source),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template("page.html").render(palette=palette.style_rules(), **values)
