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


#: The files that take longest. Those that look at a run of another stand behind it, so that none waits for it.
LONGEST = (
    "repository/test_documents.py",
    "studies/test_spill.py",
    "studies/test_many_ways.py",
    "extraction/test_spill_engines.py",
    "studies/test_no_false_pass.py",
    "studies/test_no_false_pass_of_machines.py",
    "studies/test_runs.py",
    "studies/test_extraction.py",
    "studies/test_switching.py",
    "studies/test_kills.py",
    "repository/test_wheel.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The files that take longest first: what runs beside them then ends with them."""
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(f"{item.path.parent.name}/{item.path.name}", len(LONGEST)))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """What the whole suite checked of the numbers of reports, and what the fuzzing of the readers reached."""
    _tell_fuzzed(terminalreporter)
    _tell_numbers(terminalreporter)


def _tell_numbers(terminalreporter: pytest.TerminalReporter) -> None:
    """Which tests check the numbers of reports: a line a quantity."""
    if len(terminalreporter.stats.get("passed", [])) < 1000:  # a part of the suite
        return
    from tests.repository.test_numbers import checked

    found = checked()
    terminalreporter.section("numbers of reports and the tests that check them", sep="-")
    for name in sorted(found):
        tests = ", ".join(f"{test} ({way})" for test, way in found[name])
        terminalreporter.line(f"{name}: {tests}")


def _tell_fuzzed(terminalreporter: pytest.TerminalReporter) -> None:
    """What the fuzzing of each reader reached."""
    told = [
        text
        for report in terminalreporter.stats.get("passed", [])
        for name, text in report.user_properties
        if name == "fuzzed"
    ]
    if told:
        terminalreporter.section("fuzzed readers")
        for text in told:
            terminalreporter.write_line(text)
