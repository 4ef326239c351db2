"""What a linac's matrices amount to, by both engines and by laws."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from math import sqrt

import numpy as np
import pytest

from machines.linacs.machine import LinacMachine
from machines.registry import linac_named
from optics.linac import Linac, PermanentQuadrupole, Pipe, Transport, periods, transport
from optics.linac.extremes import Extremes, acceptances, extremes, largest_fill
from optics.linac.field_integration import integrated_transport
from optics.linac.focusing import advances, in_structures, structure_periods
from optics.linac.tops import tops
from tests.linac_machines import CCL_ENTRANCE, ccl, ccl_bunch


@cache
def machine() -> LinacMachine:
    """The built-in one."""
    return linac_named("linac")


@cache
def by_both() -> tuple[Extremes, Extremes]:
    """Of the built-in machine, by the gaps and by integration."""
    linac = machine().linac
    found = structure_periods(linac)
    runs: tuple[Transport, Transport] = transport(linac), integrated_transport(linac, tolerance=1e-7)
    gaps, fields = (extremes(run, machine().bunch, machine().bunch_charge, found) for run in runs)
    return gaps, fields


def test_the_engines_agree_in_what_a_beam_has_across() -> None:
    """860 cells: 5e-5 in sizes, 9e-5 in acceptances, 5e-6 turns; thin kicks are 9e-4, 7e-3 and 1.7e-4 turns off."""
    gaps, fields = by_both()
    assert gaps.fill == pytest.approx(fields.fill, rel=1e-4)
    for plane in "xy":
        assert gaps.acceptances[plane] == pytest.approx(fields.acceptances[plane], rel=2e-4)
    np.testing.assert_allclose(gaps.advances, fields.advances, rtol=0, atol=1e-5)
    assert gaps.space_charge == pytest.approx(fields.space_charge, rel=1e-3)  # trapezia over other rows


def test_numbers_go_as_the_emittance_says() -> None:
    """Four times both emittances: sizes twice; acceptances, of shapes alone, stay."""
    run, bunch = transport(ccl()), ccl_bunch()
    larger = replace(bunch, emittance_x=4 * bunch.emittance_x, emittance_y=4 * bunch.emittance_y)
    still = replace(bunch, sigma_phase=0.0, sigma_energy=0.0)
    assert largest_fill(run, replace(larger, sigma_phase=0.0, sigma_energy=0.0)) == pytest.approx(
        2 * largest_fill(run, still), rel=1e-12
    )
    assert acceptances(run, larger) == acceptances(run, bunch)
    acceptance = acceptances(run, bunch)
    fullest = max(sqrt(bunch.emittance_x / acceptance["x"]), sqrt(bunch.emittance_y / acceptance["y"]))
    assert largest_fill(run, still) == pytest.approx(fullest, rel=1e-12)


def test_advances_are_those_of_the_periods_inside_structures() -> None:
    whole, inside = advances(transport(machine().linac)), in_structures(machine().linac)
    stated = np.array([(period.mux, period.muy) for period in periods(machine().linac)])
    np.testing.assert_array_equal(whole, stated)
    np.testing.assert_array_equal(by_both()[0].advances, whole[inside])
    assert 0 < inside.sum() == len(structure_periods(machine().linac)) < len(inside)


@pytest.mark.parametrize("gradient", [165.0, 1200.0])
def test_the_middle_of_a_quadrupole_is_its_middle(gradient: float) -> None:
    """However many slices it has: both halves are as long."""
    linac: Linac = ccl().with_gradients([gradient] * len(ccl().quadrupoles))
    magnet = linac.quadrupoles[0]
    run = transport(replace(linac, pieces=linac.pieces[: linac.place(magnet.name) + 1]))
    inside = run.s[run.row(magnet.name) :] - run.s[run.row(magnet.name)]
    assert inside[len(inside) // 2] == pytest.approx(0.5 * magnet.length, rel=1e-9)


def test_a_size_has_its_top_between_two_looks() -> None:
    """A quadrupole alone, a beam that comes in converging in y and leaves diverging: x^2 = a cos^2 + ... has its top.

    sigma^2 = beta cos^2 - 2 alpha cos sin / k + gamma sin^2 / k^2 over emittance, at its top (beta + gamma / k^2) / 2 +
    root(((beta - gamma / k^2) / 2)^2 + (alpha / k)^2): closed form. A cubic over h, an eighth of the magnet, leaves
    (2 k h)^4 / 384 of the swing, 3e-7; the rows alone leave (2 k h)^2 / 8.
    """
    magnet = PermanentQuadrupole("q", length=0.03, bore=2.5e-3, gradient=160.0)
    run = transport(Linac("one", CCL_ENTRANCE, (Pipe("a", length=0.01, bore=2.5e-3), magnet)))
    k = sqrt(160.0 / CCL_ENTRANCE.magnetic_rigidity)
    for alpha in np.linspace(-2.4, -1.0, 6):
        beta, there = 1.0, -alpha * 0.01
        at = beta + 2 * there + (1 + alpha**2) * 1e-4  # behind the pipe
        slope, gamma = alpha - (1 + alpha**2) * 0.01, 1 + alpha**2
        top = (at + gamma / k**2) / 2 + sqrt(((at - gamma / k**2) / 2) ** 2 + (slope / k) ** 2)
        here, slopes, _ = run.twiss("x", beta, float(alpha))
        assert max(here) < tops(run, here, -2 * slopes).max() == pytest.approx(top, rel=3e-7)
