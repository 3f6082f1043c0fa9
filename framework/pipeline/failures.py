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
        where: module and line of the component's own code, as ``my_plugin.cover, line 31``; empty
            where none of it was running. It names code, never data.
    """

    index: int
    time_s: float
    stage: str
    error: str
    where: str = ""

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
        return cls(index, time_s, stage, type(error).__name__, _own_code(error))


def _own_code(error: BaseException) -> str:
    """Where in the component an exception was raised: the innermost line of the package that the
    core called, not of a library that this package called."""
    package = found = ""
    trace = error.__traceback__
    while trace is not None:
        module = str(trace.tb_frame.f_globals.get("__name__", ""))
        top = module.partition(".")[0]
        if not package and top != "framework":
            package = top
        if package and top == package:
            found = f"{module}, line {trace.tb_lineno}"
        trace = trace.tb_next
    return found
