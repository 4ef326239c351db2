"""Which tests run which line, and how long each takes: recorded once a test file, kept beside the tree.

A plugin of pytest (``-p tests.mutants.recording``). The work of a fixture of a file or of the session counts for every
test that uses it; what functions keep of what they computed is forgotten between the files.
"""

from __future__ import annotations

import functools
import gc
import hashlib
import json
import os
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import coverage
import pytest

from tests.checkout import PACKAGES
from tests.mutants.lines import keys

MOST_TESTS = 40  # of one file for one line: the quickest
IMPORTS = "imports"  # the record of lines that run when tests are collected
_FORM = b"tests with seconds and fixtures"
_ROOT = Path(__file__).resolve().parents[2]


def place(records: Path, test_file: str) -> Path:
    """Where the record of a test file lies."""
    return records / f"{test_file.replace('/', '--')}.json"


def digest(path: Path) -> str:
    """What a test file is known by, and what its record holds."""
    return hashlib.sha256(_FORM + path.read_bytes()).hexdigest()


class Recorder:
    """Coverage with a context a test and a shared fixture; writes a record when a test file is through."""

    def __init__(self, records: Path) -> None:
        self.records = records
        self.seconds: dict[str, float] = {}
        self.used: dict[str, set[str]] = {}  # shared fixtures of a test
        self.making: dict[str, float] = {}  # seconds that a shared fixture took
        self.made = 0.0  # and those of the test that is being run
        self.of_fixtures: dict[str, dict[str, set[str]]] = {}  # keys of lines by module
        self.context: list[str] = []
        self.failed: set[str] = set()
        self.begin()

    def begin(self) -> None:
        """Forget what was covered."""
        self.coverage = coverage.Coverage(data_file=None, config_file=False, source=[str(_ROOT / p) for p in PACKAGES])
        self.coverage.set_option("run:disable_warnings", ["no-data-collected"])
        self.coverage.start()

    def switch(self, context: str) -> None:
        """Lines that run from now on are of this test or fixture."""
        self.coverage.switch_context(context)

    @pytest.hookimpl(wrapper=True)
    def pytest_collection(self) -> Iterator[Any]:
        outcome = yield
        self.coverage.stop()
        known = _read(self.records / f"{IMPORTS}.json")
        for name, found in self.covered().items():
            known[name] = sorted({*known.get(name, ()), *found})
        _write(self.records / f"{IMPORTS}.json", {"lines": known})
        self.begin()
        return outcome

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: Any, request: pytest.FixtureRequest) -> Iterator[Any]:
        if fixturedef.scope == "function":
            return (yield)
        self.context.append(_name(fixturedef))
        self.switch(self.context[-1])
        before, within = _seconds(), self.made
        try:
            return (yield)
        finally:
            own = _seconds() - before - (self.made - within)
            self.making[self.context[-1]], self.made = own, self.made + own
            self.context.pop()
            self.switch(self.context[-1])

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item, nextitem: pytest.Item | None) -> Iterator[Any]:
        self.context = [item.nodeid]
        self.switch(item.nodeid)
        before, self.made = _seconds(), 0.0
        outcome = yield
        self.seconds[item.nodeid] = _seconds() - before - self.made
        self.used[item.nodeid] = _shared(item)
        if nextitem is None or nextitem.path != item.path:
            self.save(item.path)
        return outcome

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.outcome != "passed":
            self.failed.add(report.nodeid)

    def save(self, path: Path) -> None:
        """Write what the tests of a file covered, and begin anew."""
        self.coverage.stop()
        covered = self.covered()
        tests = sorted(set(self.seconds) - self.failed, key=lambda test: self.seconds[test])
        number = {test: place for place, test in enumerate(tests)}
        lines = {name: self.by_line(found, number) for name, found in self.with_fixtures(covered).items()}
        name = path.relative_to(_ROOT).as_posix()
        timed = [[test, round(self.seconds[test], 4), sorted(self.used[test])] for test in tests]
        making = {one: round(self.making.get(one, 0.0), 4) for names in self.used.values() for one in names}
        record = {"digest": digest(path), "tests": timed, "fixtures": making, "lines": lines}
        _write(place(self.records, name), record)
        self.seconds, self.used, self.failed = {}, {}, set()
        forget()
        self.begin()

    def covered(self) -> dict[str, dict[str, set[str]]]:
        """Contexts by the module and the key of the line."""
        data = self.coverage.get_data()
        found: dict[str, dict[str, set[str]]] = {}
        for file in (one for one in data.measured_files() if one.endswith(".py")):  # and templates
            named = _keys(file)
            lines: defaultdict[str, set[str]] = defaultdict(set)
            for line, contexts in data.contexts_by_lineno(file).items():
                if line in named:
                    lines[named[line]] |= set(contexts)
            found[Path(file).relative_to(_ROOT).as_posix()] = dict(lines)
        return found

    def with_fixtures(self, covered: dict[str, dict[str, set[str]]]) -> dict[str, dict[str, set[str]]]:
        """The same, a line of a shared fixture being one of the fixture from now on, in every file."""
        for module, lines in covered.items():
            for key, contexts in lines.items():
                for name in contexts:
                    if name.startswith("fixture "):
                        self.of_fixtures.setdefault(name, {}).setdefault(module, set()).add(key)
        everywhere = {name for names in self.used.values() for name in names}
        for name in everywhere & set(self.of_fixtures):
            for module, found in self.of_fixtures[name].items():
                for key in found:
                    covered.setdefault(module, {}).setdefault(key, set()).add(name)
        return covered

    def by_line(self, found: dict[str, set[str]], number: dict[str, int]) -> dict[str, list[int]]:
        """Places of the tests of each line, the quickest first."""
        users = defaultdict(set)
        for test, names in self.used.items():
            for name in names:
                users[name].add(test)
        lines: dict[str, list[int]] = {}
        for key, contexts in found.items():
            tests = {test for name in contexts for test in users.get(name, {name})}
            places = sorted(number[test] for test in tests if test in number)
            if places:
                lines[key] = places[:MOST_TESTS]
        return lines


def _seconds() -> float:
    """Of processors, those of ended children too."""
    return time.process_time() + sum(os.times()[2:4])


@functools.cache
def _keys(file: str) -> dict[int, str]:
    return keys(Path(file).read_text("utf-8"))


def _name(fixturedef: Any) -> str:
    return f"fixture {fixturedef.baseid}::{fixturedef.argname}"


def _shared(item: pytest.Item) -> set[str]:
    """Fixtures of a wider scope than one test that a test uses."""
    definitions = getattr(item, "_fixtureinfo").name2fixturedefs  # noqa: B009 (pytest has no public name for it)
    return {_name(one) for found in definitions.values() for one in found if one.scope != "function"}


def forget() -> None:
    """Empty what functions of the code and of the tests keep of earlier calls (functools.cache)."""
    for one in gc.get_objects():
        if (
            type(one) is functools._lru_cache_wrapper
            and one is not _keys
            and one.__module__.split(".")[0] in {*PACKAGES, "tests"}
        ):
            one.cache_clear()


def _read(path: Path) -> dict[str, list[str]]:
    return json.loads(path.read_text("utf-8"))["lines"] if path.is_file() else {}


def _write(path: Path, record: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".part").write_text(json.dumps(record), "utf-8")
    path.with_suffix(".part").replace(path)


def pytest_configure(config: pytest.Config) -> None:
    """Begins before anything of the project is imported by a test."""
    config.pluginmanager.register(Recorder(Path(os.environ["MUTANTS_RECORDS"])))
