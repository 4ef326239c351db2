"""The studies of energy switching and of the comparison: runs, tables of operators, bad input named."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from lattice import InputError
from lattice.errors import FileError
from machines.requirements import FAIL, NOT_EVALUATED, PASS
from studies.cli import run
from studies.energy_switching.resolution import resolve
from studies.energy_switching.spec import EnergySwitchingStudy
from studies.energy_switching.study import STUDY
from studies.energy_switching.table_file import read_table, table_frame
from studies.energy_switching.table_file import table_text as table_text_of
from studies.pipeline import compute
from studies.runs.store import read_run
from studies.spec.builtin import study_path
from studies.spec.study_file import load_study
from studies.treatment.facts import treatment_of, varied
from studies.treatment.machines import reaches
from studies.treatment.spec import SwitchingComparisonStudy
from tests.shared_runs import COMPARISON, shared_run
from tests.studies.builtin_verdicts import Verdicts, verdicts_of
from tests.studies.commands import results
from tests.studies.evidence import assert_evidence

# Rows of CNAO/optics, synchro/LGEN (2021): settings of the ring at extraction; facts, quoted with their source.
HEAD = (
    "kinetic_energy_MeV_per_u,brho_T_m,KF_1_per_m2,KR_1_per_m2,KD_1_per_m2,SR_1_per_m3,minus_S1_1_per_m3,"
    "minus_S0_1_per_m3"
)
PROTONS = (
    "62.58433969,1.162014651,0.314584987,0.4989779787,0.5362710352,8.877229258,0.8277790499,1.105320305",
    "63.61303185,1.17183639,0.314559198,0.4989779941,0.5362569249,8.877228826,0.8277790829,1.105320588",
    "64.64562314,1.181623276,0.3145287481,0.4989779838,0.5362427574,8.877229104,0.8277790696,1.105320508",
    "226.7076115,2.303320923,0.3095709368,0.4989780051,0.5340209556,8.877230572,0.827778961,1.105320125",
    "227.5378286,2.307989909,0.3095425759,0.4989779943,0.5340096639,8.877229311,0.8277789008,1.105320197",
)
CARBON = (
    "115.3740422,3.186813322,0.3068349781,0.4977299963,0.5323034506,8.877244387,0.8277805121,1.105322197",
    "397.2584534,6.320793339,0.3041370644,0.4977299961,0.5310252301,8.877244468,0.8277805228,1.105322211",
    "399.0626694,6.337659127,0.3041303967,0.4977300016,0.5310071146,8.877244524,0.8277805166,1.105322214",
)
FEW = ("--set", "energies.0.number=6", "--set", "energies.1.number=6", "--set", "assumption=[]")


def table_text(rows: tuple[str, ...]) -> str:
    return "\n".join(["# settings against energy", HEAD, *rows]) + "\n"


def verdicts(found: dict[str, Any]) -> Verdicts:
    return [(verdict["id"], verdict["verdict"]) for verdict in found["verdicts"]]


# ----------------------------------------------------------------------------------------------------- the table


def test_a_table_says_its_species_by_its_rigidity() -> None:
    protons, carbon = read_table(table_text(PROTONS), "p"), read_table(table_text(CARBON), "c")
    assert (protons.species, carbon.species) == ("proton", "carbon-12")
    assert protons.settings["s0"][0] == -1.105320305  # stored with a minus sign
    again = read_table(table_frame(protons).to_csv(index=False), "again")
    assert all((again.settings[name] == values).all() for name, values in protons.settings.items())


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (table_text(PROTONS).replace("KD_1_per_m2", "KD"), r"missing column\(s\) KD_1_per_m2"),
        (table_text((PROTONS[1], PROTONS[0])), r"must rise.*63\.613 and then 62\.5843 MeV/u in rows 1 and 2"),
        (table_text(PROTONS).replace("0.5362710352", "much"), r"KD_1_per_m2 of row 1 is 'much', expected a number"),
        (
            table_text(PROTONS).replace("1.17183639", "1.3"),
            r"row 2 has 63\.613 MeV/u and B rho 1\.3 T m.*nearest: proton",
        ),
        (HEAD + "\n", "no rows"),
        (table_text(PROTONS).replace(",", ";"), r"not separated by commas: save it with ','"),
        (
            table_text(PROTONS[:1]).replace("62.58433969", "62584339.69"),
            r"but proton of 6.25843e\+07 eV/u has: give MeV/u",
        ),
        (
            table_text(CARBON[:1]).replace("115.3740422", "1384.4885"),
            r"but carbon-12 of 1384.49 MeV in all has: give MeV/u",
        ),
        (table_text((PROTONS[0], PROTONS[0])), r"62\.5843 and then 62\.5843 MeV/u in rows 1 and 2"),
        (table_text(PROTONS).replace("1.105320305", "nan"), r"minus_S0_1_per_m3 of row 1 is 'nan', expected a number"),
    ],
)
def test_a_bad_table_is_named(text: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        read_table(text, "bad.csv")


def test_no_table_at_all_is_a_file_error() -> None:
    with pytest.raises(FileError, match=r"bad\.csv: not a CSV table"):
        read_table("", "bad.csv")
    with pytest.raises(FileError, match="save it as CSV in UTF-8"):
        table_text_of(table_text(PROTONS).encode("utf-16"), "bad.csv")
    assert table_text_of(b"\xef\xbb\xbfa,b", "marked.csv") == "a,b"


# ------------------------------------------------------------------------------------------------ energy switching


@pytest.fixture(scope="module")
def switched(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with both operational tables, few rows of each.

    Between the third and the fourth row of the protons lie 160 MeV: a step that no spill has, so that it exits with 1.
    """
    folder = tmp_path_factory.mktemp("switching")
    (folder / "p.csv").write_text(table_text(PROTONS))
    (folder / "c.csv").write_text(table_text(CARBON))
    tables = f"table=['{folder / 'p.csv'}', '{folder / 'c.csv'}']"
    assert run(["run", "cnao-energy-switching", "--set", tables, "--out", str(folder / "run"), "-q"]) == 1
    return folder / "run"


def test_only_the_step_over_the_gap_in_the_table_fails_and_both_engines_agree(switched: Path) -> None:
    found = results(switched)
    assert verdicts(found) == verdicts_of("cnao-energy-switching", "SWI-07", "SWI-08")
    assert found["quantities"]["residual_programme_xsuite"]["value"] < 1e-8


def test_requirements_are_drawn_and_no_limit_is_broken_silently(switched: Path) -> None:
    assert_evidence(read_run(switched))


def test_the_table_in_an_ideal_ring_gives_the_known_tunes(switched: Path) -> None:
    """Qx 1.6846 to 1.6735 (protons), 1.6650 to 1.6591 (carbon), Q'x -3.95 to -4.01: two other codes, digits quoted."""
    table = pd.read_csv(switched / "tables" / "table-optics.csv")
    assert list(table["Qx [1]"].iloc[[0, 4, 5, 7]]) == pytest.approx([1.6846, 1.6735, 1.6650, 1.6591], abs=6e-5)
    assert table["Q'x [1]"].between(-4.015, -3.945).all()


def test_one_smooth_error_explains_both_species(switched: Path) -> None:
    """The errors are below 2 % and leave of the tunes less than a tenth of the drift that they explain (0.025)."""
    found = results(switched)["quantities"]
    assert found["table_gradient_error"]["value"] < 0.02
    assert found["table_tune_residual"]["value"] < 2.5e-3


def test_a_change_of_energy_takes_what_is_published(switched: Path) -> None:
    """1 to 2 s between spills (MedAustron), 0.1 to 0.2 s within one (HIMAC)."""
    found = results(switched)["quantities"]
    assert 1.0 < found["longest_change"]["value"] < 2.0
    steps = pd.read_csv(switched / "tables" / "cycle-steps-table.csv")
    neighbours = steps[steps["from [MeV/u]"] - steps["to [MeV/u]"] < 5.0]
    assert len(neighbours) == 4
    assert neighbours["step [s]"].between(0.1, 0.2).all()


def test_the_run_folder_runs_again_with_the_same_numbers(switched: Path) -> None:
    study = load_study(switched / "study.toml", ["engine_energies=0"])
    assert isinstance(study, EnergySwitchingStudy)
    again = {one.name: one.value for one in compute(STUDY, resolve(study, switched / "study.toml")).result.quantities}
    found = {name: quantity["value"] for name, quantity in results(switched)["quantities"].items()}
    again["residual_programme_xsuite"] = found["residual_programme_xsuite"]
    assert again == pytest.approx(found, rel=1e-9, abs=1e-9)


IDEAL = ("--set", "errors.gradients={}", "--set", "errors.bend_k2=[]", "--set", "engine_energies=0")


@pytest.mark.parametrize(
    ("change", "failed", "left_out", "told"),
    [
        (
            "circuit.0.largest_current_A=2000",
            "SWI-04",
            (),
            "'bend' needs up to .* A, rated 2000 A.*nearest energy",
        ),
        ("circuit.0.largest_voltage_V=100", "SWI-05", ("SWI-06",), "'bend' needs .* V to hold its current"),
        ("circuit.0.largest_field=1.2", "SWI-10", (), "'bend' needs .* T, rated 1.2: exceeded"),
    ],
)
def test_an_overloaded_supply_or_magnet_fails_its_requirement_in_a_report(
    change: str, failed: str, left_out: tuple[str, ...], told: str, tmp_path: Path
) -> None:
    """What the rating does not touch is judged as before; a supply that cannot hold its current never ends a ramp."""
    out = tmp_path / "run"
    assert run(["run", "cnao-energy-switching", *FEW, *IDEAL, "--set", change, "--out", str(out), "-q"]) == 1
    found = dict(verdicts(results(out)))
    assert found[failed] == FAIL
    assert {name for name, verdict in found.items() if verdict == NOT_EVALUATED} >= set(left_out)
    assert found["SWI-01"] == PASS
    assert any(re.search(told, warning) for warning in results(out)["warnings"])
    assert_evidence(read_run(out))


@pytest.mark.parametrize(
    ("change", "code", "told"),
    [
        ("cycle.wanted_ramp_s=0.3", 3, "wanted_ramp_s = 0.3 s cannot be met from .*'bend' needs"),
        ("rf.largest_voltage_V=100", 3, "needs more than 100 V"),
        ("table=nowhere.csv", 4, "no such operational table"),
        ("vary.0=kff", 2, "kff.*did you mean 'kf'"),
        ("circuit.1.parameter=kk", 2, "circuit 'kk' is no magnet family"),
    ],
)
def test_what_cannot_be_is_named(
    change: str, code: int, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "run")
    assert run(["run", "cnao-energy-switching", *FEW, *IDEAL, "--set", change, "--out", out, "-q"]) == code
    message = capsys.readouterr().err
    assert re.search(told, message), message
    assert "Traceback" not in message


# ------------------------------------------------------------------------------------------------------ comparison


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder, code = shared_run(COMPARISON, tmp_path_factory)
    assert code == 0
    return folder


def test_requirements_of_the_comparison_are_drawn(compared: Path) -> None:
    assert_evidence(read_run(compared))


def test_the_comparison_passes_and_reproduces_what_is_published(compared: Path) -> None:
    assert verdicts(results(compared)) == verdicts_of("switching-comparison")
    found = results(compared)["quantities"]
    assert found["timing_checks_missed"]["value"] == 0
    assert found["layers_number"]["value"] == 20
    assert found["treatment_time_steps"]["value"] < found["treatment_time_cycles"]["value"]
    page = (compared / "report.html").read_text()
    assert "Time to treat" in page
    assert page.count("Sensitivity: ") >= 4


def test_the_ring_s_own_study_gives_the_change_of_energy(compared: Path) -> None:
    """20 layers, a new cycle of 1.5 to 1.6 s for each that needs beam: what the ring's study says of these energies."""
    bars = pd.read_csv(compared / "figures" / "time-causes.csv").set_index("machine")
    layers = (pd.read_csv(compared / "figures" / "dose-layers.csv")["particles"] > 0).sum()
    assert 1.5 < bars.loc["synchrotron, one energy a cycle", "energy change [s]"] / layers < 1.6


def test_the_linac_s_own_study_gives_its_beam(compared: Path) -> None:
    """Spread below 0.35 %, jumping with the last unit's amplitude; transmission of the tracked 200 above 95 %."""
    beams = pd.read_csv(compared / "tables" / "beam-machines.csv")
    linac = beams[beams["machine"] == "linac"]["energy spread [%]"]
    assert linac.max() < 0.35
    assert linac.max() > 2 * linac.min()
    assert (pd.read_csv(compared / "figures" / "beam-pulses.csv")["transmission"] > 0.95).all()


def comparison(*changes: str) -> SwitchingComparisonStudy:
    path = study_path("switching-comparison")
    assert path is not None
    study = load_study(path, changes)
    assert isinstance(study, SwitchingComparisonStudy)
    return study


def test_machines_that_do_not_reach_a_volume_are_left_out_with_the_reason() -> None:
    study = comparison("target.proximal_mm=250", "target.distal_mm=360")
    within = reaches(study)
    missing = within.missing(treatment_of(study, within))
    assert set(missing) == {"linac", "cyclotron"}
    assert "the machine has 70 to 230 MeV/u: depths from 40.75 to 329.4 mm work" in missing["linac"]


def test_carbon_is_for_the_ring_alone_and_an_unknown_species_is_named() -> None:
    within = reaches(comparison("target.species=carbon-12"))
    assert set(within.limits) == {"one energy a cycle", "several energies a spill"}
    assert within.unable["linac"] == "it accelerates proton, the target asks for carbon-12"
    with pytest.raises(InputError, match="did you mean 'helium"):
        reaches(comparison("target.species=helum-4"))
    with pytest.raises(InputError, match="'cnao-optics' is a study of kind 'optics', expected 'energy-switching'"):
        reaches(comparison("synchrotron.study=cnao-optics"))


def test_what_a_study_computes_can_be_said_instead_or_scaled() -> None:
    study = comparison()
    changed, factors = varied(study, "synchrotron.change_s", 0.5)
    assert (changed, factors) == (study, {"synchrotron.change_s": 0.5})
    changed, factors = varied(study, "synchrotron.particles_per_spill", 2.0)
    assert changed.synchrotron.particles_per_spill["proton"] == 2e10
    assert changed.synchrotron.particles_per_spill["carbon-12"] == 4e8
    assert factors == {}


def test_a_volume_no_machine_reaches_says_what_works(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "run")
    assert run(["run", "switching-comparison", "--set", "target.distal_mm=500", "--out", out, "-q"]) == 3
    assert "500 mm needs proton of" in capsys.readouterr().err
