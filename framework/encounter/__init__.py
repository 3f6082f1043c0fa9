"""One conversation seen by one or more cameras: clocks, roles, a joint timeline, advice."""

from framework.encounter.joint_file import stored_timelines
from framework.encounter.run import EncounterResult, run_encounter
from framework.encounter.spec import Encounter, load_encounter, make_encounter

__all__ = [
    "Encounter",
    "EncounterResult",
    "load_encounter",
    "make_encounter",
    "run_encounter",
    "stored_timelines",
]
