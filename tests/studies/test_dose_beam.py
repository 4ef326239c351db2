"""Particles of a run's beam: the moments asked for come out of the files, and what is not there is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lattice import InputError, ReferenceParticle
from studies.cli import run
from studies.commands.dose_beam import TABLE, beam_at, sampled

COUNT = 40_000
BEAMS = pd.DataFrame(
    {
        "species": ["proton", "proton", "carbon-12"],
        "energy [MeV/u]": [100.0, 200.0, 300.0],
        "energy spread [%]": [0.4, 0.2, 0.1],
        "sigma x [mm]": [3.0, 5.0, 2.0],
        "sigma x' [mrad]": [1.0, 2.0, 1.0],
        "correlation x [1]": [-0.5, -0.5, 0.0],
        "sigma y [mm]": [2.0, 2.0, 2.0],
        "sigma y' [mrad]": [1.0, 1.0, 1.0],
        "correlation y [1]": [0.8, 0.8, 0.0],
    }
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "tables").mkdir()
    (tmp_path / "results.json").write_text("{}")
    BEAMS.to_csv(tmp_path / TABLE, index=False)
    return tmp_path


def test_twiss_parameters_are_linear_between_rows_and_come_out_of_the_sample() -> None:
    """Statistics of 40000: 3 sigma of an rms is 1 %, of a correlation below 0.015."""
    particle, moments = beam_at(BEAMS, 150.0, "proton")
    size, divergence = moments["sigma x [mm]"], moments["sigma x' [mrad]"]
    assert size * divergence == pytest.approx(0.5 * (3.0 * 1.0 + 5.0 * 2.0))  # emittance, at the same correlation
    assert size / divergence == pytest.approx(0.5 * (3.0 / 1.0 + 5.0 / 2.0))  # beta, likewise
    assert moments["energy spread [%]"] == pytest.approx(0.3)
    beam = sampled(particle, moments, COUNT, seed=3)
    slopes = beam.direction[:, :2] / beam.direction[:, 2:]
    assert np.std(beam.position, axis=0) == pytest.approx([1e-3 * size, 2e-3], rel=0.012)
    assert np.std(slopes, axis=0) == pytest.approx([1e-3 * divergence, 1e-3], rel=0.012)
    for plane, correlation in enumerate((-0.5, 0.8)):
        assert np.corrcoef(beam.position[:, plane], slopes[:, plane])[0, 1] == pytest.approx(correlation, abs=0.015)
    assert np.mean(beam.energy) == pytest.approx(150.0, rel=1e-4)
    assert np.std(beam.energy) / 150.0 == pytest.approx(3e-3, rel=0.012)


def test_no_emittance_is_made_between_a_converging_and_a_diverging_beam() -> None:
    """Both rows have the emittance 2 mm mrad, and so has what lies between, though the correlation changes sign."""
    tilted = pd.DataFrame(
        {
            "species": ["proton"] * 2,
            "energy [MeV/u]": [100.0, 101.0],
            "energy spread [%]": [0.1, 0.1],
            **{f"sigma {p} [mm]": [2.0, 2.0] for p in "xy"},
            **{f"sigma {p}' [mrad]": [5 / 3, 5 / 3] for p in "xy"},
            **{f"correlation {p} [1]": [-0.8, 0.8] for p in "xy"},
        }
    )
    _, moments = beam_at(tilted, 100.3)
    area = moments["sigma x [mm]"] * moments["sigma x' [mrad]"]
    assert area * np.sqrt(1 - moments["correlation x [1]"] ** 2) == pytest.approx(2.0)


@pytest.mark.parametrize("suffix", ["mcpl", "phsp", "dat"])
def test_the_command_writes_each_format(folder: Path, suffix: str) -> None:
    out = folder / f"beam.{suffix}"
    chosen = ["--particle", "carbon-12", "--energy", "300", "--particles", "100"]
    assert run(["beam", str(folder), str(out), *chosen, "-q"]) == 0
    if suffix == "mcpl":
        mcpl = pytest.importorskip("mcpl")
        with mcpl.MCPLFile(str(out)) as file:
            block = next(iter(file.particle_blocks))
        assert set(np.atleast_1d(block.pdgcode)) == {1000060120}
        assert np.mean(block.ekin) == pytest.approx(3600.0, rel=1e-3)  # of the whole ion
    else:
        rows = np.loadtxt(out)
        assert len(rows) == 100
        energy = rows[:, 5] if suffix == "phsp" else 1e3 * rows[:, 1]
        assert np.mean(energy) == pytest.approx(3600.0, rel=1e-3)


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["beam.xyz", "--energy", "150"], 2, "the suffix says the format: .mcpl"),
        (["beam.mcpl", "--energy", "150"], 2, "beams of proton, carbon-12: say which with --particle"),
        (["beam.mcpl", "--energy", "150", "--particle", "protn"], 2, "did you mean 'proton'"),
        (
            ["beam.mcpl", "--energy", "250", "--particle", "proton"],
            2,
            "100 to 200 MeV/u; the nearest that works is 200",
        ),
    ],
)
def test_what_is_not_there_is_named(
    arguments: list[str], code: int, told: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["beam", str(folder), *arguments]) == code
    assert told in capsys.readouterr().err
    assert not (folder / "beam.mcpl").exists()


def test_a_run_without_beams_says_which_have_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["beam", str(tmp_path), str(tmp_path / "b.mcpl"), "--energy", "100"]) == 4
    assert "no finished run" in capsys.readouterr().err
    (tmp_path / "results.json").write_text("{}")
    assert run(["beam", str(tmp_path), str(tmp_path / "b.mcpl"), "--energy", "100"]) == 2
    assert "runs of energy switching" in capsys.readouterr().err


def test_a_spread_that_leaves_no_energy_is_refused() -> None:
    particle = ReferenceParticle("proton", kinetic_energy_per_u=100e6)
    _, moments = beam_at(BEAMS, 100.0, "proton")
    with pytest.raises(InputError, match="without energy"):
        sampled(particle, {**moments, "energy spread [%]": 90.0}, 1000, seed=1)


def test_an_energy_spread_leaves_positions_and_slopes() -> None:
    """dx/ds and dy/ds are those of the table whatever momentum a particle has, also at slopes of a tenth."""
    particle, moments = beam_at(BEAMS, 100.0, "proton")
    wide = {**moments, "sigma x' [mrad]": 100.0, "sigma y' [mrad]": 70.0}
    one, two = (sampled(particle, {**wide, "energy spread [%]": spread}, 500, seed=1) for spread in (0.0, 10.0))
    slopes = [beam.direction[:, :2] / beam.direction[:, 2:] for beam in (one, two)]
    np.testing.assert_allclose(slopes[1], slopes[0], rtol=1e-12)
    np.testing.assert_allclose(np.std(slopes[0], axis=0), [0.1, 0.07], rtol=5 * (0.5 / 500) ** 0.5)
    np.testing.assert_array_equal(two.position, one.position)
    energy = particle.kinetic_energy / 1e6
    np.testing.assert_allclose(one.energy, energy, rtol=1e-12)
    assert np.std(two.energy) == pytest.approx(0.1 * energy, rel=5 * (0.5 / 500) ** 0.5)
