"""What is said of a release in every description of it, once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from framework_release.config import ReleaseConfig
from framework_release.figures import Figures

FORBIDDEN = (
    "Do not try to find out who somebody is, by any means.",
    "Do not restore, sharpen or reverse covered faces, and do not link people to other data.",
    "Do not use it to judge, rank or monitor patients or staff.",
    "Do not pass it on except under the same terms.",
    "Do not present generated faces as real people.",
)


@dataclass(frozen=True)
class About:
    """A release in words and figures.

    Attributes:
        config: what the study said.
        version, date: of this version.
        figures: measured on this set.
        methods: how recordings were covered, see :func:`framework_release.figures.methods`.
        participants: number of people.
        per_method: the same figures for each way of covering, where there are several.
        steps: what was done to the groups.
        left_out: number of encounters left out, by rule.
        signer: who signed; empty if nobody did.
    """

    config: ReleaseConfig
    version: str
    date: str
    figures: Figures
    methods: Sequence[Mapping[str, Any]]
    participants: int
    per_method: Sequence[tuple[str, Figures]] = field(default=())
    steps: Sequence[str] = field(default=())
    left_out: Mapping[str, int] = field(default_factory=dict)
    signer: str = ""

    @property
    def measured(self) -> list[tuple[str, Figures]]:
        """Figures under a heading each: of everything, and of each method if there are several."""
        if len(self.per_method) > 1:
            return [("all methods", self.figures), *self.per_method]
        return [("this set", self.figures)]

    @property
    def synthetic(self) -> bool:
        return any(m["synthetic"] for m in self.methods)

    @property
    def description(self) -> str:
        said = self.config.description.strip()
        return said or (
            f"{count(self.figures.encounters, 'recorded encounter')} of "
            f"{count(self.participants, 'person', 'people')} with covered faces, and the "
            f"expressions that a machine read from them second by second."
        )

    @property
    def how_covered(self) -> str:
        names = ", ".join(str(m["name"]) for m in self.methods)
        text = f"Every face was covered in every frame (method: {names})."
        if self.synthetic:
            text += " Faces were replaced by generated ones that carry the expression over."
        return text

    @property
    def citation(self) -> str:
        names = "; ".join(a.name for a in self.config.authors)
        where = f" https://doi.org/{self.config.doi}" if self.config.doi else ""
        return (
            f"{names} ({self.date[:4]}). {self.config.title} (version {self.version}) [data set]. "
            f"{self.config.publisher}.{where}"
        )

    @property
    def tools(self) -> list[str]:
        """Machines that annotated."""
        kinds = ("detector", "tracker", "emotion-classifier", "recommender")
        found = {
            f"{c['name']} ({c['kind']}, {c['distribution']} {c['version']})"
            for m in self.methods
            for c in m["components"]
            if c["kind"] in kinds
        }
        return sorted(found)

    @property
    def limits(self) -> list[str]:
        return [
            "A label says what a machine read in a face. It is not what somebody felt, and no "
            "diagnosis.",
            "Expressions were read before covering. How many are still readable in the covered "
            "recordings is measured and stated in the datasheet; others are lost.",
            "Only faces that the detector found in some frame were covered and counted.",
            "Clothes, hair, rooms, body and the way somebody moves are visible.",
            f"{count(self.figures.encounters, 'encounter')} of one study say little about other "
            f"places and people.",
        ]

    @property
    def biases(self) -> list[str]:
        return [
            "Who agreed to publication differs from who did not.",
            "Classifiers of expressions err more on people unlike those they were trained on; the "
            "training sets are named in the datasheet.",
        ]

    @property
    def uses(self) -> list[str]:
        return [
            "Research on communication in encounters.",
            "Comparing methods that cover faces or read expressions.",
            "Not for: identification, surveillance, judging patients or staff, diagnosis.",
        ]

    @property
    def impact(self) -> str:
        return (
            "It lets others check results that could only be reported so far. Misused, it could "
            "lead to people being known again or judged by a machine; the terms forbid both."
        )

    @property
    def sensitive(self) -> list[str]:
        return [
            "Health context: people are shown in a medical encounter, with covered faces.",
            "Estimated emotional expression, by second.",
            "No names, dates, places, sound of voices as recorded, or faces.",
        ]

    @property
    def maintenance(self) -> str:
        return (
            f"People can withdraw by writing to {self.config.contact}. The next version is then "
            f"without them, and CHANGES says that earlier versions must be destroyed."
        )


def count(number: int, one: str, many: str = "") -> str:
    """``1 person``, ``3 people``."""
    return f"{number} {one}" if number == 1 else f"{number:,} {many or one + 's'}"
