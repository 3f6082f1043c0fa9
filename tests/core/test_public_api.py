"""The public surface changes on purpose only, and deprecations say what they must."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

import framework
from framework.deprecation import deprecated

GOLDEN = Path(__file__).parent / "public_api.txt"


def surface() -> list[str]:
    """One line a public name: what it is, and how it is called."""
    lines = []
    for name in sorted(framework.__all__):
        value = getattr(framework, name)
        if inspect.isclass(value):
            described = getattr(value, "__dataclass_fields__", None)
            fields = list(described or getattr(value, "model_fields", {}))
            public = sorted(m for m in vars(value) if not m.startswith("_") and m not in fields)
            members = ", ".join([*fields, *public])
            bases = ", ".join(base.__name__ for base in value.__bases__)
            lines.append(f"class {name}({bases}): {members}".rstrip(": "))
        elif inspect.isfunction(value):
            signature = re.sub(r"<function (\w+) at 0x\w+>", r"\1", str(inspect.signature(value)))
            lines.append(f"def {name}{signature}")
        else:
            lines.append(f"{name}: {type(value).__name__}")
    return lines


def test_the_public_surface_is_the_golden_one() -> None:
    assert surface() == GOLDEN.read_text(encoding="utf-8").splitlines(), (
        "the public surface changed: if that is meant, follow docs/plugins/versioning.md and run "
        "python -m tests.core.test_public_api"
    )


def test_everything_public_exists_and_the_package_is_typed() -> None:
    assert len(set(framework.__all__)) == len(framework.__all__)
    assert (Path(framework.__file__).parent / "py.typed").exists()


def test_a_deprecated_function_works_and_names_its_successor_and_end() -> None:
    @deprecated("framework.run", removed_in="0.3")
    def old(a: int, *, b: int = 2) -> int:
        """Adds."""
        return a + b

    with pytest.warns(DeprecationWarning, match=r"old is deprecated.*0\.3; use framework\.run"):
        assert old(1, b=5) == 6
    assert "deprecated:: 0.3" in (old.__doc__ or "")


if __name__ == "__main__":
    GOLDEN.write_text("\n".join(surface()) + "\n", encoding="utf-8")
