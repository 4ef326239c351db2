"""Beams: sizes, and Gaussian samples with the moments that were asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lattice import InputError, ReferenceParticle
from lattice.arrays import Array
from machines.cnao_like import cnao
from optics import Beam, gaussian_beam, track, twiss

PROTON = ReferenceParticle("proton", kinetic_energy_per_u=60e6)
BEAM = Beam(PROTON, emittance_x=2e-6, emittance_y=3e-6, sigma_delta=5e-4, delta=1e-4)
COUNT = 100_000


def test_normalised_emittances_are_beta_gamma_times_geometric_ones() -> None:
    beam = Beam.normalised(PROTON, 0.52e-6, 0.5e-6, 1e-3)
    scale = PROTON.momentum / PROTON.mass
    assert (beam.emittance_x, beam.emittance_y) == pytest.approx((0.52e-6 / scale, 0.5e-6 / scale), rel=1e-14)
    assert beam.sigma_delta == 1e-3


def test_sizes_add_betatron_and_dispersion_in_squares() -> None:
    optics = twiss(cnao())
    x, y = BEAM.sizes(optics)
    assert x.shape == optics["s"].shape
    i = int(np.argmax(optics["dx"]))
    assert x[i] == pytest.approx(np.hypot(np.sqrt(2e-6 * optics["betx"][i]), 5e-4 * optics["dx"][i]), rel=1e-14)
    assert y[i] == pytest.approx(np.sqrt(3e-6 * optics["bety"][i]), rel=1e-14)
    batch = twiss(cnao().with_parameters(kf=[0.291, 0.2911]))
    assert BEAM.sizes(batch)[0].shape == batch["s"].shape


def expected_covariance(optics: Any, row: int) -> Array:
    covariance = np.zeros((4, 4))
    for i, (axis, emittance) in enumerate((("x", BEAM.emittance_x), ("y", BEAM.emittance_y))):
        beta, alpha = optics["bet" + axis][row], optics["alf" + axis][row]
        block = emittance * np.array([[beta, -alpha], [-alpha, (1 + alpha**2) / beta]])
        covariance[2 * i : 2 * i + 2, 2 * i : 2 * i + 2] = block
    dispersion = np.array([optics[name][row] for name in ("dx", "dpx", "dy", "dpy")])
    return covariance + BEAM.sigma_delta**2 * np.outer(dispersion, dispersion)


@pytest.mark.parametrize("place", [None, "symp", "_end"])
def test_moments_are_those_of_the_matched_beam(place: str | None) -> None:
    optics = twiss(cnao(), delta=1e-3)
    row = 0 if place is None else optics.row(place)
    sample = gaussian_beam(BEAM, optics, COUNT, seed=7, at=place)
    wanted = expected_covariance(optics, row)
    sigmas = np.sqrt(np.diag(wanted))
    orbit = np.array([optics[name][row] + BEAM.delta * optics["d" + name][row] for name in ("x", "px", "y", "py")])
    # five standard errors of a mean (sigma/sqrt n) and of a covariance (sqrt(2/n) at most)
    assert np.all(np.abs(sample[:, :4].mean(axis=0) - orbit) < 5 * sigmas / COUNT**0.5)
    found = np.cov(sample[:, :4].T)
    assert np.all(np.abs(found - wanted) < 5 * (2 / COUNT) ** 0.5 * np.outer(sigmas, sigmas))
    assert sample[:, 5].mean() == pytest.approx(1.1e-3, abs=5 * 5e-4 / COUNT**0.5)
    assert sample[:, 5].std() == pytest.approx(5e-4, rel=5 * (0.5 / COUNT) ** 0.5)
    assert not sample[:, 4].any()


def test_a_matched_beam_has_the_same_size_a_turn_later() -> None:
    ring = cnao().with_parameters(s0=0.0, s1=0.0, sr=0.0)
    small = Beam(PROTON, 1e-9, 1e-9)
    sample = gaussian_beam(small, twiss(ring), 2000, seed=3)
    later = track(ring, PROTON, sample, turns=1).coordinates
    # 5 % : the standard error of a size is 1.6 %; not matched, it would change by the ratio of betas
    np.testing.assert_allclose(later[:, :4].std(axis=0), sample[:, :4].std(axis=0), rtol=5 * 0.5**0.5 * 2000**-0.5)


def test_a_seed_is_a_sample() -> None:
    optics = twiss(cnao())
    first, again, other = (gaussian_beam(BEAM, optics, 10, seed=seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"emittance_x": -1e-6}, "emittance_x must be a number not below 0"),
        ({"emittance_y": "1e-6"}, "emittance_y must be a number"),
        ({"sigma_delta": float("nan")}, "sigma_delta must be a number"),
        ({"delta": float("inf")}, "delta must be finite"),
        ({"delta": "0"}, "delta must be finite"),
        ({"particle": "proton"}, "must be a ReferenceParticle"),
    ],
)
def test_a_beam_that_makes_no_sense_is_refused(change: dict[str, Any], message: str) -> None:
    values: dict[str, Any] = {"particle": PROTON, "emittance_x": 1e-6, "emittance_y": 1e-6, **change}
    with pytest.raises(InputError, match=message):
        Beam(**values)


def test_samples_that_cannot_be_drawn() -> None:
    optics = twiss(cnao())
    with pytest.raises(InputError, match="whole number above 0"):
        gaussian_beam(BEAM, optics, 0, seed=1)
    with pytest.raises(InputError, match="no element 'sympp'; did you mean 'symp'"):
        gaussian_beam(BEAM, optics, 5, seed=1, at="sympp")
    with pytest.raises(InputError, match="one lattice, here are 2"):
        gaussian_beam(BEAM, twiss(cnao().with_parameters(kf=[0.291, 0.2911])), 5, seed=1)


def test_emittances_in_micrometres_are_told() -> None:
    with pytest.raises(InputError, match=r"emittance_x is in m and at most 0.001, .* if that is in um, give it in m"):
        Beam.normalised(PROTON, 0.5, 0.5)
    with pytest.raises(InputError, match="emittance_y must be a number not below 0, found True"):
        Beam(PROTON, 1e-6, True)


def test_nothing_without_momentum_is_sampled() -> None:
    with pytest.raises(InputError, match="delta must be finite and above -1"):
        Beam(PROTON, 1e-6, 1e-6, delta=-1.0)
    wide = Beam(PROTON, 1e-6, 1e-6, sigma_delta=0.4)
    with pytest.raises(InputError, match=r"of 1000 particles have dp/p <= -1"):
        gaussian_beam(wide, twiss(cnao()), 1000, seed=1)


@pytest.mark.parametrize(("species", "energy"), [("carbon-12", 60e6), ("proton", 70e6)])
def test_a_beam_of_another_particle_than_the_optics_is_refused(species: str, energy: float) -> None:
    other = ReferenceParticle(species, kinetic_energy_per_u=energy)
    with pytest.raises(InputError, match=f"the beam is of {other.species} at .* the optics of proton at 60 MeV/u"):
        gaussian_beam(Beam(other, emittance_x=1e-6, emittance_y=1e-6), twiss(cnao()), 10, seed=1)


def test_a_momentum_spread_above_one_is_refused_at_once() -> None:
    with pytest.raises(InputError, match="sigma_delta is in parts of the momentum and at most 1, found 5"):
        Beam(ReferenceParticle("proton", kinetic_energy_per_u=1e8), 1e-6, 1e-6, sigma_delta=5)
