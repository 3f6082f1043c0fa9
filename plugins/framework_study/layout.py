"""Where everything of a study lies. The files are the interface to review and release.

::

    STUDY/study.yaml            what is the same for every encounter
    STUDY/encounters.csv        one row an encounter or recording
    STUDY/results/ID/           what leaves
    STUDY/private/ID/           track tables, one a camera
    STUDY/state/                what was computed, lock, log, failures; never a face
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from framework.errors import ConfigError

CONFIG = "study.yaml"
TABLE = "encounters.csv"


@dataclass(frozen=True, slots=True)
class Layout:
    """The places of one study.

    Attributes:
        root: the study's folder.
    """

    root: Path

    @property
    def config(self) -> Path:
        return self.root / CONFIG

    @property
    def table(self) -> Path:
        return self.root / TABLE

    def results(self, item: str) -> Path:
        """What leaves of an encounter."""
        return self.root / "results" / item

    def private(self, item: str) -> Path:
        """Track tables of an encounter."""
        return self.root / "private" / item

    @property
    def state(self) -> Path:
        return self.root / "state"

    @property
    def store(self) -> Path:
        """Finished stages by content."""
        return self.state / "store"

    @property
    def temporary(self) -> Path:
        """Unfinished work; emptied when a run starts."""
        return self.state / "tmp"

    @property
    def hashes(self) -> Path:
        """What is known of each recording's content."""
        return self.state / "recordings"

    @property
    def items(self) -> Path:
        """One small file an encounter: how it stands."""
        return self.state / "items"

    @property
    def logs(self) -> Path:
        """What a worker said when it failed, by encounter."""
        return self.state / "logs"

    @property
    def lock(self) -> Path:
        return self.state / "lock"

    @property
    def progress(self) -> Path:
        """How far the run in progress is."""
        return self.state / "progress.json"

    @property
    def log(self) -> Path:
        """One line a minute while a run is in progress."""
        return self.state / "run.log"

    @property
    def key(self) -> Path:
        """The study's secret, from which donors are chosen."""
        return self.state / "donor.key"

    def require(self) -> None:
        """Refuse a folder that is no study.

        Raises:
            ConfigError: study.yaml or encounters.csv is missing.
        """
        for file in (self.config, self.table):
            if not file.is_file():
                raise ConfigError(
                    f"{self.root}: no {file.name} in it; make a study with: framework study init "
                    f"{self.root} --videos DIR"
                )
