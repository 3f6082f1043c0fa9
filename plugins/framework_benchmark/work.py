"""Measures what one anonymizer lacks, item by item, and lays out what attackers then have."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from framework_faceset.subject import Sightings

from framework.errors import FrameworkError
from framework.harness import CropPair, Item, ItemKind, Material, Motion, Template
from framework.protocols import Anonymizer
from framework.types import Image
from framework_benchmark.attacks import t3_reversal
from framework_benchmark.covering import Covered, cover, reencode
from framework_benchmark.methods import ATTACKER, CLEAR, RELEASED, Method, Part
from framework_benchmark.store import Payload, Row, StoreError
from framework_benchmark.studio import Opened, Studio, one_line

if TYPE_CHECKING:
    from framework_benchmark.runner import Bench


@dataclass(eq=False)
class Work:
    """What has to be measured for one method, and what attackers then have in hand.

    Attributes:
        recognizers: those whose attacks are missing.
        attacked: whether any attack is missing.
        needs: what the missing attacks need beside templates (:class:`framework.Attack`).
    """

    bench: Bench
    method: Method
    studio: Studio
    recognizers: list[Part]
    attacked: bool
    needs: frozenset[str]
    motion: dict[tuple[str, str], Motion] = field(default_factory=dict)
    small: dict[tuple[str, str, str], Image] = field(default_factory=dict)
    _built: dict[str, Anonymizer | FrameworkError] = field(default_factory=dict)

    def jobs(self) -> Iterator[Callable[[], None]]:
        """One call for each item that lacks something."""
        bench = self.bench
        if self.attacked:
            for item in [*bench.selection.enrolled, *bench.selection.fit]:
                yield lambda item=item: self._guarded(item, CLEAR, self._clear)  # type: ignore[misc]
                if self.recognizers:
                    yield lambda item=item: self._guarded(  # type: ignore[misc]
                        item, ATTACKER, self._attackers
                    )
        for item in bench.released:
            if self.attacked or not self._measured(item):
                yield lambda item=item: self._guarded(item, RELEASED, self._release)  # type: ignore[misc]

    def _measured(self, item: Item) -> bool:
        bench = self.bench
        keys = [bench.face_key(item, self.method)]
        keys += [bench.emotion_key(item, self.method, part) for part in bench.fer]
        keys += [bench.metric_key(item, self.method, part) for part, _ in bench.metrics]
        return all(bench.store.has(key) for key in keys)

    def _guarded(self, item: Item, purpose: str, work: Callable[[Item], None]) -> None:
        """Do one item; what goes wrong becomes a row."""
        store, method = self.bench.store, None if purpose == CLEAR else self.method
        key = self.bench.failure_key(item, method, purpose)
        label = method.label if method else CLEAR
        try:
            with store.transaction():
                work(item)
        except (StoreError, MemoryError):
            raise
        except Exception as error:
            failure = one_line(error)
        else:
            if store.get(key) is not None:
                store.put(Row(key, label, purpose, item.id, "failure", "ok", "", {}))
            return
        store.put(Row(key, label, purpose, item.id, "failure", "failed", failure, {}))

    # -- clear faces -----------------------------------------------------------------------------

    def _clear(self, item: Item) -> None:
        """Templates and curves of an item as it is."""
        enrolled = any(item is i for i in self.bench.selection.enrolled)
        wanted = [p for p in self.recognizers if not self._has(item, CLEAR, CLEAR, p)]
        moving = "motion" in self.needs and item.kind is ItemKind.CLIP
        if not (wanted or moving):
            return
        opened = self.studio.open(item)
        for part in wanted:
            template = self.studio.template(
                opened, opened.images, opened.sightings, part.label, enrolled
            )
            self._keep(item, CLEAR, CLEAR, part, template)
        if moving:
            self.motion[item.id, CLEAR] = self.studio.motion(opened, opened.sightings)

    # -- what an attacker covers -----------------------------------------------------------------

    def _attackers(self, item: Item) -> None:
        """Templates of an item covered with the attacker's own seed and secret."""
        digest = self.method.digest
        fit = any(item is i for i in self.bench.selection.fit)
        wanted = [p for p in self.recognizers if not self._has(item, digest, ATTACKER, p)]
        needs_crops = ("fit-crops" if fit else "gallery-crops") in self.needs
        if not (wanted or needs_crops):
            return
        opened = self.studio.open(item)
        covered = self._cover(opened, ATTACKER)
        sightings = self.studio.sightings(opened, covered.images)
        for part in wanted:
            template = self.studio.template(opened, covered.images, sightings, part.label, False)
            self._keep(item, digest, ATTACKER, part, template)
        if needs_crops:
            for part in self.recognizers:
                self._crop(opened, covered.images, part, ATTACKER)
                if fit:
                    self._crop(opened, opened.images, part, CLEAR)

    # -- what is released ------------------------------------------------------------------------

    def _release(self, item: Item) -> None:
        """Everything that is measured on an item that was released."""
        bench, digest = self.bench, self.method.digest
        opened = self.studio.open(item)
        covered = self._cover(opened, RELEASED)
        sightings = self.studio.sightings(opened, covered.images)
        payload = self.studio.faces(opened, covered, sightings)
        self._put(bench.face_key(item, self.method), item, "faces", payload)
        attacked = bool(bench.selection.enrolled)
        for part in self.recognizers if attacked else []:
            if not self._has(item, digest, RELEASED, part):
                template = self.studio.template(
                    opened, covered.images, sightings, part.label, whole_track=True
                )
                self._keep(item, digest, RELEASED, part, template)
                if template is not None:
                    key = bench.stability_key(item, self.method, part)
                    steps = {"steps": self.studio.stability(template)}
                    self._put(key, item, f"stability:{part.label}", steps)
            if "crops" in self.needs:
                self._crop(opened, covered.images, part, RELEASED)
        if "motion" in self.needs and item.kind is ItemKind.CLIP:
            self.motion[item.id, RELEASED] = self.studio.motion(opened, sightings)
        self._measure(opened, covered, sightings)
        for part in bench.fer:
            key = bench.emotion_key(item, self.method, part)
            if not bench.store.has(key):
                found = self.studio.emotion(opened, covered.images, sightings, part.label)
                self._put(key, item, f"emotion:{part.label}", found)

    def _measure(self, opened: Opened, covered: Covered, sightings: Sightings) -> None:
        """What the metrics keep of an item; one that fails is a row that failed."""
        bench, item = self.bench, opened.item
        before = self.studio.seen(opened, opened.images, opened.sightings)
        after = self.studio.seen(opened, covered.images, sightings)
        for part, metric in bench.metrics:
            key, measure = bench.metric_key(item, self.method, part), f"metric:{part.label}"
            if bench.store.has(key):
                continue
            try:
                found = dict(metric.measure(before, after))
            except (KeyboardInterrupt, MemoryError):
                raise
            except Exception as error:
                row = Row(key, self.method.label, RELEASED, item.id, measure, "failed",
                          one_line(error), {})  # fmt: skip
                bench.store.put(row)
            else:
                self._put(key, item, measure, found)

    # -- shared ----------------------------------------------------------------------------------

    def _cover(self, opened: Opened, purpose: str) -> Covered:
        if self.method.part is None:
            images = reencode(opened.recording.frames)
            nothing = np.zeros(len(images), bool)
            return Covered(images, np.zeros(0), 0.0, opened.subject.present | nothing)
        if purpose not in self._built:
            try:
                self._built[purpose] = self.bench.workshop.build(self.method.part, purpose)
            except FrameworkError as error:  # it would fail for every item, and slowly
                self._built[purpose] = error
        built = self._built[purpose]
        if isinstance(built, FrameworkError):
            raise built
        samples = None
        if self.method.part.looks_ahead and self.bench.reader is not None:
            samples = self.studio.reading(opened, self.bench.reader.label).samples
        return cover(built, opened.recording, opened.subject, samples)

    def _crop(self, opened: Opened, images: Sequence[Image], part: Part, purpose: str) -> None:
        scale = self.studio.recognizers[part.label].crop_scale
        crop = self.studio.crop(opened, images, opened.sightings, t3_reversal.CROP, scale)
        if crop is not None:
            self.small[opened.item.id, purpose, part.label] = crop

    def _crops(self, items: Sequence[Item], purpose: str, part: Part) -> list[Image | None]:
        return [self.small.get((item.id, purpose, part.label)) for item in items]

    def _has(self, item: Item, method: Any, purpose: str, part: Part) -> bool:
        return self.bench.store.has_template(self.bench.template_key(item, method, purpose, part))

    def _keep(
        self, item: Item, method: Any, purpose: str, part: Part, template: Template | None
    ) -> None:
        if template is not None:
            self.bench.store.put_template(
                self.bench.template_key(item, method, purpose, part),
                {
                    "vectors": template.vectors,
                    "found": template.found,
                    "best": np.array(template.best),
                },
            )

    def _put(self, key: str, item: Item, measure: str, payload: Payload) -> None:
        self.bench.store.put(
            Row(key, self.method.label, RELEASED, item.id, measure, "ok", "", payload)
        )

    def _template(self, item: Item, method: Any, purpose: str, part: Part) -> Template | None:
        key = self.bench.template_key(item, method, purpose, part)
        payload = self.bench.store.get_template(key)
        if payload is None:
            return None
        return Template(payload["vectors"], payload["found"], int(payload["best"]))

    def material(self, part: Part | None) -> Material:
        """What an attacker with this recogniser has in hand; without one, motion alone."""
        selection = self.bench.selection
        place = {person: g for g, person in enumerate(selection.persons)}
        clips = Material(
            clear=(),
            covered=(),
            probes=(),
            mate=np.array([place[i.person] for i in selection.probes], np.int64),
            clear_motion=[self.motion.get((i.id, CLEAR)) for i in selection.enrolled],
            probe_motion=[self.motion.get((i.id, RELEASED)) for i in selection.probes],
            fit_motion=[
                m for i in selection.fit if (m := self.motion.get((i.id, CLEAR))) is not None
            ],
        )
        return clips if part is None else self._with_templates(clips, part)

    def _with_templates(self, clips: Material, part: Part) -> Material:
        selection, digest = self.bench.selection, self.method.digest
        fit, fit_persons, pairs = [], [], []
        for item in selection.fit:
            clear = self._template(item, CLEAR, CLEAR, part)
            covered = self._template(item, digest, ATTACKER, part)
            if clear is not None and covered is not None:
                fit.append((clear, covered))
                fit_persons.append(item.person)
            before = self.small.get((item.id, CLEAR, part.label))
            after = self.small.get((item.id, ATTACKER, part.label))
            if clear is not None and before is not None and after is not None:
                pairs.append(CropPair(before, after, clear.vector, item.person))
        recognizer = self.studio.recognizers[part.label]
        return replace(
            clips,
            clear=[self._template(i, CLEAR, CLEAR, part) for i in selection.enrolled],
            covered=[self._template(i, digest, ATTACKER, part) for i in selection.enrolled],
            probes=[self._template(i, digest, RELEASED, part) for i in selection.probes],
            fit=fit,
            fit_persons=fit_persons,
            fit_crops=pairs,
            covered_crops=[
                self.small.get((i.id, ATTACKER, part.label)) for i in selection.enrolled
            ],
            probe_crops=[self.small.get((i.id, RELEASED, part.label)) for i in selection.probes],
            embed=recognizer.embed,
            size=recognizer.input_size,
        )
