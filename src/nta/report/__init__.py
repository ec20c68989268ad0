"""The report: one page to look at, its figures one by one, and a few lines for the terminal.

matplotlib is imported only when a figure is drawn.
"""

from __future__ import annotations

from nta.report.terminal import summary_text
from nta.report.writing import REPORT_FILE, report_page, write_figures, write_pictures, write_report

__all__ = ["REPORT_FILE", "report_page", "summary_text", "write_figures", "write_pictures", "write_report"]
