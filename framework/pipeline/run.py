"""One run: a frame's way through it, from top to bottom.

:class:`Run` holds each component once and has the passes as methods::

    run = Run.configured(anonymizer="blur")
    seen = run.analyze(source)              # decode, detect, track, classify
    found = run.resolve(seen)               # who is where, in both directions of time
    rendering = run.render(source, found.table, place, found)   # decode, cover, check, encode
    searched = run.search_again(found.table, rendering)         # is anything left?
    result = run.deliver(delivery, "run", found.table, found, rendering, searched)

The command line, the Python functions, encounters, live mode and the benchmark use it, whole or in
parts.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from framework.config import RunConfig, load_run_config
from framework.errors import CheckError, ContractError, MediaError
from framework.measurement import write_measure_seconds, write_measures
from framework.media import (
    MediaKind,
    Reader,
    SourceInfo,
    Writer,
    check_codec,
    default_suffix,
    open_reader,
    open_writer,
    prefetch,
    probe,
)
from framework.pipeline.account import audit_run, describe_run, summarize
from framework.pipeline.areas import cover_areas
from framework.pipeline.batches import MOST, fitting, in_batches, one_at_a_time
from framework.pipeline.components import Components, Selection
from framework.pipeline.cover import Coverer, UncoveredFace, read_only
from framework.pipeline.cover_check import whole_frame_cover
from framework.pipeline.delivery import MEASURE_SECONDS, MEASURES
from framework.pipeline.encoder import QUEUE, EncoderThread
from framework.pipeline.failures import Failure
from framework.pipeline.find import Finder
from framework.pipeline.fingerprint import Fingerprint
from framework.pipeline.likeness import Likeness
from framework.pipeline.lock import locked_registry
from framework.pipeline.measuring import MeasureSampler
from framework.pipeline.parts import Span
from framework.pipeline.passes import Analysis, Observed, RecordingView, Rendering
from framework.pipeline.picture_set import FreshIdentities, alone, assign_in_each
from framework.pipeline.results_as_input import refuse_results
from framework.pipeline.sampler import EmotionSampler
from framework.pipeline.search import Looker, Reading, Search, Searched, conclude
from framework.pipeline.span import SpanReader
from framework.pipeline.voice import RATE as SOUND_RATE
from framework.pipeline.voice import AnonymizedSound
from framework.pipeline.watch import Dismissed, Watch, frames_to_search
from framework.pipeline.writing import write_results
from framework.progress import Progress, silent
from framework.protocols import Detector, Recognizer
from framework.resolve import (
    ObservationLog,
    PictureWatch,
    assign_roles,
    resolve,
    unprotected_detections,
)
from framework.table import TrackTable
from framework.timeline import Timelines, build_timelines
from framework.types import Detections, EmotionWindow, Frame, Image, Recommendation, Tracks

if TYPE_CHECKING:
    from framework.api import RunResult
    from framework.audit import Audit
    from framework.manifest import Manifest
    from framework.pipeline.delivery import Delivery

WEAK = "weak"
"""Capability of voice anonymizers that an informed attacker sees through."""
TIME_TOLERANCE_S = 2e-3
"""A table on disk keeps times to the microsecond; a larger difference is another recording."""


def ignore(message: str) -> None:
    """Tell nobody."""
    del message


class Run:
    """Everything one run works with, and what it does with a recording.

    A run may serve several recordings, one after the other; components with a state are reset
    before each.

    Attributes:
        components: the components, each built once.
        warn: told what the user should know before the work is done.
        progress: told how far the work is.
        span: the part of a recording that counts; None: all of it.
    """

    def __init__(
        self,
        components: Components,
        *,
        warn: Callable[[str], None] = ignore,
        progress: Progress = silent,
    ) -> None:
        self.components = components
        self.warn = warn
        self.progress = progress
        self.span = components.config.span

    @classmethod
    def configured(
        cls,
        config: str | Path | None = None,
        options: Iterable[str] = (),
        *,
        adapt: Callable[[RunConfig], RunConfig] = lambda config: config,
        key: Callable[[Callable[[str], None]], bytes | None] | None = None,
        key_file: str | Path | None = None,
        more_groups: tuple[str, ...] = (),
        warn: Callable[[str], None] = ignore,
        progress: Progress = silent,
        **settings: Any,
    ) -> Self:
        """A run from a configuration file, options and settings.

        Args:
            config, options, settings: see :func:`framework.config.load_run_config`.
            adapt: what an application changes or refuses in the configuration.
            key: gives the secret if there is no ``key_file``.
            key_file: the user's secret, from which donors are chosen.
            more_groups: option groups that an application knows beside those of every run.

        Raises:
            UserError: the configuration is not usable.
        """
        from framework.keyfile import read_key

        chosen = adapt(load_run_config(Path(config) if config else None, options, **settings))
        secret = read_key(Path(key_file), warn) if key_file is not None else None
        if secret is None and key is not None:
            secret = key(warn)
        components = Components(chosen, locked_registry(chosen), secret, more_groups=more_groups)
        for note in components.notes:
            warn(note)
        return cls(components, warn=warn, progress=progress)

    @property
    def config(self) -> RunConfig:
        """What decides what the run does."""
        return self.components.config

    def telling(self, progress: Progress) -> Self:
        """The same run, with the same components, that reports to somebody else."""
        other = copy.copy(self)
        other.progress = progress
        return other

    def within(self, span: Span) -> Self:
        """The same run, with the same components, over a part of a recording."""
        other = copy.copy(self)
        other.span = span
        return other

    def refuse_early(self, source: Path) -> None:
        """Everything that can be refused before an hour's analysis is.

        Raises:
            UserError: the source, the anonymizer, the rules or the codec cannot be used.
            ContractError: a component is not what its kind must be.
        """
        refuse_results(source)
        self.components.refuse_unprotected()
        self.components.recommender()
        self.components.classifier()
        check_codec(default_suffix(probe(source)), self.components.stages.video.codec)

    def _open(self, source: Path) -> Reader:
        """A reader of the part of the recording that counts."""
        reader = self._open_result(source)
        return reader if self.span is None else SpanReader(reader, self.span)

    def _open_result(self, path: Path) -> Reader:
        """All of a recording as this run reads it."""
        return open_reader(path, threads=self.components.threads, sequence=self.config.sequence)

    # -- 1. look at every frame ------------------------------------------------------------------

    def analyze(self, source: Path) -> Observed:
        """First pass: find, follow and read every face.

        Raises:
            MediaError: the recording cannot be opened.
        """
        components = self.components
        finder = Finder(components.detector(), components.tracker())
        finder.tracker.reset()
        classifier = components.classifier()
        sampler = EmotionSampler(classifier, self.config.fer_rate) if classifier else None
        measurer = components.measurer()
        measuring = MeasureSampler(measurer) if measurer else None
        log = ObservationLog()
        fingerprint = Fingerprint()
        identities = FreshIdentities()
        watch = PictureWatch(components.stages.resolve, finder.detector)
        with self._open(source) as reader:
            apart = reader.info.independent
            size = one_at_a_time if apart else fitting
            for batch in in_batches(map(read_only, prefetch(reader, depth=MOST)), size):
                for frame, found in zip(batch, finder.detect(batch), strict=True):
                    fingerprint.note(frame)
                    detections = finder.look_again(watch, frame, found)
                    if apart:
                        finder.tracker.reset()
                    tracks = finder.track(frame, detections)
                    if apart and tracks is not None:
                        tracks = identities.renumbered(tracks)
                    seen = detections if detections is not None else Detections.empty()
                    watch.add(frame, seen)
                    if detections is None or tracks is None:
                        log.append(frame, Tracks.empty(), seen, failure="detection failed")
                        continue
                    log.append(frame, tracks, detections)
                    if sampler is not None:
                        sampler.add(frame, tracks)
                    if measuring is not None:
                        measuring.add(frame, tracks)
                self.progress("analyze", batch[-1].index + 1, reader.info.frame_count)
            return Observed(
                reader.info,
                log,
                watch.finish(),
                sampler,
                reader.duration_s,
                list(reader.damage),
                sorted(reader.damaged_frames),
                finder.failures,
                list(reader.notes),
                measuring,
                fingerprint.text(),
            )

    # -- 2. decide who is where ------------------------------------------------------------------

    def resolve(
        self, seen: Observed, roles: Callable[[TrackTable], TrackTable] | None = None
    ) -> Analysis:
        """Decide, knowing the whole recording, who is where in each frame.

        Args:
            roles: says who is who in the resolved table; None: those who are seen longest and
                largest have the run's role, the others are bystanders.

        Raises:
            ContractError: the resolution leaves a detection open.
        """
        options = self.components.stages.resolve
        resolution = resolve(
            seen.log,
            width=seen.source.width,
            height=seen.source.height,
            duration_s=seen.duration_s,
            empty_is_miss=not self.config.allow_no_faces,
            options=alone(options) if seen.source.independent else options,
            # Stills of a set have no time between them in which anything could be followed.
            sightings=None if seen.source.independent else seen.sightings,
        )
        table = replace(resolution.table, fingerprint=seen.fingerprint)
        if seen.suspect:
            # A picture decoded with errors may hide a face from the detector and show it to a
            # person.
            damaged = dict.fromkeys(seen.suspect, "the picture is damaged")
            table = table.with_misses(table.misses | damaged)
        if roles is not None:
            table = roles(table)
        else:
            assign = assign_in_each if seen.source.independent else assign_roles
            table = assign(table, main=self.config.role, people=self.config.people)
        failures = list(seen.failures)
        if seen.sampler is not None:
            table = table.with_samples(seen.sampler.resolved(table))
            failures += seen.sampler.failures
        measurements = None
        if seen.measured is not None:
            measurements = seen.measured.resolved(table)
            failures += seen.measured.failures
        found = Analysis(
            table, seen, resolution.dismissed, resolution.refused, failures, measurements
        )
        _refuse_open(table, found)
        return found

    # -- 3. cover every frame --------------------------------------------------------------------

    def render(
        self,
        source: Path,
        table: TrackTable,
        place: Callable[[SourceInfo], Path],
        found: Analysis | None,
    ) -> Rendering:
        """Second pass: cover every face of the table in every frame, and let nothing else out.

        Args:
            table: the resolved tracks, perhaps with other roles or names than ``found`` has.
            place: where the output for a source of this kind is written.
            found: what the analysis of this recording saw; None only for a table that a person
                brings.

        Raises:
            ContractError: the table leaves a face open that the analysis saw.
            MediaError: source or output cannot be used, or the table belongs to another recording.
            CheckError: a frame could not be established and ``on_miss`` is ``abort``.
        """
        self.components.refuse_unprotected()
        if found is not None:
            _refuse_open(table, found)
        coverer = Coverer(self.components.anonymizer())
        areas = self.config.cover_area
        with self._open(source) as reader:
            _check_fits(table, reader.info)
            if coverer.looks_ahead:
                with self._open(source) as second:
                    coverer.prepare(RecordingView(table, second))
            result = Rendering(place(reader.info), watch=self._watch(table, found))
            result.fingerprint = Fingerprint(table.fingerprint)
            writer, sound = self._writer(source, reader, table, result.path)
            with writer, EncoderThread(writer.write) as encoder:
                frames = map(read_only, prefetch(reader, depth=QUEUE))
                most = 1 if reader.info.independent else coverer.batch_size
                for batch in in_batches(frames, lambda _: most):
                    for frame, image in self._covered(batch, table, coverer, result):
                        result.frames_in += 1
                        if image is not None:
                            encoder.put(cover_areas(frame, image, areas), frame.time_s)
                            result.frames_out += 1
                    self.progress("render", batch[-1].index + 1, table.frame_count)
            result.damage += reader.damage
            result.notes += [*reader.notes, *writer.notes]
            result.notes += [f"covered whatever is in it: {area}" for area in areas]
        result.events += coverer.drain_events()
        if sound is not None:
            result.failures += sound.failures
        return result

    def _covered(
        self, batch: list[Frame], table: TrackTable, coverer: Coverer, result: Rendering
    ) -> list[tuple[Frame, Image | None]]:
        """What leaves of each frame; None for a frame that is dropped."""
        tracks = [self._tracks(table, frame, result) for frame in batch]
        known = [(f, t) for f, t in zip(batch, tracks, strict=True) if t is not None]
        covers = iter(coverer.cover([f for f, _ in known], [t for _, t in known]))
        leaving: list[tuple[Frame, Image | None]] = []
        for frame, faces in zip(batch, tracks, strict=True):
            if faces is None:
                leaving.append((frame, self._missed(frame, table, result)))
                continue
            cover = next(covers)
            image = cover.image
            if cover.error is not None or image is None:
                error = cover.error or UncoveredFace()
                failure = Failure.of("anonymizer", error, frame.index, frame.time_s)
                result.failures.append(failure)
                result.whole.append(frame.index)
                image = whole_frame_cover(frame)
            elif result.watch is not None:
                result.watch.note(frame, image)
            leaving.append((frame, image))
        return leaving

    def _tracks(self, table: TrackTable, frame: Frame, result: Rendering) -> Tracks | None:
        """The faces of a frame; None if they could not be established.

        Raises:
            MediaError: the table belongs to another recording.
        """
        # Frames beyond the table were not analysed: nothing is known about them.
        if frame.index >= table.frame_count or frame.index in table.misses:
            return None
        if abs(frame.time_s - table.time_s[frame.index]) > TIME_TOLERANCE_S:
            raise MediaError(
                f"the track table has frame {frame.index} at {table.time_s[frame.index]:.3f} "
                f"s, the recording at {frame.time_s:.3f} s; render the recording that was analysed"
            )
        result.fingerprint.note(frame)
        if result.fingerprint.differs_s is not None and not self.config.allow_other_recording:
            raise MediaError(
                f"the track table belongs to another recording: the frame at {frame.time_s:.2f} s "
                f"shows something else than the one that was analysed; nothing was written. If it "
                f"is the same recording in another quality, add --allow-other-recording"
            )
        faces = table.tracks_at(frame.index)
        # A table that a person brings may have lost its rows: no face is a miss, as in a run.
        return faces if len(faces) or self.config.allow_no_faces else None

    def _missed(self, frame: Frame, table: TrackTable, result: Rendering) -> Image | None:
        """What leaves of a frame whose faces could not be established."""
        if self.config.on_miss == "abort":
            reason = table.misses.get(frame.index, "not analysed")
            raise CheckError(
                f"faces could not be established at {frame.time_s:.2f} s ({reason}); "
                f"nothing was written (--on-miss abort)"
            )
        if self.config.on_miss == "drop":
            result.dropped.append(frame.index)
            return None
        result.whole.append(frame.index)
        return whole_frame_cover(frame)

    def _writer(
        self, source: Path, reader: Reader, table: TrackTable, path: Path
    ) -> tuple[Writer, AnonymizedSound | None]:
        """The output, with its sound, and the sound that is made while the frames are written."""
        config, video = self.config, self.components.stages.video
        if config.audio == "keep":
            self.warn("the sound is kept: a voice identifies a person as well as a face does")
        voice = self.components.voice()
        if voice is not None:
            spec = self.components.others["voice"].component.spec
            if WEAK in spec.capabilities:
                self.warn(
                    f"voice anonymizer '{config.voice}' is weak: somebody who knows the method can "
                    f"still tell the speaker; 'silence' is strong"
                )
        sound = AnonymizedSound(voice) if voice is not None else None
        writer = open_writer(
            path,
            like=reader.info,
            codec=video.codec,
            quality=video.quality,
            duration_s=table.duration_s,
            threads=self.components.threads,
        )
        if config.audio == "keep" and reader.info.has_audio:
            writer.copy_audio(source, reader.info.start_s)
        if sound is not None and reader.info.has_audio:
            writer.add_audio(sound.of_recording(source, reader.info.start_s), SOUND_RATE)
        return writer, sound

    def _watch(self, table: TrackTable, found: Analysis | None) -> Watch | None:
        """What the search of the result needs to know of the rendering; None without a search."""
        if not self.config.search_again:
            return None
        frames = frames_to_search(
            table, table.samples.frame.tolist() if self._rereads(table) else ()
        )
        dismissed: list[Dismissed] = []
        if found is not None:
            rows = found.observed.log.rows()
            dismissed = [
                Dismissed(int(rows.frame[k]), rows.xyxy[k]) for k in found.dismissed.tolist()
            ]
        chosen = self.components.judge()
        judge = self.components.optional(chosen, Recognizer) if chosen is not None else None
        threshold = getattr(judge, "match_threshold", None)
        name = chosen.name if chosen is not None else ""
        likeness = Likeness(table, frames, name, judge, threshold)
        return Watch(table, frames, tuple(dismissed), likeness)

    def _rereads(self, table: TrackTable) -> bool:
        """Whether emotions are read from the result as well."""
        wanted = self.config.recheck and len(table.samples) > 0
        return wanted and self.components.classifier() is not None

    # -- 4. look at what came out ----------------------------------------------------------------

    def search_again(
        self, table: TrackTable, rendering: Rendering, people: Iterable[int] | None = None
    ) -> Searched:
        """Third pass: look at the covered recording as any later user of it would.

        Is there a face in it that we did not make, and is a covered one still the person's? And
        what is left of the expression: emotions are read at the moments at which the original was
        read; a face that is no longer found yields no sample, and its second becomes ``unknown``: a
        disagreement, not a gap in the comparison. Both share one decoding.

        Args:
            people: track ids whose emotions are read again; None: everybody's who was read.
        """
        mine = table if people is None else table.only(people)
        reading = self._reading(mine)
        search = self._search(rendering)
        wanted = {*(reading.at if reading else ()), *(search.watch.wanted if search else ())}
        if not wanted:
            return Searched()
        left_out = set(rendering.dropped)
        original = (i for i in range(table.frame_count) if i not in left_out)
        with self._open_result(rendering.path) as reader:
            size = one_at_a_time if reader.info.independent else fitting
            numbered = zip(original, prefetch(reader, depth=MOST), strict=False)
            again = (Frame(f.bgr, i, f.time_s) for i, f in numbered if i in wanted)
            for batch in in_batches(map(read_only, again), size):
                if reading is not None:
                    reading.read([f for f in batch if f.index in reading.at])
                if search is not None:
                    search.look([f for f in batch if f.index in search.watch.wanted])
                self.progress("check the result", batch[-1].index + 1, table.frame_count)
        self.progress("check the result", table.frame_count, table.frame_count)
        return conclude(search, reading)

    def _reading(self, table: TrackTable) -> Reading | None:
        """What reads the emotions of the result; None if they are not read."""
        classifier = self.components.classifier()
        if classifier is None or not self._rereads(table):
            return None
        return Reading(table, self.components.detector(), classifier)

    def _search(self, rendering: Rendering) -> Search | None:
        """What looks for faces in the result; None if they are not looked for."""
        if rendering.watch is None:
            return None
        mine = self.components.others["detector"].name
        lookers = [Looker(mine, self.components.detector(), closely=True)]
        other = self.components.second_detector()
        second = self.components.optional(other, Detector) if other is not None else None
        if other is not None and second is not None:
            lookers.append(Looker(other.name, second, closely=False))
        return Search(lookers, rendering.watch, frozenset(rendering.whole))

    # -- 5. hand over ----------------------------------------------------------------------------

    def deliver(
        self,
        delivery: Delivery,
        command: str,
        table: TrackTable,
        found: Analysis | None,
        rendering: Rendering,
        searched: Searched,
    ) -> RunResult:
        """Write every output, and publish them together.

        Args:
            command: ``run`` or ``render``, for the manifest.
            found: what the analysis saw; None if the table came from a file.
        """
        from framework.agreement import compare
        from framework.api import RunResult

        before = self.timelines(table)
        after = agreement = None
        if before is not None and searched.samples is not None:
            after = self.timelines(table.with_samples(searched.samples))
            assert after is not None
            agreement = compare(before.raw, after.raw)
        advice = self.advice(before)
        audit = self.audit(table, found, rendering, searched)
        write_results(
            delivery,
            self.config,
            table,
            audit,
            self.manifest(command),
            before,
            after,
            agreement,
            advice,
            rendering.path.name,
        )
        if found is not None and found.measurements is not None:
            write_measures(delivery.path(MEASURES), found.measurements, table)
            write_measure_seconds(delivery.path(MEASURE_SECONDS), found.measurements, table)
        files = delivery.publish()
        summary = summarize(table, audit, agreement, advice, files)
        return RunResult(table, before, agreement, advice, audit, files, summary)

    def timelines(self, table: TrackTable) -> Timelines | None:
        """Emotions by second and person; None without a classifier."""
        classifier = self.components.classifier()
        if classifier is None:
            return None
        return build_timelines(
            table,
            self.components.stages.timeline,
            unknown_below=classifier.unknown_below,
            correct=getattr(classifier, "correction", None),
        )

    def advice(self, timelines: Timelines | None) -> list[Recommendation]:
        """What the recommender says; empty without one, or without emotions."""
        recommender = self.components.recommender()
        if recommender is None or timelines is None:
            return []
        return list(recommender.recommend(EmotionWindow(timelines.people)))

    def audit(
        self,
        table: TrackTable,
        found: Analysis | None,
        rendering: Rendering,
        searched: Searched,
    ) -> Audit:
        """The account of one recording."""
        with self._open_result(rendering.path) as reader:
            if reader.info.kind is MediaKind.ANIMATION and reader.info.duration_s is None:
                for _ in reader:  # an animated PNG says how long it is only frame by frame
                    pass
            duration_out_s = reader.duration_s
        return audit_run(
            table,
            found,
            rendering,
            searched,
            duration_out_s,
            allow_no_faces=self.config.allow_no_faces,
        )

    def manifest(self, command: str, more: Sequence[Selection] = ()) -> Manifest:
        """How the result was made.

        Args:
            more: further components that took part.
        """
        taking_part = [*more]
        if self.config.search_again:
            helpers = (self.components.second_detector(), self.components.judge())
            taking_part += [one for one in helpers if one is not None]
        return describe_run(command, self.components, taking_part)


def _refuse_open(table: TrackTable, found: Analysis) -> None:
    """A table that leaves a face open never renders.

    Raises:
        ContractError: it leaves a detection open that was not dismissed.
    """
    left = unprotected_detections(found.observed.log, table, dismissed=found.dismissed)
    if len(left):
        raise ContractError(
            f"the track table leaves {left.face_seconds:.2f} face-seconds open, first at "
            f"{table.time_s[left.frames[0]]:.2f} s; nothing was written, please report this"
        )


def _check_fits(table: TrackTable, info: SourceInfo) -> None:
    if (table.width, table.height) != (info.width, info.height):
        raise MediaError(
            f"the track table is for {table.width}x{table.height} pixels, the recording has "
            f"{info.width}x{info.height}; render the recording that was analysed"
        )
