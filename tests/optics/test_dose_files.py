"""Particles for dose calculation: read back by the formats' own readers, and what does not fit is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from lattice import InputError, ReferenceParticle
from optics.beams.beam_table import beam_row
from optics.beams.dose_files import PhaseSpace, phase_space, write_fluka_table, write_mcpl, write_topas

PROTON = ReferenceParticle("proton", kinetic_energy_per_u=150e6)
CARBON = ReferenceParticle("carbon-12", kinetic_energy_per_u=300e6)


def beam(particle: ReferenceParticle = PROTON, times: bool = False, weights: bool = False) -> PhaseSpace:
    random = np.random.default_rng(5)
    state = random.normal(size=(200, 6)) * [3e-3, 2e-3, 4e-3, 1e-3, 0.5 if times else 0.0, 1e-3]
    return phase_space(state, particle, random.uniform(1, 2, 200) if weights else 3.0)


def test_energies_and_directions_are_exact() -> None:
    """One particle worked out by hand: p = 1.01 P0 along x' with px = 0.1 P0."""
    found = phase_space(np.array([[0.0, 0.1, 0.0, 0.0, 0.0, 0.01]]), PROTON)
    assert found.direction[0] == pytest.approx([0.1 / 1.01, 0.0, np.sqrt(1.01**2 - 0.01) / 1.01], rel=1e-14)
    momentum = 1.01 * PROTON.momentum
    assert found.energy[0] * 1e6 == pytest.approx(np.hypot(momentum, PROTON.mass) - PROTON.mass, rel=1e-12)


@pytest.mark.parametrize("weights", [False, True])
@pytest.mark.parametrize("particle", [PROTON, CARBON])
def test_mcpl_is_read_by_its_own_library(tmp_path: Path, particle: ReferenceParticle, weights: bool) -> None:
    mcpl = pytest.importorskip("mcpl")
    written = beam(particle, times=True, weights=weights)
    write_mcpl(tmp_path / "beam.mcpl", written)
    with mcpl.MCPLFile(str(tmp_path / "beam.mcpl")) as file:
        block = next(iter(file.particle_blocks))
    assert set(np.atleast_1d(block.pdgcode)) == {2212 if particle is PROTON else 1000060120}
    assert block.position[:, :2] / 100 == pytest.approx(written.position, rel=1e-15)
    assert block.direction == pytest.approx(written.direction, abs=1e-12)  # its packing drops one component
    assert block.ekin == pytest.approx(written.energy, rel=1e-15)
    assert block.time / 1e3 == pytest.approx(written.time, rel=1e-15)
    assert np.broadcast_to(block.weight, 200) == pytest.approx(written.weight, rel=1e-15)


def test_mcpl_holds_directions_of_any_slope(tmp_path: Path) -> None:
    """Where x or y is the largest component another one is packed."""
    mcpl = pytest.importorskip("mcpl")
    written = phase_space(np.array([[0, 0.9, 0, 0.1, 0, 0], [0, -0.1, 0, -0.8, 0, 0.0]]), PROTON)
    write_mcpl(tmp_path / "wide.mcpl", written)
    with mcpl.MCPLFile(str(tmp_path / "wide.mcpl")) as file:
        assert next(iter(file.particle_blocks)).direction == pytest.approx(written.direction, abs=1e-12)


def test_topas_has_its_ten_columns(tmp_path: Path) -> None:
    """Layout: TOPAS manual, phase space, ASCII. The third cosine follows from the other two and the flag."""
    written = beam(CARBON, weights=True)
    write_topas(tmp_path / "beam.phsp", written)
    table = np.loadtxt(tmp_path / "beam.phsp")
    assert table.shape == (200, 10)
    assert table[:, 3:5] == pytest.approx(written.direction[:, :2], rel=1e-14)
    assert np.sqrt(1 - table[:, 3] ** 2 - table[:, 4] ** 2) == pytest.approx(written.direction[:, 2], abs=1e-12)
    assert table[:, 5] == pytest.approx(written.energy, rel=1e-14)
    assert set(table[:, 7]) == {1000060120.0}
    header = (tmp_path / "beam.header").read_text()
    assert header.startswith("TOPAS ASCII Phase Space\n")
    assert "Number of Scored Particles: 200\n" in header


def test_fluka_table_has_gev_and_cm(tmp_path: Path) -> None:
    written = beam()
    write_fluka_table(tmp_path / "beam.dat", written)
    table = np.loadtxt(tmp_path / "beam.dat")
    assert table[:, 0] == pytest.approx(1.0)
    assert table[:, 1] == pytest.approx(written.energy / 1e3, rel=1e-14)
    assert table[:, 2:4] == pytest.approx(written.position * 100, rel=1e-14)
    write_fluka_table(tmp_path / "carbon.dat", beam(CARBON))
    assert "FLUKA id -2, A = 12, Z = 6" in (tmp_path / "carbon.dat").read_text()


def test_each_format_refuses_what_it_cannot_hold(tmp_path: Path) -> None:
    timed = beam(times=True)
    with pytest.raises(InputError, match=r"no arrival times.*set zeta"):
        write_topas(tmp_path / "beam.phsp", timed)
    with pytest.raises(InputError, match="no arrival times"):
        write_fluka_table(tmp_path / "beam.dat", timed)
    with pytest.raises(InputError, match=r"must end in \.mcpl"):
        write_mcpl(tmp_path / "beam.dat", timed)
    with pytest.raises(InputError, match="move forward"):
        phase_space(np.array([[0, 1.2, 0, 0, 0, 0.0]]), PROTON)
    with pytest.raises(InputError, match="leave lost particles out"):
        phase_space(np.full((1, 6), np.nan), PROTON)
    with pytest.raises(InputError, match="weights"):
        phase_space(np.zeros((1, 6)), PROTON, -1.0)
    assert not list(tmp_path.iterdir())


def test_beam_row_is_that_of_the_particles_it_describes() -> None:
    """200,000 particles of the moments: 3 standard errors of a correlation, 0.007; of a size 0.5 %."""
    row = beam_row(
        PROTON,
        {"betx": 8.0, "alfx": 0.7, "bety": 4.0, "alfy": -1.0, "dx": 2.0, "dpx": -0.5},
        emittance_x=1e-6,
        emittance_y=2e-6,
        momentum_spread=5e-4,
    )
    random = np.random.default_rng(1)
    a, b, delta = random.normal(size=(3, 200_000))
    x = np.sqrt(8e-6) * a + 2.0 * 5e-4 * delta
    angle = np.sqrt(1e-6 / 8.0) * (b - 0.7 * a) - 0.5 * 5e-4 * delta
    assert float(row["sigma x [mm]"]) == pytest.approx(1e3 * np.std(x), rel=5e-3)
    assert float(row["sigma x' [mrad]"]) == pytest.approx(1e3 * np.std(angle), rel=5e-3)
    assert float(row["correlation x [1]"]) == pytest.approx(np.corrcoef(x, angle)[0, 1], abs=7e-3)
    energy = [
        ReferenceParticle.from_momentum("proton", PROTON.momentum * (1 + d)).kinetic_energy for d in (-1e-4, 1e-4)
    ]
    spread = (energy[1] - energy[0]) / 2e-4 / PROTON.kinetic_energy * 5e-4  # numerical derivative
    assert float(row["energy spread [%]"]) == pytest.approx(100 * spread, rel=1e-6)
    with pytest.raises(InputError, match="emittance_x"):
        beam_row(
            PROTON,
            {"betx": 1.0, "alfx": 0.0, "bety": 1.0, "alfy": 0.0},
            emittance_x=0.0,
            emittance_y=1e-6,
            momentum_spread=0.0,
        )
