"""``verify`` and ``convert`` on a line that is no ring, and on files that leave something open."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from lattice import Bend, Drift, Lattice, Quadrupole, ReferenceParticle, read_json, write_json
from machines.registry import line_named
from optics import Moments, twiss
from studies.cli import run
from studies.spec.subjects import lattice_of

START = {"betx": 8.0, "bety": 3.0, "alfx": -1.0}
GIVEN = [word for name, value in START.items() for word in ("--start", f"{name}={value}")]


@pytest.fixture
def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lattice:
    """A quadrupole between drifts: no ring, since |trace| > 2 in one plane; its file is ``line.json``."""
    elements = [Drift("d", length=1.0), Quadrupole("q", length=0.5, k1=3.0), Drift("e", length=2.0)]
    made = Lattice("line", elements=elements, particle=ReferenceParticle("proton", kinetic_energy_per_u=60e6))
    write_json(made, tmp_path / "line.json")
    write_json(made.with_particle(None), tmp_path / "open.json")
    monkeypatch.chdir(tmp_path)
    return made


def test_verify_of_a_line_from_its_start(line: Lattice, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify", "line.json", *GIVEN, "-q"]) == 0
    told = capsys.readouterr().out
    assert "Xsuite" in told
    assert "OUT" not in told


def test_verify_of_a_line_without_a_start_says_what_it_is_taken_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two bends of 0.1 rad in a stable cell are no part of a ring, and have periodic optics all the same."""
    parts = [
        Quadrupole("qf", length=0.3, k1=1.2),
        Bend("b", length=1.0, angle=0.1),
        Quadrupole("qd", length=0.3, k1=-1.2),
        Bend("c", length=1.0, angle=0.1),
    ]
    particle = ReferenceParticle("proton", kinetic_energy_per_u=60e6)
    write_json(Lattice("tl", elements=parts, particle=particle), tmp_path / "tl.json")
    monkeypatch.chdir(tmp_path)
    told = "'tl' is taken as a cell that repeats, its bends turn 11.46 degrees; a line needs its --start betx="
    for given in ([], GIVEN):
        assert run(["verify", "tl.json", "--engine", "xsuite", *given]) == 0
        assert (told in capsys.readouterr().err) is not bool(given)


def test_a_line_by_name_is_read_as_one(capsys: pytest.CaptureFixture[str]) -> None:
    given = lattice_of("CNAO-room3", particle="proton", energy=100.0)
    assert given.equals(line_named("cnao-room3").line.with_particle(given.particle))
    assert run(["verify", "linac"]) == 2
    assert "is a linac, here a ring is needed" in capsys.readouterr().err


def test_without_a_start_the_error_names_the_option(line: Lattice, capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["verify", "line.json"], ["convert", "line.json", "out.tfs"]):
        assert run([*command, "-q"]) == 3
        assert "--start betx=" in capsys.readouterr().err


def test_a_ring_without_stable_optics_is_not_taken_for_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its bends turn the orbit once round."""
    cell = [Quadrupole("q", length=0.5, k1=6.0), Bend("b", length=1.5, angle=math.pi / 4), Drift("d", length=1.0)]
    particle = ReferenceParticle("proton", kinetic_energy_per_u=60e6)
    write_json(Lattice("ring", elements=8 * cell, particle=particle), tmp_path / "ring.json")
    monkeypatch.chdir(tmp_path)
    assert run(["convert", "ring.json", "ring.tfs", "-q"]) == 3
    told = capsys.readouterr().err
    assert "stable" in told
    assert "--start" not in told


def test_an_optics_study_of_a_line_without_a_start_says_how_to_give_one(
    line: Lattice, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("line.toml").write_text('study = "optics"\nlattice = "line.json"\n', encoding="utf-8")
    assert run(["run", "line.toml", "-q"]) == 3
    assert "a table [start] with betx, bety" in capsys.readouterr().err


def test_a_requirement_at_a_place_that_is_not_there_is_named(line: Lattice, capsys: pytest.CaptureFixture[str]) -> None:
    asked = '[[requirement]]\nid="R1"\ntext="b"\nquantity="betx"\nat="x"\nupper=1.0\nunit="m"\nsource="s"\n'
    Path("line.toml").write_text(f'study = "optics"\nlattice = "line.json"\n{asked}', encoding="utf-8")
    assert run(["run", "line.toml"]) == 2
    told = "line.toml: requirement 'R1': 'line' has no place 'x'. Its places: d, q, e"
    assert told in capsys.readouterr().err


def test_places_that_are_not_there_are_told_together(line: Lattice, capsys: pytest.CaptureFixture[str]) -> None:
    """Two of the match and one of a requirement: three lines, each with the file."""
    match = '[match]\nvary=[{name="k",lower=0.0,upper=1.0}]\ntargets=[' + ",".join(
        f'{{quantity="betx",at="{place}",value=1.0}}' for place in ("x", "z")
    )
    asked = '[[requirement]]\nid="R1"\ntext="b"\nquantity="betx"\nat="y"\nupper=1.0\nunit="m"\nsource="s"\n'
    Path("line.toml").write_text(f'study = "optics"\nlattice = "line.json"\n{match}]\n{asked}', encoding="utf-8")
    assert run(["run", "line.toml"]) == 2
    told = capsys.readouterr().err.splitlines()
    found = [line for line in told if "has no place" in line]
    assert ["line.toml: match: 'line' has no place 'x'", "line.toml: match: 'line' has no place 'z'"] == [
        one.removeprefix("lattice-optimize: error: ").partition(". ")[0] for one in found[:2]
    ]
    assert found[2].startswith("line.toml: requirement 'R1': 'line' has no place 'y'")


def test_the_twiss_table_of_a_line(line: Lattice, tmp_path: Path) -> None:
    """As tfs-pandas reads it: the functions of ``twiss`` with the same start."""
    tfs = pytest.importorskip("tfs")
    assert run(["convert", "line.json", "out.tfs", *GIVEN, "-q"]) == 0
    table = tfs.read(str(tmp_path / "out.tfs"))
    assert list(table["BETX"]) == list(twiss(line, start=START)["betx"])


def test_a_start_belongs_to_a_table(line: Lattice, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["convert", "line.json", "out.seq", *GIVEN]) == 2
    assert "--start belongs to a Twiss table" in capsys.readouterr().err
    assert not Path("out.seq").exists()


def test_without_a_particle_the_error_names_the_options(line: Lattice, capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["verify", "open.json"], ["convert", "open.json", "out.tfs"]):
        assert run([*command, *GIVEN, "-q"]) == 2
        told = capsys.readouterr().err
        assert "--particle" in told
        assert "--energy" in told
    assert run(["verify", "open.json", *GIVEN, "--particle", "C4+", "--energy", "7", "-q"]) == 0


SIZED = ["--beam", "0.5:0.7:2e-3", "--target", "size_x@_end=3e-3", "--target", "size_y@_end=2e-3"]


def test_sizes_are_targets_of_a_line(line: Lattice, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """rms of normalised emittances over beta gamma, and of a spread of 2e-3 in full, 2e-3 / sqrt(12) rms."""
    names = ("ka", "kb", "kc")
    parts = [part for n in names for part in (Quadrupole(f"q{n}", length=0.3, k1=n), Drift(f"d{n}", length=1.0))]
    strengths = {"ka": 1.0, "kb": -1.5, "kc": 1.0}
    made = Lattice("sized", elements=[Drift("d", length=1.0), *parts], parameters=strengths, particle=line.particle)
    write_json(made, tmp_path / "sized.json")
    vary = [word for n in names for word in ("--vary", f"{n}=-6:6")]
    assert run(["match", "sized.json", *vary, *GIVEN, "--start", "dx=0.4", *SIZED, "--out", "found", "-q"]) == 0
    particle = line.particle
    assert particle is not None
    scale = particle.beta * particle.gamma
    beam = Moments.from_functions(
        particle,
        {**START, "dx": 0.4},
        emittance_x=0.5e-6 / scale,
        emittance_y=0.7e-6 / scale,
        sigma_delta=2e-3 / 12**0.5,
    )
    optics = twiss(read_json(tmp_path / "found" / "lattice.json"), particle, start=beam)
    assert optics.value("size_x", "_end") == pytest.approx(3e-3, rel=1e-6)
    assert optics.value("size_y", "_end") == pytest.approx(2e-3, rel=1e-6)
    capsys.readouterr()
    assert run(["match", "sized.json", *vary, *GIVEN, *SIZED[2:], "--out", "again", "-q"]) == 2
    assert "give the study its beam ([beam], or --beam" in capsys.readouterr().err
    assert run(["match", "sized.json", *vary, *SIZED, "--out", "again", "-q"]) == 2
    assert "that enters a line: give the line a start" in capsys.readouterr().err


STUDY = """
study = "optics"
machine = "cnao"

[[requirement]]
id = "OWN-01"
text = "a"
quantity = "qx"
upper = 2.0
unit = "1"
source = "made up"

[[requirement]]
id = "OWN-02"
text = "b"
quantity = "max_betz"
upper = 17.0
unit = "m"
source = "made up"
"""


def test_a_wrong_quantity_is_told_with_its_requirement_and_the_nearest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line: the id, not its place in the file alone; some names that are near, not all there are."""
    (tmp_path / "own.toml").write_text(STUDY)
    assert run(["run", str(tmp_path / "own.toml")]) == 2
    told = capsys.readouterr().err
    assert "'OWN-02'" in told
    assert "'OWN-01'" not in told
    assert "did you mean 'max_bet" in told
    assert told.count("'") <= 2 * 7
    assert len(told) < 400
