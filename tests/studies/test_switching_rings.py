"""Energy switching of rings that are no machine of the toolkit, and of species that a machine is not described for."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lattice import InputError, Lattice, Quadrupole, ReferenceParticle, Sextupole
from machines.requirements import FAIL, NOT_EVALUATED
from optics.magnets import family_of
from studies.cli import run
from studies.energy_switching.facts import SwitchingFacts, gather, with_cycles
from studies.energy_switching.quantities import evaluate
from studies.energy_switching.resolution import resolve
from studies.energy_switching.spec import EnergySwitchingStudy
from studies.pipeline import Asked, compute
from studies.registry import study_of
from studies.spec.assumption import AssumptionSpec
from studies.spec.moving import moved_ring
from studies.spec.study_file import load_study
from studies.treatment.machines import reaches
from studies.treatment.spec import SwitchingComparisonStudy
from tests.checkout import ROOT

STUDY = ROOT / "examples" / "small_ring" / "switching.toml"
CNAO = ROOT / "studies" / "builtin" / "cnao-energy-switching.toml"
COMPARISON = ROOT / "studies" / "builtin" / "switching-comparison.toml"


def facts_of(path: Path, *changes: str) -> SwitchingFacts:
    return gather(resolve(switching(path, changes), path), Asked(()))


def switching(path: Path, changes: Sequence[str]) -> EnergySwitchingStudy:
    study = load_study(path, changes)
    assert isinstance(study, EnergySwitchingStudy)
    return study


# --------------------------------------------------------------------------------------------- a lattice file's ring


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("ring") / "run"
    assert run(["run", str(STUDY), "--out", str(folder), "-q"]) == 0
    return folder


def quantities(folder: Path) -> dict[str, Any]:
    found = json.loads((folder / "results.json").read_text())["quantities"]
    return {name: quantity["value"] for name, quantity in found.items()}


def test_a_ring_of_a_file_has_programme_cycle_and_its_own_verdicts(ran: Path) -> None:
    verdicts = json.loads((ran / "results.json").read_text())["verdicts"]
    assert [(verdict["id"], verdict["verdict"]) for verdict in verdicts] == [(f"SWI-{x}", "PASS") for x in "ABC"]
    assert quantities(ran)["residual_programme_xsuite"] < 1e-8  # the tunes of both engines, at both ends of the table
    table = pd.read_csv(ran / "tables" / "strengths-programme.csv")
    assert list(table["species"]) == 6 * ["proton"] + 4 * ["helium-4"]
    assert list(table["energy [MeV/u]"].iloc[6:]) == [25.0, 35.0, 45.0, 55.0]
    assert "Energy switching of a small ring" in (ran / "report.html").read_text()


def test_currents_are_those_of_the_field_that_the_rigidity_asks_for(ran: Path) -> None:
    """B = (pi / 4 over 1.2 m) B rho; G = k1 B rho; I = G / gain where nothing saturates: all by hand."""
    table = pd.read_csv(ran / "tables" / "strengths-programme.csv")
    proton = ReferenceParticle("proton", kinetic_energy_per_u=200e6)
    row = table.iloc[5]
    assert row["bend [T]"] == pytest.approx(np.pi / 4 / 1.2 * proton.magnetic_rigidity, rel=1e-9)
    assert row["kd [T/m]"] == pytest.approx(row["kd [1/m^2]"] * proton.magnetic_rigidity, rel=1e-9)
    assert row["kd [A]"] == pytest.approx(row["kd [T/m]"] / 8e-3, rel=1e-9)


@cache
def ideal_bends() -> SwitchingFacts:
    return facts_of(STUDY, "errors.bend_k2=[]", "engine_energies=0")


def test_moved_circuits_keep_the_programme_and_change_what_is_theirs() -> None:
    """Supplies of a tenth more field per ampere, and coils of twice the resistance: as the whole study with them."""
    known = ideal_bends()
    for key, size in (("circuit.*.gain", 0.1), ("circuit.*.resistance_ohm", 1.0)):
        moved = moved_ring(known.resolved, AssumptionSpec(key=key, relative=size, why="the test"), 1.0)
        short, whole = with_cycles(known, moved), gather(moved, Asked((), report=False, engines=False))
        assert short.programme is known.programme
        names = ("largest_current_share", "largest_voltage_share", "longest_change")
        values = [[one.value for one in evaluate(names, facts) if one.name in names] for facts in (short, whole, known)]
        assert values[0] == pytest.approx(values[1], rel=1e-9)
        assert values[0] != pytest.approx(values[2], rel=1e-3)


def test_set_strengths_undo_the_errors_that_are_stated() -> None:
    """Without errors of the bends the true strengths are the same at all energies, so set = true / (1 + error)."""
    facts = ideal_bends()
    u = facts.programme.rigidities / 2.3
    true = facts.programme.set["kf"] * (1 + 0.002 - 0.006 * u)
    assert np.ptp(true) < 1e-8  # of 0.7: what a polynomial of degree 3 leaves of 1 / (1 + error)
    assert true.mean() == pytest.approx(facts.design.parameters["kf"], rel=1e-7)


def test_the_run_folder_of_a_file_runs_again_with_the_same_numbers(ran: Path, tmp_path: Path) -> None:
    again = facts_of(ran / "study.toml", "engine_energies=0")
    table = pd.read_csv(ran / "tables" / "strengths-programme.csv")
    assert again.programme.set["kf"] == pytest.approx(table["kf [1/m^2]"].to_numpy(), rel=1e-12)
    assert set(again.design.parameters) == {"kf", "kd"}  # the parameters of the bends' errors are no part of the ring


def test_strengths_at_injection_are_those_given_else_those_of_the_design() -> None:
    one = 'energies=[{species="proton",values_MeV_per_u=[100.0]}]'
    given = 'injection=[{species="proton",kinetic_energy_MeV_per_u=7.0,parameters={kf=0.5}}]'
    facts = facts_of(STUDY, one, given, "degree=0", "engine_energies=0")
    rigidity = ReferenceParticle("proton", kinetic_energy_per_u=7e6).magnetic_rigidity
    _, focusing, defocusing = (circuit.injection for circuit in facts.cycles[0].circuits)
    assert focusing == pytest.approx(0.5 * rigidity)
    assert defocusing == pytest.approx(facts.design.parameters["kd"] * rigidity)


def without(table: str) -> str:
    """The example with one of its tables left out, all of them where there are several."""
    text = re.sub(rf"(?ms)^\[+{table}\]+.*?(?=^\[|\Z)", "", STUDY.read_text())
    assert text != STUDY.read_text()
    return text


@pytest.mark.parametrize(
    ("change", "code", "told"),
    [
        ("energies.0.species=protn", 2, "unknown species 'protn'; did you mean 'proton'"),
        ("energies.1.values_MeV_per_u=[25, 55, 45]", 2, "must rise, found 55 and then 45 MeV/u"),
        ("energies.1.number=3", 2, "give either values_MeV_per_u or lower_MeV_per_u"),
        ("energies.1.species=proton", 2, r"two tables \[\[energies\]\] of proton"),
        ("injection.1.species=carbon-12", 2, r"no injection of helium-4. Give \[\[injection\]\] with species"),
        ("injection.0.kinetic_energy_MeV_per_u=90", 2, "is proton of 90 MeV/u, expected proton below 70 MeV/u"),
        ("injection.0.parameters.kff=0.5", 2, "'kff' has no .*did you mean 'kf'"),
        ("cycle.extraction_s={proton=1.0}", 2, r"give cycle.extraction_s = \{ helium-4 = SECONDS \}"),
        ('injection=[]" "cycle.injection_working_point.proton=low', 2, "working points belong to machines"),
        ("circuit.1.parameter=kq", 2, "circuit 'kq' is no magnet family of 'ring'.*quadrupoles or sextupoles: kf, kd"),
        ("circuit.0.largest_field=1.3", 3, "'bend' needs 1.40.. T, rated 1.3: exceeded.*nearest that works is 1"),
        ("circuit.0.parameter=kd", 2, 'two tables .*circuit.* of kd|with parameter = "bend"'),
        ("working_point=extraction", 2, "working_point belongs to a study with machine"),
        ("table=rows.csv", 4, "no such operational table"),
        ("start.betx=1.0", 2, "start"),
        ("vary.0=kx", 2, "'ring' has no parameter 'kx'"),
        ("degree=11", 2, "10 energies do not fix polynomials of degree 11"),
        ("match.targets.0.quantity=hardt_residual", 2, "'ring' has no electrostatic septum"),
        ("rf.largest_voltage_V=20", 3, "needs more than 20 V"),
    ],
)
def test_what_cannot_be_is_named(
    change: str, code: int, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changes = [word for one in change.split('" "') for word in ("--set", one)]
    assert run(["run", str(STUDY), *changes, "--out", str(tmp_path / "r"), "-q"]) == code
    message = capsys.readouterr().err
    assert re.search(told, message), message
    assert "Traceback" not in message
    assert not (tmp_path / "r" / "results.json").exists()


@pytest.mark.parametrize("table", ["injection", "energies", "circuit", "cycle", "rf", "steps"])
def test_what_the_file_does_not_say_is_assumed_and_named(table: str, tmp_path: Path) -> None:
    path = tmp_path / "study.toml"
    path.write_text(without(table))
    (tmp_path / "ring.seq").write_bytes((STUDY.parent / "ring.seq").read_bytes())
    assert resolve(switching(path, ()), path).study.assumed == (table,)
    assert resolve(switching(STUDY, ()), STUDY).study.assumed is None


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("8*cell", "2*cell", "turn the beam by 90 degrees, expected 360"),
        ("angle=pi/4", "angle=0.0", "has no bends"),
        ("kf = 0.70;", "kx = 0.70; kf := kx;", "'kf' depends on others"),
        ("k1:=kf,", "k1:=kf*kf,", "not linear in it"),
    ],
)
def test_a_lattice_that_is_no_ring_for_it_is_refused(old: str, new: str, told: str, tmp_path: Path) -> None:
    text = (STUDY.parent / "ring.seq").read_text()
    assert old in text
    (tmp_path / "ring.seq").write_text(text.replace(old, new))
    (tmp_path / "study.toml").write_text(STUDY.read_text())
    with pytest.raises(InputError, match=told):
        facts_of(tmp_path / "study.toml")


def test_a_ramp_through_transition_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Qx 1.82 makes gamma_t near 1.8: protons of 1 GeV are above it."""
    more = ("--set", "energies.0.upper_MeV_per_u=1000.0", "--set", "engine_energies=0")
    fields = (
        "circuit.0.largest_field=9.0",
        "circuit.0.largest_current_A=9e9",
        "circuit.0.largest_voltage_V=9e9",
        "circuit.1.largest_current_A=9e9",
        "circuit.2.largest_current_A=9e9",
    )
    changes = [word for field in fields for word in ("--set", field)]
    assert run(["run", str(STUDY), *more, *changes, "--out", str(tmp_path / "r"), "-q"]) == 3
    assert "proton crosses transition (gamma = " in capsys.readouterr().err


# ------------------------------------------------------------------------------------------------- what a setting is


def test_a_parameter_drives_what_its_expressions_say() -> None:
    ring = Lattice(
        "r",
        elements=(
            Quadrupole("a", length=0.5, k1="2 * half"),
            Quadrupole("b", length=0.5, k1="-k + trim"),
            Sextupole("c", length=0.2, k2="s"),
        ),
        parameters={"main": 0.3, "half": "main / 4", "k": 0.2, "trim": 0.0, "s": 1.0, "spare": 1.0},
    )
    assert family_of(ring, "main") == ("T/m", 0.5)
    assert family_of(ring, "k") == ("T/m", 1.0)
    assert family_of(ring, "s") == ("T/m^2", 1.0)
    assert family_of(ring, "spare") is None


# ------------------------------------------------------------------------------------------- other species, machines

SPECIES = (
    'energies=[{species="oxygen-16",values_MeV_per_u=[120.0, 200.0, 300.0]}]',
    "cycle.extraction_s={oxygen-16=4.0}",
    "degree=2",
    "engine_energies=0",
    "machine_requirements=false",
)
OXYGEN = 'injection=[{species="oxygen-16",kinetic_energy_MeV_per_u=7.0}]'


@pytest.mark.parametrize("machine", ["cnao", "medaustron"])
def test_a_species_that_the_machine_is_not_described_for_needs_its_injection(machine: str) -> None:
    facts = gather(resolve(switching(CNAO, [*SPECIES, OXYGEN, f"machine={machine}"]), None), Asked(()))
    rigidity = ReferenceParticle("oxygen-16", kinetic_energy_per_u=7e6).magnetic_rigidity
    assert facts.cycles[0].injection.magnetic_rigidity == rigidity
    assert facts.programme.worst < 1.0
    with pytest.raises(InputError, match=rf"'{machine}' is not described for oxygen-16.*Give \[\[injection\]\]"):
        gather(resolve(switching(CNAO, [*SPECIES, f"machine={machine}"]), None), Asked(()))


def test_its_energies_end_at_the_ring_s_rigidity() -> None:
    changes = [*SPECIES, OXYGEN, 'energies=[{species="oxygen-16",values_MeV_per_u=[300.0, 450.0]}]', "degree=0"]
    told = resolve(switching(CNAO, changes), None).outside
    assert re.match(r"1 of 2 energies of oxygen-16 \(450 MeV/u\) lie outside those of cnao \(7 to 4.* MeV/u\)", told)


def test_energies_beyond_the_machine_are_computed_and_nothing_passes() -> None:
    """Carbon of 450 MeV/u: currents and fields are beyond the ratings, all else is not judged; the page says why.

    5 MeV/u lie below the 7.1 of injection: no ring accelerates to them, and they are left out.
    """
    wide = 'energies=[{species="carbon-12",values_MeV_per_u=[5.0, 150.0, 300.0, 450.0]}]'
    few = [wide, "degree=1", "engine_energies=0", "assumption=[]", "errors.gradients={}", "errors.bend_k2=[]"]
    outcome = compute(study_of("energy-switching"), resolve(switching(CNAO, few), None))
    verdicts = {one.requirement.id: one for one in outcome.result.verdicts}
    told = "2 of 4 energies of carbon-12 (5 to 450 MeV/u) lie outside those of cnao (115 to 400 MeV/u)"
    assert {one.verdict for one in verdicts.values()} == {FAIL, NOT_EVALUATED}
    assert {name for name, one in verdicts.items() if one.verdict == FAIL} >= {"SWI-04", "SWI-10"}
    assert told in verdicts["SWI-01"].reason
    assert outcome.result.warnings[0] == f"{told}."
    quantities = {one.name: one.value for one in outcome.result.quantities}
    assert quantities["energies_number"] == 3


# ------------------------------------------------------------------------------------------------------- comparison


def test_a_comparison_takes_the_study_of_a_file_s_ring() -> None:
    study = load_study(COMPARISON, [f"synchrotron.study={STUDY}"])
    assert isinstance(study, SwitchingComparisonStudy)
    assert reaches(study.model_copy(update={"linac": None})).limits["one energy a cycle"] == (70.0, 200.0)


def test_ends_of_a_list_are_its_first_and_last() -> None:
    study = load_study(STUDY)
    assert isinstance(study, EnergySwitchingStudy)
    assert [spec.ends for spec in study.energies] == [(70.0, 200.0), (25.0, 55.0)]
