"""``framework plugins``: what is installed, and what is wrong with it."""

from __future__ import annotations

import json
from typing import Annotated, Any

import typer

from framework.cli.console import say
from framework.errors import ConfigError

app = typer.Typer(rich_markup_mode=None)


@app.command("plugins")
def plugins(
    options: Annotated[
        str | None, typer.Option("--options", metavar="NAME", help="List a component's options.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """List every component and command that is installed, and what does not load."""
    from framework.registry import Registry

    registry = Registry.load()
    if options is not None:
        _print_options(registry, options, as_json)
        return
    if as_json:
        say(json.dumps(_listing(registry), indent=2))
        return
    from framework.spec import Kind

    for kind in Kind:
        found = registry.of_kind(kind)
        if not found:
            continue
        say(f"{kind}")
        width = max(len(c.spec.name) for c in found)
        for c in found:
            say(f"  {c.spec.name:<{width}}  {c.spec.summary}")
            say(f"  {'':<{width}}  {_provenance(c)}")
    if registry.commands:
        say("command")
        width = max(map(len, registry.commands))
        for name, command in sorted(registry.commands.items()):
            say(f"  {name:<{width}}  {command.spec.summary}")
            say(f"  {'':<{width}}  {command.distribution} {command.version}")
    if registry.problems:
        say("problems")
        for p in registry.problems:
            what_to_do = f"; {p.hint}" if p.hint else ""
            say(f"  {p.plugin} ({p.distribution} {p.version}), {p.stage}: {p.error}{what_to_do}")


def _provenance(component: Any) -> str:
    spec = component.spec
    parts = [f"{component.distribution} {component.version}"]
    if spec.licence:
        parts.append(spec.licence)
    for w in spec.weights:
        use = "" if w.commercial_use else ", no commercial use"
        name = w.file.rpartition(":")[2].rpartition("/")[2]
        parts.append(f"weights {name}: {w.licence or 'no licence stated'}{use}")
    return "; ".join(parts)


def _listing(registry: Any) -> dict[str, Any]:
    from dataclasses import asdict

    components = []
    for c in registry.components.values():
        row = asdict(c.spec)
        row["capabilities"] = sorted(c.spec.capabilities)
        components.append(
            {"kind": str(c.kind), "distribution": c.distribution, "version": c.version, **row}
        )
    commands = [
        {"distribution": c.distribution, "version": c.version, **asdict(c.spec)}
        for c in registry.commands.values()
    ]
    return {
        "components": components,
        "commands": commands,
        "problems": [asdict(p) for p in registry.problems],
    }


def _print_options(registry: Any, name: str, as_json: bool) -> None:
    from framework.config import field_limits
    from framework.suggest import did_you_mean

    wanted_kind, _, bare = name.rpartition(":")
    found = [
        c
        for c in registry.components.values()
        if c.spec.name == bare and wanted_kind in ("", str(c.kind))
    ]
    if not found:
        known = {c.spec.name for c in registry.components.values()}
        raise ConfigError(f"unknown component '{name}'{did_you_mean(bare, known)}")
    for component in found:
        model = registry.options_model(component.kind, component.spec.name)
        if as_json:
            say(json.dumps(model.model_json_schema(), indent=2))
            continue
        say(f"{component.kind} {component.spec.name}: {component.spec.summary}")
        if not model.model_fields:
            say("  it has no options")
        group = component.kind.group
        for field_name, field in model.model_fields.items():
            type_name = _type_name(field.annotation)
            limits = field_limits(field)
            say(f"  {group}.{field_name} ({type_name}{', ' + limits if limits else ''})")
            say(f"      {field.description or ''} [default: {_default(field)}]")


def _default(field: Any) -> Any:
    return "required" if field.is_required() else field.get_default(call_default_factory=True)


def _type_name(annotation: Any) -> str:
    text = getattr(annotation, "__name__", None) if isinstance(annotation, type) else None
    return text or str(annotation).replace("typing.", "")
