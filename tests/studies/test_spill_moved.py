"""What moved assumptions make of a spill: ripple through a response made up by hand, and the part left behind."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from extraction.spill.response import Response
from lattice import InputError
from studies.slow_extraction.quantities import evaluate
from studies.slow_extraction.spill.moved import COUNTERPARTS, evenness, left_behind, told_by
from tests.studies import extraction_made, spill_made

#: Gains 1000 at 100 Hz and 4000 at 400 Hz of kf; kd shifts the leaving momentum half as far, the other way.
RESPONSE = Response(
    "kf",
    0.1,
    100,
    pd.DataFrame({"frequency": [400.0, 100.0], "gain": [4000.0, 1000.0]}),
    pd.DataFrame({"family": ["kf", "kd"], "shift": [2.0, -1.0]}),
)


def study(*ripple: tuple[str, list[tuple[float, float, float]]], bin_s: float = 1e-9) -> Any:
    families = [SimpleNamespace(parameter=name, lines=lines) for name, lines in ripple]
    return SimpleNamespace(spill=SimpleNamespace(ripple=families, bin_s=bin_s))


SPILL = spill_made.facts(response=RESPONSE)


def test_a_line_of_modulation_m_leaves_a_duty_factor_of_one_over_one_and_half_its_square() -> None:
    """2e-4 at 200 Hz, where the gain is 2000 between 1000 and 4000 (log-log): m = 0.4, 1 / 1.08."""
    found = evenness(SPILL, study(("kf", [(2e-4, 200.0, 0.7)])))
    assert found == pytest.approx(1 / 1.08, rel=1e-9)


def test_lines_of_one_frequency_add_with_their_phases_and_signs() -> None:
    """kf 2e-4 and kd 2e-4 in step: 0.2 - 0.1; in opposite phase: 0.2 + 0.1. Other frequencies add in squares."""
    for phase, m in ((0.0, 0.1), (np.pi, 0.3)):
        both = study(("kf", [(2e-4, 100.0, 0.0)]), ("kd", [(2e-4, 100.0, phase)]))
        assert evenness(SPILL, both) == pytest.approx(1 / (1 + m**2 / 2), rel=1e-9)
    two = study(("kf", [(2e-4, 100.0, 0.0), (1e-4, 400.0, 0.0)]))
    assert evenness(SPILL, two) == pytest.approx(1 / (1 + (0.2**2 + 0.4**2) / 2), rel=1e-9)


def test_bins_take_in_what_is_faster_than_they_are() -> None:
    """100 Hz in bins of 10 ms: a whole period, nothing is left; in 5 ms sin(pi/2) / (pi/2)."""
    line = ("kf", [(2e-4, 100.0, 0.0)])
    assert evenness(SPILL, study(line, bin_s=0.01)) == pytest.approx(1.0, abs=1e-12)
    assert evenness(SPILL, study(line, bin_s=0.005)) == pytest.approx(1 / (1 + (0.2 * 2 / np.pi) ** 2 / 2), rel=1e-9)


def test_without_a_response_nothing_is_told() -> None:
    with pytest.raises(InputError, match="was not tracked"):
        evenness(spill_made.facts(), study(("kf", [(2e-4, 100.0, 0.0)])))
    assert evenness(SPILL, study(("none", [(1.0, 100.0, 0.0)]), ("kf", [(1.0, 0.0, 0.0)]))) == 1.0


def test_what_a_programme_does_not_reach_is_left_behind() -> None:
    """Four are 1, 2, 3 and 4e-3 away from where they leave, one never leaves: a reach of 2.5e-3 brings two."""
    stack = SimpleNamespace(delta=np.zeros(5))
    steinbach = SimpleNamespace(stack=stack, leaving=np.array([1e-3, -2e-3, 3e-3, 4e-3, np.nan]))
    found = cast(Any, SimpleNamespace(steinbach=steinbach))
    assert left_behind(found, 2.5e-3) == pytest.approx(3 / 5)
    with pytest.raises(InputError, match="no wedge"):
        left_behind(cast(Any, SimpleNamespace(steinbach=None, no_steinbach="no wedge")), 1e-3)


def test_counterparts_are_those_of_the_arms() -> None:
    """Efficiency falls as the wires' share rises; the step is that of the largest arm."""
    facts = extraction_made.facts()
    told = {one.name: one.value for one in told_by(facts, SPILL, study(), list(COUNTERPARTS))}
    known = {one.name: one.value for one in evaluate([other for _, other in COUNTERPARTS.values()], facts)}
    for name, (sign, other) in COUNTERPARTS.items():
        value = known[other]
        assert told[name] == (None if value is None else sign * value)
    assert told["spill_spiral_step"] is not None
