"""What went wrong inside a component while a recording was processed, and how it is guarded."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Failure:
    """One exception of a component. Only the class of the exception is kept: its text could hold a
    path or a name.

    Attributes:
        index: frame in which it happened.
        time_s: presentation time of that frame.
        stage: detector, tracker, fer, measures, anonymizer.
        error: name of the exception's class.
    """

    index: int
    time_s: float
    stage: str
    error: str

    @classmethod
    def of(cls, stage: str, error: BaseException, index: int, time_s: float) -> Failure:
        """Describe ``error``, raised by the component of a stage.

        Components are guarded against every exception, :class:`SystemExit` and
        :class:`GeneratorExit` included: none of them may end the program with status 0. An
        interrupt is raised again, because it cannot be told from the user's own Ctrl-C; it ends the
        program with status 130 and leaves nothing behind.
        """
        if isinstance(error, KeyboardInterrupt):
            raise error
        return cls(index, time_s, stage, type(error).__name__)
