"""A plugin of pytest that writes the name of the first test that fails."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Only the first: pytest is told to stop there."""
    if report.failed:
        Path(os.environ["MUTANTS_TOLD"]).write_text(report.nodeid, "utf-8")
