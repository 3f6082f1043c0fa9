"""The hooks. Each is called once at start-up and returns descriptions, never components.

A complete plugin is a module that the entry-point group ``framework.plugins`` names::

    from framework import ComponentSpec, hookimpl

    @hookimpl
    def framework_anonymizers():
        yield ComponentSpec(
            name="grey-box",
            summary="covers each face with a grey box",
            factory="my_package.box:build",
            config="my_package.box:GreyBoxOptions",
        )

No hook runs for each frame. A pluggy call is cheap, but calling all plugins on each frame would let
the last registered one win in silence, leave a tracker's state without an owner, and let one
raising plugin abort the call. A component is resolved by name once and then called as a typed
object.
"""

from __future__ import annotations

from collections.abc import Iterable

import pluggy

from framework.spec import CommandSpec, ComponentSpec

PROJECT = "framework"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)


@hookspec
def framework_detectors() -> Iterable[ComponentSpec]:
    """Face detectors: frames in, boxes, scores and landmarks out (:class:`framework.Detector`).

    .. versionadded:: 0.1
    """
    return ()


@hookspec
def framework_trackers() -> Iterable[ComponentSpec]:
    """Trackers: detections in, identities over time out (:class:`framework.Tracker`).

    .. versionadded:: 0.1
    """
    return ()


@hookspec
def framework_anonymizers() -> Iterable[ComponentSpec]:
    """Anonymizers: a frame and its tracks in, a covered frame out (:class:`framework.Anonymizer`).

    .. versionadded:: 0.1
    """
    return ()


@hookspec
def framework_emotion_classifiers() -> Iterable[ComponentSpec]:
    """Emotion classifiers: aligned faces in, probabilities out.

    See :class:`framework.EmotionClassifier`.

    .. versionadded:: 0.1
    """
    return ()


@hookspec
def framework_recommenders() -> Iterable[ComponentSpec]:
    """Recommenders: emotion timelines in, advice out (:class:`framework.Recommender`).

    .. versionadded:: 0.1
    """
    return ()


@hookspec
def framework_recognizers() -> Iterable[ComponentSpec]:
    """Face recognisers, the attackers of the benchmark (:class:`framework.Recognizer`).

    .. versionadded:: 0.1
    """
    return ()


@hookspec
def framework_voice_anonymizers() -> Iterable[ComponentSpec]:
    """Voice anonymizers: samples in, samples out (:class:`framework.VoiceAnonymizer`).

    .. versionadded:: 0.1
    """
    return ()


@hookspec
def framework_measurers() -> Iterable[ComponentSpec]:
    """Measurers: aligned faces in, named values with units out (:class:`framework.Measurer`).

    .. versionadded:: 0.2
    """
    return ()


@hookspec
def framework_exporters() -> Iterable[ComponentSpec]:
    """Exporters: a result folder in, files of another tool out (:class:`framework.Exporter`).

    .. versionadded:: 0.2
    """
    return ()


@hookspec
def framework_attacks() -> Iterable[ComponentSpec]:
    """Attacks of the benchmark: who is it? (:class:`framework.Attack`).

    .. versionadded:: 0.2
    """
    return ()


@hookspec
def framework_metrics() -> Iterable[ComponentSpec]:
    """Metrics of the benchmark: what is left of the recording? (:class:`framework.Metric`).

    .. versionadded:: 0.2
    """
    return ()


@hookspec
def framework_data_sources() -> Iterable[ComponentSpec]:
    """Data sets of the benchmark, by what users write after ``--data``.

    See :class:`framework.DataSource`.

    .. versionadded:: 0.2
    """
    return ()


@hookspec
def framework_commands() -> Iterable[CommandSpec]:
    """Commands of ``framework``: a name, a line for ``framework --help``, and a lazy target.

    A complete plugin::

        from framework import CommandSpec, hookimpl

        @hookimpl
        def framework_commands():
            yield CommandSpec("count", "count the faces of a recording", "my_package.count:app")

    .. versionadded:: 0.2
    """
    return ()


COMMANDS_HOOK = "framework_commands"
