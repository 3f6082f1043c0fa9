"""Makes packages that look installed: a module and the metadata with its entry point."""

from __future__ import annotations

from pathlib import Path


def install(
    site: Path,
    distribution: str,
    source: str,
    *,
    version: str = "1.0",
    entry: str | None = None,
) -> None:
    """Put a one-module distribution with a ``framework.plugins`` entry point into ``site``.

    Args:
        site: a folder on ``sys.path``.
        distribution: its name; the module is the same with underscores.
        source: text of the module.
        entry: name of the entry point; the distribution's name if None.
    """
    module = distribution.replace("-", "_")
    (site / f"{module}.py").write_text(source, encoding="utf-8")
    info = site / f"{module}-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {distribution}\nVersion: {version}\n", encoding="utf-8"
    )
    (info / "entry_points.txt").write_text(
        f"[framework.plugins]\n{entry or distribution} = {module}\n", encoding="utf-8"
    )
