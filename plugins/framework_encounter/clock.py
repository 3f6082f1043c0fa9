"""One clock for all recordings of an encounter: that of the patient's camera."""

from __future__ import annotations

import re
from array import array
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from framework.errors import ConfigError, MediaError
from framework.media import SourceInfo, probe, read_audio
from framework_encounter.spec import Encounter, Recording, SyncMethod
from framework_encounter.sync import RATE, SyncResult, synchronise

DAY_S = 86400.0
INSTEAD = "give the offset with --sync manual=SECONDS (or offset_s in the encounter file)"


@dataclass(frozen=True, slots=True)
class Clock:
    """How a recording's own time becomes time of the encounter.

    Attributes:
        method: ``own`` (it is the shared clock), ``audio``, ``timecode``, ``creation-time`` or
            ``manual``.
        sync: offset, drift and confidence.
        note: how far the method can be trusted; empty if there is nothing to say.
    """

    method: str
    sync: SyncResult
    note: str = ""

    def shared(self, time_s: float) -> float:
        """A time of the recording on the shared clock, seconds."""
        return self.sync.to_reference(time_s)

    def own(self, time_s: float) -> float:
        """A time of the shared clock on the recording's, seconds."""
        return (time_s - self.sync.offset_s) / (1.0 + self.sync.drift)


def exactly(offset_s: float, method: str, note: str = "") -> Clock:
    """A clock that is off by ``offset_s`` and does not drift."""
    return Clock(method, SyncResult(offset_s, 0.0, 1.0, 0, 0.0), note)


def shared_clocks(encounter: Encounter) -> list[Clock]:
    """The clock of every recording, in their order.

    Raises:
        MediaError: a recording cannot be read.
        ConfigError: a recording has no sound or no stamp, the sound has too little in common, or
            the recordings do not overlap. The message says what to do.
    """
    infos = [probe(Path(r.file), sequence=True) for r in encounter.recordings]
    first = encounter.clock
    reference: NDArray[np.float32] | None = None
    clocks = []
    for k, (recording, info) in enumerate(zip(encounter.recordings, infos, strict=True)):
        name = camera_name(encounter, k)
        if k == first:
            clocks.append(exactly(0.0, "own"))
        elif recording.offset_s is not None:
            clocks.append(exactly(recording.offset_s, "manual"))
        elif encounter.sync == "audio":
            if reference is None:
                reference = _sound(encounter.recordings[first], infos[first], "patient's camera")
            other = _sound(recording, info, name)
            clocks.append(_by_sound(reference, other, name, encounter.min_sync_confidence))
        else:
            clocks.append(_by_stamp(encounter, k, encounter.sync))
    for k, clock in enumerate(clocks):
        if k != first:
            check_overlap(encounter, k, clock, infos[first].duration_s, infos[k].duration_s)
    return clocks


def camera_name(encounter: Encounter, position: int) -> str:
    """What outputs and messages call a recording; never its file."""
    return f"camera {position + 1} ({' and '.join(encounter.recordings[position].shows)})"


def check_overlap(
    encounter: Encounter, k: int, clock: Clock, reference_s: float | None, other_s: float | None
) -> None:
    """Refuse recordings without a common moment.

    Raises:
        ConfigError: they do not overlap.
    """
    start = clock.shared(0.0)
    end = clock.shared(other_s) if other_s is not None else np.inf
    if end <= 0 or (reference_s is not None and start >= reference_s):
        span = f"{start:.1f} s to {end:.1f} s"
        raise ConfigError(
            f"{camera_name(encounter, k)} covers {span} on the clock of the patient's camera, "
            f"which ends at {reference_s or 0:.1f} s: the recordings do not overlap; check that "
            f"they belong together, or {INSTEAD}"
        )


def _sound(recording: Recording, info: SourceInfo, name: str) -> NDArray[np.float32]:
    """All of a recording's sound at :data:`framework_encounter.sync.RATE`, in memory only."""
    if not info.has_audio:
        raise ConfigError(
            f"{name} has no sound to synchronise by; use --sync timecode or creation-time, or "
            f"{INSTEAD}"
        )
    samples = array("f")  # grows in place; joining a list of blocks would need twice the memory
    try:
        for block in read_audio(recording.file, RATE, start_s=info.start_s):
            samples.frombytes(np.ascontiguousarray(block, np.float32).tobytes())
    except MediaError:
        raise ConfigError(f"the sound of {name} cannot be decoded; {INSTEAD}") from None
    return np.frombuffer(samples, np.float32) if samples else np.zeros(0, np.float32)


def _by_sound(
    reference: NDArray[np.float32], other: NDArray[np.float32], name: str, needed: float
) -> Clock:
    result = synchronise(reference, other)
    if result.windows == 0 or result.confidence == 0:
        raise ConfigError(
            f"{name} and the patient's camera have no sound in common; check that they recorded "
            f"the same conversation at the same time, or {INSTEAD}"
        )
    if result.confidence < needed:
        raise ConfigError(
            f"the sound of {name} fits with a confidence of {result.confidence:.2f} only, "
            f"{needed:.2f} is needed (an offset of {result.offset_s:.2f} s was found); listen "
            f"whether they belong together, then {INSTEAD}"
        )
    return Clock("audio", result)


def _by_stamp(encounter: Encounter, k: int, method: SyncMethod) -> Clock:
    times = []
    for position in (encounter.clock, k):
        path = Path(encounter.recordings[position].file)
        found = timecode_s(path) if method == "timecode" else creation_time_s(path)
        if found is None:
            raise ConfigError(
                f"{camera_name(encounter, position)} carries no {method.replace('-', ' ')}; use "
                f"--sync audio, or {INSTEAD}"
            )
        times.append(found)
    offset = times[1] - times[0]
    if method == "timecode":  # a timecode counts within one day
        offset = (offset + DAY_S / 2) % DAY_S - DAY_S / 2
        return exactly(offset, method, "drift between the cameras is not known to a timecode")
    note = (
        "creation times count whole seconds, are as right as the cameras' clocks, and some cameras "
        "stamp the end of a recording: check one moment by eye"
    )
    return exactly(offset, method, note)


def _stamps(path: Path, key: str) -> list[str]:
    """Values of a metadata key, of the container and its streams."""
    from framework.media.container import open_container

    with open_container(path) as container:
        tables = [container.metadata, *(stream.metadata for stream in container.streams)]
        return [str(table[key]) for table in tables if key in table]


def timecode_s(path: Path) -> float | None:
    """Time of day of the first frame from its SMPTE timecode, seconds; None without one."""
    info = probe(path)
    for text in _stamps(path, "timecode"):
        found = parse_timecode(text, info.frame_rate)
        if found is not None:
            return found
    return None


def parse_timecode(text: str, frame_rate: float) -> float | None:
    """``01:02:03:12`` as seconds; None if it is none.

    A semicolon or full stop before the frames says drop-frame (SMPTE 12M): two numbers are left out
    each minute, but not each tenth, at 29.97 frames a second, and four at 59.94.
    """
    match = re.fullmatch(r"(\d{2}):(\d{2}):(\d{2})([:;.])(\d{2,3})", text.strip())
    if match is None or frame_rate <= 0:
        return None
    hours, minutes, seconds, frames = (int(match[k]) for k in (1, 2, 3, 5))
    nominal = round(frame_rate)
    if match[4] == ":" and frame_rate == nominal:
        return hours * 3600 + minutes * 60 + seconds + frames / frame_rate
    count = (hours * 3600 + minutes * 60 + seconds) * nominal + frames
    if match[4] != ":":
        total = hours * 60 + minutes
        count -= nominal // 15 * (total - total // 10)
    return count / frame_rate


def creation_time_s(path: Path) -> float | None:
    """The creation time in the metadata, seconds since 1970; None without one."""
    for text in _stamps(path, "creation_time"):
        try:
            return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()
        except ValueError:
            continue
    return None
