"""What is drawn of a linac, exactly: errors end at their cut and reach it, bunches have their moments, jitter is drawn
pulse by pulse."""

from __future__ import annotations

from math import pi, radians

import numpy as np
import pytest

from lattice.arrays import Array
from lattice.reference import SPEED_OF_LIGHT
from optics.imperfections.draws import GAUSSIAN, standard
from optics.linac import Bunch, Linac, design_pass
from optics.linac.bunch import _gaussian, _waterbag, normalised_emittance
from optics.linac.structure.drawn import KINDS, drawn_linacs
from optics.linac.structure.errors import Errors, with_errors
from optics.linac.switching.jitter import _draws, pulse_energies
from tests.linac_machines import CCL_ENTRANCE, FREQUENCY, ccl


def moved(linac: Linac, ideal: Linac) -> dict[str, Array]:
    """What differs from the ideal: of quadrupoles dx, dy, roll, gradient / ideal - 1; of tanks field and phase."""
    quadrupoles = list(zip(linac.quadrupoles, ideal.quadrupoles, strict=True))
    tanks = list(zip(linac.tanks, ideal.tanks, strict=True))
    return {
        "dx": np.array([one.dx - was.dx for one, was in quadrupoles]),
        "dy": np.array([one.dy - was.dy for one, was in quadrupoles]),
        "roll": np.array([one.roll - was.roll for one, was in quadrupoles]),
        "gradient": np.array([one.gradient / was.gradient - 1 for one, was in quadrupoles]),
        "field": np.array([one.e0 / was.e0 - 1 for one, was in tanks]),
        "phase": np.array([float(one.rf_phase or 0) - float(was.rf_phase or 0) for one, was in tanks]),
    }


#: What each error moves, and nothing else.
MOVES = {
    "offset": ("dx", "dy"),
    "roll": ("roll",),
    "gradient": ("gradient",),
    "amplitude": ("field",),
    "phase": ("phase",),
    "tank_amplitude": ("field",),
    "tank_phase": ("phase",),
}


@pytest.mark.parametrize("name", MOVES)
def test_errors_reach_their_cut_and_end_there(name: str) -> None:
    """Cut at half a standard deviation the density is nearly even: of 300 draws or more the largest is above 0.99."""
    errors, ideal = Errors(**{name: 2e-3, "cut": 0.5}), ccl()
    samples = [moved(with_errors(ideal, errors, seed=seed), ideal) for seed in range(30)]
    for what in samples[0]:
        largest = max(float(np.abs(one[what]).max()) for one in samples)
        if what in MOVES[name]:
            assert 0.99 * 1e-3 < largest <= 1e-3 * (1 + 1e-9), what
        else:
            assert largest == 0.0, what


@pytest.mark.parametrize("cause", KINDS)
def test_a_linac_of_a_sample_has_its_own_draws_of_each_cause(cause: str) -> None:
    """rms times a standard deviate by the names of the piece, or of the unit, and the cause."""
    ideal, numbers, rms = ccl(), np.array([4, 9]), 2e-3
    found = drawn_linacs(ideal, {cause: (rms, numbers)}, 2, seed=7, cut=1.5)
    name = KINDS[cause]
    names = [one.unit if name in ("amplitude", "phase") else one.name for one in ideal.tanks]
    names = names if "field" in MOVES[name] or "phase" in MOVES[name] else [one.name for one in ideal.quadrupoles]
    for i, linac in enumerate(found):
        differences = moved(linac, ideal)
        for what, values in differences.items():
            if what not in MOVES[name]:
                assert not values.any(), what
                continue
            part = {"dx": " x", "dy": " y"}.get(what, "")
            wanted = [rms * standard(7, (one, f"{cause}{part}"), GAUSSIAN, 1.5, numbers)[i] for one in names]
            np.testing.assert_allclose(values, wanted, rtol=1e-9, atol=1e-15)


def test_errors_come_on_top_of_those_there_are() -> None:
    """Twice the same: offsets, rolls and phases add, gradients and fields multiply; fields of unit and tank too."""
    sizes = {cause: (0.1, np.array([3])) for cause in KINDS}
    ideal = ccl()
    (once,) = drawn_linacs(ideal, sizes, 1, seed=1, cut=1.0)
    (twice,) = drawn_linacs(once, sizes, 1, seed=1, cut=1.0)
    one, both = moved(once, ideal), moved(twice, ideal)
    for what in ("dx", "dy", "roll", "phase"):
        np.testing.assert_allclose(both[what], 2 * one[what], rtol=1e-9, atol=1e-15)
    for what in ("gradient", "field"):
        np.testing.assert_allclose(1 + both[what], (1 + one[what]) ** 2, rtol=1e-12)
    parts = [
        moved(drawn_linacs(ideal, {cause: sizes[cause]}, 1, seed=1, cut=1.0)[0], ideal)["field"]
        for cause in ("unit amplitude", "tank amplitude")
    ]
    np.testing.assert_allclose(1 + one["field"], (1 + parts[0]) * (1 + parts[1]), rtol=1e-12)


# ------------------------------------------------------------------------------------------------------------ bunches

BUNCH = Bunch(
    particle=CCL_ENTRANCE,
    betx=0.4,
    alfx=-1.3,
    bety=1.7,
    alfy=0.6,
    emittance_x=2e-7,
    emittance_y=3e-7,
    sigma_phase=radians(4),
    sigma_energy=60e3,
    frequency=FREQUENCY,
    correlation=-0.3,
)


def test_a_bunch_has_the_moments_that_it_is_made_of() -> None:
    """Sigma = e (beta -alpha; -alpha gamma), e of the normalised one over beta gamma; zeta = -beta c phi / (2 pi f),
    delta = dE / (p beta c)."""
    beta, gamma, momentum = CCL_ENTRANCE.beta, CCL_ENTRANCE.gamma, CCL_ENTRANCE.momentum
    wanted = np.zeros((6, 6))
    for i, b, a, normalised in ((0, 0.4, -1.3, 2e-7), (2, 1.7, 0.6, 3e-7)):
        e = normalised / (beta * gamma)
        wanted[i : i + 2, i : i + 2] = e * np.array([[b, -a], [-a, (1 + a * a) / b]])
    zeta, delta = -beta * SPEED_OF_LIGHT / (2 * pi * FREQUENCY) * radians(4), 60e3 / (momentum * beta)
    wanted[4:, 4:] = [[zeta**2, -0.3 * zeta * delta], [-0.3 * zeta * delta, delta**2]]
    np.testing.assert_allclose(BUNCH.covariance, wanted, rtol=1e-12, atol=1e-30)


@pytest.mark.parametrize("distribution", ["gaussian", "waterbag"])
def test_a_sample_is_the_root_of_the_moments_times_unit_draws(distribution: str) -> None:
    """But for the sign of zeta: a late particle has a larger phase."""
    cut = 2.0 if distribution == "gaussian" else None
    found, random = BUNCH.sample(50, seed=3, distribution=distribution, cut=cut), np.random.default_rng(3)
    draws = _gaussian(random, 50, cut) if distribution == "gaussian" else _waterbag(random, 50)
    turned = found @ np.linalg.inv(np.linalg.cholesky(BUNCH.covariance)).T
    np.testing.assert_allclose(turned[:, :4], draws[:, :4], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(turned[:, 4], -draws[:, 4], rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(turned[:, 5], draws[:, 5], rtol=1e-9, atol=1e-9)


def test_unit_draws_end_at_their_edges() -> None:
    """A cut of 1 in each plane's two coordinates together; a ball of radius sqrt(8), whose rms is 1 in each."""
    cut = _gaussian(np.random.default_rng(1), 2000, 1.0).reshape(2000, 3, 2)
    radius = np.sqrt((cut**2).sum(axis=2)).max(axis=0)
    assert np.all((radius > 0.99) & (radius <= 1.0))
    ball = np.linalg.norm(_waterbag(np.random.default_rng(1), 2000), axis=1)
    assert 0.99 * 8**0.5 < ball.max() <= 8**0.5
    # the volume of a ball in six dimensions goes as r^6: its median is at 2^(-1/6), known to 1 / (6 sqrt(2000))
    assert np.median(ball) == pytest.approx(8**0.5 * 0.5 ** (1 / 6), rel=5 / (6 * 2000**0.5))


@pytest.mark.parametrize(("plane", "first"), [("x", 0), ("y", 2)])
def test_the_normalised_emittance_of_four_particles(plane: str, first: int) -> None:
    """u = +-1, +-1 mm, u' = u + -+2 mrad: variances 4/3 mm^2 and 4/3 x 5 mrad^2, covariance 4/3: root of det 8/3 um."""
    states = np.full((4, 6), 0.5)
    states[:, first] = 1e-3 * np.array([1, 1, -1, -1]) + 7e-3
    states[:, first + 1] = 1e-3 * np.array([3, -1, 1, -3]) - 2e-3
    found = normalised_emittance(states, CCL_ENTRANCE, plane)
    assert found == pytest.approx(CCL_ENTRANCE.beta * CCL_ENTRANCE.gamma * 8e-6 / 3, rel=1e-12)


# ------------------------------------------------------------------------------------------------------------- jitter


def test_each_pulse_has_its_own_draws_and_all_settings_the_same() -> None:
    """A pulse is the linac set at amplitudes (1 + a d) and phases + p d', without jitter."""
    linac = design_pass(ccl())
    units = len(linac.units)
    amplitudes, phases = np.ones((2, units)), np.zeros((2, units))
    amplitudes[1, -1] = 0.4
    errors = {"amplitude": 3e-3, "phase": 0.02}
    found = pulse_energies(linac, amplitudes, phases, **errors, samples=3, seed=5, cut=2.0)
    draws = _draws((3, 2, units), 5, 2.0)
    assert found.shape == (2, 3)
    for setting in range(2):
        for pulse, (field, turned) in enumerate(draws):
            alone = pulse_energies(
                linac,
                amplitudes[setting : setting + 1] * (1 + 3e-3 * field),
                phases[setting : setting + 1] + 0.02 * turned,
                amplitude=0.0,
                phase=0.0,
                samples=1,
                seed=0,
            )
            assert found[setting, pulse] == pytest.approx(alone[0, 0], rel=1e-12)
    assert len({*found.ravel()}) == 6


def test_draws_of_jitter_reach_their_cut_and_end_there() -> None:
    largest = np.abs(_draws((100, 2, 10), 1, 0.5)).max()
    assert 0.99 * 0.5 < largest <= 0.5
