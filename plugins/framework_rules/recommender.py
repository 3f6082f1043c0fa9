"""The recommender ``rules``: walks through the seconds once and speaks when a rule's time has come.

For each rule, and each person it can be about, :mod:`framework_rules.conditions` gives a state a
second. A *stretch* begins at the first second that holds and ends at the first that does not, or
after more than ``max_gap_s`` unreadable seconds. When it has ``persistence_s`` seconds that hold,
the rule speaks, unless it spoke less than ``cool_down_s`` ago or the same person was spoken to less
than ``min_interval_s`` ago; then it waits, and speaks as soon as both have passed if the stretch
still lasts.

Every decision uses the past only. So the advice on a recording that is still running is the
beginning of the advice on the finished one, and a live view and a report agree.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from framework.spec import BuildContext
from framework.types import EMOTIONS, UNKNOWN, EmotionWindow, PersonTimeline, Recommendation, Role
from framework_rules.conditions import (
    UNREADABLE,
    YES,
    States,
    Track,
    absent,
    all_of,
    mass,
    negated,
    on_clock,
    recently,
    shows,
)
from framework_rules.config import RulesOptions
from framework_rules.load import load_rules
from framework_rules.schema import Rule, RuleFile


@dataclass(slots=True)
class _Watch:
    """One rule about one person (about a role, for an absence)."""

    rule: Rule
    about: str
    states: States
    strength: NDArray[np.float64]  # (n,) 0 to 1, of what was observed; NaN where unreadable
    probabilities: NDArray[np.float64] | None  # (n, 7); None for an absence
    start: int | None = None
    last_yes: int = -1
    held: int = 0
    spoke: bool = False

    def advance(self, k: int) -> bool:
        """Take in second ``k``; whether the rule has its evidence now."""
        state = self.states[k]
        if state == UNREADABLE:
            if self.start is not None and k - self.last_yes > self.rule.max_gap_s:
                self._end()
            return False
        if state != YES:
            self._end()
            return False
        if self.start is None:
            self.start = k
        self.last_yes = k
        self.held += 1
        return self.held >= self.rule.persistence_s and (self.rule.repeat or not self.spoke)

    def _end(self) -> None:
        self.start, self.held, self.spoke = None, 0, False


@dataclass(slots=True)
class Rules:
    """Advice from rules. A pure function of the window; nothing is kept between calls."""

    rules: RuleFile = field(default_factory=load_rules)

    def recommend(self, window: EmotionWindow) -> list[Recommendation]:
        """All advice for this window, in order of time; at one second in the order of the file.

        A role that nobody in the window has is no evidence of anything: rules about it are silent.
        """
        people = [p for p in window.people if len(p)]
        if not people:
            return []
        first = min(int(p.second[0]) for p in people)
        count = max(int(p.second[-1]) for p in people) + 1 - first
        watches = [
            watch for rule in self.rules.rules for watch in _watches(rule, people, first, count)
        ]
        advice: list[Recommendation] = []
        rule_spoke: dict[str, int] = {}
        person_heard: dict[str, int] = {}
        for k in range(count):
            for watch in watches:
                rule = watch.rule
                if not watch.advance(k):
                    continue
                cooling = _less_than(k, rule_spoke.get(rule.name), rule.cool_down_s)
                talking = _less_than(k, person_heard.get(rule.to), self.rules.min_interval_s)
                if cooling or talking:
                    continue
                rule_spoke[rule.name] = person_heard[rule.to] = k
                watch.spoke = True
                advice.append(_recommendation(watch, k, first))
        return advice

    def manifest_details(self) -> Mapping[str, Any]:
        """Every number, role and expression of the rules; names and texts could be somebody's."""
        return {
            "version": self.rules.version,
            "min_interval_s": self.rules.min_interval_s,
            "rules": [
                rule.model_dump(mode="json", exclude={"name", "text"}, exclude_none=True)
                for rule in self.rules.rules
            ],
        }


def _less_than(now: int, before: int | None, pause_s: int) -> bool:
    return before is not None and now - before < pause_s


def _watches(rule: Rule, people: Sequence[PersonTimeline], first: int, count: int) -> list[_Watch]:
    """What a rule has to look at; nothing if nobody has the role it is about."""

    def tracks(role: str) -> list[Track]:
        return [on_clock(p, first, count, rule.min_coverage) for p in people if p.role == role]

    if rule.absence is not None:
        missing = tracks(rule.absence.role)
        if not missing:
            return []
        unseen = 1.0 - np.stack([t.coverage for t in missing]).max(axis=0)
        name = missing[0].person if len(missing) == 1 else rule.absence.role
        return [_Watch(rule, name, absent(missing), unseen, None)]

    assert rule.observe is not None  # the schema wants one of the two
    watches = []
    for track in tracks(rule.observe.role):
        states = [shows(track, rule.observe, rule.max_gap_s)]
        strength = [mass(track, rule.observe)]
        # The other condition may be about the same role (a second emotion of the same person).
        if rule.both is not None:
            others = tracks(rule.both.role)
            found = [shows(o, rule.both, rule.max_gap_s) for o in others]
            states.append(recently(found, rule.both.within_s, count))
            if rule.both.within_s == 0:
                strength.append(_strongest([mass(o, rule.both) for o in others], count))
        if rule.without is not None:
            others = tracks(rule.without.role)
            found = [shows(o, rule.without, rule.max_gap_s) for o in others]
            states.append(negated(recently(found, rule.without.within_s, count)))
            strength.append(1.0 - _strongest([mass(o, rule.without) for o in others], count))
        weakest = np.minimum.reduce(strength)
        watches.append(_Watch(rule, track.person, all_of(*states), weakest, track.probabilities))
    return watches


def _strongest(masses: Sequence[NDArray[np.float64]], count: int) -> NDArray[np.float64]:
    if not masses:
        return np.full(count, np.nan)
    return np.asarray(np.fmax.reduce(list(masses)), np.float64)


def _recommendation(watch: _Watch, k: int, first: int) -> Recommendation:
    assert watch.start is not None  # a rule speaks within a stretch
    rule = watch.rule
    evidence = slice(watch.start, k + 1)
    held = watch.states[evidence] == YES
    length = k + 1 - watch.start
    # Missing seconds lower the confidence in proportion.
    strength = float(np.nansum(watch.strength[evidence][held]) / length)
    confidence = min(1.0, max(0.0, strength))
    start_s, end_s = float(first + watch.start), float(first + k + 1)
    emotion, reason = UNKNOWN, ""
    if watch.probabilities is None:
        assert rule.absence is not None
        reason = f"no readable face of the {rule.absence.role} for {length} s"
    else:
        assert rule.observe is not None
        mean = watch.probabilities[evidence][held].mean(axis=0)
        emotion = max(rule.observe.emotions, key=lambda name: float(mean[EMOTIONS.index(name)]))
        group = ", ".join(rule.observe.emotions)
        total = sum(float(mean[EMOTIONS.index(name)]) for name in rule.observe.emotions)
        reason = (
            f"{rule.observe.role}: {group} with a mean probability of {min(total, 1.0):.2f} "
            f"in {int(held.sum())} of {length} s, mostly {emotion}"
        )
        if rule.both is not None:
            reason += f"; at the same time {rule.both.role}: {', '.join(rule.both.emotions)}"
        if rule.without is not None:
            reason += f"; {rule.without.role} without {', '.join(rule.without.emotions)}"
    reason += f"; said {length} s after it began"
    return Recommendation(
        time_s=end_s,
        to=Role(rule.to),
        rule=rule.name,
        text=" ".join(rule.text.format(emotion=emotion, seconds=length).split()),
        reason=reason,
        about=watch.about,
        emotion=emotion,
        start_s=start_s,
        end_s=end_s,
        confidence=round(confidence, 4),
    )


def build(options: RulesOptions, context: BuildContext) -> Rules:
    """Factory named in the component's description.

    Raises:
        ConfigError: the rule file cannot be read or does not validate.
    """
    return Rules(load_rules(options.rules))
