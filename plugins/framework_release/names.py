"""Names of files in the release: BIDS entities, and what belongs to which session."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from framework_release.results import Camera
from framework_release.selection import Chosen

BEP = "BEP047"
SUFFIXES = ("video", "audiovideo", "image")


@dataclass(frozen=True, eq=False)
class Session:
    """One released encounter.

    Attributes:
        subject: label of the participant, without ``sub-``.
        number: of the session, 1 for the first listed; says nothing about the order of recording.
        task: label of the situation.
        chosen: what is released of it.
    """

    subject: str
    number: int
    task: str
    chosen: Chosen

    @property
    def participant_id(self) -> str:
        return f"sub-{self.subject}"

    @property
    def session_id(self) -> str:
        return f"ses-{self.number:02d}"

    @property
    def folder(self) -> str:
        return f"{self.participant_id}/{self.session_id}"

    @property
    def stem(self) -> str:
        """What every file of the session begins with."""
        return f"{self.participant_id}_{self.session_id}"

    @property
    def events(self) -> str:
        return f"{self.folder}/beh/{self.stem}_task-{self.task}_events.tsv"

    @property
    def scans(self) -> str:
        return f"{self.folder}/{self.stem}_scans.tsv"

    def recording(self, camera: Camera, audio: bool) -> str:
        """Path of a released recording."""
        assert camera.file is not None
        suffix = "image" if camera.still else "audiovideo" if audio else "video"
        label = recording_labels(self.chosen.results.cameras)[camera.name]
        name = f"{self.stem}_task-{self.task}_recording-{label}_{suffix}"
        return f"{self.folder}/beh/{name}{camera.file.suffix.lower()}"

    @property
    def starts_s(self) -> float:
        """Start of the first released recording on the clock of the results, seconds."""
        return min(c.offset_s for c in self.chosen.results.cameras)


def recording_labels(cameras: Sequence[Camera]) -> dict[str, str]:
    """A label for each camera by whom it shows: ``patient``, ``doctor`` or ``room``."""
    found: dict[str, str] = {}
    for camera in cameras:
        kind = camera.shows[0] if len(camera.shows) == 1 else "room" if camera.shows else "main"
        taken = sum(label.rstrip("0123456789") == kind for label in found.values())
        found[camera.name] = kind if not taken else f"{kind}{taken + 1}"
    return found
