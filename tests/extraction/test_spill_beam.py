"""The extracted beam: moments, bar and momentum of samples that have exactly the values asked for."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from extraction.spill.beam import beam_statistics, extracted_bar, momentum_in_time
from lattice import Drift, InputError, Lattice, NoSolution, ReferenceParticle
from lattice.arrays import Array
from optics import twiss

PROTON = ReferenceParticle("proton", kinetic_energy_per_u=60e6)
PLANES = {"x": (5e-6, 9.0, -1.2, 3.9, -0.6), "y": (2e-6, 4.0, 0.8, 0.0, 0.0)}  # emittance, beta, alpha, D, D'
SIGMA_DELTA = 5e-4


def white(count: int, seed: int = 1) -> Array:
    """Five columns whose means are 0 and whose covariance is the unit matrix, to rounding."""
    sample = np.random.default_rng(seed).standard_normal((count, 5))
    sample -= sample.mean(axis=0)
    return sample @ np.linalg.inv(np.linalg.cholesky(sample.T @ sample / count)).T


def beam_of(normal: Array, centre: float = 0.0) -> pd.DataFrame:
    """Beam of the moments in PLANES from normal coordinates (n, 5)."""
    delta = SIGMA_DELTA * normal[:, 4]
    columns: dict[str, Any] = {"delta": delta - 1e-3}
    for i, (axis, (emittance, beta, alpha, dispersion, slope)) in zip((0, 2), PLANES.items(), strict=True):
        u, v = np.sqrt(emittance) * normal[:, i], np.sqrt(emittance) * normal[:, i + 1]
        columns[axis] = centre + np.sqrt(beta) * u + dispersion * delta
        columns["p" + axis] = (v - alpha * u) / np.sqrt(beta) + slope * delta
    return pd.DataFrame(columns)


def test_the_moments_of_a_beam_that_has_them_exactly() -> None:
    found = beam_statistics(beam_of(white(1000), centre=0.04))
    for axis, plane in (("x", found.x), ("y", found.y)):
        emittance, beta, alpha, dispersion, slope = PLANES[axis]
        assert plane.emittance == pytest.approx(emittance, rel=1e-10)
        assert (plane.beta, plane.alpha) == pytest.approx((beta, alpha), rel=1e-10)
        assert (plane.dispersion, plane.dispersion_px) == pytest.approx((dispersion, slope), rel=1e-10, abs=1e-12)
        assert plane.mean == pytest.approx(0.04)
    assert (found.delta, found.sigma_delta, found.count) == pytest.approx((-1e-3, SIGMA_DELTA, 1000))
    # det(Sigma_b + D D^T sigma^2) = emittance^2 + emittance sigma^2 (gamma D^2 + 2 alpha D D' + beta D'^2)
    emittance, beta, alpha, dispersion, slope = PLANES["x"]
    gamma = (1 + alpha**2) / beta
    invariant = gamma * dispersion**2 + 2 * alpha * dispersion * slope + beta * slope**2
    total = np.sqrt(emittance**2 + emittance * SIGMA_DELTA**2 * invariant)
    assert found.x.total_emittance == pytest.approx(total, rel=1e-10)


def test_the_error_of_an_emittance_is_that_of_samples() -> None:
    count = 400
    random = np.random.default_rng(2)
    found = [beam_statistics(beam_of(random.standard_normal((count, 5)))).x for _ in range(200)]
    spread = np.std([plane.emittance for plane in found])
    assert np.mean([plane.emittance_error for plane in found]) == pytest.approx(spread, rel=5 * (0.5 / 200) ** 0.5)
    assert spread == pytest.approx(5e-6 * count**-0.5, rel=5 * (0.5 / 200) ** 0.5)  # Gaussian: 1/sqrt(N)


def test_a_transport_line_begins_with_the_extracted_beam() -> None:
    table = beam_of(white(500), centre=0.04)
    start = beam_statistics(table).start()
    line = Lattice("line", elements=(Drift("d", length=2.0),))
    optics = twiss(line, PROTON, start=start)
    assert optics["betx"][0] == pytest.approx(9.0)
    assert optics["dx"][0] == pytest.approx(3.9)
    assert optics["x"][0] == pytest.approx(0.04)
    # beta in a drift: beta - 2 alpha s + gamma s^2
    assert optics["bety"][-1] == pytest.approx(4.0 - 2 * 0.8 * 2 + (1 + 0.8**2) / 4.0 * 4, rel=1e-4)


def test_a_beam_on_a_line_has_no_emittance_and_one_momentum_no_dispersion() -> None:
    x = np.linspace(0.035, 0.04, 100)
    table = pd.DataFrame({"x": x, "px": 1e-3 + 0.5 * x, "y": 0.0, "py": 0.0, "delta": 0.0})
    found = beam_statistics(table)
    assert found.x.emittance == 0.0
    assert np.isnan(found.x.beta)
    assert (found.x.dispersion, found.sigma_delta) == (0.0, 0.0)
    with pytest.raises(NoSolution, match="no emittance in x"):
        found.start()


def test_the_bar_has_its_ends_its_slope_and_its_thickness() -> None:
    count = 10_001
    x = np.linspace(0.0351, 0.0391, count)
    noise = 2e-6 * np.random.default_rng(3).standard_normal(count)
    found = extracted_bar(pd.DataFrame({"x": x, "px": -1e-3 + 0.12 * (x - x.mean()) + noise}))
    assert (found.inner, found.outer, found.width) == pytest.approx((0.0351, 0.0391, 0.004))
    # five standard errors: sigma/(sqrt(N) sigma_x) of a slope, sigma/sqrt(N) of a mean, sigma/sqrt(2 N) of an rms
    assert abs(found.slope - 0.12) < 5 * 2e-6 / count**0.5 / x.std()
    assert found.slope_error == pytest.approx(2e-6 / count**0.5 / x.std(), rel=0.05)
    assert found.px == pytest.approx(-1e-3, abs=5 * 2e-6 / count**0.5)
    assert found.thickness == pytest.approx(2e-6, rel=5 * (0.5 / count) ** 0.5)


def test_the_inner_end_is_the_one_nearest_the_orbit() -> None:
    table = pd.DataFrame({"x": -np.linspace(0.03, 0.04, 1001), "px": np.zeros(1001)})
    whole, most = extracted_bar(table), extracted_bar(table, outside=0.1)
    assert (whole.inner, whole.outer) == pytest.approx((-0.03, -0.04))
    assert (most.inner, most.outer) == pytest.approx((-0.031, -0.039))


def test_momentum_against_time() -> None:
    time = np.repeat([0.1, 0.3, 0.6, 1.5], [4, 2, 1, 5])
    delta = np.array([1, 2, 3, 4, 5, 7, 9, *[0] * 5]) * 1e-3
    found = momentum_in_time(pd.DataFrame({"time": time, "delta": delta}), start=0.0, stop=1.0, slices=4)
    np.testing.assert_allclose(found["time"], [0.125, 0.375, 0.625, 0.875])
    np.testing.assert_array_equal(found["count"], [4, 2, 1, 0])
    np.testing.assert_allclose(found["delta"], [2.5e-3, 6e-3, 9e-3, np.nan])
    np.testing.assert_allclose(found["spread"], [np.sqrt(1.25) * 1e-3, 1e-3, 0.0, np.nan])
    # standard error: spread / sqrt(n - 1)
    np.testing.assert_allclose(found["error"], [np.sqrt(1.25 / 3) * 1e-3, 1e-3, np.nan, np.nan])


def test_tables_that_say_nothing() -> None:
    with pytest.raises(InputError, match="at least 4 particles with finite coordinates, found 3"):
        extracted_bar(pd.DataFrame({"x": [1, 2, 3], "px": [1, 2, 3]}))
    with pytest.raises(InputError, match="no column delta"):
        beam_statistics(pd.DataFrame({"x": [], "px": [], "y": [], "py": []}))
    with pytest.raises(InputError, match="a share from 0 to below"):
        extracted_bar(pd.DataFrame({"x": [1.0] * 5, "px": [1.0] * 5}), outside=0.5)
    with pytest.raises(InputError, match="slices must be a whole number"):
        momentum_in_time(pd.DataFrame({"time": [], "delta": []}), start=0.0, stop=1.0, slices=0)
