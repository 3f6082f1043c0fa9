"""Share face video without sharing faces.

A small core that knows each kind of component by name, a two-pass pipeline that never lets an
uncovered face out, and one harness that compares the components that are installed.

Eight lines that do the main job::

    from framework import run

    result = run("visit.mp4", anonymizer="blur", fer="resnet", out="results")
    for person in result.timelines.people:
        print(person.person, person.role, list(zip(person.second, person.label)))
    for advice in result.recommendations:
        print(f"{advice.time_s:.0f} s, to the {advice.to}: {advice.text}")
    assert result.passed and result.audit.total.unprotected_s == 0
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from framework.telemetry import switch_off_telemetry

if TYPE_CHECKING:
    from framework.api import AnalysisResult, RunResult, analyze, render, run
    from framework.config import RunConfig
    from framework.errors import (
        CheckError,
        ComponentError,
        ConfigError,
        ContractError,
        FrameworkError,
        MediaError,
        UserError,
        WeightsError,
    )
    from framework.hookspecs import hookimpl
    from framework.pictures import FaceExpression, cover, detect, draw, read_expression
    from framework.protocols import (
        Anonymizer,
        Attack,
        DataSource,
        Detector,
        EmotionClassifier,
        Exporter,
        Measurer,
        Metric,
        Recognizer,
        Recommender,
        Tracker,
        VoiceAnonymizer,
    )
    from framework.registry import Registry
    from framework.spec import BuildContext, CommandSpec, ComponentSpec, Kind, WeightSpec
    from framework.table import TrackTable
    from framework.types import (
        EMOTIONS,
        UNKNOWN,
        ComponentEvent,
        Detections,
        EmotionWindow,
        Frame,
        Image,
        Measure,
        PersonTimeline,
        Recommendation,
        Role,
        Tracks,
    )

__version__ = "0.1.0"

switch_off_telemetry()  # nothing above imports a network

__all__ = [
    "EMOTIONS",
    "UNKNOWN",
    "AnalysisResult",
    "Anonymizer",
    "Attack",
    "BuildContext",
    "CheckError",
    "CommandSpec",
    "ComponentError",
    "ComponentEvent",
    "ComponentSpec",
    "ConfigError",
    "ContractError",
    "DataSource",
    "Detections",
    "Detector",
    "EmotionClassifier",
    "EmotionWindow",
    "Exporter",
    "FaceExpression",
    "Frame",
    "FrameworkError",
    "Image",
    "Kind",
    "Measure",
    "Measurer",
    "MediaError",
    "Metric",
    "PersonTimeline",
    "Recognizer",
    "Recommendation",
    "Recommender",
    "Registry",
    "Role",
    "RunConfig",
    "RunResult",
    "TrackTable",
    "Tracker",
    "Tracks",
    "UserError",
    "VoiceAnonymizer",
    "WeightSpec",
    "WeightsError",
    "__version__",
    "analyze",
    "cover",
    "detect",
    "draw",
    "hookimpl",
    "read_expression",
    "render",
    "run",
]

_MODULES = {
    "AnalysisResult": "framework.api",
    "Anonymizer": "framework.protocols",
    "Attack": "framework.protocols",
    "BuildContext": "framework.spec",
    "CheckError": "framework.errors",
    "CommandSpec": "framework.spec",
    "ComponentError": "framework.errors",
    "ComponentEvent": "framework.types",
    "ComponentSpec": "framework.spec",
    "ConfigError": "framework.errors",
    "ContractError": "framework.errors",
    "DataSource": "framework.protocols",
    "Detections": "framework.types",
    "Detector": "framework.protocols",
    "EMOTIONS": "framework.types",
    "EmotionClassifier": "framework.protocols",
    "EmotionWindow": "framework.types",
    "Exporter": "framework.protocols",
    "FaceExpression": "framework.pictures",
    "Frame": "framework.types",
    "FrameworkError": "framework.errors",
    "Image": "framework.types",
    "Kind": "framework.spec",
    "Measure": "framework.types",
    "Measurer": "framework.protocols",
    "MediaError": "framework.errors",
    "Metric": "framework.protocols",
    "PersonTimeline": "framework.types",
    "Recognizer": "framework.protocols",
    "Recommendation": "framework.types",
    "Recommender": "framework.protocols",
    "Registry": "framework.registry",
    "Role": "framework.types",
    "RunConfig": "framework.config",
    "RunResult": "framework.api",
    "TrackTable": "framework.table",
    "Tracker": "framework.protocols",
    "Tracks": "framework.types",
    "UNKNOWN": "framework.types",
    "UserError": "framework.errors",
    "VoiceAnonymizer": "framework.protocols",
    "WeightSpec": "framework.spec",
    "WeightsError": "framework.errors",
    "analyze": "framework.api",
    "cover": "framework.pictures",
    "detect": "framework.pictures",
    "draw": "framework.pictures",
    "hookimpl": "framework.hookspecs",
    "read_expression": "framework.pictures",
    "render": "framework.api",
    "run": "framework.api",
}
"""Where each public name is defined. A plugin that only describes what it has loads no network."""


def __getattr__(name: str) -> object:
    """Import a public name when it is first used."""
    if name not in _MODULES:
        raise AttributeError(f"module 'framework' has no attribute {name!r}")
    value = getattr(import_module(_MODULES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
