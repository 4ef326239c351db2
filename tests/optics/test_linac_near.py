"""Gaps near the reference's energy by short polynomials: the same map to rounding; who goes through the whole."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.polynomial import Chebyshev

from lattice.arrays import Array
from optics.linac import Linac, design_pass, track
from optics.linac.line import BLOCK, GAP, Line, W, line_of, step
from optics.linac.near import Near, near_of, near_step
from optics.linac.structure.reference import reference_of
from optics.linac.structure.transit import from_function
from tests.linac_machines import ccl, scdtl, tank

COUNT = 64


@pytest.fixture(scope="module", params=[scdtl, ccl], ids=["5 MeV", "CCL"])
def linac(request: pytest.FixtureRequest) -> Linac:
    made: Linac = request.param()
    return made


def block(line: Line, near: Near, row: int, spread: float) -> Array:
    """Particles in front of a row: within a bore and slopes, phases of a turn's sixth and ``spread`` of the energy."""
    z = np.zeros((6, BLOCK))
    size = np.array([line.bore[row], 1e-3, line.bore[row], 1e-3, 1.0 / line.cell[row, 0], 0.0])[:, None]
    z[:, :COUNT] = size * (np.random.default_rng(row).random((6, COUNT)) - 0.5)
    z[5, :COUNT] = near.w[row] * (1.0 + spread * np.linspace(-1.0, 1.0, COUNT))
    return z.ravel()


def moved(line: Line, near: Near | None, row: int, start: Array) -> Array:
    z = start.copy()
    if near is None:
        step(line, row, z, COUNT)
    else:
        near_step(line, near, row, z, COUNT, np.empty(6 * BLOCK), np.empty(BLOCK, dtype=np.int64))
    return z.reshape(6, BLOCK)[:, :COUNT]


def test_a_gap_near_the_reference_is_the_gap_to_rounding(linac: Linac) -> None:
    line = line_of(linac)
    near = near_of(line, reference_of(linac, line))
    gaps = np.flatnonzero(line.kind == GAP)
    assert np.all(near.reach[gaps] > 0.0)
    for row in gaps[:: len(gaps) // 7]:
        start = block(line, near, row, 0.01)
        quick, whole = moved(line, near, row, start), moved(line, None, row, start)
        size = np.abs(whole).max(axis=1)
        tolerance = 16 * np.finfo(float).eps * size  # some sums and products of numbers of this size
        tolerance[4] += 2e-14 / line.cell[row, 0]  # a phase of some turns is rounded to 1e-15 at each of its sums
        assert np.all(np.abs(quick - whole).max(axis=1) < tolerance)


def test_who_is_far_goes_through_the_gap_itself_and_the_neighbours_as_without(linac: Linac) -> None:
    line = line_of(linac)
    near = near_of(line, reference_of(linac, line))
    row = int(np.flatnonzero(line.kind == GAP)[3])
    start = block(line, near, row, 0.01)
    mixed = start.copy()
    mixed[W : W + COUNT : 3] *= 1.03
    together = moved(line, near, row, mixed)
    np.testing.assert_array_equal(together[:, ::3], moved(line, None, row, mixed)[:, ::3])
    others = np.arange(COUNT) % 3 > 0
    np.testing.assert_array_equal(together[:, others], moved(line, near, row, start)[:, others])


def test_a_particle_alone_ends_where_it_ends_among_others(linac: Linac) -> None:
    rng = np.random.default_rng(2)
    start = rng.normal(size=(300, 6)) * [2e-4, 1e-4, 2e-4, 1e-4, 1e-4, 8e-3]  # some beyond 1 % of the energy
    together = track(linac, start, apertures=False).coordinates
    arrived = np.flatnonzero(np.isfinite(together[:, 0]))
    for i in arrived[[0, 17, -1]]:  # of one particle no vector is made: sums of products may round in another order
        alone = track(linac, start[i : i + 1], apertures=False).coordinates[0]
        np.testing.assert_allclose(alone, together[i], rtol=1e-9, atol=1e-12)


def test_a_factor_that_short_polynomials_miss_is_taken_whole() -> None:
    machine = tank(-0.35)
    one = machine.tanks[0]
    q = one.wavenumber * one.cell_length / machine.particle.beta
    cell = from_function("ripple", lambda k: 0.8 + 1e-4 * Chebyshev.basis(15)((k - q) / 0.25), q - 0.25, q + 0.25)
    rough = design_pass(Linac("rough", machine.particle, (replace(one, cell=cell),)))
    line = line_of(rough)
    near = near_of(line, reference_of(rough, line))
    assert np.all(near.reach[line.kind == GAP] < 0.0)
    start = block(line, near, 1, 0.0)
    start[W : W + COUNT] = reference_of(rough, line).w[1]
    np.testing.assert_array_equal(moved(line, near, 1, start), moved(line, None, 1, start))
