"""Chooses the checks for a component and runs them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from functools import partial

from framework.errors import ConfigError
from framework.protocols import PROTOCOL_OF_KIND
from framework.spec import Kind
from framework.suggest import did_you_mean
from framework.testing.checks import (
    anonymizer_contract,
    anonymizer_cover,
    anonymizer_state,
    attack,
    classifier,
    data_source,
    description,
    detector,
    exporter,
    measurer,
    metric,
    recognizer,
    recommender,
    tracker,
    voice,
)
from framework.testing.result import Check, CheckResult, Skip, Status, check, require
from framework.testing.subject import Subject

CHECKS: dict[Kind, tuple[Check, ...]] = {
    Kind.ANONYMIZER: (
        *anonymizer_contract.CHECKS,
        *anonymizer_cover.CHECKS,
        *anonymizer_state.CHECKS,
    ),
    Kind.DETECTOR: detector.CHECKS,
    Kind.TRACKER: tracker.CHECKS,
    Kind.EMOTION_CLASSIFIER: classifier.CHECKS,
    Kind.RECOMMENDER: recommender.CHECKS,
    Kind.RECOGNIZER: recognizer.CHECKS,
    Kind.VOICE_ANONYMIZER: voice.CHECKS,
    Kind.MEASURER: measurer.CHECKS,
    Kind.EXPORTER: exporter.CHECKS,
    Kind.ATTACK: attack.CHECKS,
    Kind.METRIC: metric.CHECKS,
    Kind.DATA_SOURCE: data_source.CHECKS,
}


def checks_of(subject: Subject) -> list[Check]:
    """Every check for this kind and these capabilities, the description's first.

    Raises:
        ConfigError: a known gap names a check that is not among them, or an essential one.
    """
    about_spec = description.CHECKS if subject.spec is not None else ()
    chosen = [
        one
        for one in (*about_spec, can_be_built, *CHECKS[subject.kind])
        if one.needs <= subject.capabilities
    ]
    names = [one.name for one in chosen]
    for gap in subject.known_gaps:
        if gap not in names:
            raise ConfigError(f"known gap '{gap}': no such check{did_you_mean(gap, names)}")
    for one in chosen:
        if one.essential and one.name in subject.known_gaps:
            raise ConfigError(
                f"known gap '{one.name}': {one.about} That cannot be a gap; a component that "
                "does not protect announces the capability 'unprotected'"
            )
    return chosen


@check(essential=True)
def can_be_built(subject: Subject) -> None:
    """The factory makes a component that has every method of its kind's protocol."""
    component = subject.create()
    protocol = PROTOCOL_OF_KIND[subject.kind]
    public = (name for name in dir(protocol) if not name.startswith("_"))
    wanted = sorted({*public, *protocol.__annotations__})
    missing = [name for name in wanted if not hasattr(component, name)]
    require(not missing, f"{type(component).__name__} lacks {', '.join(missing)}")


def run_check(one: Check, subject: Subject) -> CheckResult:
    """Run one check. Never raises, except for Ctrl-C and lack of memory."""
    result = partial(CheckResult, one.name)
    if blocking := sorted(one.unless & subject.capabilities):
        return result(Status.SKIPPED, f"announces '{blocking[0]}'")
    gap = subject.known_gaps.get(one.name)
    start = time.perf_counter()
    try:
        message = one.run(subject) or ""
    except Skip as skip:
        return result(Status.SKIPPED, str(skip), time.perf_counter() - start)
    except (KeyboardInterrupt, MemoryError):
        raise
    except BaseException as error:  # a component may even call sys.exit()
        seconds = time.perf_counter() - start
        if gap is not None:
            return result(Status.XFAIL, gap, seconds)
        return result(Status.FAILED, _line(error), seconds)
    seconds = time.perf_counter() - start
    if gap is not None:
        return result(
            Status.FAILED, f"passes, but is declared as a known gap ({gap}); remove it", seconds
        )
    return result(Status.PASSED, message, seconds)


def iter_checks(subject: Subject) -> Iterator[CheckResult]:
    """Results one by one, as they come. What cannot be built is not called any further."""
    built = True
    for one in checks_of(subject):
        if not built:
            yield CheckResult(one.name, Status.SKIPPED, "it cannot be built")
            continue
        result = run_check(one, subject)
        built = one is not can_be_built or result.status == Status.PASSED
        yield result


def run_checks(subject: Subject) -> list[CheckResult]:
    """All results."""
    return list(iter_checks(subject))


def all_good(results: Iterable[CheckResult]) -> bool:
    """Whether none failed. Skipped checks and declared gaps do not count against a component."""
    return all(result.status != Status.FAILED for result in results)


def _line(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, AssertionError):
        return text
    return f"{type(error).__name__}: {text}"
