"""A few frames as they would leave, before hours are spent on all of them.

Around each moment a second of the recording goes through the whole pipeline: a tracker and a swap
need what comes before and after. Roles, donors and neutral faces are chosen from that second alone
and may be others in the full run.
"""

from __future__ import annotations

from pathlib import Path

from framework.errors import CheckError, ConfigError
from framework.media import open_reader, probe
from framework.pipeline.delivery import Delivery
from framework.pipeline.parts import Span
from framework.pipeline.run import Run

AROUND_S = 1.0
"""How much of the recording is looked at for each frame, seconds."""
MOST = 50


def preview(run: Run, source: Path, count: int, out: Path) -> list[Path]:
    """Write ``preview-1.png``, ``preview-2.png``, ... evenly over the recording.

    Args:
        run: what would be done.
        source: a video.
        count: how many frames, 1 to 50.
        out: folder of the pictures.

    Returns:
        The pictures.

    Raises:
        UserError: the source, a component or the output cannot be used.
        CheckError: a frame was covered whole because its faces could not be established, and
            ``on_miss`` is ``abort``, or every frame of a second was dropped.
    """
    if not 1 <= count <= MOST:
        raise ConfigError(f"--preview {count}: expected 1 to {MOST} frames")
    run.refuse_early(source)
    length = probe(source).duration_s
    whole = run.span or Span(start_s=0.0)
    end = length if whole.end_s is None else min(whole.end_s, length or whole.end_s)
    if end is None or end <= whole.start_s:
        raise ConfigError(
            "--preview needs a recording that says how long it is, or a --span inside it"
        )
    step = (end - whole.start_s) / count
    with Delivery(out, source) as delivery:
        names = []
        for k in range(count):
            middle = whole.start_s + (k + 0.5) * step
            start = max(whole.start_s, middle - AROUND_S / 2)
            part = run.within(Span(start_s=start, end_s=min(end, start + AROUND_S)))
            found = part.resolve(part.analyze(source))
            rendering = part.render(source, found.table, delivery.video, found)
            names.append(f"preview-{k + 1}.png")
            _write_frame(rendering.path, middle - start, delivery.path(names[-1]))
            rendering.path.unlink()
            run.progress("preview", k + 1, count)
        return delivery.publish(replaces=tuple(names), video=False)


def _write_frame(video: Path, time_s: float, picture: Path) -> None:
    """The frame of a covered recording at this time, or the last one before it."""
    import cv2

    shown = None
    with open_reader(video) as reader:
        for frame in reader:
            if shown is not None and frame.time_s > time_s:
                break
            shown = frame
    if shown is None:
        raise CheckError("a preview has no frame: all of them were dropped")
    picture.write_bytes(cv2.imencode(".png", shown.bgr)[1].tobytes())
