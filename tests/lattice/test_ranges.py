"""Ranges in water: between and beyond the energies of the table."""

from __future__ import annotations

import numpy as np
import pytest

from lattice.ranges import stopping_power
from lattice.reference import range_law, species_named


@pytest.mark.parametrize(("first", "last"), [(0.02, 0.9), (2e4, 2e5)])
def test_beyond_the_table_a_range_goes_on_as_a_power(first: float, last: float) -> None:
    """Equal ratios of energy are equal ratios of range, and no range is that of another energy."""
    ranges = np.log(range_law(species_named("proton")).range_of(np.geomspace(first, last, 7)))
    assert np.diff(ranges).min() > 0
    assert np.diff(ranges) == pytest.approx(np.diff(ranges)[0], rel=1e-6)


@pytest.mark.parametrize("energy", [3.0, 60.0, 220.0])
def test_a_range_grows_by_the_path_that_an_energy_is_lost_over(energy: float) -> None:
    law, step = range_law(species_named("proton")), 1e-3 * energy
    slope = (law.range_of(energy + step) - law.range_of(energy - step)) / (2 * step)
    assert slope == pytest.approx(1 / stopping_power(energy), rel=1e-4)
    assert law.energy_of(law.range_of(energy)) == pytest.approx(energy, rel=1e-12)
