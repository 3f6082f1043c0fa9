"""The datasheet: ``README.md`` and ``datasheet.html``, with the figures of this very set.

Its questions are those of Gebru et al. 2021, "Datasheets for Datasets" (Commun. ACM 64(12)).
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import Any

from framework.atomic import write_text
from framework.report.html import render_html
from framework_release.about import FORBIDDEN, About, count
from framework_release.figures import FATES, FEWEST, Share

RULES = {
    "consent": "no consent to publication",
    "withdrawn": "withdrawn",
    "results": "no complete results",
    "audit": "the audit did not pass",
    "approval": "not approved by a person",
    "verify": "verification against the original failed",
}


def write_datasheet(root: Path, about: About) -> None:
    """Write both."""
    values = _values(about)
    write_text(root / "README.md", _markdown(values))
    write_text(root / "datasheet.html", render_html("framework_release", **values))


def _values(about: About) -> dict[str, Any]:
    return {
        "title": about.config.title,
        "subtitle": f"Version {about.version}, {about.date}",
        "a": about,
        "c": about.config,
        "f": about.figures,
        "forbidden": FORBIDDEN,
        "fates": FATES,
        "rules": RULES,
        "fewest": FEWEST,
        "share": share,
        "count": count,
        "weights": weights(about),
        "small": lambda n: hidden(n, about.config.k),
    }


def hidden(number: int, k: int) -> str:
    """A count of people or encounters; a small one is not shown.

    >>> hidden(3, 5), hidden(0, 5), hidden(12, 5)
    ('fewer than 5', '0', '12')
    """
    return f"fewer than {k}" if 0 < number < k else str(number)


def share(value: Share) -> str:
    """``83.3 % (95 % interval 71.0 to 91.2; n = 1,204 seconds)``."""
    if value.value is None:
        return "not measured"
    n = f"{value.n:,.0f}" if value.n >= 10 or value.n == int(value.n) else f"{value.n:.1f}"
    inside = f"n = {n} {value.unit}"
    if value.low is not None and value.high is not None:
        inside = f"95 % interval {100 * value.low:.1f} to {100 * value.high:.1f}; {inside}"
    else:
        inside = f"no interval: fewer than {FEWEST} encounters; {inside}"
    return f"{100 * value.value:.1f} % ({inside})"


def weights(about: About) -> list[dict[str, Any]]:
    """Every weight file that took part, once, with licence and training data."""
    found: dict[str, dict[str, Any]] = {}
    for method in about.methods:
        for component in method["components"]:
            for weight in component["weights"]:
                found[weight["sha256"] or weight["file"]] = {
                    **weight,
                    "component": component["name"],
                }
    return [found[key] for key in sorted(found)]


def _markdown(values: dict[str, Any]) -> str:
    import jinja2

    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    text = resources.files("framework_release").joinpath("readme.md").read_text(encoding="utf-8")
    return environment.from_string(text).render(**values)
