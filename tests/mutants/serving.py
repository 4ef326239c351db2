"""Changes judged by tests that are collected once: each in a child of this process, which ends at the first failure.

A plugin of pytest (``-p tests.mutants.serving``): it reads what is asked, and writes a line for each answer.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.mutants.swapping import swap
from tests.mutants.trees import environment, without

_TREE = Path(__file__).resolve().parents[2]
_PASSED, _FAILED, _UNKNOWN, _UNFIT = 0, 1, 2, 3
_ENDLESS = -1000  # ended by us
_SPARE = 30.0  # seconds that a child has beyond those that its tests took when they were recorded
_TIMES = 4.0  # and how many times those


class Server:
    """Runs each change and says which test failed."""

    def __init__(self, asked: Path, answers: Path) -> None:
        self.asked = [json.loads(line) for line in asked.read_text("utf-8").splitlines()]
        self.answers = answers
        self.unsound: set[str] = set()
        self.sound: set[str] = set()
        self.told: int | None = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self.items = {item.nodeid: item for item in session.items}
        for one in self.asked:
            begin = time.monotonic()
            answer = self.judged(one)
            answer["seconds"] = round(time.monotonic() - begin, 1)
            with self.answers.open("a", encoding="utf-8") as file:
                file.write(json.dumps({"name": one["name"], **answer}) + "\n")
        return True

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if self.told is not None and report.failed:
            os.write(self.told, report.nodeid.encode())
            os._exit(_FAILED)

    def judged(self, one: dict[str, Any]) -> dict[str, Any]:
        """Which test notices a change.

        One of what is compiled is shown first to the tests that run it as it is written: nothing is compiled for these.
        """
        if one["fresh"] and one.get("plain"):
            found = self.noticed({**one, "fresh": False}, one["plain"])
            if found["caught"]:
                return found
        return self.noticed(one, one["tests"])

    def noticed(self, one: dict[str, Any], chosen: Sequence[str]) -> dict[str, Any]:
        """Which of these tests notices a change; one that fails without the change as well does not count."""
        while True:
            tests = [test for test in chosen if test in self.items and test not in self.unsound]
            if not tests:
                return {"caught": False, "by": "", "ran": 0}
            status, by = self.fresh(one, tests) if one["fresh"] else self.forked(one, tests)
            if status == _UNFIT:
                one["fresh"] = True
            elif status == _PASSED:
                return {"caught": False, "by": "", "ran": len(tests)}
            elif not by or self.holds(by):
                return {"caught": True, "by": by or _end(status), "ran": len(tests)}

    def holds(self, test: str) -> bool:
        """Whether a test passes as the tree is."""
        if test not in self.sound | self.unsound:
            status, _ = self.forked(None, [test])
            (self.sound if status == _PASSED else self.unsound).add(test)
        return test in self.sound

    def forked(self, one: dict[str, Any] | None, tests: Sequence[str]) -> tuple[int, str]:
        """Run tests in a child of this process; how it ended and the test that failed."""
        reads, writes = os.pipe()
        scratch = tempfile.mkdtemp(prefix="mutant-")
        child = os.fork()
        if not child:
            os.close(reads)
            self.in_child(one, tests, writes, Path(scratch))
        os.close(writes)
        status = _ended(child, 10 * _limit(one))
        with os.fdopen(reads) as pipe:
            by = pipe.read()
        shutil.rmtree(scratch, ignore_errors=True)
        if one is not None:
            (_TREE / one["module"]).write_text(one["before"], "utf-8")
            os.utime(_TREE / one["module"], ns=(one["time"], one["time"]))
        return status, by

    def in_child(self, one: dict[str, Any] | None, tests: Sequence[str], writes: int, scratch: Path) -> None:
        """Never returns."""
        os.setsid()
        resource.setrlimit(resource.RLIMIT_CPU, (int(_limit(one)), int(_limit(one)) + 5))
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nowhere, stream)
        try:
            self.told = writes
            if one is not None:
                self.change(one)
            self.run(tests, scratch)
        except ValueError:
            os._exit(_UNFIT)
        except BaseException:
            os._exit(_UNKNOWN)
        os._exit(_PASSED)

    def change(self, one: dict[str, Any]) -> None:
        """Into the live functions; into the file too, for what tests start as commands, unless numba would see it."""
        swap(str(_TREE / one["module"]), one["before"], one["after"], one["functions"])
        if one["numba"]:
            keep_nothing_compiled()
        else:
            (_TREE / one["module"]).write_text(one["after"], "utf-8")

    def run(self, tests: Sequence[str], scratch: Path) -> None:
        """As pytest does, with files in a folder that goes with the child."""
        items = [self.items[test] for test in tests]
        items[0].config._tmp_path_factory._basetemp = scratch  # type: ignore[attr-defined]
        for item, following in zip(items, [*items[1:], None], strict=True):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)

    def fresh(self, one: dict[str, Any], tests: Sequence[str]) -> tuple[int, str]:
        """Run tests in a Python of its own, which imports the changed file; compiled code that may hold it anew."""
        path = _TREE / one["module"]
        with tempfile.TemporaryDirectory(dir=_TREE.parent) as folder:
            told = Path(folder) / "told"
            surroundings = environment(_TREE, without(_TREE, frozenset(one["dependents"]), Path(folder) / "compiled"))
            path.write_text(one["after"], "utf-8")
            try:
                options = ["-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:cov"]
                command = [sys.executable, "-m", "pytest", *options, "-p", "tests.mutants.telling", *tests]
                process = subprocess.Popen(
                    command,
                    cwd=_TREE,
                    env={**surroundings, "MUTANTS_TOLD": str(told)},
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                )
                status = process.returncode = _ended(process.pid, 10 * _limit(one) + 300)
            finally:
                path.write_text(one["before"], "utf-8")
                os.utime(path, ns=(one["time"], one["time"]))
            by = told.read_text("utf-8") if told.is_file() else ""
        return status, by


def keep_nothing_compiled() -> None:
    """What is compiled from now on stays in this process: a function that was changed in it is not that of its file."""
    from numba.core import caching

    keeping: Any = caching.Cache
    keeping.save_overload = lambda self, sig, data: None


def _end(status: int) -> str:
    """What ended tests of which none failed: a limit of time, or an error while they were imported."""
    return "tests that do not end" if status < 0 else "tests that do not begin"


def _limit(one: dict[str, Any] | None) -> float:
    return _SPARE + _TIMES * (one["limit"] if one else 60.0)


def _ended(child: int, seconds: float) -> int:
    """Wait for a child, for so long; end it and all that it started; its exit status."""
    until, status = time.monotonic() + seconds, _ENDLESS
    while time.monotonic() < until:
        found, code = os.waitpid(child, os.WNOHANG)
        if found:
            status = os.waitstatus_to_exitcode(code)
            break
        time.sleep(0.02)
    with suppress(ProcessLookupError):
        os.killpg(child, signal.SIGKILL)
    if time.monotonic() >= until:
        os.waitpid(child, 0)
    return status


def pytest_configure(config: pytest.Config) -> None:
    """What is asked and where answers go stand in the environment."""
    config.pluginmanager.register(Server(Path(os.environ["MUTANTS_ASKED"]), Path(os.environ["MUTANTS_ANSWERS"])))
