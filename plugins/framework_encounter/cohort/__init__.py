"""Statistics over many encounters, as a results section gives them and as they should be read.

>>> from framework_encounter.cohort import read_cohort, summarise                # doctest: +SKIP
>>> cohort = read_cohort("study")                                      # doctest: +SKIP
>>> summarise(cohort).comparison[0].difference                         # doctest: +SKIP
"""

from framework_encounter.cohort.counts import CountTable, read_counts, remarks
from framework_encounter.cohort.outputs import write_cohort, write_counts_report
from framework_encounter.cohort.read import Cohort, CohortRow, Excluded, Stored, read_cohort
from framework_encounter.cohort.summary import Summary, summarise

__all__ = [
    "Cohort",
    "CohortRow",
    "CountTable",
    "Excluded",
    "Stored",
    "Summary",
    "read_cohort",
    "read_counts",
    "remarks",
    "summarise",
    "write_cohort",
    "write_counts_report",
]
