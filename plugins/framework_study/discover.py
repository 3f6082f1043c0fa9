"""Which recordings of a folder belong together: a proposal for a person to correct.

The names decide. A part of the path that says ``patient`` or ``doctor`` (or a usual word for one of
them) tells the role; what is left of the path tells the encounter. ``visit-07_patient.mp4`` and
``visit-07_doctor.mp4`` are a pair, and so are ``patient/07.mp4`` and ``doctor/07.mp4``. Where no
name says a role, every recording stands alone.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from framework.errors import ConfigError, MediaError, UserError

SUFFIXES = frozenset(
    [
        ".mp4",
        ".m4v",
        ".mov",
        ".mkv",
        ".webm",
        ".avi",
        ".mts",
        ".m2ts",
        ".mpg",
        ".mpeg",
        ".wmv",
        ".mxf",
        ".3gp",
        ".ts",
        ".ogv",
        ".flv",
    ]
)
WORDS = {
    "patient": frozenset(["patient", "patients", "pat", "pt", "p", "client", "participant"]),
    "doctor": frozenset(
        [
            "doctor",
            "doctors",
            "doc",
            "dr",
            "physician",
            "clinician",
            "therapist",
            "provider",
            "interviewer",
            "d",
        ]
    ),
    "both": frozenset(["both", "room", "wide", "overview", "dyad"]),
}
"""Usual words for whom a camera shows, in lower case."""
LENGTHS_DIFFER = 0.2
"""Cameras of one conversation whose lengths differ by more than this share are doubtful."""
SHORT_S = 5.0


@dataclass(frozen=True)
class Found:
    """A recording that was found.

    Attributes:
        path: where it is.
        length_s: as the container declares it; None if it declares nothing.
        has_audio: whether it has sound.
        problem: why it cannot be opened; empty if it can.
    """

    path: Path
    length_s: float | None = None
    has_audio: bool = False
    problem: str = ""


@dataclass(frozen=True)
class Proposal:
    """One row of the future encounters.csv.

    Attributes:
        cameras: recordings by ``patient``, ``doctor`` and ``both``.
        doubts: what a person should look at, in sentences.
        id: proposed pseudonym.
    """

    cameras: dict[str, Found]
    doubts: tuple[str, ...] = field(default=())
    id: str = ""


def find_recordings(folder: Path) -> list[Found]:
    """Every recording below a folder, in the order of their names.

    Raises:
        MediaError: there is no such folder, or no recording in it.
    """
    from framework.media import probe

    if not folder.is_dir():
        raise MediaError(f"{folder}: no such folder; give the one with the recordings")
    paths = sorted(
        p
        for p in folder.rglob("*")
        if p.suffix.lower() in SUFFIXES
        and not any(part.startswith(".") for part in p.relative_to(folder).parts)
    )
    if not paths:
        raise MediaError(f"{folder}: no recording in it or below ({' '.join(sorted(SUFFIXES))})")
    found = []
    for path in paths:
        try:
            info = probe(path)
            found.append(Found(path, info.duration_s, info.has_audio))
        except UserError as error:
            why = " ".join(str(error).split()).removeprefix(f"{path}: ")
            found.append(Found(path, problem=why))
    return found


def pair_by_name(
    folder: Path, found: Sequence[Found], pattern: str | None = None
) -> list[Proposal]:
    """Put recordings together by their names.

    Args:
        folder: names are looked at from here on.
        pattern: how names are made, with ``{id}`` and ``{role}``; None: guess.

    Raises:
        ConfigError: the pattern has no ``{id}`` and ``{role}``, or fits no name.
    """
    place = _by_pattern(folder, found, pattern) if pattern else _by_words(folder, found)
    groups: dict[tuple[str, ...], dict[str, list[Found]]] = defaultdict(lambda: defaultdict(list))
    alone: list[Found] = []
    unclear: dict[Path, str] = {}
    for one, (key, roles) in place.items():
        if len(roles) == 1:
            groups[key][roles[0]].append(one)
        else:
            alone.append(one)
            if roles:
                unclear[one.path] = f"its name says {' and '.join(roles)}"
            elif groups or pattern:
                unclear[one.path] = "its name does not say whom it shows"
    proposals = []
    for roles_found in groups.values():
        doubts = [
            f"{len(several)} recordings for {role}; the others stand alone"
            for role, several in roles_found.items()
            if len(several) > 1
        ]
        cameras = {role: roles_found[role][0] for role in WORDS if role in roles_found}
        for role, several in roles_found.items():
            alone += several[1:]
            unclear |= {more.path: f"another recording for the same {role}" for more in several[1:]}
        if len(cameras) == 1 and "both" not in cameras:
            doubts.append(f"no other camera was found for this {next(iter(cameras))}")
        proposals.append(Proposal(cameras, tuple(doubts)))
    for one in alone:
        doubts = [unclear[one.path]] if one.path in unclear else []
        proposals.append(Proposal({"patient": one}, tuple(doubts)))
    return checked(proposals, paired=bool(groups))


def checked(proposals: Sequence[Proposal], paired: bool) -> list[Proposal]:
    """Proposals in order, with pseudonyms and everything else that is doubtful.

    Args:
        paired: whether these are encounters; recordings alone are called ``rec-001``.
    """
    ordered = sorted(proposals, key=lambda p: min(str(f.path) for f in p.cameras.values()))
    digits = max(3, len(str(len(ordered))))
    prefix = "enc" if paired else "rec"
    return [
        replace(
            proposal,
            id=f"{prefix}-{number:0{digits}d}",
            doubts=(*proposal.doubts, *_doubts(proposal)),
        )
        for number, proposal in enumerate(ordered, start=1)
    ]


def _doubts(proposal: Proposal) -> list[str]:
    doubts = []
    for role, one in proposal.cameras.items():
        if one.problem:
            doubts.append(f"the {role}'s recording cannot be opened: {one.problem}")
        elif one.length_s is not None and one.length_s < SHORT_S:
            doubts.append(f"the {role}'s recording lasts {one.length_s:.1f} s only")
    usable = [one for one in proposal.cameras.values() if not one.problem]
    lengths = [one.length_s for one in usable if one.length_s]
    if len(lengths) > 1 and max(lengths) - min(lengths) > LENGTHS_DIFFER * max(lengths):
        shown = " and ".join(f"{length:.0f} s" for length in lengths)
        doubts.append(f"lengths differ: {shown}")
    if len(usable) > 1 and not all(one.has_audio for one in usable):
        doubts.append("a camera has no sound to match clocks by; give the column offset")
    if "both" in proposal.cameras:
        doubts.append("say where patient and doctor are in the picture (column regions)")
    return doubts


def _by_pattern(
    folder: Path, found: Sequence[Found], pattern: str
) -> dict[Found, tuple[tuple[str, ...], list[str]]]:
    if not {"{id}", "{role}"} <= set(re.findall(r"\{\w+\}", pattern)):
        raise ConfigError(f"--pattern {pattern}: expected {{id}} and {{role}} in it")
    escaped = re.escape(pattern).replace(r"\{id\}", "(?P<id>.+?)", 1)
    escaped = escaped.replace(r"\{role\}", "(?P<role>[^/]+?)", 1)
    rule = re.compile(escaped.replace(r"\{id\}", "(?P=id)").replace(r"\*", "[^/]*"))
    place: dict[Found, tuple[tuple[str, ...], list[str]]] = {}
    fits = 0
    for one in found:
        match = rule.fullmatch(one.path.relative_to(folder).as_posix())
        role = _role(match["role"]) if match else None
        fits += role is not None
        key = match["id"] if match and role else str(one.path)
        place[one] = ((key,), [role] if role else [])
    if not fits:
        raise ConfigError(
            f"--pattern {pattern}: fits none of {len(found)} recordings; it is compared with paths "
            "such as visit-07/patient.mp4"
        )
    return place


def _role(word: str) -> str | None:
    return next((role for role, words in WORDS.items() if word.lower() in words), None)


def _by_words(
    folder: Path, found: Sequence[Found]
) -> dict[Found, tuple[tuple[str, ...], list[str]]]:
    place: dict[Found, tuple[tuple[str, ...], list[str]]] = {}
    for one in found:
        path = one.path.relative_to(folder).with_suffix("")
        # Numbers and capitals begin new words: visit7patient, PatientCamera.
        text = re.sub(r"(?<=[a-z])(?=[A-Z0-9])|(?<=[0-9])(?=[A-Za-z])", " ", path.as_posix())
        words = [w.lower() for w in re.split(r"[^A-Za-z0-9]+", text) if w]
        roles = [role for word in words if (role := _role(word))]
        key = tuple(word for word in words if not _role(word) and word not in ("camera", "cam"))
        place[one] = (key, list(dict.fromkeys(roles)))
    return place
