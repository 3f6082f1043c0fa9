"""Share face video without sharing faces.

A small core that knows eight kinds of component by name, a two-pass pipeline that never lets an
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
from framework.protocols import (
    Anonymizer,
    Detector,
    EmotionClassifier,
    Measurer,
    Recognizer,
    Recommender,
    Tracker,
    VoiceAnonymizer,
)
from framework.registry import Registry
from framework.spec import BuildContext, CommandSpec, ComponentSpec, Kind, WeightSpec
from framework.table import TrackTable
from framework.telemetry import switch_off_telemetry
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
    "BuildContext",
    "CheckError",
    "CommandSpec",
    "ComponentError",
    "ComponentEvent",
    "ComponentSpec",
    "ConfigError",
    "ContractError",
    "Detections",
    "Detector",
    "EmotionClassifier",
    "EmotionWindow",
    "Frame",
    "FrameworkError",
    "Image",
    "Kind",
    "Measure",
    "Measurer",
    "MediaError",
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
    "hookimpl",
    "render",
    "run",
]
