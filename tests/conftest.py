"""Set before any test: no windows, the same random examples every time, and a browser where there is one."""

from __future__ import annotations

import os
import shutil

import hypothesis
import pytest

os.environ["MPLBACKEND"] = "agg"  # also for the commands that tests start

# No deadline: the first call of a compiled function takes seconds.
hypothesis.settings.register_profile("repeatable", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("repeatable")


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium or Chrome; without one the test is skipped."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if path := shutil.which(name):
            return path
    pytest.skip("no Chromium on this machine: the page was not opened in a browser")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take longest first: what runs beside them then ends with them."""
    longest = (
        "repository/test_documents.py",
        "studies/test_runs.py",
        "studies/test_spill.py",
        "repository/test_wheel.py",
    )

    def rank(item: pytest.Item) -> int:
        name = f"{item.path.parent.name}/{item.path.name}"
        return longest.index(name) if name in longest else len(longest)

    items.sort(key=rank)
