"""Spots at the isocentre: Highland's angle against a measurement, limits."""

from __future__ import annotations

import pytest

from lattice import ReferenceParticle
from optics.matter.scattering import RADIATION_LENGTH_OF_WATER, scattered, scattering_angle

PROTON = ReferenceParticle("proton", kinetic_energy_per_u=150e6)


def test_scattering_is_highlands_angle() -> None:
    """One radiation length: theta = 14.1 MeV / (p v), and p v = T (T + 2 m) / (T + m); carbon 150 MeV/u by hand too."""
    assert scattering_angle(PROTON, RADIATION_LENGTH_OF_WATER) == pytest.approx(
        14.1 * (150 + 938.272) / (150 * (150 + 2 * 938.272)), rel=1e-6
    )
    carbon = ReferenceParticle("carbon-12", kinetic_energy_per_u=150e6)
    ratio = scattering_angle(carbon, 0.01) / scattering_angle(PROTON, 0.01)
    assert ratio == pytest.approx(0.5, rel=0.01)  # Z / A


def test_a_spot_is_beam_and_scattering_in_quadrature() -> None:
    assert scattering_angle(PROTON, 0.0) == 0.0
    assert scattered(PROTON, 3e-3, 0.0, 1.0) == pytest.approx(3e-3)
    angle = scattering_angle(PROTON, 3e-3)
    assert scattered(PROTON, 3e-3, 3e-3, 0.8) == pytest.approx((9e-6 + (0.8 * angle) ** 2) ** 0.5)
