"""The components of a run, each selected, validated and built once from its configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, TypeVar

from framework.config import COMPONENT_GROUPS, RunConfig, validated
from framework.cpus import usable_cpus
from framework.errors import (
    ComponentError,
    ConfigError,
    ContractError,
    FrameworkError,
    WeightsError,
)
from framework.pipeline.by_role import ByRole, parse_roles
from framework.pipeline.video_options import VideoOptions
from framework.protocols import (
    Anonymizer,
    Detector,
    EmotionClassifier,
    Measurer,
    Recommender,
    Tracker,
    VoiceAnonymizer,
)
from framework.registry import Component, Registry
from framework.resolve import ResolveOptions
from framework.spec import BuildContext, Kind
from framework.suggest import did_you_mean
from framework.timeline import TimelineConfig
from framework.types import EMOTIONS, Role
from framework.weights import is_installed, locate

if TYPE_CHECKING:
    from pydantic import BaseModel

NONE = "none"
"""Name that switches an optional component off."""

P = TypeVar("P")

KIND_OF_GROUP: dict[str, Kind] = {
    "detector": Kind.DETECTOR,
    "tracker": Kind.TRACKER,
    "anonymizer": Kind.ANONYMIZER,
    "voice": Kind.VOICE_ANONYMIZER,
    "fer": Kind.EMOTION_CLASSIFIER,
    "measures": Kind.MEASURER,
    "recommender": Kind.RECOMMENDER,
}

VOICE_PACKAGE = "framework-voice"
"""The distribution that brings voice anonymizers; the reference plugins have none."""

JUDGES = ("lbp-fisher", "lbp")
"""Recognisers that compare the result with the original, the better one first: those that ship,
quick enough for every run. ``framework verify`` takes the strongest that is installed."""

OPTIONAL_GROUPS = ("fer", "measures", "recommender")

UNPROTECTED = "unprotected"
"""Capability of anonymizers that leave faces as they are; they exist for the benchmark."""


@dataclass(frozen=True)
class StageOptions:
    """Options of the core's own stages, each a group of options under its name."""

    resolve: ResolveOptions
    timeline: TimelineConfig
    video: VideoOptions

    @classmethod
    def of(cls, config: RunConfig) -> StageOptions:
        """What is in force in a run.

        Raises:
            ConfigError: an unknown option, or a value that does not validate.
        """
        return cls(
            validated(ResolveOptions, config.options_of("resolve"), "resolve"),
            validated(TimelineConfig, config.options_of("timeline"), "timeline"),
            validated(VideoOptions, config.options_of("video"), "video"),
        )

    def by_group(self) -> dict[str, BaseModel]:
        """The options of each stage under its group's name."""
        return {"resolve": self.resolve, "timeline": self.timeline, "video": self.video}


@dataclass(frozen=True)
class Selection:
    """A component the user selected, with its validated options.

    Attributes:
        group: option group it is configured by.
        component: its description and origin.
        options: an instance of its options model.
    """

    group: str
    component: Component
    options: BaseModel

    @property
    def name(self) -> str:
        return self.component.spec.name


@dataclass
class Components:
    """Selects and validates everything when it is made; builds each component once, when it is
    first asked for.

    A misspelt name must not cost a decoded video, nor a run load a network it does not use.

    Attributes:
        more_groups: option groups that this command knows beside those of every run.
        stages: the options of the core's own stages.
        notes: what the user should know about what was selected.

    Raises:
        ConfigError: an unknown option group or option, or a value that does not validate.
        ComponentError: an unknown component, or one that the licence policy does not allow.
    """

    config: RunConfig
    registry: Registry
    key: bytes | None = field(default=None, repr=False)
    more_groups: tuple[str, ...] = ()
    role_names: dict[Role, str] = field(init=False)
    anonymizers: dict[str, Selection] = field(init=False)
    others: dict[str, Selection] = field(init=False)
    stages: StageOptions = field(init=False)
    notes: list[str] = field(default_factory=list, init=False)
    _made: dict[str, Any] = field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        self.role_names = parse_roles(self.config.anonymizer)
        names = list(dict.fromkeys(self.role_names.values()))
        stages = [stage.name for stage in fields(StageOptions)]
        known = {*COMPONENT_GROUPS, *stages, *self.more_groups}
        known |= set(names if len(names) > 1 else ())
        for group in self.config.options:
            if group not in known:
                raise ConfigError(f"unknown option group '{group}'{did_you_mean(group, known)}")
        self.stages = StageOptions.of(self.config)
        self.anonymizers = self._select_anonymizers(names)
        self.others = {}
        for group in ("detector", "tracker", "fer", "measures", "recommender"):
            name = str(getattr(self.config, group))
            if name == NONE and group in OPTIONAL_GROUPS:
                continue
            if group == "fer" and "fer" not in self.config.model_fields_set:
                why = unusable(self.registry.get(KIND_OF_GROUP[group], name), self.config)
                if why:
                    self.notes.append(f"emotions are not read: {why}")
                    continue
            self.others[group] = self._select(group, name, self.config.options_of(group))
        if self.config.audio == "anonymize":
            self.others["voice"] = self._select_voice()
        for selection in self.selections():
            check_licences(selection.component, self.config.licence_policy)
            if "weights" not in selection.options.model_fields_set:
                check_installed(selection.component)
        if research := self._research_only():
            self.notes.append(f"weights for research only: {research}")

    def _research_only(self) -> str:
        """Weights that take part and whose licences do not allow commercial use, with these."""
        found = {
            w.file.rpartition(":")[2].rpartition("/")[2]: w.licence or "no licence stated"
            for selection in self.selections()
            if "weights" not in selection.options.model_fields_set
            for w in selection.component.spec.weights
            if w.file.partition(":")[1] and not w.commercial_use
        }
        return ", ".join(f"{name} ({licence})" for name, licence in found.items())

    def _select(self, group: str, name: str, options: Mapping[str, Any]) -> Selection:
        kind = KIND_OF_GROUP.get(group, Kind.ANONYMIZER)
        component = self.registry.get(kind, name)
        return Selection(group, component, self.registry.validate(kind, name, options, group))

    def _select_voice(self) -> Selection:
        if not self.registry.of_kind(Kind.VOICE_ANONYMIZER):
            raise ComponentError(
                f"--audio anonymize needs a voice anonymizer, and none is installed; run: pip "
                f"install {VOICE_PACKAGE} (./contrib/{VOICE_PACKAGE} in the source)"
            )
        return self._select("voice", self.config.voice, self.config.options_of("voice"))

    def _select_anonymizers(self, names: list[str]) -> dict[str, Selection]:
        shared = self.config.options_of("anonymizer")
        if len(names) == 1:
            return {names[0]: self._select("anonymizer", names[0], shared)}
        chosen = {}
        unused = set(shared)
        for name in names:
            fields = self.registry.options_model(Kind.ANONYMIZER, name).model_fields
            mine = {key: value for key, value in shared.items() if key in fields}
            unused -= set(mine)
            chosen[name] = self._select(name, name, mine | self.config.options_of(name))
        if unused:
            raise ConfigError(
                f"option anonymizer.{min(unused)}: none of {', '.join(names)} has it; write "
                f"NAME.{min(unused)} for one of them, see 'framework plugins --options NAME'"
            )
        return chosen

    def selections(self) -> list[Selection]:
        """Everything that takes part, in the order of the pipeline."""
        first = [self.others[g] for g in ("detector", "tracker") if g in self.others]
        last = [
            self.others[g] for g in ("voice", "fer", "measures", "recommender") if g in self.others
        ]
        return [*first, *self.anonymizers.values(), *last]

    def refuse_unprotected(self) -> None:
        """For whatever delivers a recording.

        Raises:
            ComponentError: an anonymizer leaves faces as they are.
        """
        for selection in self.anonymizers.values():
            if UNPROTECTED in selection.component.spec.capabilities:
                raise ComponentError(
                    f"anonymizer '{selection.name}' leaves faces uncovered and exists for "
                    f"'framework benchmark'; choose another, see 'framework plugins'"
                )

    @property
    def threads(self) -> int:
        return self.config.threads or usable_cpus()

    def context(self) -> BuildContext:
        return BuildContext(
            threads=self.threads, device=self.config.device, seed=self.config.seed, key=self.key
        )

    def build(self, selection: Selection, protocol: type[P]) -> P:
        """A component of its own.

        Raises:
            ComponentError: it cannot be made.
            ContractError: what was made has not the methods of its kind.
        """
        made = self.registry.create(
            selection.component.kind, selection.name, selection.options, self.context()
        )
        return _require(made, protocol, selection.name)

    def _once(self, key: str, selection: Selection, protocol: type[P]) -> P:
        if key not in self._made:
            self._made[key] = self.build(selection, protocol)
        made: P = self._made[key]
        return made

    def detector(self) -> Detector:
        """The detector; the same one at each call, as of every component below."""
        return self._once("detector", self.others["detector"], Detector)

    def tracker(self) -> Tracker:
        """The tracker; whoever starts a recording resets it."""
        return self._once("tracker", self.others["tracker"], Tracker)

    def anonymizer(self) -> Anonymizer:
        """The one anonymizer, or one that gives every track to that of its role."""
        made = {
            n: self._once(f"anonymizer {n}", s, Anonymizer) for n, s in self.anonymizers.items()
        }
        return ByRole(made, self.role_names) if len(made) > 1 else next(iter(made.values()))

    def voice(self) -> VoiceAnonymizer | None:
        """A voice anonymizer, if the sound is anonymized: a new one for each recording."""
        selection = self.others.get("voice")
        return None if selection is None else self.build(selection, VoiceAnonymizer)

    def classifier(self) -> EmotionClassifier | None:
        """The emotion classifier, None without one.

        Raises:
            ContractError: its labels are not the classes of :data:`framework.types.EMOTIONS`, or
                some of them, each once.
        """
        selection = self.others.get("fer")
        if selection is None:
            return None
        made = self._once("fer", selection, EmotionClassifier)
        check_labels(made, selection.name)
        return made

    def measurer(self) -> Measurer | None:
        """What measures faces, None without one."""
        selection = self.others.get("measures")
        return None if selection is None else self._once("measures", selection, Measurer)

    def recommender(self) -> Recommender | None:
        """The source of advice, None without one."""
        selection = self.others.get("recommender")
        return None if selection is None else self._once("recommender", selection, Recommender)

    def second_detector(self) -> Selection | None:
        """Another installed detector, for the second search; None if there is none to be had.

        The usual one if the run has another, or else the first by name.
        """
        mine = self.others["detector"].name
        usual = RunConfig.model_fields["detector"].default
        known = self.registry.of_kind(Kind.DETECTOR)
        for component in sorted(known, key=lambda c: (c.spec.name != usual, c.spec.name)):
            if component.spec.name != mine and self._allowed(component):
                return self._defaults("second detector", component)
        return None

    def judge(self) -> Selection | None:
        """The recogniser that compares covered faces with the original; None without one."""
        installed = {c.spec.name: c for c in self.registry.of_kind(Kind.RECOGNIZER)}
        for name in JUDGES:
            if name in installed and self._allowed(installed[name]):
                return self._defaults("judge", installed[name])
        return None

    def _allowed(self, component: Component) -> bool:
        try:
            check_licences(component, self.config.licence_policy)
        except ComponentError:
            return False
        return True

    def _defaults(self, group: str, component: Component) -> Selection | None:
        kind, name = component.kind, component.spec.name
        try:
            return Selection(group, component, self.registry.validate(kind, name, {}, group))
        except FrameworkError:  # it cannot do without options
            return None

    def optional(self, selection: Selection, protocol: type[P]) -> P | None:
        """A component the run can do without: None if it cannot be made."""
        try:
            return self._once(selection.group, selection, protocol)
        except FrameworkError:
            return None


def check_labels(classifier: EmotionClassifier, name: str) -> None:
    """Refuse labels that nobody could place, before a recording is decoded.

    Raises:
        ContractError: they are not a subset of :data:`framework.types.EMOTIONS`, each once.
    """
    labels = classifier.labels
    named = isinstance(labels, tuple | list) and all(isinstance(x, str) for x in labels)
    unknown = sorted(set(labels) - set(EMOTIONS)) if named else []
    if not named or not labels or unknown or len(set(labels)) != len(labels):
        raise ContractError(
            f"emotion classifier '{name}': expected labels out of {', '.join(EMOTIONS)}, each "
            f"once, got {labels!r:.120}"
        )


def check_installed(component: Component) -> None:
    """Refuse a component whose weights are in a package that is not installed.

    Raises:
        ComponentError: names the weights, their licence and the package to install.
    """
    for weights in component.spec.weights:
        if not is_installed(weights):
            try:
                locate(weights)
            except WeightsError as error:
                raise ComponentError(f"{component.kind} '{component.spec.name}': {error}") from None


def unusable(component: Component, config: RunConfig) -> str:
    """Why a component that nobody asked for by name is left out; empty if it can be used."""
    try:
        check_licences(component, config.licence_policy)
        check_installed(component)
    except ComponentError as error:
        return str(error)
    return ""


def check_licences(component: Component, policy: str) -> None:
    """Refuse a component whose weights the policy does not allow.

    Args:
        policy: ``any``; ``research``: every weight file states its licence; ``commercial``: every
            weight file, and the data it was trained on, allows commercial use.

    Raises:
        ComponentError: names the weights, their licence and what to do.
    """
    for weights in component.spec.weights:
        refused = {
            "any": False,
            "research": not weights.licence,
            "commercial": not weights.commercial_use,
        }[policy]
        if refused:
            licence = weights.licence or "no licence stated"
            data = f"; trained on {', '.join(weights.trained_on)}" if weights.trained_on else ""
            name = weights.file.rpartition(":")[2].rpartition("/")[2]
            raise ComponentError(
                f"{component.kind} '{component.spec.name}': weights {name} ({licence}{data}) are "
                f"not declared to allow {policy} use; choose another component, or another "
                f"--licence-policy"
            )


def _require(made: object, protocol: type[P], name: str) -> P:
    if not isinstance(made, protocol):
        raise ContractError(
            f"component '{name}': expected an object with the methods of {protocol.__name__}, "
            f"got {type(made).__name__}; run 'framework check' on it"
        )
    return made
