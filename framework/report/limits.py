"""What the result does not promise. Shown on every report, whatever the outcome."""

from __future__ import annotations

from framework.report.data import ReportData

_SWAP = (
    "A synthetic face is pseudonymisation of measured strength, not anonymity.",
    "The face is generated, but it moves as the original did, and facial motion alone can "
    "identify a person: published attacks tell drivers of the same animated face apart with "
    "an AUC of about 0.85. Share the recording under an agreement, not as public data.",
)
_COVER = (
    "Covering faces is pseudonymisation, not a guarantee of anonymity.",
    "Voice, body, gait, clothing, surroundings, screens, badges and what is said can identify"
    " a person as well, and none of them is changed here unless this report says so.",
)
_FOUND = (
    "Only faces that were found are covered.",
    "The figures above count faces in the track table. A face that no detector saw in any "
    "frame is in none of them. Watch the whole result before it leaves your hands.",
)
_FELT = (
    "A facial movement is not a felt emotion.",
    "The classifier names the expression that a face resembles. People feel without showing "
    "and show without feeling; meanings differ between people, cultures and situations "
    "(Barrett et al. 2019).",
)
_ERRORS = (
    "The classifier errs, and not for everybody alike.",
    "Accuracy drops with small, turned, dim or partly hidden faces and may differ between "
    "groups of people. Probabilities are the model's own; see its card for what was measured "
    "on which data.",
)
_DIAGNOSIS = (
    "Not for diagnosis, and not for judging staff.",
    "This is a research tool and no medical device. It must not decide on the care of a "
    "patient or on the assessment of an employee; inferring emotions at the workplace is "
    "prohibited in the European Union outside medical or safety reasons (Regulation (EU) "
    "2024/1689, Art. 5(1)(f)).",
)


def limits(data: ReportData) -> list[tuple[str, str]]:
    """(heading, explanation) of each limit that applies to this result."""
    return limits_of(data.manifest.synthetic_media, data.timelines is not None)


def limits_of(synthetic: bool, analysed: bool) -> list[tuple[str, str]]:
    """The same from whether faces were generated, and whether emotions were analysed."""
    found = [_SWAP] if synthetic else []
    found += [_COVER, _FOUND]
    if analysed:
        found += [_FELT, _ERRORS]
    return [*found, _DIAGNOSIS]
