"""The tables that every format is made from: seconds, episodes, advice, as plain rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from framework.types import EMOTIONS
from framework_release.results import Results, finite


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table, as the codebook describes it.

    Attributes:
        name: as in the header.
        kind: ``text``, ``integer`` or ``number``.
        text: what it says, with unit and range.
        levels: the values a text can have, each with its meaning; empty if it is free.
    """

    name: str
    kind: str
    text: str
    levels: tuple[tuple[str, str], ...] = ()


LABELS: tuple[tuple[str, str], ...] = (
    *((e, f"the classifier's most probable expression is {e}") for e in EMOTIONS),
    ("unknown", "not enough evidence in this second"),
)
ROLES: tuple[tuple[str, str], ...] = (
    ("patient", "the patient"),
    ("doctor", "the doctor"),
    ("unknown", "nobody said who this is"),
)
_PERSON = (
    Column("person", "text", "pseudonym of the person within the recording"),
    Column("role", "text", "who it is", ROLES),
)

SECONDS: tuple[Column, ...] = (
    *_PERSON,
    Column("second", "integer", "the row covers [second, second + 1) on the shared clock"),
    Column("label", "text", "expression read by a machine; not what was felt", LABELS),
    *(
        Column(e, "number", f"mean probability of {e}, 0 to 1; empty where the label is unknown")
        for e in EMOTIONS
    ),
    Column("samples", "integer", "classified faces in this second"),
    Column("coverage", "number", "share of the second in which the face was observed, 0 to 1"),
    Column("quality", "number", "mean quality of the classified faces, 0 to 1"),
)
EPISODES: tuple[Column, ...] = (
    *_PERSON,
    Column("start_s", "number", "start on the shared clock, seconds"),
    Column("end_s", "number", "end, exclusive, seconds"),
    Column("emotion", "text", "strongest negative expression of the episode", LABELS),
    Column("strength", "number", "mean summed probability of negative expressions, 0 to 1"),
    Column("readable_s", "integer", "seconds with a label"),
)
ADVICE: tuple[Column, ...] = (
    Column("time_s", "number", "when it is given on the shared clock, seconds"),
    Column("to", "text", "whom it addresses", ROLES),
    Column("about", "text", "pseudonym of the person observed"),
    Column("emotion", "text", "expression, or group of expressions, that was observed"),
    Column("start_s", "number", "start of the evidence, seconds"),
    Column("end_s", "number", "end of the evidence, seconds"),
    Column("rule", "text", "name of the rule that fired"),
    Column("text", "text", "the advice"),
    Column("confidence", "number", "0 to 1"),
)
TABLES: dict[str, tuple[Column, ...]] = {
    "seconds": SECONDS,
    "episodes": EPISODES,
    "advice": ADVICE,
}
Row = dict[str, Any]


def rows(results: Results) -> dict[str, list[Row]]:
    """Every table of :data:`TABLES`, with None where a cell is empty."""
    return {
        "seconds": list(_seconds(results)),
        "episodes": [
            {
                "person": e.person,
                "role": str(e.role),
                "start_s": e.start_s,
                "end_s": e.end_s,
                "emotion": e.emotion,
                "strength": round(e.strength, 4),
                "readable_s": e.readable_s,
            }
            for e in results.episodes
        ],
        "advice": [
            {column.name: _plain(getattr(a, column.name)) for column in ADVICE}
            for a in results.advice
        ],
    }


def _seconds(results: Results) -> Iterator[Row]:
    for person in results.people:
        for k, second in enumerate(person.second.tolist()):
            probabilities = [finite(float(v)) for v in person.probabilities[k]]
            quality = finite(float(person.quality[k]))
            yield {
                "person": person.person,
                "role": str(person.role),
                "second": second,
                "label": person.label[k],
                **{
                    e: None if p is None else float(f"{p:.6g}")
                    for e, p in zip(EMOTIONS, probabilities, strict=True)
                },
                "samples": int(person.samples[k]),
                "coverage": float(f"{person.coverage[k]:.6g}"),
                "quality": None if quality is None else float(f"{quality:.6g}"),
            }


def _plain(value: Any) -> Any:
    return value if isinstance(value, float | int) else str(value)
