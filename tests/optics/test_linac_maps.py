"""The maps of a linac: symplectic to rounding, the textbook's first order, and the maps of rings where they overlap."""

from __future__ import annotations

from dataclasses import replace
from math import pi, radians
from typing import Any

import numpy as np
import pytest

from lattice import ReferenceParticle
from lattice.reference import SPEED_OF_LIGHT
from optics.linac import Linac, PermanentQuadrupole, Pipe, Tank, design_pass, sine_cell, track, transport
from optics.linac.bucket import bucket
from optics.linac.line import BLOCK, line_of, step
from optics.linac.structure.coordinates import canonical
from optics.linac.structure.reference import energy_of
from optics.maps import element_maps as ring_maps
from tests.linac_machines import CCL_ENTRANCE, FREQUENCY, ccl, scdtl, tank

J = np.kron(np.eye(3), [[0.0, 1.0], [-1.0, 0.0]])
FAR = np.array([[1.2e-3, 2e-3, -1.5e-3, -1e-3, 1e-3, 3e-3]])


def jacobian(linac: Linac, coordinates: Any) -> Any:
    """Derivative (6, 6) of the whole line in x, ux, y, uy, ct, -w, by complex step."""
    line = line_of(linac)
    z = np.zeros(6 * BLOCK, dtype=complex)
    start = canonical(coordinates, linac.particle)[:, 0]
    for i in range(6):
        z[i * BLOCK : i * BLOCK + 6] = start[i] + 1e-30j * (np.arange(6) == i)
    for row in range(len(line.kind)):
        step(line, row, z, 6)
    sign = np.array([1, 1, 1, 1, 1, -1])
    return sign[:, None] * np.array([z[i * BLOCK : i * BLOCK + 6].imag for i in range(6)]) / 1e-30 * sign


@pytest.mark.parametrize("linac", [design_pass(tank(radians(-20))), design_pass(tank(radians(-60)))])
def test_a_tank_is_symplectic_off_axis_to_rounding(linac: Linac) -> None:
    m = jacobian(linac, FAR)
    np.testing.assert_allclose(m.T @ J @ m, J, rtol=0, atol=1e-13 * np.abs(m).max() ** 2)


def test_a_linac_of_5_mev_is_symplectic_off_axis_to_rounding() -> None:
    linac = replace(scdtl(), pieces=scdtl().pieces[:12])
    m = jacobian(linac, 0.3 * FAR)
    np.testing.assert_allclose(m.T @ J @ m, J, rtol=0, atol=1e-13 * np.abs(m).max() ** 2)


def test_a_rolled_displaced_quadrupole_is_symplectic() -> None:
    magnet = PermanentQuadrupole("q", length=0.03, bore=1.0, gradient=200.0, dx=1e-4, dy=-2e-4, roll=0.1)
    m = jacobian(Linac("q", CCL_ENTRANCE, (magnet,)), FAR)
    np.testing.assert_allclose(m.T @ J @ m, J, rtol=0, atol=1e-13)


def test_every_block_has_the_determinant_of_the_momenta() -> None:
    run = transport(ccl())
    m, ratio = run.matrices, run.momentum[0] / run.momentum
    for i in (0, 2, 4):
        np.testing.assert_allclose(np.linalg.det(m[:, i : i + 2, i : i + 2]), ratio, rtol=1e-12)  # 1,400 steps


def test_one_cell_to_first_order() -> None:
    # Wangler (2008), eqs. 2.14 and 7.8; the rest is the gain within the cell, 2 eV per keV, and its square.
    e0, phase, x = 1e4, radians(-30), 1e-4
    one = Linac("cell", CCL_ENTRANCE, (replace(tank().tanks[0], cells=1, length=0.014, e0=e0, rf_phase=0.0),))
    p, length = CCL_ENTRANCE, 0.014
    k = 2 * pi * FREQUENCY / SPEED_OF_LIGHT
    arrival = 0.5 * length * k / p.beta
    one = one.with_pieces([replace(one.tanks[0], rf_phase=phase - arrival)])
    voltage = e0 * length * sine_cell()(k * length / p.beta)
    end = track(one, np.array([[x, 0, 0, 0, 0, 0]]))
    assert end.particle.kinetic_energy - p.kinetic_energy == pytest.approx(voltage * np.cos(phase), rel=1e-5)
    beta, gamma = p.beta, p.gamma
    kick = -pi * voltage * np.sin(phase) * x / (p.mass * beta**2 * gamma**2 * 0.1)
    angle = end.coordinates[0, 1] * end.particle.beta * end.particle.gamma
    assert angle == pytest.approx(kick, rel=1e-3)  # I1(K r)/(K r/2) = 1 + (K r)^2/8: 6e-5; drift inside the cell


def test_the_defocusing_is_half_of_the_longitudinal_focusing() -> None:
    # k_t^2 = k_l^2 / 2 (Wangler, eq. 7.10), from the matrix of a weakly driven tank at -90 degrees from crest.
    structure = replace(tank(radians(-90)).tanks[0], e0=1e3)
    synchronous = ReferenceParticle("proton", kinetic_energy_per_u=energy_of(structure.beta, CCL_ENTRANCE))
    weak = design_pass(Linac("weak", synchronous, (structure,)))
    m = transport(weak).matrix
    transverse = m[1, 0] / weak.length
    longitudinal = -m[5, 4] / weak.length / synchronous.gamma**2
    assert transverse == pytest.approx(0.5 * longitudinal, rel=1e-4)  # second order in the field: 3e-5
    nearly = replace(structure, synchronous_phase=radians(-89.999))
    assert longitudinal == pytest.approx(bucket(nearly, synchronous).k_longitudinal ** 2, rel=1e-4)


def test_pipe_and_quadrupole_are_those_of_rings() -> None:
    """The quadrupole is that of paraxial slopes: the ring's H_A."""
    magnet = PermanentQuadrupole("q", length=0.1, bore=1.0, gradient=-80.0)
    pieces = (Pipe("p", length=0.7, bore=1.0), magnet)
    ours = track(Linac("line", CCL_ENTRANCE, pieces), FAR).coordinates[0]
    z = ring_maps.drift(tuple(FAR[0]), 0.7, CCL_ENTRANCE.beta)
    z = ring_maps.paraxial_quadrupole(z, 0.1, -80.0 / CCL_ENTRANCE.magnetic_rigidity, CCL_ENTRANCE.beta)
    np.testing.assert_allclose(ours, np.array(z, dtype=float), rtol=0, atol=1e-14)  # rounding of ct over 1 m


def test_an_ion_needs_mass_over_charge_times_the_field() -> None:
    carbon = ReferenceParticle("carbon-12", kinetic_energy_per_u=1e6)
    scale = carbon.mass / CCL_ENTRANCE.mass
    same_speed = ReferenceParticle("carbon-12", kinetic_energy_per_u=CCL_ENTRANCE.kinetic_energy * scale / 12)
    proton = design_pass(tank(radians(-20)))
    structure = replace(proton.tanks[0], e0=proton.tanks[0].e0 * scale / carbon.charge)
    ion = Linac("ion", same_speed, (structure,))
    np.testing.assert_allclose(transport(ion).matrix, transport(proton).matrix, rtol=0, atol=1e-11)


def test_a_tank_is_a_value() -> None:
    assert isinstance(tank().tanks[0], Tank)
    assert tank().tanks[0] == tank().tanks[0]
