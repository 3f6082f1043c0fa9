"""From a name and a kind to a complete plugin package: installable, tested, documented.

The templates are files with ``$placeholders`` under ``templates/``: ``shared`` for every kind, and
one folder a kind with its component and its options. docs/plugins shows the same code.
"""

from __future__ import annotations

import importlib.util
import re
import shutil
import tempfile
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template

from framework.atomic import explain
from framework.errors import UserError
from framework.hookspecs import COMMANDS_HOOK
from framework.spec import COMMAND, Kind
from framework.suggest import did_you_mean

SUFFIX = ".tmpl"
PREFIX = "framework-"
MAX_NAME = 40

_NAME = re.compile(r"[a-z][a-z0-9]*([-_][a-z0-9]+)*")

KINDS = (*Kind, COMMAND)
"""What a plugin can be written for."""

CLASS_SUFFIX = {Kind.EMOTION_CLASSIFIER: "Classifier"}
"""How the class of a component ends, where it is not the name of its protocol."""

USE_OF_KIND: dict[str, str] = {
    Kind.DETECTOR: "framework run visit.mp4 --detector {name}",
    Kind.TRACKER: "framework run visit.mp4 --tracker {name}",
    Kind.ANONYMIZER: "framework run visit.mp4 --anonymizer {name}",
    Kind.EMOTION_CLASSIFIER: "framework run visit.mp4 --fer {name}",
    Kind.RECOMMENDER: "framework run visit.mp4 --recommender {name}",
    Kind.RECOGNIZER: "framework benchmark --recognizers {name}",
    Kind.VOICE_ANONYMIZER: "framework run visit.mp4 --audio anonymize --voice {name}",
    Kind.MEASURER: "framework run visit.mp4 --measures {name}",
    Kind.EXPORTER: "framework export framework-output --to {name} --out exported",
    Kind.ATTACK: "framework benchmark --attacks {name}",
    Kind.METRIC: "framework benchmark --metrics {name}",
    Kind.DATA_SOURCE: "framework benchmark --data {name}:DIR",
    COMMAND: "framework {name} framework-output",
}
"""How what a plugin brings is used, for its README."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Every name that follows from the one that the author chose.

    Attributes:
        kind: what the plugin brings.
        component: what users type, with hyphens.
        author: for the licence.
    """

    kind: str
    component: str
    author: str = "the authors"

    @property
    def distribution(self) -> str:
        return PREFIX + self.component

    @property
    def module(self) -> str:
        return self.distribution.replace("-", "_")

    @property
    def camel(self) -> str:
        return "".join(part.capitalize() for part in self.component.split("-"))

    def values(self) -> dict[str, str]:
        """What the placeholders of the templates stand for."""
        kind = None if self.kind == COMMAND else Kind(self.kind)
        return {
            "kind": self.kind,
            "kind_words": str(self.kind).replace("-", " "),
            "component": self.component,
            "distribution": self.distribution,
            "module": self.module,
            "Class": self.camel + ("" if kind is None else CLASS_SUFFIX.get(kind, kind.protocol)),
            "Options": self.camel + "Options",
            "hook": COMMANDS_HOOK if kind is None else kind.hook,
            "use": USE_OF_KIND[self.kind].format(name=self.component),
            "group": "" if kind is None else kind.group,
            "author": self.author,
        }

    def files(self) -> dict[str, str]:
        """Relative path -> content of every file of the package."""
        root = resources.files("framework.scaffold") / "templates"
        values = self.values()
        found: dict[str, str] = {}
        for folder in ("shared", str(self.kind)):
            for path, text in _templates(root / folder):
                target = path.replace("MODULE", self.module)
                found[target] = Template(text).substitute(values)
        return found


def plan_plugin(name: str, kind: str, author: str = "") -> Plan:
    """Check what the author asked for.

    Raises:
        UserError: the kind is unknown, the name is no name or is taken.
    """
    if kind not in KINDS:
        raise UserError(f"unknown kind '{kind}'{did_you_mean(kind, KINDS)}")
    component = name.replace("_", "-").removeprefix(PREFIX)
    if not _NAME.fullmatch(name) or len(name) > MAX_NAME:
        raise UserError(
            f"plugin name '{name}': expected lower-case letters and digits, parts joined by "
            f"hyphens, starting with a letter, {MAX_NAME} characters at most; as in grey-box"
        )
    plan = Plan(kind, component, " ".join(author.split()) or "the authors")
    if importlib.util.find_spec(plan.module) is not None:
        raise UserError(
            f"plugin name '{name}': a module {plan.module} is installed already; choose another "
            f"name, or uninstall it"
        )
    _refuse_taken(plan)
    return plan


def _refuse_taken(plan: Plan) -> None:
    from framework.core_commands import CORE_COMMANDS
    from framework.registry import Command, Component, Registry

    registry = Registry.load()
    taken: Component | Command | None
    if plan.kind == COMMAND:
        if plan.component in {spec.name for spec in CORE_COMMANDS}:
            raise UserError(
                f"plugin name '{plan.component}': the framework has a command of this name; choose "
                f"another"
            )
        taken = registry.commands.get(plan.component)
    else:
        taken = registry.components.get((Kind(plan.kind), plan.component))
    if taken is not None:
        raise UserError(
            f"plugin name '{plan.component}': {taken.distribution} {taken.version} brings a "
            f"{plan.kind} of this name; choose another"
        )


def new_plugin(plan: Plan, folder: Path) -> list[Path]:
    """Write the package into a new folder. It appears when it is complete.

    Returns:
        Its files.

    Raises:
        UserError: the folder exists, or cannot be written.
    """
    if folder.exists():
        raise UserError(f"folder {folder}: exists already; choose another with --out, or remove it")
    staging: Path | None = None
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(prefix=".framework-", dir=folder.parent))
        for name, text in plan.files().items():
            path = staging / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        staging.chmod(0o755)  # what mkdtemp made is closed to everybody else
        staging.replace(folder)
    except OSError as error:
        raise UserError(f"folder {folder}: {explain(error)}") from None
    finally:
        if staging is not None:
            shutil.rmtree(staging, ignore_errors=True)
    return sorted(path for path in folder.rglob("*") if path.is_file())


def _templates(folder: Traversable, prefix: str = "") -> list[tuple[str, str]]:
    """Relative path without the suffix, and text, of every template in a folder."""
    found = []
    for entry in sorted(folder.iterdir(), key=lambda e: e.name):
        if entry.is_dir():
            found += _templates(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(SUFFIX):
            name = prefix + entry.name.removesuffix(SUFFIX)
            # A dot in front would hide a template from the packaging of this package.
            name = re.sub(r"(^|/)dot-", r"\1.", name)
            found.append((name, entry.read_text(encoding="utf-8")))
    return found
