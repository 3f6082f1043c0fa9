"""One stage of one encounter: the unit that a worker does, a store remembers and a run repeats."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

LOOK, ANALYZE, CLOCKS, ROLES, COVER, FINISH = (
    "look",
    "analyze",
    "clocks",
    "roles",
    "cover",
    "finish",
)
"""The stages: read the recording once; find and read faces; match the clocks of several cameras;
say who is who; cover and search again; join and report."""

State = Literal["done", "failed", "lost", "memory"]


@dataclass(frozen=True)
class Task:
    """What a worker is asked to do. Plain data: paths and settings, never a picture.

    Attributes:
        item: id of the encounter.
        stage: see the names above.
        camera: position of the camera, from 0; None for stages of the whole encounter.
        key: what it depends on, hashed: where the result is stored.
        work: everything the stage needs, in terms of JSON.
        length_s: seconds of video it has to go through, for the time left.
    """

    item: str
    stage: str
    camera: int | None
    key: str
    work: dict[str, Any] = field(default_factory=dict)
    length_s: float = 0.0

    @property
    def name(self) -> str:
        """What people read: ``analyze camera 2``."""
        return self.stage if self.camera is None else f"{self.stage} camera {self.camera + 1}"

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of_json(cls, values: dict[str, Any]) -> Task:
        return cls(**values)


@dataclass(frozen=True)
class Outcome:
    """How a task ended.

    Attributes:
        task: which one.
        state: ``done``; ``failed`` (it said why); ``lost`` (its worker died); ``memory`` (its
            worker took more than it may and was ended).
        reason: one line; empty if done.
        log: more than one line of the same, for the log.
        again: whether another try may end otherwise.
        seconds: how long it took.
    """

    task: Task
    state: State
    reason: str = ""
    log: str = ""
    again: bool = False
    seconds: float = 0.0
