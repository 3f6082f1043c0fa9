"""Which encounters may be released, and why each of the others may not."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from framework.approvals import hash_files, read_approvals, standing
from framework.errors import UserError
from framework.progress import Progress, silent
from framework.types import Role
from framework_release.config import ReleaseConfig
from framework_release.consent import PUBLICATION
from framework_release.results import Results, read_results
from framework_release.study import Encounter, Study
from framework_release.verification import Verdict, failures, verified


@dataclass(frozen=True, eq=False)
class Chosen:
    """One encounter that may be released.

    Attributes:
        encounter: its row.
        results: what of its results may leave; without the doctor where the doctor did not consent.
        verdicts: of ``framework verify``, by camera.
        reviewers: who approved.
        files: SHA-256 of the approved files, by path.
    """

    encounter: Encounter
    results: Results
    verdicts: Mapping[str, Verdict]
    reviewers: tuple[str, ...]
    files: Mapping[str, str]


@dataclass(frozen=True)
class LeftOut:
    """One encounter that may not.

    Attributes:
        id: within the study.
        rule: ``consent``, ``withdrawn``, ``results``, ``audit``, ``verify`` or ``approval``.
        reason: why, in a sentence.
    """

    id: str
    rule: str
    reason: str


@dataclass(frozen=True)
class Selection:
    """Both."""

    chosen: tuple[Chosen, ...] = field(default=())
    left_out: tuple[LeftOut, ...] = field(default=())


def select(
    study: Study,
    config: ReleaseConfig,
    withdrawn: Sequence[str] = (),
    *,
    settings: Mapping[str, Any] | None = None,
    warn: Callable[[str], None] = lambda message: None,
    progress: Progress = silent,
) -> Selection:
    """Apply the rules in the order consent, withdrawal, audit, approval, verify.

    The cheap ones come first, so that nothing is verified that could not leave anyway.

    Args:
        withdrawn: ids of encounters of people who withdrew from earlier releases.

    Raises:
        ConfigError: the log of approvals was tampered with.
    """
    approvals = read_approvals(study.approvals)
    needed = config.reviewers or study.reviewers
    chosen: list[Chosen] = []
    left: list[LeftOut] = []
    for k, encounter in enumerate(study.encounters):
        progress("select", k, len(study.encounters))

        def out(rule: str, reason: str, id: str = encounter.id) -> None:
            left.append(LeftOut(id, rule, reason))

        if encounter.id in withdrawn:
            out("withdrawn", "this person withdrew after an earlier release")
            continue
        if encounter.consent.problem:
            out("consent", f"the consent cell is not understood: {encounter.consent.problem}")
            continue
        if encounter.consent.patient != PUBLICATION:
            out("consent", f"the patient's consent is '{encounter.consent.patient}'")
            continue
        folder = study.results(encounter.id)
        try:
            results = read_results(folder)
        except UserError as error:
            out("results", str(error))
            continue
        if problems := audit_problems(results):
            out("audit", "; ".join(problems))
            continue
        if config.audio == "keep" and (told := sound_problem(results)):
            out("audit", told)
            continue
        files = hash_files(folder)
        stands = standing(approvals, encounter.id, files, needed)
        if not stands.approved:
            out("approval", stands.reason)
            continue
        if encounter.consent.doctor != PUBLICATION:
            results = results.without(Role.DOCTOR)
            if not results.cameras:
                out("consent", "every recording shows the doctor, who did not consent")
                continue
        try:
            verdicts = verified(
                study,
                encounter,
                results,
                config.recognizers,
                settings=settings,
                warn=warn,
                progress=progress,
            )
        except UserError as error:
            out("verify", str(error))
            continue
        if failed := failures(verdicts):
            out("verify", "; ".join(failed))
            continue
        chosen.append(Chosen(encounter, results, verdicts, stands.reviewers, files))
    progress("select", len(study.encounters), len(study.encounters))
    return Selection(tuple(chosen), tuple(left))


def audit_problems(results: Results) -> list[str]:
    """Why the audits forbid a release; empty if they do not."""
    problems = list(results.reasons)
    if not results.passed and not problems:
        problems.append("the results say that they did not pass")
    for camera in results.cameras:
        audit = camera.audit
        if not audit.get("passed"):
            problems.append(f"{camera.name}: the audit did not pass")
        unprotected = audit.get("total", {}).get("unprotected_s", 1.0)
        if unprotected is None:
            problems.append(f"{camera.name}: the result was not searched for faces")
        elif float(unprotected) > 0:
            problems.append(f"{camera.name}: a face was left uncovered")
        exposed = exposed_seconds(audit)
        if exposed:
            problems.append(f"{camera.name}: the second search found {exposed:.2f} face-seconds")
        if camera.file is None:
            problems.append(f"{camera.name}: the covered recording is missing")
    return problems


def sound_problem(results: Results) -> str:
    """Why the sound of covered recordings may not leave; empty if it may, or there is none."""
    kept = results.manifest.get("settings", {}).get("audio", "drop")
    if kept in ("drop", "anonymize"):
        return ""
    return "its sound is the voice as recorded; run it with --audio anonymize, or audio: drop"


def exposed_seconds(audit: Mapping[str, Any]) -> float:
    """Face-seconds that the second search found uncovered, if the audit has one."""
    search = audit.get("search") or {}
    value = search.get("exposed_s") if isinstance(search, Mapping) else None
    total = audit.get("total", {}).get("exposed_s", 0.0)
    return float(value if value is not None else total or 0.0)
