"""``report.html``: one page that an ethics board can read and a browser can open offline.

:func:`write_report` makes it from what a run has left; :class:`ReportData` says what that is. The
page holds no picture, loads nothing and runs no script.
"""

from framework.report.data import ReportData
from framework.report.page import render_report, write_report

__all__ = ["ReportData", "render_report", "write_report"]
