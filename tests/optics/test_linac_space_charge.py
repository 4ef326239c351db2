"""The bunch's own field by laws: action and reaction, Gauss, Coulomb's sphere, a spheroid in closed form."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import atan, pi, sqrt

import numpy as np
import pytest

from lattice import ReferenceParticle
from lattice.arrays import Array
from optics.linac import SpaceCharge, track
from tests.linac_machines import CCL_ENTRANCE, FREQUENCY, ccl, ccl_bunch, scdtl

EPSILON_0 = 8.8541878188e-12  # F/m, CODATA 2022


def unequal() -> Array:
    """Canonical coordinates of seven particles, no plane like another, not about zero."""
    z = np.random.default_rng(3).standard_normal((6, 7)) * np.array([[1e-3, 1e-4, 2e-3, 1e-4, 3e-3, 1e-5]]).T
    z[0] += 1e-3
    z[5] += CCL_ENTRANCE.kinetic_energy / CCL_ENTRANCE.mass
    return z


def test_kicks_of_the_bunch_on_itself_sum_to_nothing() -> None:
    """Action is reaction: momenta in x, y and the energy as a whole stay; places and times do as well."""
    z = unequal()
    kicked = SpaceCharge(1e-10).kicked(z, CCL_ENTRANCE, 0.3)
    change = kicked - z
    for row in (1, 3, 5):
        largest = np.abs(change[row]).max()
        assert largest > 0
        assert abs(change[row].sum()) < 1e-9 * largest  # rounding of an energy of 0.04 next to kicks of 1e-8
    assert not change[[0, 2, 4]].any()


def test_no_charge_no_change() -> None:
    """To the bit, along the whole machine."""
    start = ccl_bunch().sample(300, seed=5)
    without, with_none = track(ccl(), start), track(ccl(), start, space_charge=SpaceCharge(0.0))
    assert np.array_equal(without.coordinates, with_none.coordinates, equal_nan=True)
    assert without.lost.equals(with_none.lost)


@pytest.mark.parametrize("kinetic", [5e6, 200e6])
def test_a_sphere_in_its_own_frame_is_isotropic(kinetic: float) -> None:
    """In the laboratory it is 1/gamma long; of Coulomb's Q / (4 pi e R^3) 1/gamma act across and gamma along."""
    particle = ReferenceParticle("proton", kinetic_energy_per_u=kinetic)
    sizes = np.array([1e-3, 1e-3, 1e-3 / particle.gamma])
    coulomb = 2e-12 / (4 * pi * EPSILON_0 * (sqrt(5) * 1e-3) ** 3)
    x, y, z = SpaceCharge(2e-12).fields(sizes, particle.gamma)
    assert (x, y, z) == pytest.approx(
        (coulomb / particle.gamma, coulomb / particle.gamma, coulomb * particle.gamma), rel=1e-8
    )


def test_any_ellipsoid_has_the_field_of_its_density() -> None:
    """Gauss: div E = rho / epsilon_0 in the bunch's own frame, and the shortest axis has the strongest field."""
    sizes, gamma = np.array([1e-3, 2e-3, 0.7e-3]), 1.2
    x, y, z = SpaceCharge(2e-12).fields(sizes, gamma)
    volume = 4 / 3 * pi * 5**1.5 * 1e-3 * 2e-3 * gamma * 0.7e-3
    assert gamma * x + gamma * y + z / gamma == pytest.approx(2e-12 / volume / EPSILON_0, rel=1e-8)
    assert z / gamma > gamma * x > gamma * y


@pytest.mark.parametrize("kinetic", [5e6, 200e6])
def test_a_kick_is_force_over_momentum(kinetic: float) -> None:
    """d(beta gamma)_x = q E_x L / (gamma m c^2 beta), dw = q E_z L / (m c^2) of Coulomb's field in the bunch's frame.

    Six particles on the axes of a sphere in its own frame, each rms size 1 mm there.
    """
    particle = ReferenceParticle("proton", kinetic_energy_per_u=kinetic)
    half = 1e-3 * sqrt(3)
    z = np.zeros((6, 6))
    z[0, :2], z[2, 2:4] = [half, -half], [half, -half]
    z[4, 4:] = [half / (particle.beta * particle.gamma), -half / (particle.beta * particle.gamma)]
    z[5] = kinetic / particle.mass
    change = SpaceCharge(1e-11).kicked(z, particle, 0.1) - z
    field = 1e-11 / (4 * pi * EPSILON_0 * (sqrt(5) * 1e-3) ** 3) * half
    transverse = field * 0.1 / (particle.gamma * particle.beta * particle.mass)
    assert change[1] == pytest.approx([transverse, -transverse, 0, 0, 0, 0], rel=1e-8, abs=1e-20)
    assert change[3] == pytest.approx([0, 0, transverse, -transverse, 0, 0], rel=1e-8, abs=1e-20)
    late = -field * 0.1 / particle.mass  # the late particle is behind and is held back
    assert change[5] == pytest.approx([0, 0, 0, 0, late, -late], rel=1e-5, abs=1e-15)  # of an energy of order 0.1


def test_strength_is_that_of_an_oblate_spheroid_over_a_smooth_channel() -> None:
    """300 uA at 3 GHz, 5 MeV, 0.24 mm across and 0.114 mm along, 0.2 turns in 0.21 m: below the 5 % of its docstring.

    N_z = (1 + e^2) / e^3 (e - atan e), e^2 = (a / c)^2 - 1, N_x = (1 - N_z) / 2 (Landau and Lifshitz, Electrodynamics
    of Continuous Media, section 4); k_sc^2 = q rho N_x / (epsilon_0 m c^2 gamma^2 beta^2).
    """
    particle, charge = scdtl().particle, 300e-6 / FREQUENCY
    a, c = sqrt(5) * 0.24e-3, sqrt(5) * 0.114e-3 * particle.gamma
    e = sqrt((a / c) ** 2 - 1)
    across = 0.5 * (1 - (1 + e**2) / e**3 * (e - atan(e)))
    density = charge / (4 / 3 * pi * a * a * c)
    defocusing = density * across / EPSILON_0 / (particle.mass * particle.gamma**2 * particle.beta**2)
    expected = defocusing * (0.21 / (2 * pi * 0.2)) ** 2
    found = SpaceCharge(charge).strength(np.array([0.24e-3, 0.24e-3, 0.114e-3]), particle, 0.2, 0.21)
    assert found == pytest.approx(expected, rel=1e-8)
    assert found < 0.05


def test_strength_is_that_of_the_narrower_plane() -> None:
    sizes, turned = np.array([1e-3, 2e-3, 1e-3]), np.array([2e-3, 1e-3, 1e-3])
    found = [SpaceCharge(1e-12).strength(size, CCL_ENTRANCE, 0.2, 0.3) for size in (sizes, turned)]
    forces = SpaceCharge(1e-12).fields(sizes, CCL_ENTRANCE.gamma)
    assert found[0] == pytest.approx(found[1], rel=1e-12)
    assert forces[0] > forces[1]
    scale = (0.3 / (2 * pi * 0.2)) ** 2 / (CCL_ENTRANCE.mass * CCL_ENTRANCE.gamma * CCL_ENTRANCE.beta**2)
    assert found[0] == pytest.approx(forces[0] * scale, rel=1e-12)


@dataclass(frozen=True)
class _Recorded(SpaceCharge):
    """Writes down the lengths of its kicks."""

    lengths: list[float] = field(default_factory=list)

    def kicked(self, z: Array, particle: ReferenceParticle, length: float) -> Array:
        self.lengths.append(length)
        return z


def test_kicks_stand_for_the_whole_length() -> None:
    """Some 2 cm each, as often as asked for; together the machine."""
    recorded = _Recorded(1e-12, every=0.05)
    track(ccl(), np.zeros((1, 6)), space_charge=recorded)
    assert sum(recorded.lengths) == pytest.approx(ccl().length, rel=1e-12)
    assert len(recorded.lengths) == pytest.approx(ccl().length / 0.05, rel=0.1)  # steps of up to 4 cm in between


def test_above_its_energy_the_kicks_stop() -> None:
    z = unequal()
    for until, changes in ((38e6, True), (37e6, False)):
        kicked = SpaceCharge(1e-10, until=until).kicked(z, CCL_ENTRANCE, 0.1)
        assert bool((kicked != z).any()) is changes
