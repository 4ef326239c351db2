"""The studies of the linac: run, run again from the folder, a table of one's own, and what is wrong with it."""

from __future__ import annotations

import json
import re
from functools import partial
from math import sqrt
from pathlib import Path

import pytest

from lattice import InputError
from machines.registry import linac_named
from optics.matter.ranges import energy_of_range, range_in_water
from studies.commands.dose_beam import beam_at, beam_table
from studies.linac.resolution import resolve_linac
from studies.linac.switching.resolution import resolve
from studies.linac.switching.spec import LinacSwitchingStudy
from studies.report import render
from studies.runs.running import RunOptions, prepared, run_to_folder
from studies.runs.store import read_run
from studies.spec.study_file import load_study
from tests.checkout import ROOT
from tests.studies.evidence import assert_evidence

FEW = [
    "particles=500",
    "integrated_particles=10",
    "error_samples=2",
    "error_particles=100",
    "samples=5",
    "assumption=[]",
]
BUILTIN = ROOT / "studies" / "builtin"


@pytest.fixture(scope="module")
def optics(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("linac") / "run"
    study = load_study(BUILTIN / "linac-optics.toml", FEW).model_copy(update={"name": "linac-optics"})
    run_to_folder(str(study.name), partial(prepared, study, None), RunOptions(folder, quiet=True))
    return folder


def test_every_requirement_has_a_verdict_and_the_report_is_rendered_again(optics: Path) -> None:
    results = json.loads((optics / "results.json").read_text())
    needed = [requirement.id for requirement in linac_named("linac").requirements_of("linac-optics")]
    assert [verdict["id"] for verdict in results["verdicts"]] == needed
    assert render(read_run(optics)) == (optics / "report.html").read_text()


def test_requirements_are_drawn_and_no_limit_is_broken_silently(optics: Path) -> None:
    assert_evidence(read_run(optics))


def test_the_numbers_of_a_run_go_together(optics: Path) -> None:
    """Sums and extremes of one another, and of the machine: 5 to 230 MeV, 14 units, 300 uA for 5 us 200 times a second.

    Lost protons carry between 5 and 230 MeV each.
    """
    found = json.loads((optics / "results.json").read_text())["quantities"]
    value = {name: quantity["value"] for name, quantity in found.items()}
    machine = linac_named("linac")
    assert [name for name in value if value[name] is None] == []
    assert value["final_energy"] == pytest.approx(230e6, rel=5e-3)
    assert value["length"] == pytest.approx(machine.linac.length, rel=1e-12)
    assert value["average_power"] == pytest.approx(value["rf_power"] * machine.pulse.duty, rel=1e-12)
    assert value["rf_power"] / 14 < value["unit_power"] < value["rf_power"]
    assert value["unit_power"] > machine.current * (value["final_energy"] - 5e6) / 14
    mean_current = machine.current * machine.pulse.duty
    lost = 1 - value["transmission"]
    assert lost * mean_current * 5e6 <= value["lost_power"] <= lost * mean_current * value["final_energy"]
    assert value["least_advance"] < value["largest_advance"] < 0.5
    counting = found["transmission"]["error"]  # errors lose particles: of 100 the count alone may say otherwise
    assert value["transmission_with_errors"] <= value["transmission"] + counting * sqrt(500 / 100)
    assert found["transmission_with_errors"]["error"] is None  # two machines bound nothing


def test_the_folder_runs_again_with_the_same_numbers(optics: Path, tmp_path: Path) -> None:
    study = load_study(optics / "study.toml")
    again = partial(prepared, study, optics / "study.toml")
    run_to_folder("again", again, RunOptions(tmp_path / "again", quiet=True))
    first, again = (json.loads((folder / "results.json").read_text()) for folder in (optics, tmp_path / "again"))
    assert first["quantities"] == again["quantities"]


def test_energies_with_their_table(tmp_path: Path) -> None:
    few = ["energies.number=5", "energies.lower_MeV=80", "particles_per_energy=200", "samples=4", "compare=[]"]
    few += ["shown_energies=3"]
    study = load_study(BUILTIN / "linac-energy-switching.toml", few).model_copy(update={"name": "energies"})
    run_to_folder(str(study.name), partial(prepared, study, None), RunOptions(tmp_path / "run", quiet=True))
    assert_evidence(read_run(tmp_path / "run"))
    tfs = pytest.importorskip("tfs")
    table = tfs.read(tmp_path / "run" / "tables" / "energies.tfs")
    assert list(table["W_MEV"]) == pytest.approx([80, 117.5, 155, 192.5, 230])
    assert table["MEAN_W_MEV"].to_numpy() == pytest.approx(table["W_MEV"].to_numpy(), rel=1e-3)
    particle, moments = beam_at(beam_table(tmp_path / "run"), 230.0)
    alpha = float(table["ALFX"].iloc[-1])
    assert particle.species == "proton"
    assert moments["sigma x [mm]"] == pytest.approx(float(table["SIGMA_X_MM"].iloc[-1]), rel=1e-3)
    assert moments["correlation x [1]"] == pytest.approx(-alpha / (1 + alpha**2) ** 0.5, abs=1e-3)


def test_what_is_wrong_with_a_table_is_said(tmp_path: Path, optics: Path) -> None:
    text = (optics / "linac.toml").read_text()
    (tmp_path / "mine.toml").write_text(text.replace("emittance_x_um", "emitance_x_um"))
    (tmp_path / "study.toml").write_text('study = "linac-optics"\nlinac = "mine.toml"\n')
    with pytest.raises(InputError, match="did you mean 'emittance_x_um'"):
        resolve_linac(load_study(tmp_path / "study.toml"), tmp_path / "study.toml")  # type: ignore[type-var]
    changes = ["gradients.cll=[1.0]"]
    with pytest.raises(InputError, match="no section 'cll'; did you mean 'ccl'"):
        resolve_linac(load_study(BUILTIN / "linac-optics.toml", changes), None)  # type: ignore[type-var]


def test_an_ion_has_its_own_ranges_and_a_table_of_its_own_its_own_energies(tmp_path: Path) -> None:
    """Energies of a section table are of the whole particle, ranges those of its species."""
    text = """
        name = "ions"
        title = "Carbon booster"
        largest_gradient_T_per_m = 300
        lowest_energy_MeV = 380
        highest_energy_MeV = 420
        beam = {species = "carbon-12", kinetic_energy_MeV = 360, emittance_x_um = 0.1, emittance_y_um = 0.1,
            sigma_phase_deg = 4, sigma_energy_keV = 600, frequency_MHz = 2997.92458, current_uA = 1}
        pulse = {length_us = 5, repetition_Hz = 200, amplitude_settling_us = 10, low_level_us = 10,
            magnet_slew_Tm_per_s = 10, magnet_settling_ms = 10}
        tolerance = {unit_amplitude = 0.001, unit_phase_deg = 0.2, tank_amplitude = 0, tank_phase_deg = 0,
            magnet_offset_um = 0, magnet_roll_mrad = 0, magnet_gradient = 0}
        [[section]]
        kind = "tanks"
        name = "ccl"
        mode = "pi"
        tanks = 4
        cells = 14
        E0T_MV_per_m = 14
        synchronous_phase_deg = -20
        frequency_MHz = 2997.92458
        bore_mm = 3
        shortest_gap_mm = 65
        magnet_length_mm = 30
        tanks_per_unit = 4
        gradients_T_per_m = [260, -255, 255, -255]
        supply = {shunt_impedance_MOhm_per_m = 70, surface_field_ratio = 4.5, klystron_MW = 7.5}
    """
    (tmp_path / "ions.toml").write_text(re.sub(r",\n\s+", ", ", text))
    study = tmp_path / "study.toml"
    study.write_text('study = "linac-energy-switching"\nlinac = "ions.toml"\n')
    found = resolve(load_study(study), study)  # type: ignore[arg-type]
    assert isinstance(found.study, LinacSwitchingStudy)
    particle = found.machine.linac.particle
    assert particle.kinetic_energy_per_u == pytest.approx(30e6, rel=1e-12)
    assert range_in_water(360e6, particle.kind) == pytest.approx(particle.range_in_water, rel=1e-12)
    assert energy_of_range(particle.range_in_water, particle.kind) == pytest.approx(360e6, rel=1e-12)
    assert (found.study.energies.lower_MeV, found.study.energies.upper_MeV) == (380.0, 420.0)
    assert energy_of_range(1e-3 * found.study.volume.deepest_mm, particle.kind) == pytest.approx(420e6, rel=1e-9)
