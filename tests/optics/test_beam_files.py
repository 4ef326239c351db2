"""Beams in files: what is written is read back, by us and by an independent reader; what is malformed is refused."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest

from lattice import FileError, InputError, ReferenceParticle
from lattice.arrays import Array
from lattice.reference import SPEED_OF_LIGHT, Species
from optics.beams.files import read_beam, write_beam
from optics.beams.parquet import read_parquet, write_parquet

PROTON = ReferenceParticle("proton", kinetic_energy_per_u=60e6)
CARBON = ReferenceParticle("carbon-12", kinetic_energy_per_u=400e6)
COUNT = 100
SCALES = np.array([5e-3, 2e-3, 5e-3, 2e-3, 10.0, 1e-3])
BEAM = np.random.default_rng(1).standard_normal((COUNT, 6)) * SCALES
WEIGHTS = np.linspace(1e5, 2e5, COUNT)
TIMES = np.linspace(0.0, 1.0, COUNT)
# a few roundings of 1 + delta and of a square root; zeta is a time of 1e-7 s multiplied back
ROUNDING: dict[str, Any] = {"rtol": 1e-14, "atol": 1e-15}


@pytest.mark.parametrize("name", ["beam.h5", "beam.parquet"])
@pytest.mark.parametrize("particle", [PROTON, CARBON], ids=["proton", "carbon"])
def test_a_beam_comes_back(tmp_path: Path, name: str, particle: ReferenceParticle) -> None:
    write_beam(tmp_path / name, BEAM, particle, weights=WEIGHTS, reference_time=TIMES)
    found = read_beam(tmp_path / name)
    assert found.particle.kind == particle.kind
    assert found.particle.momentum == pytest.approx(particle.momentum, rel=1e-14)
    np.testing.assert_allclose(found.coordinates, BEAM, **ROUNDING)
    np.testing.assert_allclose(found.weights, WEIGHTS, rtol=1e-14)
    np.testing.assert_array_equal(found.reference_time, TIMES)
    passing = TIMES - BEAM[:, 4] / (particle.beta * SPEED_OF_LIGHT)
    np.testing.assert_allclose(found.time, passing, rtol=1e-14, atol=1e-20)
    assert found.dead == 0


@pytest.fixture(scope="module")
def particle_group() -> Any:
    """The particles of the package openpmd-beamphysics."""
    beamphysics = pytest.importorskip("beamphysics")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it uses what its plotting library gives up
        return beamphysics.ParticleGroup


def test_an_independent_reader_finds_the_same_beam(tmp_path: Path, particle_group: Any) -> None:
    write_beam(tmp_path / "beam.h5", BEAM, PROTON, weights=WEIGHTS, reference_time=TIMES)
    group = particle_group(str(tmp_path / "beam.h5"))
    x, px, y, _, zeta, delta = BEAM.T
    p0 = PROTON.momentum
    np.testing.assert_array_equal(group.x, x)
    np.testing.assert_array_equal(group.y, y)
    np.testing.assert_allclose(group.px, px * p0, rtol=1e-14)
    np.testing.assert_allclose(group.p, (1 + delta) * p0, rtol=1e-14)
    # that reader's proton mass is an older CODATA value: 1e-9 of it
    np.testing.assert_allclose(group.energy, np.hypot((1 + delta) * p0, PROTON.mass), rtol=1e-8)
    np.testing.assert_allclose(group.t, TIMES - zeta / (PROTON.beta * SPEED_OF_LIGHT), rtol=1e-14, atol=1e-20)
    assert group.charge == pytest.approx(WEIGHTS.sum() * 1.602176634e-19, rel=1e-12, abs=0.0)
    assert (group.species, group.n_alive) == ("proton", COUNT)


def test_a_beam_of_another_code_is_read(tmp_path: Path, particle_group: Any) -> None:
    p0 = PROTON.momentum
    x, px, y, py, _, delta = BEAM.T
    pz = p0 * np.sqrt((1 + delta) ** 2 - px**2 - py**2)
    data = {
        "x": x,
        "px": px * p0,
        "y": y,
        "py": py * p0,
        "z": np.zeros(COUNT),
        "pz": pz,
        "t": np.linspace(0, 1e-9, COUNT),
        "status": np.where(np.arange(COUNT) < 90, 1, 2),
        "weight": np.full(COUNT, 1e-15),
        "species": "proton",
    }
    particle_group(data=data).write(str(tmp_path / "other.h5"))
    found = read_beam(tmp_path / "other.h5", PROTON)
    assert found.dead == 10
    np.testing.assert_allclose(found.coordinates[:, [0, 1, 2, 3, 5]], BEAM[:90, [0, 1, 2, 3, 5]], **ROUNDING)
    np.testing.assert_allclose(found.time, data["t"][:90], rtol=1e-12, atol=1e-24)
    assert found.coordinates[:, 4].mean() == pytest.approx(0.0, abs=1e-12)  # about the middle of the beam


def test_a_snapshot_in_time_drifts_to_one_plane(tmp_path: Path) -> None:
    """What is at z behind the mean plane arrives z / v later, having moved by its slope."""
    path = tmp_path / "beam.h5"
    write_beam(path, BEAM, PROTON)
    z = np.linspace(-1e-3, 1e-3, COUNT)
    with h5py.File(path, "r+") as file:
        position = file["data/1/particles/proton/position"]
        del position["z"]
        position.create_dataset("z", data=z).attrs["unitSI"] = 1.0
    found = read_beam(path)
    x, px, _, py, zeta, delta = BEAM.T
    pz = np.sqrt((1 + delta) ** 2 - px**2 - py**2)
    energy = np.hypot((1 + delta) * PROTON.momentum, PROTON.mass)
    np.testing.assert_allclose(found.coordinates[:, 0], x - z * px / pz, rtol=1e-13, atol=1e-16)
    late = -z * energy / (pz * PROTON.momentum)  # c dt
    np.testing.assert_allclose(found.coordinates[:, 4], zeta - PROTON.beta * late, rtol=1e-13, atol=1e-14)


@pytest.mark.parametrize("name", ["beam.h5", "beam.parquet"])
def test_another_reference_describes_the_same_particles(tmp_path: Path, name: str) -> None:
    other = ReferenceParticle.from_momentum("proton", 1.01 * PROTON.momentum)
    write_beam(tmp_path / name, BEAM, PROTON, reference_time=TIMES)
    found = read_beam(tmp_path / name, other)
    assert found.particle == other
    np.testing.assert_allclose(found.coordinates[:, 1], BEAM[:, 1] / 1.01, rtol=1e-13)
    np.testing.assert_allclose(1 + found.coordinates[:, 5], (1 + BEAM[:, 5]) / 1.01, rtol=1e-13)
    np.testing.assert_allclose(found.time, TIMES - BEAM[:, 4] / (PROTON.beta * SPEED_OF_LIGHT), rtol=1e-13, atol=1e-20)


@pytest.mark.parametrize("name", ["beam.h5", "beam.parquet"])
def test_a_species_of_ones_own(tmp_path: Path, name: str) -> None:
    kind = Species("fermium-ish", 239e9, 20, 257)
    particle = ReferenceParticle(kind, kinetic_energy_per_u=10e6)
    write_beam(tmp_path / name, BEAM, particle)
    found = read_beam(tmp_path / name, particle)
    np.testing.assert_allclose(found.coordinates, BEAM, **ROUNDING)
    if name.endswith(".h5"):
        with pytest.raises(FileError, match="'other:fermium-ish' of charge 20 is not known; give the reference"):
            read_beam(tmp_path / name)


def test_the_same_beam_gives_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.h5", "b.h5", "a.parquet", "b.parquet"):
        write_beam(tmp_path / name, BEAM, PROTON)
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


@pytest.mark.parametrize(
    ("coordinates", "message"),
    [
        (np.zeros((0, 6)), "n >= 1"),
        (np.zeros((5, 4)), r"found shape \(5, 4\)"),
        (np.full((3, 6), np.nan), "3 particles have coordinates that are not finite"),
        (np.array([[0, 1.5, 0, 0, 0, 0.0]]), "1 particles do not move forwards"),
        (np.array([[0, 0, 0, 0, 0, -1.5]]), "1 particles do not move forwards"),
    ],
)
def test_what_is_no_beam_is_not_written(tmp_path: Path, coordinates: Array, message: str) -> None:
    with pytest.raises(InputError, match=message):
        write_beam(tmp_path / "beam.h5", coordinates, PROTON)
    assert not list(tmp_path.iterdir())


def test_paths_and_columns(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"ends in \.h5 \(openPMD\) or \.parquet, found '\.csv'"):
        write_beam(tmp_path / "beam.csv", BEAM, PROTON)
    with pytest.raises(FileError, match="cannot write this file"):
        write_beam(tmp_path / "no" / "beam.h5", BEAM, PROTON)
    with pytest.raises(InputError, match="one for each of the 100 particles"):
        write_beam(tmp_path / "beam.h5", BEAM, PROTON, weights=np.ones(3))
    for name in ("beam.h5", "beam.parquet"):
        with pytest.raises(FileError, match="there is no such"):
            read_beam(tmp_path / name)


def species_group(file: h5py.File) -> Any:
    return file["data/1/particles/proton"]


def without(name: str) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        del species_group(file)[name]

    return change


def attribute(name: str, value: Any, record: str | None = None) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        owner = species_group(file)[record] if record else species_group(file)
        owner.attrs[name] = value

    return change


def replaced(name: str, values: Array) -> Callable[[h5py.File], None]:
    def change(file: h5py.File) -> None:
        group = species_group(file)
        del group[name]
        group[name] = values

    return change


def no_mark(file: h5py.File) -> None:
    del file.attrs["openPMD"]


def two_species(file: h5py.File) -> None:
    file.copy("data/1/particles/proton", "data/1/particles/other")


def two_iterations(file: h5py.File) -> None:
    file.copy("data/1", "data/2")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (no_mark, "attribute 'openPMD' is missing"),
        (without("momentum"), "record 'momentum' is missing in '/data/1/particles/proton'"),
        (without("position/y"), "component 'position/y' is missing"),
        (attribute("speciesType", "neutron"), "species 'neutron' of charge 1 is not known"),
        (attribute("unitDimension", np.zeros(7), "momentum"), r"'momentum' has the dimension \[0.0, .* expected"),
        (attribute("value", 0.0, "particleStatus"), "no live particle among 100"),
        (attribute("value", 5.0, "chargeState"), "'proton' of charge 5 is not known"),
        (attribute("shape", 10**15, "particleStatus"), "has shape .*, expected one number for each of 1 to 1,000,000"),
        (attribute("unitSI", b"metre", "position/x"), "no openPMD file"),
        (replaced("position/x", np.full(COUNT, np.nan)), "100 of 'position/x' are not finite"),
        (replaced("position/x", np.zeros(3)), "different lengths"),
        (replaced("position/x", np.zeros((COUNT, 2))), r"has shape \(100, 2\)"),
        (replaced("time", np.zeros(3)), "'time' has 3 values for 100 particles"),
        (replaced("momentum/z", np.full(COUNT, -1.0)), "100 particles do not move forwards"),
        (replaced("position/x", np.full(COUNT, b"a")), "'position/x' holds no numbers"),
        (two_species, "one was expected, or say which is meant; species in the file: other, proton"),
        (two_iterations, "iteration in the file: 1, 2"),
    ],
)
def test_a_malformed_file_is_an_error_in_words(
    tmp_path: Path, change: Callable[[h5py.File], None], message: str
) -> None:
    path = tmp_path / "beam.h5"
    write_beam(path, BEAM, PROTON)
    with h5py.File(path, "r+") as file:
        change(file)
    with pytest.raises(FileError, match=message):
        read_beam(path)


def test_one_of_several_is_chosen(tmp_path: Path) -> None:
    path = tmp_path / "beam.h5"
    write_beam(path, BEAM, PROTON)
    with h5py.File(path, "r+") as file:
        two_species(file)
        two_iterations(file)
    np.testing.assert_allclose(read_beam(path, species="other", iteration=2).coordinates, BEAM, **ROUNDING)
    with pytest.raises(FileError, match="there is no 'muon'; species in the file: other, proton"):
        read_beam(path, species="muon", iteration=1)


def test_the_wrong_particle_is_refused(tmp_path: Path) -> None:
    for name in ("beam.h5", "beam.parquet"):
        write_beam(tmp_path / name, BEAM, PROTON)
        with pytest.raises(FileError, match=r"the particles are 'proton'.*, not carbon-12"):
            read_beam(tmp_path / name, CARBON)


@pytest.mark.parametrize("name", ["beam.h5", "beam.parquet"])
@pytest.mark.parametrize("content", [b"", b"PAR1", b"\x89HDF\r\n\x1a\n", b"text\n" * 1000])
def test_rubbish_is_an_error_in_words(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(FileError, match="that can be read"):
        read_beam(tmp_path / name)


@pytest.mark.parametrize("name", ["beam.h5", "beam.parquet"])
def test_a_file_cut_short_is_an_error_in_words(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    write_beam(path, BEAM, PROTON)
    whole = path.read_bytes()
    for part in np.linspace(0.0, 0.95, 20):
        path.write_bytes(whole[: int(part * len(whole))])
        with pytest.raises(FileError, match="beam"):
            read_beam(path)


def test_parquet_tables(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    table = pd.DataFrame({"turn": [1, 2], "cause": ["wires", "aperture"]})
    write_parquet(path, table, {"note": "two"})
    found, about = read_parquet(path, ["turn"])
    pd.testing.assert_frame_equal(found, table)
    assert about == {"note": "two"}
    with pytest.raises(FileError, match="no column 'turns'; did you mean 'turn'"):
        read_parquet(path, ["turns"])


def test_parquet_of_others_and_wrong_ones(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    columns = ["x", "px", "y", "py", "zeta", "delta"]
    pd.DataFrame(BEAM, columns=columns).to_parquet(path)
    with pytest.raises(FileError, match="does not say which particle"):
        read_beam(path)
    found = read_beam(path, PROTON)
    np.testing.assert_array_equal(found.coordinates, BEAM)
    assert set(found.weights) == {1.0}
    write_parquet(path, pd.DataFrame(BEAM, columns=columns), {"particle": {"species": "proton"}})
    with pytest.raises(FileError, match="description of the particle cannot be read: 'mass_eV'"):
        read_beam(path)
    pd.DataFrame(BEAM, columns=columns).assign(x="a").to_parquet(path)
    with pytest.raises(FileError, match="could not convert"):
        read_beam(path, PROTON)


# ------------------------------------------------------------------------------------------------- files of strangers


def test_a_small_file_is_no_reason_for_much_memory(tmp_path: Path) -> None:
    """Constant records say in 9 kB that there are 50 million particles: 12 columns of them are 4.8 GB."""
    write_beam(tmp_path / "a.h5", BEAM, PROTON)
    with h5py.File(tmp_path / "a.h5", "r+") as file:
        species = species_group(file)
        for record in ("position/x", "momentum/x"):
            del species[record]
            component = species.create_group(record)
            component.attrs["value"], component.attrs["shape"] = 0.0, np.array([50_000_000], dtype=np.uint64)
    with pytest.raises(FileError, match=r"shape \(50000000,\), expected one number for each of 1 to 1,000,000"):
        read_beam(tmp_path / "a.h5")


def _external(file: h5py.File) -> None:
    species = species_group(file)
    del species["position/x"]
    species["position/x"] = h5py.ExternalLink("other.h5", "/secret")


def _soft(file: h5py.File) -> None:
    file["away"] = h5py.ExternalLink("other.h5", "/")
    species = species_group(file)
    del species["position/x"]
    species["position/x"] = h5py.SoftLink("/away/secret")


def _raw(file: h5py.File) -> None:
    species = species_group(file)
    del species["position/x"]
    species.create_dataset("position/x", (len(BEAM),), dtype="f8", external=[("secret.raw", 0, 8 * len(BEAM))])


def _virtual(file: h5py.File) -> None:
    species = species_group(file)
    del species["position/x"]
    layout = h5py.VirtualLayout(shape=(len(BEAM),), dtype="f8")
    layout[:] = h5py.VirtualSource("other.h5", "secret", shape=(len(BEAM),))
    species["position"].create_virtual_dataset("x", layout)


def _group_elsewhere(file: h5py.File) -> None:
    del file["data"]
    file["data"] = h5py.ExternalLink("other.h5", "/")


@pytest.mark.parametrize("change", [_external, _soft, _raw, _virtual, _group_elsewhere])
def test_no_other_file_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[h5py.File], None]
) -> None:
    monkeypatch.chdir(tmp_path)
    with h5py.File("other.h5", "w") as other:
        other["secret"] = np.arange(len(BEAM), dtype=float)
    Path("secret.raw").write_bytes(np.arange(len(BEAM), dtype=float).tobytes())
    write_beam("a.h5", BEAM, PROTON)
    with h5py.File("a.h5", "r+") as file:
        change(file)
    with pytest.raises(FileError, match=r"not followed|not read"):
        read_beam("a.h5")


def test_a_squeezed_table_is_no_reason_for_much_memory(tmp_path: Path) -> None:
    """A column of equal numbers takes no room in a file, and all of it in memory."""
    import pyarrow as pa
    from pyarrow import parquet

    columns = {f"c{n}": pa.array(np.zeros(200_000)) for n in range(300)}
    parquet.write_table(pa.table(columns), tmp_path / "a.parquet", compression="zstd")
    with pytest.raises(FileError, match=r"60,000,000 values in a file of [\d,]+ bytes"):
        read_parquet(tmp_path / "a.parquet")
