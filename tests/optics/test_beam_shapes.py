"""Beam samples: shells, moments, cuts, momenta and lengths, and matching to a particle's own momentum."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from lattice import Drift, InputError, Lattice, Quadrupole, ReferenceParticle, UnstableOptics
from lattice.arrays import Array
from machines.cnao_like import cnao
from optics import Beam, Optics, sample_beam, track, twiss
from optics.linear.momentum_optics import momentum_optics

PROTON = ReferenceParticle("proton", kinetic_energy_per_u=60e6)
BEAM = Beam(PROTON, emittance_x=2e-6, emittance_y=3e-6, sigma_delta=5e-4, delta=-1e-3)
ON_MOMENTUM = Beam(PROTON, emittance_x=2e-6, emittance_y=3e-6)
COUNT = 20_000
PLACE = "se_010a_esp"
P_VALUE = 1e-3  # of a Kolmogorov-Smirnov test with a fixed seed


@pytest.fixture(scope="module")
def optics() -> Optics:
    return twiss(cnao(), PROTON)


def invariants(sample: Array, optics: Optics, beam: Beam) -> tuple[Array, Array]:
    """Courant-Snyder invariants over the rms emittances: <.> = 2 in each plane."""
    row = optics.row(PLACE)
    found = []
    for i, (axis, emittance) in enumerate((("x", beam.emittance_x), ("y", beam.emittance_y))):
        beta, alpha = optics["bet" + axis][row], optics["alf" + axis][row]
        q, p = sample[:, 2 * i], sample[:, 2 * i + 1]
        found.append(((1 + alpha**2) / beta * q**2 + 2 * alpha * q * p + beta * p**2) / emittance)
    return found[0], found[1]


def test_all_particles_of_a_kv_beam_lie_on_one_shell(optics: Optics) -> None:
    x, y = invariants(sample_beam(ON_MOMENTUM, optics, COUNT, seed=1, at=PLACE, transverse="kv"), optics, ON_MOMENTUM)
    np.testing.assert_allclose(x + y, 4.0, rtol=1e-12)
    # the projection of a sphere in four dimensions on a plane is an even disc: its invariant is even over 0..4
    assert stats.kstest(x, stats.uniform(0, 4).cdf).pvalue > P_VALUE


def test_a_waterbag_is_even_within_its_shell(optics: Optics) -> None:
    x, y = invariants(
        sample_beam(ON_MOMENTUM, optics, COUNT, seed=2, at=PLACE, transverse="waterbag"), optics, ON_MOMENTUM
    )
    # the volume of a ball in four dimensions grows as the square of its invariant
    assert stats.kstest((x + y) ** 2, stats.uniform(0, 36).cdf).pvalue > P_VALUE


@pytest.mark.parametrize("shape", ["gaussian", "kv", "waterbag"])
def test_rms_emittances_are_those_asked_for(optics: Optics, shape: str) -> None:
    sample = sample_beam(ON_MOMENTUM, optics, COUNT, seed=3, at=PLACE, transverse=shape)
    for i, emittance in ((0, 2e-6), (2, 3e-6)):
        found = np.sqrt(np.linalg.det(np.cov(sample[:, i : i + 2].T)))
        # standard error 1/sqrt(n) of a Gaussian's emittance, less of a bounded one; five of them
        assert found == pytest.approx(emittance, rel=5 * COUNT**-0.5)


def test_a_cut_leaves_the_variance_of_a_cut_gaussian(optics: Optics) -> None:
    x, y = invariants(sample_beam(ON_MOMENTUM, optics, COUNT, seed=4, at=PLACE, cut=2.0), optics, ON_MOMENTUM)
    assert max(x.max(), y.max()) <= 4.0 * (1 + 1e-12)
    # an exponential distribution of mean 2 cut at n^2: mean 2 (1 - t/(e^t - 1)) with t = n^2/2
    wanted = 2 * (1 - 2 / np.expm1(2.0))
    assert x.mean() == pytest.approx(wanted, abs=5 * x.std() / COUNT**0.5)
    assert y.mean() == pytest.approx(wanted, abs=5 * y.std() / COUNT**0.5)


def test_a_cut_holds_in_gaussian_momenta_only(optics: Optics) -> None:
    gaussian = sample_beam(BEAM, optics, COUNT, seed=4, cut=1.5)[:, 5]
    assert np.abs(gaussian - BEAM.delta).max() <= 1.5 * 5e-4
    uniform = sample_beam(BEAM, optics, COUNT, seed=4, cut=1.5, momenta="uniform")[:, 5]
    assert np.abs(uniform - BEAM.delta).max() > 1.5 * 5e-4


@pytest.mark.parametrize(
    ("momenta", "law"),
    [
        ("uniform", stats.uniform(-1e-3 - 2e-3, 4e-3)),
        ("parabolic", stats.beta(2, 2, loc=-1e-3 - 2e-3, scale=4e-3)),
    ],
)
def test_a_stack_has_the_full_width_asked_for(optics: Optics, momenta: str, law: Any) -> None:
    delta = sample_beam(BEAM, optics, COUNT, seed=5, momenta=momenta, full_width=4e-3)[:, 5]
    assert stats.kstest(delta, law.cdf).pvalue > P_VALUE
    # Nobody beyond the edge; of 20,000 some 400 and some 12 lie in the outermost 2 %.
    assert 0.98 * 2e-3 < np.abs(delta - BEAM.delta).max() <= 2e-3 * (1 + 1e-12)


@pytest.mark.parametrize("momenta", ["gaussian", "uniform", "parabolic"])
def test_without_a_width_the_rms_is_the_beams(optics: Optics, momenta: str) -> None:
    delta = sample_beam(BEAM, optics, COUNT, seed=6, momenta=momenta)[:, 5]
    assert delta.std() == pytest.approx(5e-4, rel=5 * (0.5 / COUNT) ** 0.5)
    assert delta.mean() == pytest.approx(-1e-3, abs=5 * 5e-4 / COUNT**0.5)


def test_lengths(optics: Optics) -> None:
    length = cnao().length
    coasting = sample_beam(BEAM, optics, COUNT, seed=7, coasting=True)[:, 4]
    assert stats.kstest(coasting, stats.uniform(-length / 2, length).cdf).pvalue > P_VALUE
    bunch = sample_beam(BEAM, optics, COUNT, seed=7, sigma_zeta=3.0)[:, 4]
    assert stats.kstest(bunch, stats.norm(0, 3.0).cdf).pvalue > P_VALUE


def test_each_part_has_a_random_stream_of_its_own(optics: Optics) -> None:
    plain = sample_beam(BEAM, optics, 100, seed=8)
    changed = sample_beam(BEAM, optics, 100, seed=8, transverse="kv", coasting=True)
    np.testing.assert_array_equal(plain[:, 5], changed[:, 5])
    assert not np.array_equal(plain, sample_beam(BEAM, optics, 100, seed=9))


def test_matched_to_its_own_momentum_a_particle_of_no_amplitude_comes_back(optics: Optics) -> None:
    # the stack of a synchrotron: 0.4 % wide, Q' = -4 and sextupoles
    stack = Beam(PROTON, 0.0, 0.0, delta=-1e-3)
    options: dict[str, Any] = {"seed": 1, "momenta": "uniform", "full_width": 4e-3}
    matched = sample_beam(stack, optics, 50, off_momentum=True, **options)
    after = track(cnao(), PROTON, matched, turns=1).coordinates
    # 1e-9: what is left of the series, times a few for the passage of a turn
    np.testing.assert_allclose(after[:, :4], matched[:, :4], atol=5e-9)
    linear = sample_beam(stack, optics, 50, **options)
    missed = np.abs(track(cnao(), PROTON, linear, turns=1).coordinates[:, 0] - linear[:, 0]).max()
    assert missed > 1e-5  # second-order dispersion: metres times delta^2


def test_beta_and_alpha_are_those_of_the_particles_momentum(optics: Optics) -> None:
    row = optics.row(PLACE)
    own = momentum_optics(optics, row, -4e-3, 1e-3)
    delta = np.array([-3.3e-3, -1.234e-3, 0.7e-3])
    found = np.array(own.twiss(delta))
    wanted = [twiss(cnao(), PROTON, delta=d) for d in delta]
    exact = np.array([[tw[name][row] for tw in wanted] for name in ("betx", "alfx", "bety", "alfy")])
    np.testing.assert_allclose(found, exact, rtol=2e-6, atol=2e-6)  # the tolerance of the series
    orbits = np.array([[tw[name][row] for name in ("x", "px", "y", "py")] for tw in wanted])
    np.testing.assert_allclose(own.orbit(delta), orbits, atol=2e-9)


def test_one_momentum_needs_no_series(optics: Optics) -> None:
    single = Beam(PROTON, 1e-6, 1e-6)
    np.testing.assert_allclose(
        sample_beam(single, optics, 100, seed=1, off_momentum=True)[:, :4],
        sample_beam(single, optics, 100, seed=1)[:, :4],
        rtol=1e-9,
        atol=1e-15,
    )


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"transverse": "gausian"}, "did you mean 'gaussian'"),
        ({"momenta": "flat"}, "Known: gaussian, uniform, parabolic"),
        ({"momenta": 3}, "no distribution '3'"),
        ({"full_width": 0.004}, "'gaussian' momenta have no full_width"),
        ({"momenta": "uniform", "full_width": -1.0}, "full_width of dp/p must be a number not below 0"),
        ({"cut": 0.0}, "cut must be a positive number"),
        ({"cut": 1e-3}, "leaves out nearly every particle"),
        ({"cut": 1.9, "transverse": "kv", "sigma_zeta": -1.0}, "sigma_zeta must be"),
        ({"coasting": True, "sigma_zeta": 1.0}, "it has no sigma_zeta"),
        ({"seed": -1}, "seed must be a whole number not below 0"),
        ({"count": 10**12}, "at most 50,000,000"),
    ],
)
def test_shapes_that_make_no_sense(optics: Optics, options: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        sample_beam(BEAM, optics, **{"count": 10, "seed": 1, **options})


def test_what_has_no_optics_of_its_own_momentum() -> None:
    line = Lattice("line", elements=(Drift("d", length=1.0),))
    start = twiss(line, PROTON, start={"betx": 1.0, "bety": 1.0})
    with pytest.raises(InputError, match="this is a line"):
        sample_beam(BEAM, start, 5, seed=1, off_momentum=True)
    with pytest.raises(InputError, match="a line has no circumference"):
        sample_beam(BEAM, start, 5, seed=1, coasting=True)
    # a FODO cell of 160 degrees: at -5 % of momentum it focuses too much
    cell = Lattice(
        "cell",
        elements=(
            Quadrupole("qf", length=0.01, k1=98.0),
            Drift("d1", length=1.99),
            Quadrupole("qd", length=0.01, k1=-98.0),
            Drift("d2", length=1.99),
        ),
    )
    with pytest.raises(UnstableOptics, match="no beam can be matched at delta = -0"):
        sample_beam(Beam(PROTON, 1e-6, 1e-6, delta=-0.05), twiss(cell, PROTON), 5, seed=1, off_momentum=True)
