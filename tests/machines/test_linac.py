"""The LIGHT-like linac: what it reaches, laws of its power and breakdown, gradients for all energies, cutting."""

from __future__ import annotations

from dataclasses import replace
from math import exp

import numpy as np
import pytest

from lattice import InputError, NoSolution
from machines.compact_linac.design import KNOTS, beam_at, designed, parts_of
from machines.registry import LINACS, linac_named, ring_named
from machines.requirements import ASSUMED
from optics.linac import track, transport
from optics.linac.structure.cut import downstream, upstream
from optics.linac.structure.power import copper_power, kilpatrick_field
from optics.linac.switching.all_energies import hats, largest_beam
from optics.linac.switching.energies import amplitudes_for
from optics.linac.switching.jitter import pulse_energies
from optics.linac.switching.settings import settings_for
from tests.linac_machines import ccl, ccl_bunch

LINAC = linac_named("linac")


def test_linacs_and_rings_are_not_mixed_up() -> None:
    assert list(LINACS.machines) == ["linac"]
    with pytest.raises(InputError, match="machine 'linac' is a linac, here a ring is needed: cnao, pimms, medaustron"):
        ring_named("linac")
    with pytest.raises(InputError, match="machine 'cnao' is a ring, here a linac is needed: linac"):
        linac_named("cnao")
    with pytest.raises(InputError, match="did you mean 'linac'"):
        linac_named("linacc")


def test_it_has_the_published_outline() -> None:
    # 37.5 MeV between the structures and 230 MeV at the end; ten coupled-cell units of 4 tanks of 16 cells.
    run = transport(LINAC.linac)
    assert run.energy[run.row("match-quadrupole-1")] == pytest.approx(37.5e6, abs=1e4)
    assert run.energy[-1] > 230e6
    assert [len(LINAC.tanks_of(unit)) for unit in LINAC.linac.units] == [10] * 4 + [4] * 10
    assert {tank.cells for tank in LINAC.linac.tanks if tank.mode == "pi"} == {16}


def test_a_limit_without_a_source_says_it_is_assumed() -> None:
    for requirement in LINAC.requirements:
        assert requirement.source.startswith("assumed") == (requirement.kind == ASSUMED), requirement.id


def test_the_stored_gradients_are_those_of_the_design() -> None:
    table, parts = LINAC.table, parts_of(LINAC.table)
    for stored, found in zip(table.section, designed(table).section, strict=True):
        # Stored to 0.01 T/m; where the search stops: 0.2 T/m, 0.1 %. Four gradients that match four numbers to 1 %
        # lie close to where two solutions meet: 3 T/m.
        room = 3.0 if stored.kind == "matching" else 0.2
        np.testing.assert_allclose(found.gradients_T_per_m, stored.gradients_T_per_m, atol=room, err_msg=stored.name)
    # Coupled cells: no knot moved by 3 % to either side makes the largest beam 2 % smaller. Looked at are 5 of the 19
    # energies of the design; at 7 of them the best single knot gains 1.1 %.
    cells = downstream(LINAC.linac, parts.coupled_cells)
    amplitudes = amplitudes_for(cells, np.linspace(70e6, 230e6, 5))
    beam = beam_at(cells, LINAC.linac, table, parts)
    own = np.array([magnet.gradient for magnet in cells.quadrupoles])
    best = largest_beam(cells, amplitudes, np.zeros_like(amplitudes), beam)
    for hat in hats(len(own), KNOTS)[:, ::4].T:
        for change in (-0.03, 0.03):
            moved = cells.with_gradients([float(g) for g in own * (1.0 + change * hat)])
            assert largest_beam(moved, amplitudes, np.zeros_like(amplitudes), beam) > 0.98 * best


def test_copper_power_and_kilpatrick() -> None:
    tank = LINAC.linac.tanks[-1]
    assert copper_power(tank, 70e6) == pytest.approx(tank.e0t**2 * tank.length / 70e6, rel=1e-12)
    field = kilpatrick_field(2998e6) * 1e-6  # the law itself, f in MHz and E in MV/m
    assert 1.64 * field**2 * exp(-8.5 / field) == pytest.approx(2998, rel=1e-9)


def test_a_cut_linac_is_the_whole_one() -> None:
    before, behind = upstream(LINAC.linac, "ccl-tank-1"), downstream(LINAC.linac, "ccl-tank-1")
    assert before is not None
    start = LINAC.sample(200, 1)
    whole = track(LINAC.linac, start)
    parts = track(behind, track(before, start).survivors)
    np.testing.assert_allclose(parts.energies, whole.energies, rtol=1e-7)  # rounding of 700 gaps' phases


def test_settings_give_the_energy_and_less_spread_than_the_designed_phase() -> None:
    wanted, start = [75e6, 120e6, 215e6], LINAC.sample(500, 1)
    turned, straight = (settings_for(LINAC.linac, wanted, start, turn) for turn in (True, False))
    for settings in (turned, straight):
        found = pulse_energies(
            LINAC.linac, settings.amplitudes, settings.phases, amplitude=0.0, phase=0.0, samples=1, seed=0
        )
        np.testing.assert_allclose(found[:, 0], wanted, atol=1.0)  # eV
    # Between the energies where it was looked for the phase may be a worse one; the worst spread is still less.
    relative = [np.max(settings.sigma_energy / wanted) for settings in (turned, straight)]
    assert relative[0] < relative[1]
    with pytest.raises(NoSolution, match="out of reach"):
        settings_for(LINAC.linac, [250e6], start)


def test_the_gradients_serve_all_energies_better_than_the_example() -> None:
    # The coupled-cell linac alone with 0.1 um, each set with the beam that is matched to it: the example loses about a
    # tenth at some energies between 70 and 90 MeV. 1000 particles: 0.01 is 1 standard deviation of the example's loss.
    own = [LINAC.linac.magnet(f"ccl-quadrupole-{i}").gradient for i in range(1, 41)]
    linac, example = ccl().with_gradients(own), ccl_bunch()
    arriving = beam_at(downstream(LINAC.linac, "ccl-tank-1"), LINAC.linac, LINAC.table, parts_of(LINAC.table))
    own_bunch = replace(example, **{key: getattr(arriving, key) for key in ("betx", "alfx", "bety", "alfy")})
    wanted = np.array([70e6, 85e6, 100e6])
    worst = []
    for machine, bunch in ((ccl(), example), (linac, own_bunch)):
        start = bunch.sample(1000, seed=1)
        settings = settings_for(machine, wanted, start, turn=False)
        units = machine.units
        worst.append(
            min(
                track(machine.with_units(dict(zip(units, map(float, row), strict=True))), start).transmission
                for row in settings.amplitudes
            )
        )
    assert worst[0] < 0.92
    assert worst[1] > 0.95
