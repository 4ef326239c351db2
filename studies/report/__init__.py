"""One self-contained HTML page of a finished study."""

from studies.report.page import render

__all__ = ["render"]
