"""What went wrong inside a component while a recording was processed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Failure:
    """One exception of a component. Only the class of the exception is kept: its text could hold a
    path or a name.

    Attributes:
        index: frame in which it happened.
        time_s: presentation time of that frame.
        stage: detector, tracker, fer, anonymizer.
        error: name of the exception's class.
    """

    index: int
    time_s: float
    stage: str
    error: str

    @classmethod
    def of(cls, stage: str, error: BaseException, index: int, time_s: float) -> Failure:
        return cls(index, time_s, stage, type(error).__name__)
