"""How a plugin describes a component: plain data, nothing heavy imported.

A description names its factory and its options model as strings (``"module:attribute"``), so that
collecting every component of every installed plugin costs milliseconds and imports no network
library.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

API_VERSION = 1
"""The current plugin API. This number and the one before it are accepted."""


class Kind(StrEnum):
    """The kinds of component the core knows by name.

    Everything that is called after a kind follows from its value: the hook, the option group, and
    the protocol of :mod:`framework.protocols`.
    """

    DETECTOR = "detector"
    TRACKER = "tracker"
    ANONYMIZER = "anonymizer"
    EMOTION_CLASSIFIER = "emotion-classifier"
    RECOMMENDER = "recommender"
    RECOGNIZER = "recognizer"
    VOICE_ANONYMIZER = "voice-anonymizer"
    MEASURER = "measurer"
    EXPORTER = "exporter"
    ATTACK = "attack"
    METRIC = "metric"
    DATA_SOURCE = "data-source"

    @property
    def hook(self) -> str:
        """Name of the hook that collects its descriptions, for instance ``framework_attacks``."""
        return f"framework_{self.value.replace('-', '_')}s"

    @property
    def group(self) -> str:
        """What users write before the name of an option, as in ``-o anonymizer.margin=0.3``."""
        return _SHORT_GROUPS.get(self.value, self.value)

    @property
    def protocol(self) -> str:
        """Name of its class in :mod:`framework.protocols`, for instance ``VoiceAnonymizer``."""
        return "".join(part.capitalize() for part in self.value.split("-"))


_SHORT_GROUPS = {"emotion-classifier": "fer", "voice-anonymizer": "voice"}


COMMAND = "command"
"""What a command is called where kinds are listed. It is no kind: it is run and not built."""


@dataclass(frozen=True, slots=True)
class WeightSpec:
    """One weight file a component can load.

    Attributes:
        file: ``"package:relative/path"`` inside an installed package, or a file name the user
            brings.
        sha256: hash of the file in hexadecimal; checked before loading. Empty only for files that
            the user brings and whose content we cannot know.
        licence: SPDX identifier, or the terms in a few words.
        trained_on: the data sets it has seen. The benchmark flags contamination from this.
        source: who made it, with paper or repository name.
        commercial_use: whether the licence of weights and training data allows it.
        requires: pip requirement that brings the file, where it is another distribution than the
            component's.
    """

    file: str
    sha256: str
    licence: str
    trained_on: tuple[str, ...]
    source: str
    commercial_use: bool = False
    requires: str = ""


@dataclass(frozen=True, slots=True)
class ComponentSpec:
    """The description of one component.

    Attributes:
        name: what the user types; lower-case letters, digits and hyphens.
        summary: one line for ``framework plugins``.
        factory: ``"module:callable"``; called as ``factory(config, context)`` with an instance of
            the options model and a :class:`BuildContext`.
        config: ``"module:Model"``, a pydantic model: frozen, ``extra="forbid"``, every field
            described.
        requires: pip requirements, shown when the import of the factory fails.
        capabilities: optional abilities, see :mod:`framework.protocols`.
        weights: every weight file the component can load.
        licence: licence of the code, SPDX.
        api: plugin API number it was written for.
        known_gaps: (name of a conformance check, why it is known to fail) pairs. They are shown by
            ``framework check``, and a gap that has closed is an error. Covering faces cannot be
            declared a gap.
    """

    name: str
    summary: str
    factory: str
    config: str
    requires: tuple[str, ...] = ()
    capabilities: frozenset[str] = frozenset()
    weights: tuple[WeightSpec, ...] = ()
    licence: str = ""
    api: int = API_VERSION
    known_gaps: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class CommandSpec:
    """The description of one command of the command line.

    Attributes:
        name: what the user types after ``framework``; lower-case letters, digits and hyphens.
        summary: one line for ``framework --help``.
        target: ``"module:app"``, a :class:`typer.Typer`; imported when the command is called. An
            app with one command and no callback becomes that command, any other a group.
        requires: pip requirements, shown when the import of the target fails.
        api: plugin API number it was written for.
    """

    name: str
    summary: str
    target: str
    requires: tuple[str, ...] = ()
    api: int = API_VERSION


@dataclass(frozen=True, slots=True)
class BuildContext:
    """What the core tells every factory about the run.

    Attributes:
        threads: CPU threads a component may use; 0 leaves it to the library.
        device: where networks run. ``auto`` takes a GPU if the installed runtime has one.
        seed: for everything random that need not be secret.
        key: secret of the user, for choices that must not be predictable (donor assignment).
            None: the component draws its own, and the run cannot be repeated exactly.
    """

    threads: int = 0
    device: Literal["auto", "cpu", "cuda"] = "auto"
    seed: int = 0
    key: bytes | None = field(default=None, repr=False)
