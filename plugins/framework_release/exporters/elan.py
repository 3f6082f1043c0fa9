"""ELAN: one .eaf a camera, on that camera's own clock, so that times and media always agree."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from framework.errors import ConfigError
from framework.types import EMOTIONS
from framework_release.exporters.media import link, mime
from framework_release.exporters.options import LinkedMediaOptions
from framework_release.results import Camera, Results, read_results, stretches

SPEAKS = 0.5
"""Share of a second with speech from which the second is annotated as speech."""
FIXED_DATE = "1970-01-01T00:00:00+00:00"
"""In place of the day of export, so that the same results give the same file."""
Annotation = tuple[float, float, str]


class ElanExporter:
    """Writes ``.eaf`` files (EAF 2.8, https://www.mpi.nl/tools/elan/EAF_Annotation_Format.pdf).

    A tier for each person and kind: ``patient-expression`` (stretches with the same label),
    ``patient-episodes``, ``patient-speech``, and ``advice-to-doctor``. Expressions and episodes
    have a controlled vocabulary.
    """

    def __init__(self, options: LinkedMediaOptions, context: Any = None) -> None:
        self._options = options

    def export(self, result: Path, out: Path) -> list[Path]:
        """See :class:`framework.Exporter`.

        Raises:
            ConfigError: the results hold nothing to annotate.
        """
        from pympi.Elan import Eaf

        results = read_results(result)
        if not results.people:
            raise ConfigError(
                f"{result}: no emotions were read, so there is nothing to annotate; run it with "
                f"--fer"
            )
        written: list[Path] = []
        for camera in results.cameras:
            path, copied = link(camera, out, self._options.copy_media)
            written += [copied] if copied else []
            document = Eaf(author="")
            document.remove_tier("default")
            document.adocument["DATE"] = FIXED_DATE
            # The absolute address would hold a path of this machine; ELAN takes the relative one
            # when it finds nothing there.
            document.add_linked_file(
                f"file:///{Path(path).name}", relpath=f"./{path}", mimetype=mime(path)
            )
            document.add_language("und", "http://cdb.iso.org/lg/CDB-00130975-001", "undetermined")
            document.add_controlled_vocabulary("expression")
            for label in (*EMOTIONS, "unknown"):
                document.add_cv_entry("expression", label, [(label, "und", label)])
            document.add_linguistic_type("stretches")
            document.add_linguistic_type("expressions")
            document.linguistic_types["expressions"]["CONTROLLED_VOCABULARY_REF"] = "expression"
            for tier, kind, participant, marks in tiers(results):
                document.add_tier(tier, ling=kind, part=participant)
                for start, end, text in _on(camera, marks):
                    document.add_annotation(tier, start, end, text)
            target = out / f"{camera.name}.eaf"
            document.to_file(str(target))
            written.append(target)
        return written


def tiers(results: Results) -> Iterator[tuple[str, str, str, list[Annotation]]]:
    """(name, linguistic type, participant, annotations in seconds of the shared clock)."""
    names = _names(results)
    for person in results.people:
        name = names[person.person]
        seen = [
            (s, label)
            for s, label, c in zip(
                person.second.tolist(), person.label, person.coverage.tolist(), strict=True
            )
            if c > 0 or label != "unknown"
        ]
        yield (
            f"{name}-expression",
            "expressions",
            name,
            [(float(a), float(b), label) for a, b, label in stretches(seen)],
        )
        yield (
            f"{name}-episodes",
            "expressions",
            name,
            [
                (e.start_s, e.end_s, e.emotion)
                for e in results.episodes
                if e.person == person.person
            ],
        )
    for speech in results.speech:
        spoken = [(s, "speech") for s, share in sorted(speech.share.items()) if share >= SPEAKS]
        name = "speech" if speech.who == "anybody" else f"{speech.who}-speech"
        yield (
            name,
            "stretches",
            speech.who,
            [(float(a), float(b), t) for a, b, t in stretches(spoken)],
        )
    for to in sorted({str(a.to) for a in results.advice}):
        # Two pieces of advice at one time would overlap, which a tier does not allow.
        at: dict[float, list[str]] = {}
        for a in results.advice:
            if str(a.to) == to:
                at.setdefault(a.time_s, []).append(a.text)
        times = sorted(at)
        ends = [*times[1:], float("inf")]
        yield (
            f"advice-to-{to}",
            "stretches",
            to,
            [(t, min(t + 1.0, e), " / ".join(at[t])) for t, e in zip(times, ends, strict=True)],
        )


def _names(results: Results) -> dict[str, str]:
    """A name for each person: the role where only one has it, else the pseudonym."""
    roles = [str(p.role) for p in results.people]
    return {
        p.person: str(p.role)
        if str(p.role) != "unknown" and roles.count(str(p.role)) == 1
        else p.person
        for p in results.people
    }


def _on(camera: Camera, annotations: list[Annotation]) -> Iterator[tuple[int, int, str]]:
    """Annotations in milliseconds of the camera's own clock, cut to its length."""
    length = camera.duration_s or float("inf")
    for start, end, text in annotations:
        first, last = max(0.0, camera.own(start)), min(length, camera.own(end))
        if round(1000 * last) > round(1000 * first):
            yield round(1000 * first), round(1000 * last), text
