"""The linac's second engine, integration through the field, against the maps; and Xsuite along the beam."""

from __future__ import annotations

from dataclasses import replace
from math import pi, radians

import numpy as np
import pytest

from lattice import InputError, Quadrupole, RFGap
from optics.engines.xsuite.linac import xsuite_linac
from optics.linac import Bunch, design_pass, from_polynomial, matched_start, track, transport
from optics.linac.field_integration import integrate, integrated_energies, integrated_matrix, integrated_transport
from optics.linac.structure.lattices import lattice_of
from tests.linac_machines import FREQUENCY, ccl, ccl_bunch, scdtl, tank


def test_the_integration_has_converged() -> None:
    # Cosine cells and the narrow edges of drift tubes, which take more steps: 1e-5 of a cell's gain is asked for.
    for linac in (ccl(), scdtl()):
        coarse, fine = (integrated_energies(linac, tolerance=tolerance) for tolerance in (1e-5, 1e-8))
        np.testing.assert_allclose(coarse, fine, rtol=0, atol=1e-6 * fine[-1])
    with pytest.raises(InputError, match="tolerance of an integration must lie between"):
        integrated_energies(ccl(), tolerance=0.0)


@pytest.mark.parametrize(("phase", "exit_energy"), [(0.0, 40.678), (-20.0, 40.509)])
def test_one_tank_by_integration(phase: float, exit_energy: float) -> None:
    found = integrated_energies(design_pass(tank(radians(phase))))[-1] / 1e6
    assert found == pytest.approx(exit_energy, abs=1e-3)


@pytest.mark.parametrize("linac", [ccl(), scdtl()], ids=["ccl", "scdtl"])
def test_every_tank_gains_the_same_energy_in_both_engines(linac) -> None:  # type: ignore[no-untyped-def]
    run = transport(linac)
    ours = np.array([run.energy[run.row(piece.name)] for piece in linac.pieces] + [run.energy[-1]])
    theirs = integrated_energies(linac)
    # The gap is of second order in the field: what is left is of order (gain in a cell / energy)^2, (1.7 %)^2 at 5 MeV,
    # times the square of the phase in which the velocity acts inside the cell.
    assert np.max(np.abs(ours - theirs)) / (ours[-1] - ours[0]) < 1e-6
    gains = np.diff(ours) > 0
    np.testing.assert_allclose(np.diff(ours)[gains], np.diff(theirs)[gains], rtol=2e-5)


def test_what_a_gap_leaves_out_is_of_third_order() -> None:
    # A cell at 5 MeV, field doubled: the difference of the engines must grow eightfold, not fourfold.
    first = scdtl().tanks[0]
    apart = []
    for factor in (0.5, 1.0):
        one = replace(scdtl(), pieces=(replace(first, cells=1, length=first.cell_length, e0=factor * first.e0),))
        apart.append(integrated_energies(one, tolerance=1e-8)[-1] - transport(one).energy[-1])
    assert apart[1] / apart[0] == pytest.approx(8.0, rel=0.03)  # 7.86: the next order


@pytest.mark.parametrize("unit", [2, 5, 9])
def test_every_energy_is_the_same_in_both_engines(unit: int) -> None:
    amplitude = dict.fromkeys(ccl().units[unit:], 0.0) | {ccl().units[unit]: 0.5}
    linac = ccl().with_units(amplitude=amplitude)
    assert transport(linac).energy[-1] - 37.5e6 == pytest.approx(integrated_energies(linac)[-1] - 37.5e6, rel=1e-6)


def test_the_matrix_of_a_tank() -> None:
    """All six coordinates: 1.4e-5 along the beam, third order in a cell's gain."""
    one = design_pass(tank(radians(-20)))
    np.testing.assert_allclose(transport(one).matrix, integrated_matrix(one, tolerance=1e-7), rtol=0, atol=2e-5)


def test_matrices_along_the_machine_are_those_of_both_engines() -> None:
    """Rows of the integration stand at ends of cells and in quadrupoles; where the gaps have one too, both agree."""
    linac = replace(ccl(), pieces=ccl().pieces[:24])
    ours, theirs = transport(linac), integrated_transport(linac, tolerance=1e-7)
    shared = [(i, int(np.argmin(np.abs(theirs.s - s)))) for i, s in enumerate(ours.s)]
    shared = [(i, j) for i, j in shared if abs(ours.s[i] - theirs.s[j]) < 1e-12]
    assert len(shared) == len(linac.pieces) + 1 + 7 * len(linac.quadrupoles)  # entrances, the end, eighths
    mine, other = (run.matrices[[pair[k] for pair in shared]] for k, run in enumerate((ours, theirs)))
    np.testing.assert_allclose(mine, other, rtol=0, atol=2e-5 * np.abs(other).max())
    for i, j in shared:
        assert (ours.bore[i], ours.piece[i]) == (theirs.bore[j], theirs.piece[j])
        assert ours.energy[i] == pytest.approx(theirs.energy[j], rel=1e-6)


def test_a_bunch_ends_alike() -> None:
    start = ccl_bunch().sample(1000, seed=4)
    linac = replace(ccl(), pieces=ccl().pieces[:64])
    ours, theirs = track(linac, start), integrate(linac, start, tolerance=1e-4)
    assert ours.transmission == pytest.approx(theirs.transmission, abs=0.01)
    both = ours.alive & theirs.alive
    assert np.std(ours.energies) == pytest.approx(np.std(theirs.energies), rel=0.03)
    for i in (0, 2):
        assert np.std(ours.coordinates[both, i]) == pytest.approx(np.std(theirs.coordinates[both, i]), rel=0.05)


def test_a_bunch_of_5_mev_ends_alike() -> None:
    # Within a fifth of the bore, where the field is what the first orders say it is; beyond, see the module's text.
    linac = replace(scdtl(), pieces=scdtl().pieces[:80])
    start = Bunch(
        particle=linac.particle,
        emittance_x=1e-8,
        emittance_y=1e-8,
        sigma_phase=radians(4),
        sigma_energy=15e3,
        frequency=FREQUENCY,
        **matched_start(linac),
    ).sample(500, seed=4)
    ours, theirs = track(linac, start), integrate(linac, start, tolerance=1e-4)
    assert ours.transmission == theirs.transmission == 1.0
    assert np.std(ours.energies) == pytest.approx(np.std(theirs.energies), rel=0.03)
    for plane in ("x", "y"):
        assert ours.emittance(plane) == pytest.approx(theirs.emittance(plane), rel=0.03)


def test_losses_of_the_integration_have_place_and_cause() -> None:
    start = np.zeros((2, 6))
    start[1, 1] = 0.02
    end = integrate(ccl(), start)
    assert list(end.lost.cause) == ["bore"]
    assert end.lost.s[0] == pytest.approx(0.125, abs=0.03)  # 2.5 mm at 20 mrad, bent outwards by the RF
    assert end.lost.piece[0] == "ccl-tank-1"


def test_a_particle_lost_inside_a_tank_is_told_about_the_reference_particle_there() -> None:
    """It has gained what the reference particle has there; that of the tank's end has 2 % more momentum.

    Off the axis by the bore of 2.5 mm the field is (K r)^2/4 = 8 % larger, on the way there 3 %: 5e-4 of the momentum.
    """
    start = np.zeros((2, 6))
    start[1, 1] = 0.02
    one = tank().with_pieces([replace(tank().tanks[0], rf_phase=1.0835)])  # that of the design pass at -20 degrees
    lost = integrate(one, start).lost
    assert lost.piece[0] == "tank"
    assert abs(lost.delta[0]) < 1e-3
    ours = track(one, start).lost
    assert lost.px[0] == pytest.approx(ours.px[0], rel=0.03)  # half a cell apart
    assert lost.zeta[0] == pytest.approx(ours.zeta[0], abs=1e-5)  # 4e-5: its way is longer by 0.02^2/2 and more


def test_a_factor_without_field_cannot_be_integrated() -> None:
    linac = design_pass(tank(cell=from_polynomial("table", [0.7854], 2.0, 4.0)))
    with pytest.raises(InputError, match="Tank 'tank': transit time 'table' comes without its field"):
        integrated_energies(linac)
    with pytest.raises(InputError, match="no RF phase yet"):
        integrated_energies(tank())


def test_xsuite_finds_the_same_longitudinal_motion() -> None:
    # Xsuite's cavity has no transit time: a factor that is the same for all velocities makes the two comparable.
    flat = from_polynomial("flat", [pi / 4], 1.0, 9.0)
    short = replace(ccl(), pieces=tuple(replace(p, cell=flat) if p in ccl().tanks else p for p in ccl().pieces[:24]))
    linac = design_pass(short)
    start = ccl_bunch().sample(50, seed=6)
    start[:, :4] = 0.0
    theirs, momentum = xsuite_linac(lattice_of(linac), None, start)
    ours = track(linac, start)
    assert ours.particle.momentum == pytest.approx(momentum, rel=1e-12)
    np.testing.assert_allclose(ours.coordinates, theirs, rtol=0, atol=1e-12)  # rounding over 96 gaps


def test_the_lattice_of_a_linac() -> None:
    lattice = lattice_of(ccl())
    assert lattice.length == pytest.approx(ccl().length, rel=1e-14)
    gaps = [element for element in lattice.elements if isinstance(element, RFGap)]
    assert len(gaps) == 640
    gain = sum(float(gap.volt) * np.cos(float(gap.phase)) for gap in gaps)
    assert gain == pytest.approx(transport(ccl()).energy[-1] - 37.5e6, rel=1e-5)  # second order in a cell's gain
    magnet = lattice["ccl-quadrupole-1"]
    assert isinstance(magnet, Quadrupole)
    assert magnet.k1 == pytest.approx(165 / 0.926, rel=0.01)  # B rho of 40.5 MeV
