"""The Steinbach diagram of a waiting stack, momenta side by side, and variations: laws that hold at any ring."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pytest

from extraction import Septum, ThirdIntegerResonance, third_integer_resonance
from extraction.resonance import variations
from extraction.resonance.diagram import Steinbach, WaitingBeam, steinbach_of
from extraction.resonance.momenta import arms_over_momentum, case_at, design_case
from extraction.resonance.steinbach import Stack
from extraction.resonance.variations import varied_families, zero_crossing
from lattice import Lattice, NoSolution
from tests.extraction_rings import PROTON, SEPTUM, reference, solved

TUNE = 1.664
BEAM = WaitingBeam((1e-6, 1e-6), 2e-3, 2.0)
WIRES = Septum(at=SEPTUM, position=0.035)


def made(side: float = 1.0) -> Steinbach:
    """A wedge of amplitude = 10 |delta| about 0, by hand."""
    deltas = np.array([-2e-3, -1e-3, 0.0, 1e-3, 2e-3])
    table = pd.DataFrame({"delta": deltas, "exact": 10 * np.abs(deltas)})
    stack = Stack(np.full(3, side * 2e-3), np.array([0.004, 0.01, 0.018]))
    return Steinbach(0.0, side, table, stack, side * np.array([4e-4, 1e-3, 1.8e-3]))


@cache
def diagram() -> Steinbach:
    """Qx 1.664 is below the resonance and Q'x negative: the resonant momentum is below 0, the stack waits above."""
    return steinbach_of(reference(TUNE), PROTON, SEPTUM, BEAM, side=1.0, count=400, seed=1)


# ------------------------------------------------------------------------------------------------------- by hand


def test_an_amplitude_leaves_where_the_wedge_is_as_high() -> None:
    """10 |delta| = 0.005 at 5e-4, on the side of the stack."""
    assert made().leaving_at(0.005) == pytest.approx(5e-4)
    assert made(-1.0).leaving_at(0.005) == pytest.approx(-5e-4)
    assert np.isnan(made().leaving_at(0.03))


def test_extracted_momenta_are_those_of_the_amplitudes_up_to_the_edge() -> None:
    """Seven amplitudes from a quarter of the edge to the edge: 4e-4 to 1.6e-3 for 0.016."""
    assert made().extracted_momenta(0.016) == pytest.approx(np.linspace(4e-4, 1.6e-3, 7))
    with pytest.raises(NoSolution, match="stable triangle holds no particle of the beam"):
        made().extracted_momenta(1.0)


# ---------------------------------------------------------------------------------------------------- of the ring


def test_the_edge_of_the_beam_waits_at_the_wedge() -> None:
    """The largest amplitude leaves at the near end of the stack; all others wait for the stack to come."""
    found = diagram()
    edge = found.leaving_at(BEAM.edge_amplitude)
    assert found.side * (found.stack.delta - edge) == pytest.approx(
        np.clip(found.side * (found.stack.delta - edge), 0.0, BEAM.width), abs=1e-12
    )
    assert found.stack.amplitude.max() <= BEAM.edge_amplitude == pytest.approx(2e-3)
    assert (found.side * (found.stack.delta - found.leaving) >= -1e-12).all()
    assert (found.side * (found.leaving - found.resonant) > 0).all()


def test_a_beam_that_no_triangle_holds_is_refused() -> None:
    with pytest.raises(NoSolution, match=r"beam's edge is unstable at every momentum within 0\.0001"):
        steinbach_of(reference(TUNE), PROTON, SEPTUM, WaitingBeam((1e-4, 1e-4), 1e-4, 5.0), side=1.0, count=10, seed=1)


def test_one_momentum_and_the_row_of_all_are_the_same() -> None:
    ring = reference(TUNE)
    case, row = design_case(ring, WIRES, 0.0), arms_over_momentum(ring, None, WIRES, [0.0, -0.1]).iloc[0]
    assert case.arm is not None
    assert (case.angle, case.arm.spiral_step) == (row["arm_px"], row["spiral_step"])
    assert case.angle == solved(TUNE).arm(WIRES.position).px


def test_a_momentum_without_an_answer_says_why() -> None:
    """Wires inside the triangle: a resonance without an arm; dp/p of -10 %: no stable motion at all."""
    inside = case_at(reference(TUNE), Septum(at=SEPTUM, position=0.01), 0.0)
    assert inside.resonance is not None
    assert (inside.arm, "inside the stable triangle" in inside.reason) == (None, True)
    assert np.isnan(inside.angle)
    lost = case_at(reference(TUNE), WIRES, -0.1)
    assert (lost.resonance, lost.arm) == (None, None)
    assert lost.reason
    assert inside.transported(WIRES, reference(TUNE)) is inside


# ------------------------------------------------------------------------------------------------------ variations


def test_families_that_are_off_have_no_relative_change() -> None:
    ring = reference(TUNE).with_parameters(s1=0.0)
    assert set(varied_families(ring)) == set(varied_families(reference(TUNE))) - {"s1"}
    assert varied_families(ring)["kf"] == "quadrupole"
    assert varied_families(ring)["sr"] == "sextupole"


def test_a_zero_is_found_between_two_points_whatever_their_order() -> None:
    """The line from (1, 2) to (2, -1) is 0 at 5/3; nothing where the sign does not change, nan is passed over."""
    assert zero_crossing([2.0, 1.0, 0.0], [-1.0, 2.0, np.nan]) == pytest.approx(5 / 3)
    assert np.isnan(zero_crossing([0.0, 1.0], [1.0, 2.0]))


# ---------------------------------------------------------------------------------------------------- variations


def test_only_the_variations_that_are_asked_are_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing asked takes no fixed point at all; the sextupole's strength those of the design and of its four rows."""
    solved_for: list[str] = []
    solve = third_integer_resonance

    def counted(ring: Lattice, **more: Any) -> ThirdIntegerResonance:
        solved_for.append(ring.name)
        return solve(ring, **more)

    monkeypatch.setattr(variations, "third_integer_resonance", counted)
    none = variations.scan(reference(TUNE), WIRES, "full", 0.0, 0.0, ())
    assert not solved_for
    assert none.tune_family == "kf"  # a spill sweeps it
    assert all(table.empty for table in (none.tune, none.sextupole, none.hardt, none.sensitivity))
    some = variations.scan(reference(TUNE), WIRES, "full", 0.0, 0.0, ("sextupole",))
    assert len(solved_for) == 6  # with the roles of the families
    assert some.sextupole_family == "sr"
    assert len(some.sextupole) == 5
    assert some.tune.empty
