"""The slope inside a cell: matrices of tanks against the integration, one cell by hand, what is left out."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from math import pi, radians

import numpy as np
import pytest

from lattice import ReferenceParticle
from lattice.arrays import Array
from machines.registry import linac_named
from optics.linac import Linac, Tank, design_pass, from_polynomial, gap_cell, sine_cell, track, transport
from optics.linac.field_integration import integrate, integrated_matrix
from optics.linac.structure.cut import downstream
from optics.linac.structure.transit import second_order
from tests.linac_machines import CCL_ENTRANCE, FREQUENCY, tank
from tests.optics.test_linac_maps import FAR, J, jacobian


def alone(linac: Linac, name: str, *, turn: float = 0.0, share: float = 1.0, energy: float = 1.0) -> Linac:
    """A tank of a linac, turned by ``turn`` [rad] and driven by ``share`` of its field, for its particle."""
    behind = downstream(linac, name)
    found = behind.pieces[0]
    assert isinstance(found, Tank)
    assert found.rf_phase is not None
    kinetic = energy * behind.particle.kinetic_energy
    changed = replace(found, rf_phase=found.rf_phase + turn, e0=share * found.e0)
    return Linac(name, ReferenceParticle("proton", kinetic_energy_per_u=kinetic), (changed,))


def apart(one: Linac) -> float:
    """Largest difference of the engines in a tank's four transverse elements, lengths in those of the tank."""
    units = np.array([[1.0, 1.0 / one.length], [one.length, 1.0]])
    ours, theirs = transport(one).matrix, integrated_matrix(one, tolerance=1e-7)
    np.testing.assert_allclose(ours[2:4, 2:4], ours[:2, :2], rtol=0, atol=1e-14)
    return float(np.max(np.abs(ours[:2, :2] - theirs[:2, :2]) * units))


@cache
def built_in() -> Linac:
    """The machine: 40 tanks of drift tubes, 40 of coupled cells."""
    return linac_named("linac").linac


def name_of(number: int) -> str:
    """Name of a tank of it."""
    return built_in().tanks[number].name


SOME = (0, 25, 40, 79)


def test_every_tank_has_the_matrix_of_its_field() -> None:
    """All 80, drift tubes and coupled cells: 1.5e-5 at 5 MeV, where a thin kick is 1.3e-2 off."""
    found = {tank.name: apart(alone(built_in(), tank.name)) for tank in built_in().tanks}
    assert len(found) == 80
    assert max(found.values()) < 2e-5, max(found, key=lambda name: found[name])
    assert max(value for name, value in found.items() if name.startswith("ccl")) < 2e-6


@pytest.mark.parametrize("number", SOME)
@pytest.mark.parametrize("turn", [-2.0, -1.0, 0.6, 2.5])
@pytest.mark.parametrize("share", [0.3, 1.15])
def test_a_tank_off_its_design_too(number: int, turn: float, share: float) -> None:
    """Third order in the field: 5 MeV at 1.15 of it, wherever on the wave."""
    assert apart(alone(built_in(), name_of(number), turn=turn, share=share)) < 5e-5


@pytest.mark.parametrize("number", SOME)
@pytest.mark.parametrize("energy", [0.9, 1.08])
def test_a_tank_at_another_energy_too(number: int, energy: float) -> None:
    assert apart(alone(built_in(), name_of(number), energy=energy)) < 5e-5


def test_the_determinant_is_that_of_the_momenta() -> None:
    """(beta gamma)_in / (beta gamma)_out: to rounding in ours, to 1.3e-7 by the steps in the integration."""
    for number in range(0, 80, 13):
        one = alone(built_in(), name_of(number), turn=-1.0)
        run = transport(one)
        ratio = run.momentum[0] / run.momentum[-1]
        assert np.linalg.det(run.matrix[:2, :2]) == pytest.approx(ratio, rel=1e-13)
        assert np.linalg.det(integrated_matrix(one, tolerance=1e-9)[:2, :2]) == pytest.approx(ratio, rel=1e-6)


def one_cell(kind: str, phase: float, factor: float = 1.0) -> Linac:
    """A coupled cell at 37.5 MeV or a drift-tube cell at 5 MeV whose middle is met ``phase`` [rad] from the crest."""
    energy, field, mode, shape = CELLS[kind]
    particle = ReferenceParticle("proton", kinetic_energy_per_u=energy)
    length = 0.1 * particle.beta * (0.5 if mode == "pi" else 1.0)
    arrival = pi * length / (0.1 * particle.beta)
    cell = Tank(
        "cell",
        length=length,
        bore=5e-3,
        cells=1,
        e0=factor * field,
        frequency=FREQUENCY,
        mode=mode,
        cell=shape,
        rf_phase=phase - arrival,
    )
    return Linac(kind, particle, (cell,))


CELLS = {"coupled": (37.5e6, 18e6, "pi", sine_cell()), "drift tube": (5e6, 11e6, "0", gap_cell(0.3, edge=0.08))}
PHASES = [0.0, -0.4, -1.2, 2.0]


def matrix_apart(one: Linac) -> Array:
    """Difference of the engines in a cell's four transverse elements, lengths in those of the cell."""
    units = np.array([[1.0, 1.0 / one.length], [one.length, 1.0]])
    return np.asarray((transport(one).matrix - integrated_matrix(one, tolerance=1e-7))[:2, :2] * units)


@pytest.mark.parametrize(("kind", "third"), [("coupled", 1e-6), ("drift tube", 6e-6)])
@pytest.mark.parametrize("phase", PHASES)
def test_one_cell_has_the_matrix_of_its_field(kind: str, third: float, phase: float) -> None:
    """7e-7 and 4e-6 on the crest: mu has no second order; the rest is third, (0.8 %)^3 of the momentum at 5 MeV."""
    assert np.max(np.abs(matrix_apart(one_cell(kind, phase)))) < third


@pytest.mark.parametrize("kind", list(CELLS))
@pytest.mark.parametrize("phase", PHASES)
def test_one_cell_is_symplectic_far_off_the_axis(kind: str, phase: float) -> None:
    """1.9 mm and 2 mrad away, K r up to 1.2: three steps of Newton's method lead to 8e-13 at 5 MeV."""
    m = jacobian(one_cell(kind, phase, factor=1.5), FAR)
    np.testing.assert_allclose(m.T @ J @ m, J, rtol=0, atol=2e-12 * np.abs(m).max() ** 2)


@pytest.mark.parametrize("phase", [0.2, -1.2])
def test_what_is_left_out_across_is_of_third_order(phase: float) -> None:
    """At twice the field the difference of the engines in m21 is eight times as large; the next order: 7 to 9."""
    weak, strong = (matrix_apart(one_cell("drift tube", phase, factor)) for factor in (1.0, 2.0))
    assert strong[1, 0] / weak[1, 0] == pytest.approx(8.0, rel=0.15)


def test_a_weak_cell_by_hand() -> None:
    """m11 of a cell of length L: 1 + lam + kick L/(2 u), with lam = -(V/2u^2)(gamma T + q T'/gamma) cos(phi).

    T = (pi/2)^2 cos(q/2)/((pi/2)^2 - (q/2)^2) and its derivative by a difference; at 1e4 V/m squares are below 1e-11.
    """

    def factor(q: float) -> float:
        return (pi / 2) ** 2 * np.cos(q / 2) / ((pi / 2) ** 2 - (q / 2) ** 2)

    length, field, phase = 0.016, 1e4, radians(-50)
    k0 = 2 * pi / 0.1
    beta, gamma = CCL_ENTRANCE.beta, CCL_ENTRANCE.gamma
    u, q = beta * gamma, k0 * 0.016 / beta
    slope = (factor(q + 1e-4) - factor(q - 1e-4)) / 2e-4
    volt = field * length / CCL_ENTRANCE.mass
    middle = phase - 0.5 * length * k0 / beta
    cell = replace(tank().tanks[0], cells=1, length=length, e0=field, rf_phase=middle)
    found = transport(Linac("cell", CCL_ENTRANCE, (cell,))).matrix
    kick = -volt * factor(q) * k0 * np.sin(phase) / (2 * u * u)
    lam = -volt / (2 * u * u) * (gamma * factor(q) + q * slope / gamma) * np.cos(phase)
    gain = volt * factor(q) * np.cos(phase) * gamma / u**2  # of the momentum, relative
    assert found[0, 0] - 1 == pytest.approx(lam + kick * length / (2 * u), rel=1e-4)
    assert found[1, 1] - 1 == pytest.approx(-lam + kick * length / (2 * u) - gain, rel=1e-4)
    assert found[1, 0] == pytest.approx(kick / u, rel=1e-4)


def test_a_particle_with_a_slope_gains_what_the_field_gives_it() -> None:
    """The same function moves energy and phase: what x and slope together add to the gain of a tank, by both engines.

    d2W/dx dpx from four particles that differ in sign; what is of fourth order in them is (K r)^2/8 of it, 4e-4
    at 0.1 mm and 5 MeV.
    """
    for one in (alone(built_in(), name_of(0)), alone(built_in(), name_of(40), turn=0.4)):
        corners = np.zeros((4, 6))
        corners[:, 0], corners[:, 1] = 1e-4 * np.array([1, 1, -1, -1]), 1e-3 * np.array([1, -1, 1, -1])
        ours, theirs = (
            run.coordinates[:, 5] @ [1, -1, -1, 1]
            for run in (track(one, corners), integrate(one, corners, tolerance=1e-7))
        )
        assert ours == pytest.approx(theirs, rel=2e-3)
        assert abs(ours) > 1e-8


def test_a_factor_without_field_has_the_first_order_of_the_slope() -> None:
    """b and c come from T alone; of the sine cell's T as a polynomial what is missing is second order: some 1e-3."""
    q = np.linspace(2.0, 4.5, 60)
    series = np.polynomial.Polynomial.fit(q, sine_cell()(q), 12).convert()
    known = design_pass(tank(radians(-20)))
    bare = known.with_pieces([replace(known.tanks[0], cell=from_polynomial("T", series.coef, 2.0, 4.5))])
    thin = np.abs(transport(bare).matrix - transport(known).matrix)[:2, :2]
    assert thin[0, 0] < 1e-3
    assert thin[1, 1] < 1e-3


def test_integrals_of_a_uniform_field() -> None:
    """g = 1: single integrals over z = |x - y| with the weight 1 - z; 400 nodes over a kink: 3e-5."""
    polynomials = second_order(np.ones_like, 2.0, 6.0)
    q = np.linspace(2.1, 5.9, 7)
    a, b, n, p = (np.polyval(np.array(powers), (q - 4.0) / 2.0) for powers in polynomials)
    np.testing.assert_allclose(a, (q - np.sin(q)) / q**3, rtol=1e-4)
    np.testing.assert_allclose(b, (2.0 * np.sin(q) - q - q * np.cos(q)) / q**3, rtol=0, atol=1e-5)
    np.testing.assert_allclose(n, np.sin(q) / q, rtol=0, atol=1e-9)
    np.testing.assert_allclose(p, -6.0 * (1.0 - np.sin(q) / q), rtol=1e-4)


def test_the_mean_square_of_a_cosine() -> None:
    """(pi/2)^2 / 2."""
    assert sine_cell().square == pytest.approx(pi**2 / 8, rel=1e-12)
