"""The order of requirements on a page: failed, not evaluated, then the least margin in sizes of what is judged."""

from __future__ import annotations

from typing import Any

import pytest

from machines.requirements import Requirement, Verdict, judge
from studies.report.severity import has_margin, severity


def judged(id: str, quantity: str, unit: str, value: float | None, error: float = 0.0, **limits: Any) -> Verdict:
    return judge(Requirement(id, "text", quantity, unit, "test", "study", **limits), value, error)


#: 2.4 of 35 mm before the wires: 0.07. Beta 16.75 of 17 m: 0.015. Energy 0.67 MeV above: 0.67 of 1 MeV.
WIRES = judged("OPT-13", "clearance_es", "mm", 2.4, lower=0.0)
BETA = judged("OPT-05", "max_betx", "m", 16.75, upper=17.0)
ENERGY = judged("LIN-01", "final_energy", "MeV", 230.67, lower=230.0)
COUPLING = judged("OPT-35", "coupling", "1", 0.00083, upper=0.0074)
FAILED = judged("EXT-04", "arm_angle_spread", "mrad", 0.42, upper=0.125)
UNKNOWN = judged("EXT-01", "least_spiral_step", "mm", None, lower=2.0)


def order(*verdicts: Verdict) -> list[str]:
    return [one.requirement.id for one in sorted(verdicts, key=severity)]


def test_what_failed_is_first_then_what_is_not_known_then_the_least_margin() -> None:
    found = order(COUPLING, ENERGY, WIRES, BETA, UNKNOWN, FAILED)
    assert found == ["EXT-04", "EXT-01", "OPT-05", "OPT-13", "LIN-01", "OPT-35"]


def test_a_limit_of_zero_is_no_safe_one() -> None:
    """2.4 mm before the wires is less than half a chamber, and 30 mm nearly all of it."""
    assert severity(WIRES)[1] == pytest.approx(2.4 / 35.0)
    assert severity(judged("X", "clearance_es", "mm", 30.0, lower=0.0))[1] == pytest.approx(30.0 / 35.0)


def test_between_two_limits_half_their_distance_is_one() -> None:
    assert severity(judged("OPT-03", "dqx", "1", -2.25, lower=-4.5, upper=-1.0))[1] == pytest.approx(1.25 / 1.75)


def test_an_uncertain_margin_is_a_small_one() -> None:
    """0.2 of 1 with an error of 0.1 counts as two tenths of ten errors; the same without error as 0.2."""
    sure, unsure = (judged("R", "klystron_share", "1", 0.8, error, upper=1.0) for error in (0.001, 0.1))
    assert severity(sure)[1] == pytest.approx(0.2)
    assert severity(unsure)[1] == pytest.approx(0.2 / (10 * 0.1))
    assert severity(judged("R", "klystron_share", "1", 0.8, 0.15, upper=1.0))[1] == pytest.approx(0.2 / 1.5)


def test_of_two_that_failed_the_one_farther_outside_is_first() -> None:
    far, near = judged("A", "wire_loss", "1", 0.2, upper=0.05), judged("B", "wire_loss", "1", 0.06, upper=0.05)
    assert order(near, far) == ["A", "B"]


def test_what_must_be_none_and_is_none_has_no_margin_to_speak_of() -> None:
    """It is the last of what passed; one that is there after all is the first."""
    none, some = (judged("N", "spots_missed", "1", value, upper=0.0) for value in (0.0, 2.0))
    assert not has_margin(none)
    assert has_margin(some)
    assert order(none, WIRES) == [WIRES.requirement.id, "N"]
    assert order(WIRES, some) == ["N", WIRES.requirement.id]
