"""Keep docs/plugins in step with the code: the hook reference, and the example of each kind.

    python tools/plugin_docs.py            rewrite what is generated
    python tools/plugin_docs.py --check    say what is not current, and end with status 1

The reference is made of the docstrings of the hook specifications and of the protocols. Examples
stand between two comments, ``<!-- example: KIND -->`` and ``<!-- end -->``, and are what
``framework plugin new`` writes.
"""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path

from framework import hookspecs, protocols
from framework.scaffold.generate import Plan
from framework.spec import BuildContext, CommandSpec, ComponentSpec, WeightSpec

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "plugins"
EXTRAS = (
    protocols.BatchAnonymizer,
    protocols.PreparedAnonymizer,
    protocols.ReportingAnonymizer,
    protocols.DetailedRecommender,
    protocols.ClipView,
)
_EXAMPLE = re.compile(r"(<!-- example: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
_ROLE = re.compile(r":(?:class|meth|data|mod|func):`~?([^`]+)`")


def prose(text: str | None) -> str:
    """A docstring as Markdown."""
    clean = inspect.cleandoc(text or "").replace("``", "`")
    clean = _ROLE.sub(r"`\1`", clean)
    clean = re.sub(r"\.\. versionadded:: (\S+)", r"*New in version \1.*", clean)
    return re.sub(r"^(Args|Attributes|Returns|Raises|Yields):$", r"*\1*\n", clean, flags=re.M)


def definition_list(text: str) -> str:
    """Indented ``name: meaning`` lines of a docstring section as a list."""
    lines = []
    for line in text.splitlines():
        entry = re.fullmatch(r"    (\w[\w, ]*): (.*)", line)
        if entry:
            lines.append(f"* `{entry[1]}`: {entry[2]}")
        elif line.startswith("     "):
            lines.append("  " + line.strip())
        else:
            lines.append(line)
    return "\n".join(lines)


def methods(protocol: type) -> list[str]:
    """A paragraph for each public method that the protocol itself defines."""
    found = []
    for name, member in vars(protocol).items():
        function = member.fget if isinstance(member, property) else member
        if name.startswith("_") or not inspect.isfunction(function):
            continue
        signature = str(inspect.signature(function)).replace("'", "")
        signature = signature.replace("(self, ", "(").replace("(self)", "()")
        found.append(f"**`{name}{signature}`**\n\n{prose(function.__doc__)}".rstrip())
    return found


def reference() -> str:
    """The page docs/plugins/hooks.md."""
    intro = prose(hookspecs.__doc__).split("A complete plugin is")[0].strip()
    parts = [
        "# Hook reference",
        "*Made from the docstrings by `python tools/plugin_docs.py`. Do not edit.*",
        intro,
        prose((hookspecs.__doc__ or "").split("No hook runs", 1)[1].join(["No hook runs", ""])),
    ]
    for kind, protocol in protocols.PROTOCOL_OF_KIND.items():
        hook = kind.hook
        parts += [
            f"## {hook}",
            f"Kind `{kind}`, see [its page]({kind}.md).",
            prose(getattr(hookspecs, hook).__doc__),
            f"### {protocol.__name__}",
            definition_list(prose(protocol.__doc__)),
            *methods(protocol),
        ]
    parts += [
        f"## {hookspecs.COMMANDS_HOOK}",
        "See [its page](command.md).",
        prose(hookspecs.framework_commands.__doc__).split("A complete plugin")[0].strip(),
        "*New in version 0.2.*",
    ]
    parts.append("## Optional protocols of anonymizers")
    for protocol in EXTRAS:
        parts += [
            f"### {protocol.__name__}",
            definition_list(prose(protocol.__doc__)),
            *methods(protocol),
        ]
    parts.append("## Descriptions")
    for described in (ComponentSpec, CommandSpec, WeightSpec, BuildContext):
        parts += [f"### {described.__name__}", definition_list(prose(described.__doc__))]
    return "\n\n".join(parts) + "\n"


def example(kind: str) -> str:
    """What ``framework plugin new sample --kind KIND`` writes, as code blocks."""
    plan = Plan(kind, "sample")
    files = plan.files()
    folder = f"src/{plan.module}"
    names = ("plugin.py", "config.py", "component.py", "command.py")
    blocks = [
        f'```python title="{folder}/{name}"\n{files[f"{folder}/{name}"].strip()}\n```'
        for name in names
        if f"{folder}/{name}" in files
    ]
    return "\n" + "\n\n".join(blocks) + "\n\n"


def generated() -> dict[Path, str]:
    """Every page that has generated parts, as it should be."""
    pages = {FOLDER / "hooks.md": reference()}
    for path in sorted(FOLDER.glob("*.md")):
        if path.name == "hooks.md":
            continue
        text = path.read_text(encoding="utf-8")
        if _EXAMPLE.search(text):
            pages[path] = _EXAMPLE.sub(lambda m: m[1] + example(m[2]) + m[3], text)
    return pages


def main(arguments: list[str]) -> int:
    stale = [
        path
        for path, text in generated().items()
        if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    if "--check" in arguments:
        for path in stale:
            print(f"error: {path.name} is not current; run: python tools/plugin_docs.py")
        return 1 if stale else 0
    for path, text in generated().items():
        path.write_text(text, encoding="utf-8")
    print(f"{len(stale)} pages rewritten")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
