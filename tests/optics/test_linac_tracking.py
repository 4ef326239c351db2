"""Bunches through a linac: published spreads and transmissions, invariants, losses, threads, errors."""

from __future__ import annotations

from dataclasses import replace
from math import radians, sqrt

import numpy as np
import pytest

from lattice import InputError, NoSolution
from optics.linac import Linac, Pipe, SpaceCharge, design_pass, from_polynomial, sine_cell, track, transport, within
from optics.linac.bucket import bucket, longitudinal_acceptance
from optics.linac.bunch import energies, normalised_emittance, phases
from optics.linac.structure.errors import Errors, with_errors
from tests.linac_machines import CCL_ENTRANCE, FREQUENCY, ccl, ccl_bunch, scdtl, tank

COUNT = 10_000
BUNCH = ccl_bunch().sample(COUNT, seed=1)


@pytest.mark.parametrize(
    ("off", "spread", "lowest", "highest"),
    [(0, 0.131, 0.960, 0.962), (4, 0.119, 0.960, 0.961), (8, 0.0835, 0.936, 0.949)],
)
def test_spread_and_transmission_with_units_off(off: int, spread: float, lowest: float, highest: float) -> None:
    # PyORBIT3 and RF-Track on the same machine and beam: sigma_W [MeV] and the two transmissions.
    end = track(ccl().with_units(amplitude=dict.fromkeys(ccl().units[10 - off :], 0.0)), BUNCH)
    assert np.std(end.energies) / 1e6 == pytest.approx(spread, rel=0.03)
    statistics = 3 * sqrt(highest * (1 - highest) / COUNT)
    assert lowest - 0.01 - statistics < end.transmission < highest + 0.01 + statistics


@pytest.mark.parametrize(("amplitude", "spread"), [(1.0, 0.13), (0.5, 0.41), (0.0, 0.13)])
def test_spread_against_the_last_unit(amplitude: float, spread: float) -> None:
    end = track(ccl().with_units(amplitude={"ccl-10": amplitude}), BUNCH)
    assert np.std(end.energies) / 1e6 == pytest.approx(spread, abs=0.03 * spread + 0.005)  # given to 0.01 MeV


def test_the_result_is_the_same_at_any_number_of_threads() -> None:
    one, three = track(ccl(), BUNCH[:9000], threads=1), track(ccl(), BUNCH[:9000], threads=3)
    assert np.array_equal(one.coordinates, three.coordinates, equal_nan=True)
    assert one.lost.equals(three.lost)
    some = track(ccl(), BUNCH[:300], threads=1)  # nor does a particle know in whose company it flies
    assert np.array_equal(some.coordinates, one.coordinates[:300], equal_nan=True)


def test_a_small_bunch_follows_the_matrices() -> None:
    start = 1e-8 * np.random.default_rng(2).standard_normal((100, 6)) * [1, 1, 1, 1, 10, 1]
    end = track(ccl(), start).coordinates
    np.testing.assert_allclose(
        end, start @ transport(ccl()).matrix.T, rtol=0, atol=1e-10
    )  # second order, (1e-7)^2 x 10,000


def test_emittance_is_conserved_and_the_phase_width_damps() -> None:
    # Small emittances, so that maps are linear: the normalised emittance stays, and the phase width shrinks as
    # (beta gamma)^(-3/4) (Wangler 2008, eq. 6.56) up to the mismatch of the bunch, which makes it beat by 20 %.
    bunch = ccl_bunch(sigma_energy=1e3, emittance=1e-13)
    bunch = replace(bunch, sigma_phase=radians(0.05))
    start = bunch.sample(4000, seed=3)
    end = track(ccl(), start)
    for plane in ("x", "y"):
        before = normalised_emittance(start, CCL_ENTRANCE, plane)
        assert end.emittance(plane) == pytest.approx(before, rel=1e-3)  # phase times RF defocusing, second order
    longitudinal = [
        np.sqrt(np.linalg.det(np.cov(phases(z, p, FREQUENCY), energies(z, p))))
        for z, p in ((start, CCL_ENTRANCE), (end.survivors, end.particle))
    ]
    assert longitudinal[1] == pytest.approx(longitudinal[0], rel=1e-3)


def test_adiabatic_damping() -> None:
    # A matched bunch's phase width goes as (beta gamma)^(-3/4): here through the matrices, which know no statistics.
    run = transport(ccl())
    first = bucket(ccl().tanks[0], CCL_ENTRANCE)
    # Matched ellipse of zeta and delta with wavenumber k: sigma_delta/sigma_zeta = k gamma^2.
    ratio = first.k_longitudinal * CCL_ENTRANCE.gamma**2
    start = np.diag([0, 0, 0, 0, 1e-12, (ratio * 1e-6) ** 2])
    beta = run.momentum / np.sqrt(1 + run.momentum**2)
    width = run.sizes(start)[:, 4] / beta  # proportional to the phase
    tail = width[-300:].mean() / width[0]  # averaged over the oscillation
    expected = (run.momentum[-150] / run.momentum[0]) ** -0.75
    assert tail == pytest.approx(expected, rel=0.15)  # gaps between tanks weaken k by their share of the length


def test_losses_have_place_and_cause() -> None:
    end = track(ccl(), BUNCH)
    assert len(end.lost) == COUNT - end.alive.sum()
    assert set(end.lost.cause) == {"bore"}
    assert np.all(np.hypot(end.lost.x, end.lost.y) > 2.5e-3)
    assert np.all(np.hypot(end.lost.x, end.lost.y) < 4e-3)
    assert np.isnan(end.coordinates[end.lost.particle]).all()
    for row in end.lost.iloc[:20].itertuples():
        i = ccl().place(row.piece)
        assert ccl().s[i] <= row.s <= ccl().s[i + 1] + 1e-12
    assert track(ccl(), BUNCH, apertures=False).transmission > end.transmission


def test_stragglers_are_losses_where_asked() -> None:
    start = np.zeros((3, 6))
    start[1, 4] = 0.5 * CCL_ENTRANCE.beta * 0.1  # half a turn of the RF late: out of the bucket, on the axis
    whole = track(ccl(), start)
    left = within(ccl(), whole, 0.1)
    assert list(whole.alive) == [True, True, True]
    assert list(left.alive) == [True, False, True]
    assert list(left.lost[["particle", "cause", "s"]].iloc[0]) == [1, "energy", ccl().length]
    assert np.isnan(left.coordinates[1]).all()
    assert within(ccl(), left, 0.1) is left
    with pytest.raises(InputError, match="window of energy must be above 0"):
        within(ccl(), whole, 0.0)


def test_velocities_that_a_transit_time_does_not_cover_are_losses() -> None:
    q = tank().tanks[0].wavenumber * tank().tanks[0].cell_length / CCL_ENTRANCE.beta
    narrow = from_polynomial("narrow", [0.7854], q - 0.14, q + 0.02)
    linac = design_pass(tank(radians(-20), cell=narrow))
    slow = np.zeros((2, 6))
    slow[1, 5] = -0.02
    end = track(linac, slow)
    assert list(end.lost.cause) == ["velocity"]
    assert list(end.alive) == [True, False]
    assert end.lost.delta[0] == pytest.approx(-0.02, rel=1e-12)  # refused by the first gap, in front of it


def test_a_bunch_that_misses_the_bore_is_said_to() -> None:
    with pytest.raises(NoSolution, match=r"none of 10000 .* Most, 10000, are lost in 'ccl-tank-1' \(bore 2\.5 mm"):
        track(ccl(), BUNCH + np.array([0.01, 0, 0, 0, 0, 0]))
    with pytest.raises(InputError, match="shape"):
        track(ccl(), np.zeros((3, 5)))
    with pytest.raises(InputError, match="particle 1 are not finite"):
        track(ccl(), np.array([[0.0] * 6, [np.nan] * 6]))


def test_misaligned_and_detuned() -> None:
    errors = Errors(offset=5e-5, roll=2e-3, gradient=5e-3, amplitude=2e-3, phase=5e-3)
    first, second = (with_errors(ccl(), errors, seed=seed) for seed in (1, 1))
    assert first == second
    offsets = np.array([[q.dx, q.dy] for q in first.quadrupoles])
    assert np.std(offsets) == pytest.approx(5e-5, rel=0.25)  # 80 draws: 8 %
    assert np.abs(offsets).max() <= 3 * 5e-5
    assert len({t.e0 for t in first.tanks}) == 10  # units as one
    assert track(first, BUNCH[:5000]).transmission < track(ccl(), BUNCH[:5000]).transmission
    with pytest.raises(InputError, match="Errors: roll must be"):
        Errors(roll=-1.0)


def test_a_displaced_quadrupole_is_a_dipole() -> None:
    linac = ccl().with_pieces([replace(ccl().quadrupoles[0], dx=1e-4)])
    line = replace(linac, pieces=linac.pieces[:3])
    magnet = ccl().quadrupoles[0]
    end = track(line, np.zeros((1, 6)))
    kick = magnet.gradient * magnet.length / end.particle.magnetic_rigidity * 1e-4
    assert end.coordinates[0, 1] == pytest.approx(kick, rel=0.05)  # thick: cos(phase) of the lens


def test_the_separatrix_of_small_phases_is_twice_as_wide_as_high() -> None:
    """From -2 |phi_s| to |phi_s|, to second order in the phase."""
    held = bucket(ccl().tanks[0], CCL_ENTRANCE)
    assert held.phase_low == pytest.approx(-2.02 * radians(20), rel=0.01)
    with pytest.raises(InputError, match="holds no bunch"):
        bucket(tank().tanks[0], CCL_ENTRANCE)


def test_what_is_held_is_what_arrives() -> None:
    """The middle of a grid is the reference particle; what a narrow window holds a wide one holds as well."""
    found, narrow = (
        longitudinal_acceptance(ccl(), phase=1.0, energy=1e6, window=window, frequency=FREQUENCY)
        for window in (3e6, 0.3e6)
    )
    middle = found.accepted.shape[0] // 2
    assert found.accepted[middle, middle]
    assert narrow.accepted[middle, middle]
    assert not (narrow.accepted & ~found.accepted).any()
    assert 0 < narrow.area < found.area < 2.0 * 2e6


def test_space_charge_of_a_sphere_at_rest_is_coulombs() -> None:
    # Uniform sphere of radius R = sqrt(5) sigma: E / r = Q / (4 pi epsilon_0 R^3).
    field = SpaceCharge(1e-12).fields(np.full(3, 1e-3), 1.0)
    radius = sqrt(5) * 1e-3
    np.testing.assert_allclose(field, 1e-12 * 8.9875517923e9 / radius**3, rtol=1e-9)
    # a long bunch: the cylinder's rho / (2 epsilon_0), shared between x and y as b : a
    long = SpaceCharge(1e-12).fields(np.array([1e-3, 2e-3, 1.0]), 1.0)
    assert long[0] / long[1] == pytest.approx(2.0, rel=1e-3)


def test_space_charge_matters_little_and_only_at_low_energy() -> None:
    # 300 uA in the pulse, every bucket of 3 GHz filled: 0.1 pC.
    charge = SpaceCharge(300e-6 / FREQUENCY)
    bunch = ccl_bunch().sample(4000, seed=5)
    without, with_charge = track(ccl(), bunch), track(ccl(), bunch, space_charge=charge)
    assert abs(with_charge.transmission - without.transmission) < 0.01
    at_5_mev = np.array([0.24e-3, 0.24e-3, 0.114e-3])  # rms, 0.03 um and 4 degrees
    low = charge.strength(at_5_mev, scdtl().particle, 0.2, 0.21)
    assert low < 0.05  # below what its docstring drops
    assert charge.strength(np.array([0.5e-3, 0.5e-3, 0.31e-3]), CCL_ENTRANCE, 0.15, 0.62) < 0.2 * low
    assert charge.kicked(np.zeros((6, 1)), CCL_ENTRANCE, 0.1).shape == (6, 1)
    with pytest.raises(InputError, match="charge must be"):
        SpaceCharge(float("nan"))


def test_space_charge_kicks_preserve_the_bunch_centre_and_are_seeded_by_nothing() -> None:
    z = np.array([np.linspace(-1, 1, 9) * 1e-3] * 6)
    z[5] = 0.04 + 1e-5 * np.linspace(-1, 1, 9)
    kicked = SpaceCharge(1e-9).kicked(z, CCL_ENTRANCE, 0.1)
    np.testing.assert_allclose(kicked.mean(axis=1), z.mean(axis=1), rtol=0, atol=1e-15)
    assert kicked[1, -1] > z[1, -1]  # outwards


def test_samples_have_the_moments_asked_for() -> None:
    bunch = ccl_bunch()
    for distribution in ("gaussian", "waterbag"):
        z = bunch.sample(40_000, seed=7, distribution=distribution)
        scale = np.sqrt(np.diag(bunch.covariance))
        np.testing.assert_allclose((np.cov(z.T) - bunch.covariance) / np.outer(scale, scale), 0.0, atol=0.03)
    assert np.std(phases(z, CCL_ENTRANCE, FREQUENCY)) == pytest.approx(radians(4), rel=0.02)
    assert np.std(energies(z, CCL_ENTRANCE)) == pytest.approx(60e3, rel=0.02)
    with pytest.raises(InputError, match="cut must be"):
        bunch.sample(10, seed=1, cut=0.01)
    with pytest.raises(InputError, match="Bunch: betx"):
        replace(bunch, betx=-1.0)


def test_the_beam_along_the_machine() -> None:
    end = track(ccl(), BUNCH, stations=True)
    table = end.stations
    assert table is not None
    assert list(table.piece) == [*(piece.name for piece in ccl().pieces), "_end"]
    assert np.array_equal(end.coordinates, track(ccl(), BUNCH).coordinates, equal_nan=True)
    assert table.transmission.iloc[-1] == end.transmission
    assert np.all(np.diff(table.transmission) <= 0)
    assert table.sigma_energy.iloc[-1] == pytest.approx(np.std(end.energies))
    centres = track(ccl(), BUNCH, stations="centres").stations  # the same means, in another order of the sum
    assert centres is not None
    np.testing.assert_allclose(centres[["s", "x", "y"]], table[["s", "x", "y"]], rtol=1e-12, atol=1e-16)
    assert list(centres.piece) == list(table.piece)


def test_the_envelope_is_that_of_the_matrices() -> None:
    # A bunch so short that all its particles see one phase of the RF.
    bunch = replace(ccl_bunch(sigma_energy=10.0, emittance=1e-11), sigma_phase=radians(1e-3))
    table = track(ccl(), bunch.sample(4000, seed=8), stations=True).stations
    assert table is not None
    run = transport(ccl())
    rows = [*(run.row(piece.name) for piece in ccl().pieces), -1]
    envelope = run.sizes(bunch.covariance)[rows]
    np.testing.assert_allclose(table.size_x, envelope[:, 0], rtol=0.05)  # 4,000 particles: 1.1 %, four deviations
    np.testing.assert_allclose(table.size_y, envelope[:, 2], rtol=0.05)


def test_a_pipe_alone_is_a_linac() -> None:
    end = track(Linac("pipe", CCL_ENTRANCE, (Pipe("p", length=2.0, bore=0.01),)), np.full((1, 6), 1e-4))
    assert end.coordinates[0, 0] == pytest.approx(1e-4 + 2e-4, rel=2e-4)
    assert sine_cell() is sine_cell()
