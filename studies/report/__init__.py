"""One self-contained HTML page of a finished study."""

from studies.report.page import render, report_date

__all__ = ["render", "report_date"]
