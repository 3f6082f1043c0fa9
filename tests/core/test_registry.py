"""Discovery must survive every way in which a plugin can be broken."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from framework import hookspecs
from framework.errors import ComponentError, ConfigError
from framework.registry import Registry
from framework.spec import BuildContext, Kind

from .installed import install

GOOD = """
from framework import ComponentSpec, hookimpl
from pydantic import BaseModel, ConfigDict, Field

class Options(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)
    size: int = Field(3, ge=1, le=9, description="size in pixels")

class Box:
    def __init__(self, options, context):
        self.options, self.context = options, context

@hookimpl
def framework_anonymizers():
    yield ComponentSpec(name="NAME", summary="a box", factory=__name__ + ":Box",
                        config=__name__ + ":Options")
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delenv("FRAMEWORK_PLUGINS", raising=False)
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if (tmp_path / f"{name}.py").exists():
            del sys.modules[name]


def good(name: str) -> str:
    return GOOD.replace("NAME", name)


def problems(registry: Registry, distribution: str) -> list[str]:
    return [f"{p.stage}: {p.error}" for p in registry.problems if p.distribution == distribution]


def test_the_reference_plugins_are_found_through_entry_points() -> None:
    registry = Registry.load(only=())
    assert registry.problems == []
    for kind, name in [
        (Kind.DETECTOR, "retinaface"),
        (Kind.TRACKER, "bytetrack"),
        (Kind.ANONYMIZER, "blur"),
        (Kind.ANONYMIZER, "pixelate"),
        (Kind.ANONYMIZER, "mask"),
        (Kind.ANONYMIZER, "fomm"),
        (Kind.EMOTION_CLASSIFIER, "resnet"),
        (Kind.RECOMMENDER, "rules"),
    ]:
        assert registry.get(kind, name).distribution == "clinical-empathy-framework"


def test_a_stranger_s_component_is_built_with_options_and_context(site: Path) -> None:
    install(site, "stranger-box", good("grey-box"))
    registry = Registry.load()
    made = registry.create(Kind.ANONYMIZER, "grey-box", {"size": 5}, BuildContext(threads=2))
    assert (made.options.size, made.context.threads) == (5, 2)


def test_an_option_out_of_range_names_field_range_and_value(site: Path) -> None:
    install(site, "stranger-box", good("grey-box"))
    registry = Registry.load()
    with pytest.raises(ConfigError, match=r"anonymizer\.size.*>= 1, <= 9.*got 99"):
        registry.create(Kind.ANONYMIZER, "grey-box", {"size": 99}, prefix="anonymizer")
    with pytest.raises(ConfigError, match=r"unknown option anonymizer\.sise; did you mean 'size'"):
        registry.create(Kind.ANONYMIZER, "grey-box", {"sise": 1}, prefix="anonymizer")


def test_an_unknown_component_suggests_the_nearest(site: Path) -> None:
    with pytest.raises(ComponentError, match="unknown anonymizer 'blurr'; did you mean 'blur'"):
        Registry.load(only=()).get(Kind.ANONYMIZER, "blurr")


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import no_such_module_anywhere", "load: ModuleNotFoundError"),
        ("raise RuntimeError('at import')", "load: RuntimeError: at import"),
        ("import sys; sys.exit(3)", "load: SystemExit: 3"),
        ("x = 1", "register: it has no hook"),
        (
            "from framework import hookimpl\n@hookimpl\ndef framework_anonymiser(): return []",
            "register: unknown hook 'framework_anonymiser'; did you mean 'framework_anonymizers'?",
        ),
        ("def framework_anonymizers(): return []", "register: 'framework_anonymizers' lacks"),
        (
            "from framework import hookimpl\n@hookimpl\ndef framework_trackers(): raise OSError(1)",
            "collect: framework_trackers: OSError: 1",
        ),
        (
            "from framework import hookimpl\n@hookimpl\ndef framework_trackers(): return ['a']",
            "collect: framework_trackers: expected ComponentSpec, got str",
        ),
        (good("Bad Name"), "collect: framework_anonymizers: name 'Bad Name'"),
        (
            good("new").replace('summary="a box"', 'summary="a box", api=99'),
            "plugin API 99",
        ),
        (
            good("new").replace('__name__ + ":Box"', '"no colon"'),
            "factory 'no colon': expected 'module:attribute'",
        ),
    ],
)
def test_a_broken_plugin_is_listed_and_harms_nobody(site: Path, source: str, expected: str) -> None:
    install(site, "broken-plugin", source)
    install(site, "good-plugin", good("fine"))
    registry = Registry.load()
    assert any(expected in text for text in problems(registry, "broken-plugin"))
    registry.get(Kind.ANONYMIZER, "fine")
    registry.get(Kind.ANONYMIZER, "blur")


def test_of_two_with_one_name_the_first_wins_and_both_are_named(site: Path) -> None:
    install(site, "a-first", good("twin"), version="1.5")
    install(site, "b-second", good("twin"), version="2.5")
    install(site, "c-shadow", good("blur"))
    registry = Registry.load()
    assert registry.get(Kind.ANONYMIZER, "twin").distribution == "a-first"
    (text,) = problems(registry, "b-second")
    assert "already provided by a-first 1.5" in text
    assert registry.get(Kind.ANONYMIZER, "blur").distribution == "clinical-empathy-framework"
    assert problems(registry, "c-shadow")


def test_a_missing_package_names_the_pip_command(site: Path) -> None:
    source = good("needy").replace(
        'config=__name__ + ":Options"',
        'config=__name__ + ":Options", requires=("needed-package>=2",)',
    )
    source = source.replace('__name__ + ":Box"', '"module_that_is_missing:Box"')
    install(site, "needy-plugin", source)
    with pytest.raises(ComponentError, match="pip install needed-package>=2"):
        Registry.load().create(Kind.ANONYMIZER, "needy")


def test_a_plugin_that_lacks_its_own_module_is_not_taken_for_a_missing_package(site: Path) -> None:
    source = good("torn").replace('__name__ + ":Box"', '__name__ + ".forgotten:Box"')
    install(site, "torn-plugin", source)
    with pytest.raises(ComponentError, match=r"own module '.*forgotten'; install torn-plugin") as e:
        Registry.load().create(Kind.ANONYMIZER, "torn")
    assert "pip install" not in str(e.value)


def test_a_factory_that_raises_is_one_line(site: Path) -> None:
    source = good("crashes").replace(
        "self.options, self.context = options, context", "raise ValueError('two\\nlines')"
    )
    install(site, "crash-plugin", source)
    registry = Registry.load()
    with pytest.raises(ComponentError, match="could not be built: ValueError: two lines"):
        registry.create(Kind.ANONYMIZER, "crashes")
    assert registry.problems[-1].stage == "create"


def test_discovery_can_be_limited(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(site, "wanted-plugin", good("wanted"))
    install(site, "other-plugin", good("other"), entry="entry-name")

    def loaded() -> set[str]:
        return {name for _, name in Registry.load().components} & {"wanted", "other", "blur"}

    assert loaded() == {"wanted", "other", "blur"}
    monkeypatch.setenv("FRAMEWORK_PLUGINS", "wanted-plugin")
    assert loaded() == {"wanted", "blur"}
    monkeypatch.setenv("FRAMEWORK_PLUGINS", "entry-name")
    assert loaded() == {"other", "blur"}
    monkeypatch.setenv("FRAMEWORK_PLUGINS", "")
    assert loaded() == {"blur"}


def test_hook_names_match_their_specs() -> None:
    for hook in (*(kind.hook for kind in Kind), hookspecs.COMMANDS_HOOK):
        assert callable(getattr(hookspecs, hook))
        assert "versionadded" in (getattr(hookspecs, hook).__doc__ or "")


def test_hook_signatures_are_deliberate() -> None:
    golden = (Path(__file__).parent / "hook_signatures.txt").read_text().splitlines()
    import inspect

    hooks = {**{kind: kind.hook for kind in Kind}, "command": hookspecs.COMMANDS_HOOK}
    actual = [
        f"{kind}: {name}{inspect.signature(getattr(hookspecs, name))}"
        for kind, name in hooks.items()
    ]
    assert actual == golden
