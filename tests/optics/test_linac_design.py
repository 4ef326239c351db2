"""Sizing, design pass and switching: published numbers of a 3 GHz coupled-cell linac, and errors in words."""

from __future__ import annotations

from dataclasses import replace
from math import cos, radians
from typing import Any

import numpy as np
import pytest

from lattice import InputError, NoSolution, ReferenceParticle
from machines.linacs.table import USUAL_CELLS
from optics.linac import (
    Linac,
    PermanentQuadrupole,
    Pipe,
    Section,
    TransitTime,
    design_pass,
    from_polynomial,
    linac_of,
    match_section,
    matched_start,
    periods,
    track,
    transport,
)
from optics.linac.structure.design import matched_energies
from optics.linac.structure.reference import reference_of
from optics.linac.structure.transit import USUAL_GAP
from optics.linac.switching.energies import amplitudes_for, energy_table, stages, transports
from tests.linac_machines import FREQUENCY, ccl, ccl_bunch, scdtl, tank

#: Ends of the units at constant phase [MeV], and with the phase carried: RF-Track 2.5 and PyORBIT3 on this machine.
SIZED = (50.11, 64.40, 80.29, 97.70, 116.56, 136.80, 158.34, 181.10, 205.01, 230.00)
SWITCHED = ((0, 230.66, 230.55), (4, 137.18, 137.11), (8, 64.55, 64.52))


@pytest.mark.parametrize(("phase", "exit_energy"), [(0.0, 40.678), (-20.0, 40.509)])
def test_one_tank(phase: float, exit_energy: float) -> None:
    # Two codes, given to 1 keV.
    assert transport(design_pass(tank(radians(phase)))).energy[-1] / 1e6 == pytest.approx(exit_energy, abs=6e-4)


def test_the_sizing_of_a_section() -> None:
    gains = [t.e0t * cos(t.synchronous_phase) * t.length for t in ccl().tanks]
    ends = 37.5 + np.cumsum(gains).reshape(10, 4)[:, -1] / 1e6
    np.testing.assert_allclose(ends, SIZED, atol=6e-3)  # given to 10 keV
    assert ccl().length == pytest.approx(17.72, abs=5e-3)
    assert min(piece.length * 2 for piece in ccl().pieces if isinstance(piece, Pipe)) + 0.03 >= 0.065


def test_switched_units_end_where_two_other_codes_end_them() -> None:
    for off, track_code, orbit_code in SWITCHED:
        switched = ccl().with_units(amplitude=dict.fromkeys(ccl().units[10 - off :], 0.0))
        gain = transport(switched).energy[-1] / 1e6 - 37.5
        assert min(abs(gain / (end - 37.5) - 1) for end in (track_code, orbit_code)) < 1e-3
    for amplitude, end in ((1.0, 230.66), (0.5, 214.47), (0.0, 205.57)):
        gain = transport(ccl().with_units(amplitude={"ccl-10": amplitude})).energy[-1] / 1e6 - 37.5
        assert gain == pytest.approx(end - 37.5, rel=1e-3)


def test_the_design_pass_puts_each_tank_at_its_phase_from_crest() -> None:
    linac = ccl()
    before = stages(linac)[0]
    first = replace(linac, pieces=linac.pieces[:1])
    gains = []
    for shift in radians(20) + np.radians([-0.1, 0.0, 0.1]):
        gains.append(transport(first.with_units(phase={"ccl-1": float(shift)})).energy[-1] - before)
    assert gains[1] > gains[0]
    assert gains[1] > gains[2]
    assert gains[0] == pytest.approx(gains[2], abs=1.0)  # eV: the crest is flat


def test_phases_stay_when_units_are_switched() -> None:
    off = ccl().with_units(amplitude={"ccl-9": 0.3, "ccl-10": 0.0})
    assert [t.rf_phase for t in off.tanks] == [t.rf_phase for t in ccl().tanks]
    turned = ccl().with_units(phase={"ccl-2": 0.25})
    moved = [(b.rf_phase or 0) - (a.rf_phase or 0) for a, b in zip(ccl().tanks, turned.tanks, strict=True)]
    np.testing.assert_allclose(moved, [0.0] * 4 + [0.25] * 4 + [0.0] * 32, atol=1e-15)


def test_any_energy_by_the_amplitude_of_one_unit() -> None:
    wanted = np.array([37.5e6, 70e6, 150e6, 230e6])
    amplitudes = amplitudes_for(ccl(), wanted)
    reached = [run.energy[-1] for run in transports(ccl(), amplitudes)]
    np.testing.assert_allclose(reached, wanted, rtol=0, atol=1.0)  # eV
    assert ((amplitudes > 0) & (amplitudes < 1)).sum(axis=1).max() == 1
    table = energy_table(ccl(), wanted, ccl_bunch())
    assert list(table.columns[:3]) == ["energy", "ccl-1", "ccl-2"]
    run, bunch = next(iter(transports(ccl(), amplitudes[2:3]))), ccl_bunch()
    for plane in "xy":  # at the end, of the bunch's own functions
        beta, alpha, _ = run.twiss(plane, getattr(bunch, f"bet{plane}"), getattr(bunch, f"alf{plane}"))
        assert (table[f"bet{plane}"][2], table[f"alf{plane}"][2]) == pytest.approx((beta[-1], alpha[-1]), rel=1e-12)
    small = replace(ccl_bunch(60.0, 1e-13), sigma_phase=radians(0.004))  # a thousandth: as linear as the matrices
    linac = ccl().with_units(amplitude=dict(zip(ccl().units, map(float, amplitudes[2]), strict=True)))
    spread = np.std(track(linac, small.sample(4000, seed=1)).energies)
    assert table.sigma_energy[2] == pytest.approx(1e3 * spread, rel=0.04)  # 4,000 particles: 1.1 %


def test_an_energy_out_of_reach_names_the_range() -> None:
    with pytest.raises(NoSolution, match=r"250 MeV is out of reach; .* gives 37\.5 to 230\.667 MeV"):
        amplitudes_for(ccl(), [250e6])


def test_cells_that_do_not_match_the_beam_are_named() -> None:
    with pytest.raises(InputError, match=r"Tank 'tank': its cells do not match the beam.*serves .* MeV"):
        design_pass(tank(length=0.26))
    low, high = matched_energies(tank().tanks[0], tank().particle)
    assert low < 37.5e6 < 39e6 < high
    # at the ends of the range the whole tank still gives 80 % of what it is built for
    start = ReferenceParticle("proton", kinetic_energy_per_u=low + 1e6)
    assert transport(design_pass(replace(tank(), particle=start))).energy[-1] > low + 1e6 + 0.75 * 3.18e6


def test_a_transit_time_that_does_not_accelerate_is_refused_with_its_section() -> None:
    def sized(cell: TransitTime) -> Linac:
        section = Section(
            name="s",
            tanks=1,
            cells=5,
            e0t=1e6,
            synchronous_phase=0.0,
            frequency=FREQUENCY,
            bore=1e-3,
            gradients=[1.0],
            magnet_length=0.03,
            shortest_gap=0.05,
            tanks_per_unit=1,
            cell=cell,
        )
        return linac_of("l", tank().particle, [section])

    for constant in (0.0, -0.7):
        with pytest.raises(InputError, match=r"section 's': transit time 'flat' is .* must be above 0 to accelerate"):
            sized(from_polynomial("flat", [constant], 1.0, 9.0))
    with pytest.raises(
        InputError, match=r"section 's', mode \"pi\": transit time 'short' is known for k L from 3.1 to"
    ):
        sized(from_polynomial("short", [0.7854], 3.1, 3.13))


def test_a_transit_time_that_ends_too_early_names_tank_and_range() -> None:
    short = from_polynomial("short", [0.7854], 3.1, 3.13)
    with pytest.raises(InputError, match=r"Tank 'tank': its transit-time factor 'short' is known from .* MeV, but"):
        design_pass(tank(cell=short))


def test_what_a_design_pass_cannot_do_is_said() -> None:
    with pytest.raises(InputError, match="no RF phase yet"):
        transport(tank())
    with pytest.raises(InputError, match="no field in the design pass"):
        design_pass(tank(e0=0.0))
    with pytest.raises(InputError, match="has no unit 'ccl-11'; did you mean"):
        ccl().with_units(amplitude={"ccl-11": 0.0})
    with pytest.raises(InputError, match="has 40 quadrupoles, found 2"):
        ccl().with_gradients([1.0, 2.0])
    with pytest.raises(InputError, match="is no quadrupole but a Tank"):
        ccl().with_gradients({"ccl-tank-1": 2.0})
    with pytest.raises(InputError, match="no piece 'ccl-tank-99'; did you mean"):
        ccl()["ccl-tank-99"]


def test_values_that_make_no_sense_are_refused_with_the_piece() -> None:
    with pytest.raises(InputError, match="Tank 'tank': cells must be"):
        tank(cells=0)
    with pytest.raises(InputError, match="Tank 'tank': mode must be one of"):
        tank(mode="pi/2")
    with pytest.raises(InputError, match="Pipe 'p': bore must be"):
        Pipe("p", length=1.0, bore=0.0)
    with pytest.raises(InputError, match="PermanentQuadrupole 'q': gradient must be a finite number"):
        PermanentQuadrupole("q", length=1.0, bore=1.0, gradient=float("nan"))
    with pytest.raises(InputError, match="names must be unique"):
        Linac("twice", tank().particle, (*tank().pieces, *tank().pieces))
    with pytest.raises(InputError, match="section 's': gradients has 1 number, but tanks = 3: one a tank is needed"):
        Section(
            name="s",
            tanks=3,
            cells=5,
            e0t=1e6,
            synchronous_phase=0.0,
            frequency=FREQUENCY,
            bore=1e-3,
            gradients=[1.0],
            magnet_length=0.03,
            shortest_gap=0.05,
            tanks_per_unit=1,
        )


def test_a_drift_tube_linac_from_one_row_of_a_table() -> None:
    linac = scdtl()
    assert len(linac.units) == 4
    np.testing.assert_allclose([t.cell_length for t in linac.tanks], [t.beta * 0.1 for t in linac.tanks], rtol=1e-12)
    assert transport(linac).energy[-1] == pytest.approx(37.6e6, rel=0.01)  # sized at constant phase: 37.6
    found = periods(linac)
    # Graded to 0.2 turns a period by 40 gradients for 2 x 38 phase advances: what is left is the planes' difference.
    np.testing.assert_allclose([p.mux for p in found] + [p.muy for p in found], 0.2, atol=0.01)
    assert all(p.mux < p.mux_without_rf for p in found)
    assert max(abs(q.gradient) for q in linac.quadrupoles) < 230


def test_a_matched_beam_comes_back_after_a_period() -> None:
    linac = scdtl()
    start = matched_start(linac)
    run = transport(linac)
    rows = [run.row(linac.quadrupoles[i].name) + 4 for i in (0, 2)]  # the middle: four of eight parts
    for plane in ("x", "y"):
        beta, alpha, _ = run.twiss(plane, start[f"bet{plane}"], start[f"alf{plane}"])
        normalised = beta / run.momentum  # beta per beta gamma is what a damped beam of one emittance sees
        first, second = (normalised[row] * run.momentum[row] for row in rows)
        assert first == pytest.approx(second, rel=1e-9)
        assert alpha[rows[0]] == pytest.approx(alpha[rows[1]], abs=1e-9)


def test_a_matching_section() -> None:
    linac = scdtl()
    start = matched_start(linac) | {"betx": 0.2, "alfx": -1.0}
    magnets = [magnet.name for magnet in linac.quadrupoles[:6]]
    at = linac.quadrupoles[6].name
    run = transport(linac)
    want: dict[str, float] = {}
    for plane in ("x", "y"):
        beta, alpha, _ = run.twiss(plane, *(matched_start(linac)[f"{key}{plane}"] for key in ("bet", "alf")))
        want |= {f"bet{plane}": float(beta[run.row(at)]), f"alf{plane}": float(alpha[run.row(at)])}
    matched = transport(match_section(linac, magnets, start, at, want, 260.0))
    for plane in ("x", "y"):
        beta, alpha, _ = matched.twiss(plane, start[f"bet{plane}"], start[f"alf{plane}"])
        assert beta[matched.row(at)] == pytest.approx(want[f"bet{plane}"], rel=0.01)
        size = np.hypot(1.0, want[f"alf{plane}"])
        assert alpha[matched.row(at)] == pytest.approx(want[f"alf{plane}"], abs=0.01 * size)
    with pytest.raises(NoSolution, match="1 gradients up to 260 T/m do not match the beam at"):
        match_section(linac, magnets[:1], start, at, want, 260.0)


@pytest.mark.parametrize("key", ["betx", "alfx", "bety", "alfy"])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_the_miss_of_a_match_counts_beta_and_alpha_by_their_size(key: str, sign: float) -> None:
    """With gradients that may not grow it misses by what the goal is off: ln beta, alpha / (1 + alpha^2)^(1/2)."""
    linac = scdtl()
    start, magnets, at = matched_start(linac), [linac.quadrupoles[2].name], linac.quadrupoles[3].name
    run = transport(linac.with_gradients({magnets[0]: 0.0}))
    goal: dict[str, float] = {}
    for plane in ("x", "y"):
        beta, alpha, _ = run.twiss(plane, start[f"bet{plane}"], start[f"alf{plane}"])
        goal |= {f"bet{plane}": float(beta[run.row(at)]), f"alf{plane}": float(alpha[run.row(at)])}
    goal[key] = goal[key] * np.exp(0.2 * sign) if key.startswith("bet") else goal[key] + 0.2 * sign
    off = 0.2 if key.startswith("bet") else 0.2 / np.hypot(1.0, goal[key])
    match_section(linac, magnets, start, at, goal, 1e-6, miss=1.003 * off)
    with pytest.raises(NoSolution, match="do not match the beam"):
        match_section(linac, magnets, start, at, goal, 1e-6, miss=0.997 * off)


def test_two_sections_in_one_linac() -> None:
    first = scdtl()
    row = Section(
        name="ccl",
        tanks=4,
        cells=16,
        e0t=14e6,
        synchronous_phase=radians(-20),
        frequency=FREQUENCY,
        bore=2.5e-3,
        gradients=[150, -150, 150, -150],
        magnet_length=0.03,
        shortest_gap=0.065,
        tanks_per_unit=4,
    )
    end = ReferenceParticle("proton", kinetic_energy_per_u=float(reference_of(first).w[-1] * first.particle.mass))
    both = design_pass(Linac("both", first.particle, (*first.pieces, *linac_of("ccl", end, [row]).pieces)))
    assert both.units == ("scdtl-1", "scdtl-2", "scdtl-3", "scdtl-4", "ccl-1")
    assert transport(both).energy[-1] > end.kinetic_energy + 12e6


def test_drift_tubes_of_which_nobody_states_the_cell_are_those_of_a_section_table() -> None:
    """A gap of a quarter: T = sin(pi/4)/(pi/4) = 0.90 less 2 % for its soft edges; a sine over beta lambda has 1/3."""
    given: dict[str, Any] = {
        "tanks": 1,
        "cells": 10,
        "e0t": 2e6,
        "synchronous_phase": -0.5,
        "frequency": 750e6,
        "bore": 5e-3,
    }
    given |= {"gradients": (100.0,), "magnet_length": 0.03, "shortest_gap": 0.05, "tanks_per_unit": 1}
    tubes, coupled = (Section(name="s", mode=mode, **given).transit_time for mode in ("0", "pi"))
    assert USUAL_CELLS["0"].gap == USUAL_GAP
    assert float(tubes(2 * np.pi)) == pytest.approx(0.90, rel=0.03)
    assert float(coupled(np.pi)) == pytest.approx(np.pi / 4, rel=1e-9)
