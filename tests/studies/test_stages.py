"""What is seen of a run while it runs: stages with number and time, warnings; bars and a clock on a terminal only."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest

from machines.requirements import PROGRAM, PUBLISHED, Requirement, Verdict, judge
from studies.commands.verdicts import _smallest as smallest_told
from studies.runs.stages import Stages, clock, duration, live, shows_progress, steps
from studies.terminal import unheard


class Screen(io.StringIO):
    """A terminal that keeps what is written."""

    def __init__(self, terminal: bool = True) -> None:
        super().__init__()
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


@pytest.fixture
def logger() -> Iterator[logging.Logger]:
    own = logging.Logger("test", logging.DEBUG)
    yield own
    for handler in own.handlers:
        handler.close()


def heard(logger: logging.Logger, screen: Screen, **asked: bool) -> Stages:
    found = Stages(stream=screen, **asked)
    logger.addHandler(found)
    return found


def test_stages_are_numbered_and_timed_and_warnings_stand_as_they_are(logger: logging.Logger) -> None:
    screen = Screen(terminal=False)
    heard(logger, screen)
    logger.info("matching %d parameters", 3)
    logger.warning("the optics are nearly unstable")
    logger.debug("a detail")
    logger.info("optics")
    assert screen.getvalue().splitlines() == [
        "  1  0:00  matching 3 parameters",
        "warning: the optics are nearly unstable",
        "  2  0:00  optics",
    ]


def test_quiet_tells_warnings_alone_and_verbose_details_too(logger: logging.Logger) -> None:
    quiet, verbose = Screen(terminal=False), Screen(terminal=False)
    heard(logger, quiet, quiet=True)
    heard(logger, verbose, verbose=True)
    logger.info("optics")
    logger.debug("a detail")
    logger.error("no beam")
    assert quiet.getvalue() == "error: no beam\n"
    assert verbose.getvalue().splitlines() == ["  1  0:00  optics", "a detail", "error: no beam"]


def test_on_a_terminal_the_time_of_a_long_stage_runs_on_until_the_next(
    logger: logging.Logger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    screen = Screen()
    stages = heard(logger, screen)
    logger.info("optics")
    stages.tick()
    assert "in: optics" not in screen.getvalue(), "a stage of less than two seconds needs no clock"
    stages._since -= 65.0
    stages.tick()
    assert screen.getvalue().endswith("\r\x1b[K     1:05 in: optics")
    logger.info("figures")
    assert screen.getvalue().split("1:05 in: optics")[1].startswith("\r\x1b[K  2  0:00  figures")


def test_names_of_files_cannot_drive_the_terminal(logger: logging.Logger) -> None:
    screen = Screen(terminal=False)
    heard(logger, screen)
    logger.info("writing %s", "a\x1b[2Jb")
    assert "\x1b" not in screen.getvalue()


@pytest.mark.parametrize(("name", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_nothing_is_drawn_where_it_is_not_wanted(name: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert live(Screen())
    monkeypatch.setenv(name, value)
    assert not live(Screen())
    assert not live(Screen(terminal=False))


def test_steps_are_all_gone_through_with_a_bar_and_without(monkeypatch: pytest.MonkeyPatch) -> None:
    assert list(steps([3, 1, 2], "cases")) == [3, 1, 2]
    screen = Screen()
    monkeypatch.setattr("sys.stderr", screen)
    monkeypatch.setattr("studies.runs.stages.shows_progress", lambda: True)
    assert list(steps([3, 1, 2], "energies")) == [3, 1, 2]
    assert "/3" in screen.getvalue(), "of three"


def test_a_case_that_is_not_heard_draws_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setattr("sys.stderr", Screen())
    with unheard():
        assert not shows_progress()


def test_times_are_told_in_minutes_and_seconds() -> None:
    assert [clock(one) for one in (0.4, 65, 3600)] == ["0:00", "1:05", "60:00"]
    assert [duration(one) for one in (48.4, 200)] == ["48 s", "3 min 20 s"]


def verdict(id: str, value: float, upper: float, kind: str = PUBLISHED) -> Verdict:
    return judge(Requirement(id, "t", "max_betx", "m", "table", "study", None, upper, kind), value, 1e-6)


def test_the_smallest_margin_is_that_of_the_machine() -> None:
    """0.1 m of a limit of 17 m, a check of the program aside; nothing where nothing has a margin."""
    verdicts = (verdict("A", 10.0, 17.0), verdict("B", 16.9, 17.0), verdict("P", 16.99, 17.0, PROGRAM))
    assert smallest_told(verdicts) == "smallest margin: B, max_betx: 0.1 m (PASS)"
    assert smallest_told(()) == ""
