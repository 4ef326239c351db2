"""Which tests may notice a change: those that ran its line, the quickest first, within a time."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from tests.checkout import PACKAGES
from tests.mutants import recording
from tests.mutants.drawing import Mutant
from tests.mutants.lines import Scope, keys, scopes, statement
from tests.mutants.trees import is_compiled

_OF_ONE_FILE = 10.0  # seconds of its tests that come before those of other files


@dataclass(frozen=True)
class Chosen:
    """Tests of a change: their names, the seconds that they took, and how many more there were no time for."""

    tests: tuple[str, ...]
    seconds: float
    left: int
    imported: bool  # the line runs when tests are collected
    compiled: str  # the function around it that numba compiles
    plain: tuple[str, ...] = ()  # those that ran the line of such a function as it is written


@dataclass(frozen=True)
class Records:
    """What was recorded, of every test file."""

    folder: Path
    tree: Path

    @cached_property
    def of_files(self) -> dict[str, dict[str, Any]]:
        found = {path.stem.replace("--", "/"): path for path in self.folder.glob("*.json")}
        return {name: json.loads(path.read_text("utf-8")) for name, path in sorted(found.items())}

    def missing(self) -> list[str]:
        """Test files that were not recorded as they are."""
        files = sorted((self.tree / "tests").rglob("test_*.py"))
        names = [path.relative_to(self.tree).as_posix() for path in files]
        return [name for name in names if self._digest(name) != recording.digest(self.tree / name)]

    def _digest(self, name: str) -> str:
        place = recording.place(self.folder, name)
        return json.loads(place.read_text("utf-8"))["digest"] if place.is_file() else ""

    def chosen(self, mutant: Mutant, seconds: float) -> Chosen:
        """Tests that may notice a change, of so many seconds in all."""
        source = (self.tree / mutant.module).read_text("utf-8")
        around = [one for one in scopes(source) if one.has(mutant.change.line)]
        compiled = next((one.name for one in around if is_compiled(one)), "")
        wanted = self._lines(mutant, source) | (self._callers(compiled) if compiled else set())
        imports = self.of_files.get(recording.IMPORTS, {"lines": {}})["lines"].get(str(mutant.module), [])
        own = {keys(source).get(line, "") for line in statement(source, mutant.change.line)}
        plain = self._running(self._lines(mutant, source), seconds) if compiled else ()
        files = self._by_file(wanted)
        files += _others(self._calling(str(mutant.module), compiled), files) if compiled else []
        files = files or self._by_file(self._callers(around[-1].name)) if around else []
        tests, spent, left = _within(files or self._by_file(self._of_module(mutant.module)), seconds)
        return Chosen(tests, spent, left, bool(own & set(imports)), compiled, plain)

    def _running(self, wanted: set[tuple[str, str]], seconds: float) -> tuple[str, ...]:
        """Tests that ran one of these lines, of so many seconds in all."""
        found = [_costs(record, sorted(reached)) for record, reached in self._reached(wanted)]
        return _within(found, seconds)[0]

    def _calling(self, module: str, function: str) -> list[list[tuple[str, float]]]:
        """Tests of files that import a compiled function and call it themselves: no line of the code tells of these."""
        dotted, name = module.removesuffix(".py").replace("/", "."), function.rpartition(".")[2]
        sought = re.compile(rf"from {re.escape(dotted)} import (?:[^\n(]*|\([^)]*)\b{name}\b")
        return [
            _costs(record, list(range(len(record["tests"]))))
            for file, record in self.of_files.items()
            if (self.tree / file).is_file() and sought.search((self.tree / file).read_text("utf-8"))
        ]

    def _lines(self, mutant: Mutant, source: str) -> set[tuple[str, str]]:
        named = keys(source)
        return {(str(mutant.module), named[line]) for line in statement(source, mutant.change.line) if line in named}

    def _of_module(self, module: Path) -> set[tuple[str, str]]:
        """Every line of a module: for a change of what ran before any test."""
        return {(name, key) for name, _, lines in self._functions if name == str(module) for key in lines}

    def _callers(self, function: str) -> set[tuple[str, str]]:
        """Lines of plain functions that name one, or a compiled one that names it."""
        compiled = [one for _, one, _ in self._functions if is_compiled(one)]
        names, grown = {function.rpartition(".")[2]}, True
        while grown:
            more = {one.name.rpartition(".")[2] for one in compiled if one.named & names} - names
            names, grown = names | more, bool(more)
        return {
            (module, key)
            for module, one, lines in self._functions
            if not is_compiled(one) and one.named & names
            for key in lines
            if any(name in key for name in names)
        }

    @cached_property
    def _functions(self) -> list[tuple[str, Scope, list[str]]]:
        found = []
        for path in (path for package in PACKAGES for path in sorted((self.tree / package).rglob("*.py"))):
            source, module = path.read_text("utf-8"), path.relative_to(self.tree).as_posix()
            named = keys(source)
            for scope in scopes(source):
                lines = [named[line] for line in range(scope.first, scope.last + 1) if line in named]
                found.append((module, scope, [key for key in lines if key.startswith(f"{scope.name}|")]))
        return found

    def _by_file(self, wanted: set[tuple[str, str]]) -> list[list[tuple[str, float]]]:
        """Of each file that reaches the change its tests with their seconds: those that reach it, then the others."""
        found = []
        for record, reached in self._reached(wanted):
            rest = [place for place in range(len(record["tests"])) if place not in reached]
            found.append(_costs(record, [*sorted(reached), *rest]))
        return found

    def _reached(self, wanted: set[tuple[str, str]]) -> Iterator[tuple[dict[str, Any], set[int]]]:
        """Files that run one of these lines, with the places of their tests that do."""
        for record in (one for one in self.of_files.values() if "tests" in one):
            reached = {place for module, key in wanted for place in record["lines"].get(module, {}).get(key, ())}
            if reached:
                yield record, reached


def _others(some: list[list[tuple[str, float]]], known: list[list[tuple[str, float]]]) -> list[list[tuple[str, float]]]:
    """Those of files that are not known yet."""
    names = {tests[0][0].partition("::")[0] for tests in known}
    return [tests for tests in some if tests and tests[0][0].partition("::")[0] not in names]


def _costs(record: dict[str, Any], places: list[int]) -> list[tuple[str, float]]:
    """Tests of a file in an order, with what each adds: its own seconds, and those of fixtures that none had before."""
    made: set[str] = set()
    found = []
    for name, seconds, fixtures in (record["tests"][place] for place in places):
        new = set(fixtures) - made
        made |= new
        found.append((name, seconds + sum(record["fixtures"][one] for one in new)))
    return found


def _within(files: list[list[tuple[str, float]]], seconds: float) -> tuple[tuple[str, ...], float, int]:
    """Tests of each file for some seconds, the quickest file first; then what is left of them, as far as time goes."""
    first = [_head(tests, min(_OF_ONE_FILE, seconds)) for tests in files]
    rest = [test for tests, head in zip(files, first, strict=True) for test in tests[len(head) :]]
    first.sort(key=lambda tests: sum(taken for _, taken in tests))
    every = [test for tests in first for test in tests] + rest
    kept = _head(every, seconds)
    return tuple(name for name, _ in kept), sum(taken for _, taken in kept), len(every) - len(kept)


def _head(tests: list[tuple[str, float]], seconds: float) -> list[tuple[str, float]]:
    """The first tests that fit into a time; one at least."""
    spent = 0.0
    found: list[tuple[str, float]] = []
    for test in tests:
        spent += test[1]
        if found and spent > seconds:
            break
        found.append(test)
    return found
