"""Ripple of supplies in the spill, and whether two trackers agree: made-up spills, numbers by hand."""

from __future__ import annotations

from dataclasses import replace
from math import pi

import numpy as np
import pandas as pd
import pytest

from extraction import Septum, Spill
from extraction.spill.agreement import AGREE, Agreement, agreement_of
from extraction.spill.response import SpillSlice, ripple_response, sliced_beam
from lattice import InputError, NoSolution
from tests.extraction.test_programmes import stack
from tests.extraction_rings import PROTON, SEPTUM

WIRES = Septum(at=SEPTUM, position=0.035)


def piece(duration: float = 1.0, count: int = 300) -> SpillSlice:
    return SpillSlice(stack(), WIRES, duration, count=count, seed=1)


# ------------------------------------------------------------------------------------------------------- response


def test_a_slice_is_a_tenth_of_a_second_or_less_of_a_short_spill() -> None:
    assert (piece(1.0).window, piece(0.1).window) == pytest.approx((0.1, 0.04))
    assert piece(1.0).slowest == pytest.approx(2.2 / 0.08)  # two periods and a bit of the settled four fifths
    assert piece(2.0).speed == pytest.approx(stack().reach / 2.0)


def test_ripple_of_the_depth_looked_for_modulates_the_rate_by_a_quarter() -> None:
    """Gain 2 pi f |shift| / speed: a slower spill, a faster line and a stronger family come through more."""
    one, shift = piece(), -3.0
    assert one.depth(100.0, shift) * one.expected(100.0, shift) == pytest.approx(0.25)
    assert one.expected(100.0, shift) == pytest.approx(2 * pi * 100 * 3 / abs(stack().reach))
    assert piece(2.0).expected(100.0, shift) == pytest.approx(2 * one.expected(100.0, shift))


def test_a_slice_holds_those_whose_turn_it_is() -> None:
    """Half the way is done; the rest of the way of each lies within what the stack moves in the window."""
    one, waiting = piece(), stack()
    states = sliced_beam(one)
    amplitude = waiting.amplitudes(states)
    leaving = np.array([waiting.diagram.leaving_at(float(a)) for a in amplitude])
    to_go = np.sign(waiting.reach) * (leaving - states[:, 5])
    travel, unsure = abs(one.speed) * one.window, 0.1 * abs(waiting.edge - waiting.diagram.resonant)
    assert len(states) == 300
    assert (to_go > -unsure).all()
    assert (to_go < travel + unsure).all()


def test_a_parameter_that_moves_no_magnet_is_named() -> None:
    with pytest.raises(InputError, match="'nothing' is no family of magnets that is on: those are kf, "):
        ripple_response(piece(), "nothing")


# ------------------------------------------------------------------------------------------------------ agreement


def spill(turns: np.ndarray, particles: np.ndarray | None = None, angle: float = 0.0) -> Spill:
    """A spill of 100 particles of which some are extracted at ``turns``."""
    numbers = np.arange(len(turns)) if particles is None else particles
    px = angle + 1e-4 * np.sin(numbers)
    table = pd.DataFrame({"particle": numbers, "turn": turns, "px": px, "delta": np.zeros(len(turns))})
    return Spill(
        extracted=table,
        lost=table.iloc[:0],
        circulating=np.zeros((100, 6)),
        particle=PROTON,
        turns=1000,
        revolution_time=1e-6,
        engine="sectional",
        seed=1,
        interrupted=False,
        misfit=0.0,
        notes=(),
    )


TURNS = np.random.default_rng(1).integers(0, 900, 80)


def test_the_same_spill_twice_agrees() -> None:
    found = agreement_of(spill(TURNS), spill(TURNS))
    assert (found.agree, found.apart, found.other_fate) == (True, 0.0, 0.0)
    assert found.chance == 1.0


def test_particles_that_leave_later_disagree_though_their_distribution_does_not() -> None:
    """Four turns are nothing among 800, and more than one passage of the septum."""
    found = agreement_of(spill(TURNS), spill(TURNS + 4))
    assert found.chance > AGREE
    assert (found.apart, found.agree) == (4.0, False)


def test_other_particles_that_leave_disagree() -> None:
    """80 of 100 by each, 60 in common: 40 particles are extracted by one of them only."""
    found = agreement_of(spill(TURNS), spill(TURNS, np.arange(80) + 20))
    assert found.other_fate == pytest.approx(0.4)
    assert not found.agree


def test_other_angles_disagree() -> None:
    found = agreement_of(spill(TURNS), spill(TURNS, angle=1e-3))
    assert (found.angle[0], found.turn[0]) == (1.0, 0.0)
    assert found.chance < AGREE
    assert not found.agree


def test_where_one_extracts_and_the_other_does_not_they_disagree_and_few_tell_nothing() -> None:
    assert not agreement_of(spill(TURNS), spill(TURNS[:5])).agree
    with pytest.raises(NoSolution, match="only 5 and 12 particles leave within 1000 turns"):
        agreement_of(spill(TURNS[:5]), spill(TURNS[:12]))
    fine = Agreement(spill(TURNS), replace(spill(TURNS)), (0.0, 0.02), (0.0, 0.5))
    assert (fine.chance, fine.agree) == (0.02, True)
