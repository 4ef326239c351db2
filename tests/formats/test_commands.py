"""All lattice files by the one entry point: commands and studies go by the suffix."""

from __future__ import annotations

from pathlib import Path

import pytest

from lattice import read_json
from studies import cli
from studies.spec.lattice_files import read_lattice
from tests.formats.ring_in_languages import BMAD, ELEGANT, MADX, PALS

FILES = {"ring.lte": ELEGANT, "ring.bmad": BMAD, "ring.pals.yaml": PALS, "ring.seq": MADX}


def run(*arguments: str) -> int:
    return cli.run(list(arguments))


@pytest.mark.parametrize("name", FILES)
def test_convert_reads_every_language(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / name).write_text(FILES[name])
    code = run("convert", str(tmp_path / name), str(tmp_path / "out.json"), "--sequence", "mids", "-q")
    assert code == 0, capsys.readouterr().err
    written = read_json(tmp_path / "out.json")
    assert [element.name for element in written] == ["bpm", "d3", "rb", "mk", "d2"]
    assert written.length == pytest.approx(read_lattice(tmp_path / name, "mids").length, abs=1e-15)


def test_convert_writes_pals(tmp_path: Path) -> None:
    (tmp_path / "ring.lte").write_text(ELEGANT)
    out = tmp_path / "out.pals.yaml"
    assert run("convert", str(tmp_path / "ring.lte"), str(out), "--particle", "proton", "--energy", "60", "-q") == 0
    back = read_lattice(out)
    assert back.particle is not None
    assert back.particle.kinetic_energy_per_u == pytest.approx(60e6, rel=1e-12)


def test_a_root_of_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "inner").mkdir()
    (tmp_path / "more.bmad").write_text("q: quad, l = 1")
    (tmp_path / "inner/a.bmad").write_text("call, file = ../more.bmad\na: line = (q)")
    words = ("convert", str(tmp_path / "inner/a.bmad"), str(tmp_path / "a.json"))
    assert run(*words) == 4
    assert "--root DIR" in capsys.readouterr().err
    assert run(*words, "--root", str(tmp_path)) == 0
    assert read_json(tmp_path / "a.json").length == 1.0


@pytest.mark.parametrize("name", ["out.lte", "out.bmad", "out.pals.json"])
def test_languages_that_are_only_read(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("convert", "cnao", str(tmp_path / name)) == 2
    assert "this kind of file is read only" in capsys.readouterr().err
