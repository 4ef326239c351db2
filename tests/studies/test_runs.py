"""Runs of the optics study: what a folder holds, numbers to hit, the same bytes again, and every failure."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from lattice import (
    Bend,
    Drift,
    Lattice,
    Marker,
    Quadrupole,
    ReferenceParticle,
    write_json,
    write_madx,
)
from optics import twiss
from studies.cli import run
from studies.runs.contents import is_interrupted
from studies.runs.store import read_run
from studies.spec.schema import RingStudy
from studies.spec.study_file import load_study
from tests.shared_runs import MAIN, OTHER_TUNE, copied_run, shared_run
from tests.studies.builtin_verdicts import Verdicts, verdicts_of
from tests.studies.commands import results
from tests.studies.evidence import assert_evidence

FILES = {"report.html", "report.json", "results.json", "study.toml", "lattice.json", "lattice.seq", "log.txt"}


# ------------------------------------------------------------------------------------------- the main study, once


@pytest.fixture(scope="module")
def cnao(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One run of cnao-optics that the tests below look at, a copy of the suite's."""
    folder = tmp_path_factory.mktemp("cnao") / "run"
    assert copied_run(MAIN, tmp_path_factory, folder) == 0
    return folder


def test_requirements_are_drawn_and_no_limit_is_broken_silently(cnao: Path) -> None:
    assert_evidence(read_run(cnao))


def test_the_folder_holds_what_the_contract_says(cnao: Path) -> None:
    assert {path.name for path in cnao.iterdir()} == FILES | {"tables", "figures"}
    assert list((cnao / "tables").glob("*.csv"))


def test_results_json_has_the_contract_s_form(cnao: Path) -> None:
    found = results(cnao)
    assert list(found) == ["schema", "study", "machine", "quantities", "verdicts", "warnings", "provenance"]
    assert (found["schema"], found["study"], found["machine"]) == (2, "cnao-optics", "cnao")
    errors = {"error", "numerical", "statistical", "model"}
    assert all(set(q) == {"value", "unit", *errors, "engine", "method"} for q in found["quantities"].values())
    keys = {"id", "quantity", "value", "limit", "unit", "margin", "verdict", "kind", "source", "reason"}
    assert all(set(verdict) == keys for verdict in found["verdicts"])


def verdicts(folder: Path) -> Verdicts:
    return [(verdict["id"], verdict["verdict"]) for verdict in results(folder)["verdicts"]]


def test_every_requirement_of_the_machine_has_its_verdict(cnao: Path) -> None:
    assert verdicts(cnao) == verdicts_of("cnao-optics")


def test_the_match_of_the_reference(cnao: Path) -> None:
    """Strengths for Qx 1.666, Qy 1.74, D(symp) 0: matched with two other codes, quoted to ten digits.

    The last digit of a quoted number is uncertain by half a unit, 5e-11.
    """
    quantities = results(cnao)["quantities"]
    for name, value in {"kf": 0.2912133254, "kd": 0.4954575537, "kr": 0.4970950872}.items():
        assert quantities[f"parameter.{name}"]["value"] == pytest.approx(value, abs=3e-10)
        assert quantities[f"parameter.{name}"]["unit"] == "m^-2"


def test_the_largest_betas_are_those_inside_elements(cnao: Path) -> None:
    """16.751 and 15.515 m (quoted for the design strengths, a few 1e-6 away): to the digits quoted."""
    quantities = results(cnao)["quantities"]
    assert quantities["max_betx"]["value"] == pytest.approx(16.751, abs=5e-4)
    assert quantities["max_bety"]["value"] == pytest.approx(15.515, abs=5e-4)


def test_every_quantity_has_an_error_a_method_and_its_engines(cnao: Path) -> None:
    for name, quantity in results(cnao)["quantities"].items():
        assert quantity["value"] is not None, name
        assert quantity["error"] > 0, name
        assert quantity["method"], name
        assert quantity["engine"], name


def test_nothing_of_the_host_is_in_what_readers_get(cnao: Path) -> None:
    import platform

    for name in ("report.html", "results.json", "report.json", "study.toml"):
        text = (cnao / name).read_text()
        assert str(cnao) not in text
        assert str(Path.cwd()) not in text
        assert platform.node() not in text or len(platform.node()) < 4


def test_report_renders_the_same_bytes_and_computes_nothing(cnao: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (cnao / "report.html").read_bytes()
    (cnao / "report.html").unlink()
    monkeypatch.setattr("studies.runs.running.compute", None)
    monkeypatch.setattr("studies.spec.resolution.resolve_ring", None)
    assert run(["report", str(cnao), "-q"]) == 0
    assert (cnao / "report.html").read_bytes() == before


@pytest.mark.parametrize("study", ["pimms-optics", "medaustron-optics"])
def test_the_other_built_in_studies_give_their_verdicts(study: str, tmp_path: Path) -> None:
    assert run(["run", study, "--out", str(tmp_path / "run"), "-q"]) == 0
    assert verdicts(tmp_path / "run") == verdicts_of(study)


def test_another_working_point_brings_its_particle(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Strengths given in the study stand above those of the working point; its particle stays."""
    folder, code = shared_run(OTHER_TUNE, tmp_path_factory)
    assert code == 0
    assert verdicts(folder) == verdicts_of("cnao-optics")
    study = load_study(folder / "study.toml")
    assert isinstance(study, RingStudy)
    assert (study.particle, study.kinetic_energy_MeV_per_u) == ("carbon-12", 400.0)
    assert results(folder)["quantities"]["qx"]["value"] == pytest.approx(1.664, abs=1e-8)


# ------------------------------------------------------------------------------------------- a ring of one's own


def fodo(**parameters: float) -> Lattice:
    """Eight FODO cells with bends of 45 degrees; stable around kf = kd = 0.7 m^-2."""
    cell = [
        Quadrupole("qf", length=0.4, k1="kf"),
        Drift("d", length=0.6),
        Bend("b", length=1.2, angle=0.7853981633974483),
        Drift("d", length=0.6),
        Quadrupole("qd", length=0.4, k1="-kd"),
        Drift("d", length=0.6),
    ]
    return Lattice(
        "fodo",
        elements=[Marker("start"), *(cell * 8)],
        parameters={"kf": 0.7, "kd": 0.7, **parameters},
        particle=ReferenceParticle("proton", kinetic_energy_per_u=100e6),
    )


STUDY = """
study = "optics"
lattice = "ring.json"

[match]
vary = [{ name = "kf", lower = 0.3, upper = 1.2 }, { name = "kd", lower = 0.3, upper = 1.2 }]
targets = [{ quantity = "qx", value = QX }, { quantity = "qy", value = 0.7 }]

[beam]
normalised_emittance_x_um = 0.5
normalised_emittance_y_um = 0.5

[[requirement]]
id = "A"
text = "Horizontal beta at the start"
quantity = "betx"
at = "start"
upper = 20000.0
unit = "mm"
source = "made up"

[[requirement]]
id = "B"
text = "Room for the beam"
quantity = "clearance_x"
lower = 0.0
unit = "mm"
source = "made up"
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a lattice file and a study of it, where commands are run."""
    write_json(fodo(), tmp_path / "ring.json")
    (tmp_path / "my.toml").write_text(STUDY.replace("QX", "1.85"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_own_file_and_own_requirements(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The ring has no apertures, so clearance is not evaluated: that is code 1, and never a silent pass."""
    assert run(["run", "my.toml"]) == 1
    found = results(own / "runs" / "my")
    assert found["machine"] == "fodo"
    assert found["quantities"]["qx"]["value"] == pytest.approx(1.85, abs=1e-8)
    beta, room = found["verdicts"]
    assert (beta["verdict"], beta["quantity"], beta["unit"]) == ("PASS", "betx@start", "mm")
    assert beta["value"] == pytest.approx(1e3 * found["quantities"]["betx@start"]["value"])
    assert (room["verdict"], room["value"], room["margin"]) == ("NOT EVALUATED", None, None)
    assert "no element of 'fodo' has an aperture" in room["reason"]
    assert (
        "machine: 1 passed, 0 failed, 1 not evaluated (0 against published limits, 2 assumed)"
        in capsys.readouterr().out
    )


def test_the_resolved_study_of_a_file_needs_the_run_folder_only(own: Path) -> None:
    """The run folder's lattice.json holds the final strengths, study.toml the initial ones: the match is the same."""
    run(["run", "my.toml", "-q"])
    first = own / "runs" / "my"
    (own / "ring.json").unlink()
    (own / "my.toml").unlink()
    assert run(["run", str(first / "study.toml"), "--out", "again", "-q"]) == 1
    one, two = results(first), results(own / "again")
    assert one["quantities"] == two["quantities"]
    assert one["verdicts"] == two["verdicts"]


def test_a_file_s_name_with_blanks_makes_a_folder_s_name(own: Path) -> None:
    """The resolved study holds the name too, and must be a study again."""
    (own / "my.toml").rename(own / "my own ring.toml")
    assert run(["run", "my own ring.toml", "-q"]) == 1
    assert load_study(own / "runs" / "my-own-ring" / "study.toml").name == "my-own-ring"


def test_a_madx_file_with_a_particle_from_the_command_line(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_madx(fodo().with_particle(None), own / "ring.seq")
    match = ["match", "ring.seq", "--vary", "kf=0.3:1.2", "--vary", "kd=0.3:1.2", "--target", "qx=1.85"]
    match += ["--target", "qy=0.7", "--limit", "betx<30", "-q"]
    assert run(match) == 2
    assert "names no particle" in capsys.readouterr().err
    assert run([*match, "--particle", "carbon-12", "--energy", "120"]) == 0
    told = capsys.readouterr().out
    assert "kf" in told
    assert results(own / "runs" / "ring-match")["quantities"]["match.qx"]["value"] == pytest.approx(0.0, abs=1e-8)


LINE = """
study = "optics"
lattice = "ring.json"
start = { betx = 8.0, bety = 3.0, alfx = -1.0, dx = 0.5 }

[[requirement]]
id = "A"
text = "Horizontal beta at the end"
quantity = "betx"
at = "_end"
upper = 1000.0
unit = "m"
source = "made up"

[[requirement]]
id = "B"
text = "A line has no chromaticity of a ring"
quantity = "dqx"
upper = 0.0
unit = "1"
source = "made up"
"""


def test_a_line_from_start_conditions(own: Path) -> None:
    """What belongs to a ring alone is not evaluated; the rest is that of twiss with the same start."""
    (own / "my.toml").write_text(LINE)
    assert run(["run", "my.toml", "-q"]) == 1
    found = results(own / "runs" / "my")
    expected = twiss(fodo(), start={"betx": 8.0, "bety": 3.0, "alfx": -1.0, "dx": 0.5})["betx"][-1]
    assert found["quantities"]["betx@_end"]["value"] == expected
    assert [verdict["verdict"] for verdict in found["verdicts"]] == ["PASS", "NOT EVALUATED"]


def test_no_convergence_is_code_3_with_the_best_point_and_no_verdict(
    own: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Eight cells cannot have a tune of 3.9: the phase advance of a cell stays below half a turn by far at kf < 1.2."""
    (own / "my.toml").write_text(STUDY.replace("QX", "3.9").replace("[beam]", "[model]\n[beam]"))
    assert run(["run", "my.toml", "--set", "match.restarts=1"]) == 3
    found = results(own / "runs" / "my")
    assert {verdict["verdict"] for verdict in found["verdicts"]} == {"NOT EVALUATED"}
    assert "the match did not converge" in found["verdicts"][0]["reason"]
    assert any("did not converge" in warning for warning in found["warnings"])
    assert found["quantities"]["qx"]["value"] is not None
    assert "did not converge" in (own / "runs" / "my" / "report.html").read_text()


def test_an_impossible_target_of_the_command_is_code_3(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["match", "ring.json", "--vary", "kf=0.5:0.9", "--target", "qx=3.9", "-q"]) == 3
    told = capsys.readouterr()
    assert "OUT" in told.out
    assert "no solution" in told.err


FAILURES = {
    "unstable lattice": (
        ["run", "my.toml", "--set", "match.vary.0.lower=9", "--set", "match.vary.0.upper=10"],
        3,
        "stable",
    ),
    "energy nan": (
        ["run", "my.toml", "--set", "kinetic_energy_MeV_per_u=nan"],
        2,
        "found nan, expected a finite number",
    ),
    "unknown parameter": (
        ["run", "my.toml", "--set", "match.vary.0.name=kff"],
        2,
        "no parameter 'kff'; did you mean 'kf'?",
    ),
    "unknown place": (["run", "my.toml", "--set", "requirement.0.at=strat"], 2, "did you mean 'start'?"),
    "machine too": (["run", "my.toml", "--set", "machine=cnao"], 2, "needs either machine or lattice, found both"),
    "missing lattice": (["run", "my.toml", "--set", "lattice=rong.json"], 4, "rong.json"),
    "unknown suffix": (["run", "my.toml", "--set", "lattice=ring.xyz"], 2, "unknown kind of lattice file"),
    "unwritable": (["run", "my.toml", "--out", "my.toml/run"], 4, "cannot be written"),
    "own file": (["run", "my.toml", "--out", "."], 2, "holds"),
}


@pytest.mark.parametrize("case", FAILURES)
def test_a_failure_is_one_message_and_leaves_nothing(case: str, own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments, code, message = FAILURES[case]
    if case == "own file":
        (own / "lattice.json").write_text("mine")
    before = names_in(own)
    assert run([*arguments, "-q"]) == code
    told = capsys.readouterr()
    assert message in told.err
    assert "Traceback" not in told.err
    assert told.out == ""
    assert names_in(own) == before


def test_a_truncated_lattice_is_refused(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (own / "ring.json").read_text()
    (own / "ring.json").write_text(text[: len(text) // 2])
    assert run(["run", "my.toml", "-q"]) == 4
    assert "ring.json" in capsys.readouterr().err
    assert names_in(own) == {"ring.json", "my.toml"}


def test_an_unstable_ring_is_code_3(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_json(fodo(kf=9.0), own / "ring.json")
    (own / "my.toml").write_text('study = "optics"\nlattice = "ring.json"\n')
    assert run(["run", "my.toml", "-q"]) == 3
    assert "unstable" in capsys.readouterr().err
    assert names_in(own) == {"ring.json", "my.toml"}


def test_an_unexpected_error_leaves_its_details_in_the_log(
    own: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(study: object, resolved: object) -> None:
        raise RuntimeError("boom")

    monkeypatch.setattr("studies.runs.running.compute", fails)
    assert run(["run", "my.toml", "-q"]) == 70
    told = capsys.readouterr().err
    assert "RuntimeError: boom" in told
    assert str(Path("runs/my/log.txt")) in told
    assert "Traceback" in (own / "runs/my/log.txt").read_text()
    assert is_interrupted(own / "runs/my")


def test_interrupted_keeps_a_log_and_no_results(
    own: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def stopped(study: object, resolved: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("studies.runs.running.compute", stopped)
    assert run(["run", "my.toml", "-q"]) == 130
    assert is_interrupted(own / "runs/my")
    assert run(["report", "runs/my"]) == 4
    assert "interrupted run" in capsys.readouterr().err


@pytest.mark.parametrize("suffix", ["seq", "json", "xsuite.json"])
def test_convert_there_and_back(suffix: str, own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Positions of all elements and the parameters stay; the last digits of positions are sums in another order."""
    from studies.spec.lattice_files import read_lattice

    assert run(["convert", "ring.json", f"out.{suffix}", "-q"]) == 0
    assert capsys.readouterr().out == f"out.{suffix}\n"
    back = read_lattice(own / f"out.{suffix}")
    assert back.s == pytest.approx(fodo().s, abs=1e-12)
    assert back.parameters["kf"] == 0.7


def test_convert_to_a_twiss_table_that_tfs_reads(own: Path) -> None:
    tfs = pytest.importorskip("tfs")
    assert run(["convert", "ring.json", "out.tfs", "-q"]) == 0
    table = tfs.read(str(own / "out.tfs"))
    optics = twiss(fodo())
    assert table.headers["Q1"] == optics.qx  # written in full
    assert list(table["BETX"]) == list(optics["betx"])
    assert table["NAME"].iloc[0] == "START"


def test_convert_of_an_unstable_ring_writes_no_table(own: Path) -> None:
    write_json(fodo(kf=9.0), own / "ring.json")
    assert run(["convert", "ring.json", "out.tfs", "-q"]) == 3
    assert names_in(own) == {"ring.json", "my.toml"}


def test_verify_of_a_file(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify", "ring.json", "-q"]) == 0
    told = capsys.readouterr().out
    assert "Xsuite" in told
    assert "OUT" not in told
    assert names_in(own) == {"ring.json", "my.toml"}


@pytest.mark.madx
@pytest.mark.parametrize("engine", ["ptc", "madx"])
def test_verify_by_one_engine(own: Path, capsys: pytest.CaptureFixture[str], engine: str) -> None:
    pytest.importorskip("cpymad", reason="cpymad is not installed")
    assert run(["verify", "ring.json", "--engine", engine, "-q"]) == 0
    out = capsys.readouterr().out
    assert ("PTC of MAD-X 5" in out) == (engine == "ptc")
    assert "Xsuite" not in out


def test_a_missing_engine_is_named_with_its_extra(
    own: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "cpymad", None)
    monkeypatch.setitem(sys.modules, "cpymad.madx", None)
    assert run(["verify", "ring.json", "--engine", "ptc", "-q"]) == 4
    assert "pip install 'hadron-optics[madx]'" in capsys.readouterr().err


def test_verify_as_json(own: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["verify", "ring.json", "--json", "-q"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert {verdict["verdict"] for verdict in found["verdicts"]} == {"PASS"}
    assert found["study"] == "verify"


def test_nothing_passes_outside_the_range_of_the_machine(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Carbon of 900 MeV/u in PIMMS: 10.5 T m, where the bends (rho 4.23 m) need 2.5 T. They fail, no more is judged.

    The first line says why, and so does the banner.
    """
    settings = ["--set", "particle=carbon-12", "--set", "kinetic_energy_MeV_per_u=900", "--set", "assumption=[]"]
    assert run(["run", "pimms-optics", *settings, "--out", str(tmp_path / "run"), "-q"]) == 1
    told = capsys.readouterr().out
    verdicts = json.loads((tmp_path / "run" / "results.json").read_text())["verdicts"]
    assert {one["verdict"] for one in verdicts} == {"FAIL", "NOT EVALUATED"}
    field = next(one for one in verdicts if one["quantity"] == "max_bend_field")
    assert field["verdict"] == "FAIL"
    rigidity = ReferenceParticle("carbon-12", kinetic_energy_per_u=900e6).magnetic_rigidity
    assert field["value"] == pytest.approx(rigidity / 4.231, rel=1e-3)  # 16 bends of 1.661624 m in PIMMS
    why = "900 MeV/u is above the highest energy of pimms (carbon-12: 400 MeV/u)"
    assert told.splitlines()[0] == f"nothing passes: {why}"
    assert (
        f'<p class="banner wanting">Nothing passes: {why}. machine: 0 passed'
        in (tmp_path / "run" / "report.html").read_text()
    )
