"""The live loop: pictures in, covered pictures and events out."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from framework.atomic import atomic_text
from framework.config import RunConfig, validated
from framework.errors import ConfigError, MediaError
from framework.media import SourceInfo, Writer, open_writer
from framework.pipeline.by_role import FALLBACK, for_participants
from framework.pipeline.components import Components
from framework.pipeline.run import Run
from framework.pipeline.sampler import EmotionSampler
from framework_live.engine import Covered, LiveEngine
from framework_live.moments import Event, Moments
from framework_live.options import LiveOptions
from framework_live.source import Arrived, LiveSource, open_source
from framework_live.window import Window, display_there

VIDEO, EVENTS = "live.mp4", "events.jsonl"
LATE = 0.5
"""Share of the delay by which a picture may be late and still be analysed."""


@dataclass
class LiveResult:
    """What a live session did.

    Attributes:
        frames_in: pictures that came; ``lost`` more were thrown away because they waited too long.
        frames_out: covered pictures that left.
        analysed: pictures that were analysed; the others were covered by their neighbours' faces.
        whole: pictures that were covered whole, by reason.
        failures: exceptions of components, as (time, stage, class).
        masked: faces that a swap could not follow and covered by its mask, by reason; a face
            counts once for each picture.
        events: how many events, by kind.
        files: what was written.
    """

    frames_in: int = 0
    frames_out: int = 0
    analysed: int = 0
    lost: int = 0
    whole: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[float, str, str]] = field(default_factory=list)
    masked: Counter[str] = field(default_factory=Counter)
    events: Counter[str] = field(default_factory=Counter)
    files: list[Path] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """No component failed. A picture is covered in any case."""
        return not self.failures and self.frames_out > 0

    @property
    def reasons(self) -> list[str]:
        """Why it did not pass."""
        reasons = [] if self.frames_out else ["no picture came"]
        if self.failures:
            kinds = Counter(f"{stage}: {error}" for _, stage, error in self.failures)
            listed = ", ".join(f"{kind} ({n})" for kind, n in kinds.items())
            reasons.append(f"components failed; those pictures were covered whole: {listed}")
        return reasons


@dataclass(frozen=True)
class Parts:
    """An engine and what makes seconds of its pictures."""

    engine: LiveEngine
    moments: Moments


def build_parts(components: Components, info: SourceInfo) -> Parts:
    """Everything a stream of this size needs, from a run's configuration."""
    config = components.config
    components.refuse_unprotected()
    options = validated(LiveOptions, config.options_of("live"), "live")
    tracker = components.tracker()
    tracker.reset()
    engine = LiveEngine(
        detector=components.detector(),
        tracker=tracker,
        anonymizer=components.anonymizer(),
        resolve=components.stages.resolve,
        options=options,
        role=config.role,
        people=config.people,
        allow_no_faces=config.allow_no_faces,
    )
    classifier = components.classifier()
    moments = Moments(
        sampler=None if classifier is None else EmotionSampler(classifier, config.fer_rate),
        recommender=components.recommender() if classifier is not None else None,
        config=components.stages.timeline,
        options=options,
        role=config.role,
        people=config.people,
        width=info.width,
        height=info.height,
        unknown_below=0.0 if classifier is None else classifier.unknown_below,
    )
    return Parts(engine, moments)


def single_pass(
    parts: Parts, pictures: Iterable[Arrived], source: LiveSource, result: LiveResult
) -> Iterator[Covered | Event]:
    """Every covered picture and every event, as they arise.

    Only a source in real time is ever late; then analysis is left out, covering never.
    """
    engine, moments = parts.engine, parts.moments
    limit = LATE * engine.options.delay_s
    last_s, step_s = 0.0, 0.0
    for arrived in pictures:
        frame = arrived.frame
        result.frames_in += 1
        analyse = arrived.late_s <= limit or not source.realtime
        tracks, covered = engine.push(frame, analyse, source.damaged(frame.index))
        result.analysed += tracks is not None
        if tracks is not None:
            yield from moments.add(frame, tracks)
        yield from covered
        step_s, last_s = frame.time_s - last_s, frame.time_s
    yield from engine.finish()
    yield from moments.finish(max(source.duration_s, last_s + step_s))
    result.lost = source.lost
    result.failures = list(engine.failures)
    if moments.sampler is not None:
        result.failures += [(f.time_s, f.stage, f.error) for f in moments.sampler.failures]
    result.masked = Counter(engine.masked)


def run_live(
    source: str,
    *,
    out: str | Path | None = None,
    window: bool | None = None,
    realtime: bool = False,
    seconds: float | None = None,
    config: str | Path | None = None,
    options: Iterable[str] = (),
    key_file: str | Path | None = None,
    warn: Callable[[str], None] = lambda message: None,
    tell: Callable[[Event], None] = lambda event: None,
    **settings: Any,
) -> LiveResult:
    """Cover a stream while it comes.

    Args:
        source: ``"0"`` for a camera, ``"rtsp://..."``, or a file.
        out: folder for the covered recording and the events; None writes nothing.
        window: show the covered picture; None: if there is a display and no ``out``.
        realtime: play a file at its own speed, as if it were a camera.
        seconds: stop after so much of the stream.
        tell: told of every event.
        config, options, key_file, warn, settings: as for :func:`framework.run`.

    Raises:
        UserError: the source, the output or the configuration cannot be used.
    """
    components = Run.configured(
        config,
        options,
        adapt=_adapted,
        key_file=key_file,
        more_groups=("live",),
        warn=warn,
        **settings,
    ).components
    if window is None:
        window = out is None
    if window and not display_there():
        what = "there is no display for a window"
        if out is None:
            raise ConfigError(f"{what}; give --out DIR for the covered recording and the events")
        raise ConfigError(f"{what}; leave --window out")
    late_s = validated(LiveOptions, components.config.options_of("live"), "live").max_late_s
    result = LiveResult()
    screen = Window() if window else None
    with ExitStack() as stack:
        opened = stack.enter_context(open_source(source, realtime, components.threads, late_s))
        _refuse_overwriting(source, out)
        parts = build_parts(components, opened.info)
        writer: Writer | None = None
        lines = None
        if out is not None:
            folder = Path(out)
            lines = stack.enter_context(atomic_text(folder / EVENTS))
            video = components.stages.video
            writer = stack.enter_context(
                open_writer(
                    folder / VIDEO,
                    like=opened.info,
                    codec=video.codec,
                    quality=video.quality,
                    threads=components.threads,
                )
            )
            result.files = [folder / VIDEO, folder / EVENTS]
        if screen is not None:
            stack.callback(screen.close)
        pictures = _stopping(opened.pictures, seconds)
        try:
            for item in single_pass(parts, pictures, opened, result):
                if isinstance(item, Covered):
                    result.frames_out += 1
                    if item.whole:
                        result.whole[item.whole] += 1
                    if writer is not None:
                        writer.write(item.image, item.time_s)
                    if screen is not None and not screen.show(item.image):
                        break
                else:
                    result.events[item["event"]] += 1
                    if lines is not None:
                        lines.write(json.dumps(item, ensure_ascii=False) + "\n")
                        lines.flush()
                    if screen is not None:
                        screen.tell(item)
                    tell(item)
        except KeyboardInterrupt:
            # The usual way to end a session: what was covered so far is kept.
            if not result.frames_out:
                raise
        if opened.note:
            warn(opened.note)
        if not result.frames_out:
            raise MediaError("no picture came from the source")
        if writer is not None and opened.duration_s > 0 and seconds is None:
            writer.duration_s = opened.duration_s if not opened.realtime else None
    result.failures = result.failures or list(parts.engine.failures)
    return result


def _stopping(pictures: Iterator[Arrived], seconds: float | None) -> Iterator[Arrived]:
    for arrived in pictures:
        if seconds is not None and arrived.frame.time_s >= seconds:
            return
        yield arrived


def _adapted(config: RunConfig) -> RunConfig:
    """As offline, but bystanders get the mask.

    Raises:
        ConfigError: a setting that live mode cannot keep.
    """
    if config.anonymizer != FALLBACK:
        config = config.model_copy(update={"anonymizer": for_participants(config.anonymizer)})
    if config.audio == "keep":
        raise ConfigError("live mode does not take sound; leave --audio keep out")
    if config.on_miss != "cover":
        raise ConfigError(
            "live mode always covers a picture whose faces are not known; leave on_miss out"
        )
    return config


def _refuse_overwriting(source: str, out: str | Path | None) -> None:
    if out is None:
        return
    path = Path(source)
    if path.exists() and path.resolve() == (Path(out) / VIDEO).resolve():
        raise MediaError("the output would replace the source; choose another folder (--out)")
