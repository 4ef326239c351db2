"""A spill on disk comes back as it was, and as a beam for others; the beam that waits for extraction."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from extraction.spill.files import read_spill, save_spill
from extraction.spill.waiting_beam import waiting_beam
from lattice import FileError, InputError, ReferenceParticle
from machines.cnao_like import cnao
from optics import Beam, track
from optics.beams.files import read_beam

PROTON = ReferenceParticle("proton", kinetic_energy_per_u=60e6)


@dataclass(frozen=True)
class Tables:
    """A spill as far as files are concerned."""

    extracted: pd.DataFrame
    lost: pd.DataFrame


def tables(extracted: int = 50, lost: int = 5) -> Tables:
    """Particles at times of a second, numbered in a random order."""
    random = np.random.default_rng(1)
    count = extracted + lost
    scales = {"x": 0.04, "px": 1e-3, "y": 5e-3, "py": 1e-3, "zeta": 20.0, "delta": 1e-3}
    columns = {name: scale * random.standard_normal(count) for name, scale in scales.items()}
    times = {"particle": random.permutation(count), "turn": random.integers(0, 10**6, count)}
    table = pd.DataFrame({**times, "time": random.random(count), **columns})
    gone = table.iloc[extracted:].assign(place="esp", cause="wires")
    return Tables(table.iloc[:extracted], gone.reset_index(drop=True))


def test_a_spill_comes_back(tmp_path: Path) -> None:
    spill = tables()
    paths = save_spill(tmp_path / "new" / "spill", spill, PROTON, {"septum": "esp"})
    assert [path.name for path in paths] == ["extracted.h5", "extracted.parquet", "lost.parquet"]
    found = read_spill(tmp_path / "new" / "spill")
    pd.testing.assert_frame_equal(found.extracted, spill.extracted)
    pd.testing.assert_frame_equal(found.lost, spill.lost)
    assert found.particle == PROTON
    assert found.about == {"septum": "esp"}


def test_the_extracted_beam_has_its_absolute_times(tmp_path: Path) -> None:
    spill = tables()
    beam = read_beam(save_spill(tmp_path, spill, PROTON)[0])
    columns = ["x", "px", "y", "py", "zeta", "delta"]
    np.testing.assert_allclose(beam.coordinates, spill.extracted[columns], rtol=1e-14, atol=1e-15)
    # 1e-15 s: the rounding of a second
    np.testing.assert_allclose(beam.time, spill.extracted["time"], rtol=0, atol=1e-15)


def test_a_spill_without_particles_has_tables_and_no_beam(tmp_path: Path) -> None:
    save_spill(tmp_path, tables(), PROTON)
    empty = tables(extracted=0, lost=3)
    paths = save_spill(tmp_path, empty, PROTON)
    assert [path.name for path in paths] == ["extracted.parquet", "lost.parquet"]
    assert not (tmp_path / "extracted.h5").exists()  # that of the spill before
    assert len(read_spill(tmp_path).extracted) == 0
    none_lost = tables(lost=0)
    save_spill(tmp_path, none_lost, PROTON)
    assert list(read_spill(tmp_path).lost) == list(none_lost.lost)


def test_what_is_no_spill_is_not_written(tmp_path: Path) -> None:
    spill = tables()
    with pytest.raises(InputError, match="extracted particles has no column turn"):
        save_spill(tmp_path, Tables(spill.extracted.drop(columns="turn"), spill.lost), PROTON)
    with pytest.raises(InputError, match="lost particles has no column place, cause"):
        save_spill(tmp_path, Tables(spill.extracted, spill.lost.drop(columns=["place", "cause"])), PROTON)
    with pytest.raises(InputError, match="left the ring twice"):
        save_spill(
            tmp_path, Tables(spill.extracted, spill.lost.assign(particle=spill.extracted["particle"][0])), PROTON
        )
    assert not list(tmp_path.iterdir())


def test_folders_that_hold_no_spill(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"extracted\.parquet: there is no such"):
        read_spill(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="cannot make this folder"):
        save_spill(tmp_path / "file", tables(), PROTON)


def test_the_waiting_beam_is_coasting_and_rests_at_every_momentum() -> None:
    ring = cnao()
    beam = Beam(PROTON, 0.0, 0.0, delta=-2e-3)
    sample = waiting_beam(ring, beam, 200, seed=1, full_width=4e-3)
    assert stats.kstest(sample[:, 5], stats.uniform(-4e-3, 4e-3).cdf).pvalue > 1e-3
    assert stats.kstest(sample[:, 4], stats.uniform(-ring.length / 2, ring.length).cdf).pvalue > 1e-3
    after = track(ring, PROTON, sample, turns=1).coordinates
    np.testing.assert_allclose(after[:, :4], sample[:, :4], atol=5e-9)  # the series of orbits: 1e-9 m
