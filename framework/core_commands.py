"""The core's own commands, described as a plugin's are, and imported when they are called."""

from __future__ import annotations

from framework.spec import CommandSpec

CORE_COMMANDS = (
    CommandSpec(
        "run",
        "Cover every face, read the emotions, give advice, and report what was done",
        "framework.cli.run:run_app",
    ),
    CommandSpec(
        "analyze",
        "First half: write tracks.csv, which a person can correct before it is rendered",
        "framework.cli.run:analyze_app",
    ),
    CommandSpec(
        "render",
        "Second half: cover every face of a track table, and write what 'framework run' writes",
        "framework.cli.run:render_app",
    ),
    CommandSpec(
        "export",
        "Write a result folder in the format of another tool",
        "framework.cli.export:app",
    ),
    CommandSpec(
        "plugins",
        "List every component and command that is installed, and what does not load",
        "framework.cli.components:app",
    ),
    CommandSpec(
        "check",
        "Run the conformance kit on one component: does it keep the contract of its kind?",
        "framework.cli.conformance:app",
    ),
    CommandSpec("plugin", "Write a plugin of your own", "framework.cli.plugin:app"),
    CommandSpec(
        "doctor",
        "Check the installation: packages, runtimes, codecs, weights, plugins",
        "framework.cli.doctor:app",
    ),
)
"""In the order of ``framework --help``. No plugin can take one of these names."""
