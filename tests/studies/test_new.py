"""``lattice-optimize new``: every kind of study, on a machine or a file, as a file that explains itself."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from lattice import (
    Bend,
    Drift,
    Lattice,
    Marker,
    Multipole,
    Quadrupole,
    ReferenceParticle,
    Sextupole,
    write_json,
    write_madx,
)
from optics import twiss
from studies.beginning.beginnings import _may_drive
from studies.beginning.values import example
from studies.cli import run
from studies.commands.options import SHORT_WORDS
from studies.registry import ROOMS, study_of
from studies.spec.json_schema import json_schema
from studies.spec.study_file import load_study
from tests.checkout import ROOT
from tests.json_schema import wrong

RING = ROOT / "examples" / "small_ring" / "ring.seq"
PARTICLE = ReferenceParticle("helium-4", kinetic_energy_per_u=120e6)


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def ring(sextupole: float = 0.0, particle: ReferenceParticle | None = PARTICLE) -> Lattice:
    """Eight cells, with a sextupole that drives the resonance where it has a strength."""
    cell = [
        Quadrupole("qf", length=0.4, k1="kf"),
        Drift("d1", length=0.6),
        Bend("b", length=1.2, angle=0.7853981633974483),
        Drift("d2", length=0.6),
        Quadrupole("qd", length=0.4, k1="-kd"),
        Drift("d3", length=0.6),
    ]
    driving = [Sextupole("s", length=0.2, k2="s0")] if sextupole else []
    strengths = {"kf": 0.8, "kd": 0.7, **({"s0": sextupole} if sextupole else {})}
    elements = [Marker("start"), *driving, *cell * 8]
    return Lattice("own", elements=elements, parameters=strengths, particle=particle)


def written(name: str) -> dict[str, Any]:
    return tomllib.loads(Path(f"{name}.toml").read_text())


def begin(*words: str) -> int:
    return run(["new", *words, "-q"])


@pytest.mark.parametrize("word", ROOMS)
def test_every_kind_is_a_study_that_explains_all_its_keys(word: str) -> None:
    """It resolves as it is; with every # taken away it is TOML that the schema takes."""
    assert begin(word, "one") == 0
    text, schema = Path("one.toml").read_text(), json_schema(word)
    assert list(wrong(tomllib.loads(text), schema)) == []
    study = load_study(Path("one.toml"))
    assert study_of(word).resolve(study, Path("one.toml")).study.assumed == study.assumed
    lines = text.split("\n")
    shown = tomllib.loads("\n".join(line.removeprefix("#") if line[1:2] != " " else "" for line in lines))
    assert list(wrong(shown, schema)) == []
    tables = [schema, *schema["$defs"].values()]
    for key in {key for table in tables for key in table["properties"]}:
        assert any(line.lstrip("#[").startswith((f"{key} = ", f"{key}]")) or f".{key}]" in line for line in lines), key


def test_help_names_every_kind(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["new", "--help"]) == 0
    told = set(re.findall(r"[a-z-]+", capsys.readouterr().out))
    assert told >= {*ROOMS, *SHORT_WORDS}


def test_assumed_values_are_marked_and_named() -> None:
    assert begin("switching", "one") == 0
    lines = Path("one.toml").read_text().split("\n")
    harmonic = next(line for line in lines if line.startswith("harmonic = "))
    assert harmonic.endswith("Of the revolution frequency; 1 to 1000; assumed")
    assert not any(line.startswith("machine") and "assumed" in line for line in lines)
    assert {"circuit", "rf"} <= set(written("one")["assumed"])


@pytest.mark.parametrize("kind", ["ring.json", "ring.seq", "ring.xsuite.json"])
def test_a_file_gives_its_particle(kind: str) -> None:
    """It stands in the comments, from where it can be changed; no --particle is needed."""
    if kind == "ring.xsuite.json":
        from optics.engines.xsuite.files import write_xsuite_json

        write_xsuite_json(ring(), Path(kind))
    else:
        {"ring.json": write_json, "ring.seq": write_madx}[kind](ring(), Path(kind))
    assert begin("optics", "one", "--from", kind) == 0
    assert written("one") == {"study": "optics", "lattice": kind}
    text = Path("one.toml").read_text()
    if kind != "ring.xsuite.json":  # which holds mass and charge, and no name of a species
        assert '#particle = "helium-4"' in text
    assert "#kinetic_energy_MeV_per_u = 120.0" in text
    assert '"qx"' in text  # the tune as it stands, for a match
    assert f"#value = {float(twiss(ring()).qx):.6g}" in text


def test_a_file_without_particle_has_an_assumed_one() -> None:
    write_json(ring(particle=None), Path("ring.json"))
    assert begin("optics", "one", "--from", "ring.json") == 0
    assumed = {"particle": "proton", "kinetic_energy_MeV_per_u": 100.0}
    assert written("one") == {"study": "optics", "lattice": "ring.json", **assumed, "assumed": [*assumed]}
    assert begin("optics", "two", "--from", "ring.json", "--particle", "carbon-12", "--energy", "270") == 0
    given = {"particle": "carbon-12", "kinetic_energy_MeV_per_u": 270.0}
    assert written("two") == {"study": "optics", "lattice": "ring.json", **given}


def test_a_line_begins_with_assumed_functions() -> None:
    line = [Drift("d", length=1.0), Quadrupole("q", length=0.5, k1="kq"), Drift("e", length=2.0)]
    write_json(Lattice("line", elements=line, parameters={"kq": 3.0}, particle=PARTICLE), Path("line.json"))
    assert begin("optics", "one", "--from", "line.json") == 0
    assert written("one")["start"] == {"betx": 10.0, "bety": 10.0}
    assert written("one")["assumed"] == ["start"]
    assert begin("delivery", "two", "--from", "line.json") == 0
    assert written("two")["particle"] == "helium-4"
    assert study_of("delivery").resolve(load_study(Path("two.toml")), Path("two.toml")).isocentre == "_end"


def test_extraction_of_a_file_has_wires_and_a_tune_below_the_next_third() -> None:
    """Wires at the largest horizontal beta; the tune of 2.2 goes to 7/3 - 7e-4, in the six digits written."""
    own = ring(sextupole=1.0).with_parameters(kf=1.25, kd=1.1)
    write_json(own, Path("ring.json"))
    assert begin("extraction", "one", "--from", "ring.json") == 0
    study, tw = written("one"), twiss(own)
    assert 2.1 < tw.qx < 2.3
    assert study["match"]["targets"][0] == {"quantity": "qx", "value": pytest.approx(7 / 3 - 7e-4, abs=1e-5)}
    assert [one["name"] for one in study["match"]["vary"]] == ["kf", "kd"]
    assert tw["betx"][own.index(study["extraction"]["electrostatic_septum"])] == max(tw["betx"])
    assert study["assumed"] == ["extraction.electrostatic_septum", "extraction.x_septum", "match", "beam"]


def test_it_runs_as_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    Path("lattices").mkdir()
    Path("lattices/ring.seq").write_bytes(RING.read_bytes())
    assert run(["new", "optics", "one", "--from", "lattices/ring.seq", "--sequence", "ring"]) == 0
    assert capsys.readouterr().out.endswith("run it: lattice-optimize run one.toml\n")
    assert run(["run", "one.toml", "--out", "run", "-q"]) == 0
    quantities = json.loads(Path("run/results.json").read_text())["quantities"]
    assert quantities["length"]["value"] == pytest.approx(30.4)  # as the file's head says


WRONG = [
    (("optic", "one"), 2, "no kind of study 'optic'; did you mean 'optics'?"),
    (("optics", "there"), 2, "there.toml is there already: give another name, or --force"),
    (("optics", "no/where"), 4, "no: no such folder"),
    (("optics", "one", "--from", "none.seq"), 4, "none.seq"),
    (("optics", "one", "--from", "cnaoo"), 2, "cnaoo"),
    (("optics", "one", "--from", str(RING)), 2, "name one of them: cell, ring (as sequence, or with --sequence)"),
    (("optics", "one", "--from", str(RING), "--sequence", "rung"), 2, "rung"),
    (("optics", "one", "--sequence", "ring"), 2, "--sequence belongs to a lattice file"),
    (("linac", "one", "--energy", "5"), 2, "belong to a lattice file"),
    (("extraction", "one", "--from", str(RING), "--sequence", "ring"), 2, "'ring' has no sextupole"),
    (("switching", "one", "--from", "line.json"), 2, "has no stable optics as it stands"),
    (("optics", "one", "--from", str(RING), "--sequence", "ring", "--energy", "-3"), 2, "expected a positive number"),
]


@pytest.mark.parametrize(("words", "code", "told"), WRONG)
def test_what_cannot_be_begun_is_told(
    words: tuple[str, ...], code: int, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("there.toml").write_text("mine")
    line = Lattice("line", elements=[Drift("d", length=1.0), Quadrupole("q", length=0.5, k1=3.0)], particle=PARTICLE)
    write_json(line, Path("line.json"))
    assert run(["new", *words]) == code
    assert told in capsys.readouterr().err
    assert sorted(path.name for path in Path().iterdir()) == ["line.json", "there.toml"]
    assert Path("there.toml").read_text() == "mine"


def test_force_replaces() -> None:
    Path("one.toml").write_text("mine")
    assert begin("linac", "one.toml", "--force") == 0
    assert written("one") == {"study": "linac-optics", "machine": "linac"}


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "number", "exclusiveMinimum": 0, "maximum": 0.3},
        {"type": "number", "minimum": -1.0, "exclusiveMaximum": 0.0},
        {"type": "integer", "minimum": 40, "maximum": 50},
        {"type": "array", "minItems": 2, "items": {"type": "string", "minLength": 1}},
        {"type": "object", "patternProperties": {"^[0-9]$": {"type": "number"}}, "additionalProperties": False},
        {"anyOf": [{"const": "aperture", "type": "string"}, {"type": "number"}]},
    ],
)
def test_what_is_shown_is_what_the_schema_takes(schema: dict[str, Any]) -> None:
    assert list(wrong(example(schema), schema)) == []


def test_an_extraction_begins_with_thin_sextupoles_too() -> None:
    """Of a file that MAKETHIN wrote, sextupoles are multipoles."""
    thin = Multipole("sx", knl=(0.0, 0.0, "ksx"))
    assert _may_drive(thin)
    assert _may_drive(Bend("b", length=1.0, angle=0.1, k2=0.2))
    assert not _may_drive(Multipole("q", knl=(0.0, 0.1, 0.0), ksl=(0.0,)))
    assert not _may_drive(Bend("b", length=1.0, angle=0.1))
