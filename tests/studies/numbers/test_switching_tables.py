"""Every column of the tables of energy switching is its number over its unit."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from lattice import ReferenceParticle
from studies.energy_switching.facts import SwitchingFacts
from studies.energy_switching.tables import tables
from tests.studies.numbers.switching_facts import CARBON, facts, table

SPECIES = 2 * ["proton"] + 3 * ["carbon-12"]
BEGIN: dict[str, list] = {
    "species": SPECIES,
    "energy [MeV/u]": [60.0, 120.0, 120.0, 200.0, 300.0],
    "B rho [T m]": [1.1, 1.6, 3.2, 4.3, 5.3],
}


def frame(name: str, found: SwitchingFacts | None = None) -> pd.DataFrame:
    return {one.id: one.frame for one in tables(found or facts())}[name]


def assert_columns(found: pd.DataFrame, expected: dict[str, list]) -> None:
    """All columns in order, text as it is and numbers to rounding."""
    assert list(found.columns) == list(expected)
    for name, values in expected.items():
        wanted = values if isinstance(values[0], str) else pytest.approx(values, rel=1e-12)
        assert list(found[name]) == wanted, name


def test_the_programme() -> None:
    """Set strengths, fields, currents (1 mT and 10 mT/m an ampere), and the optics that comes out."""
    assert_columns(
        frame("strengths-programme"),
        {
            **BEGIN,
            "bend [T]": [0.5, 0.9, 0.4, 0.8, 1.5],
            "bend [A]": [500.0, 900.0, 400.0, 800.0, 1500.0],
            "kd [1/m^2]": [0.51, 0.52, 0.53, 0.54, 0.55],
            "kd [T/m]": [-2.0, -3.9, -1.0, -2.0, -3.0],
            "kd [A]": [-200.0, -390.0, -100.0, -200.0, -300.0],
            "Qx [1]": [1.66, 1.67, 1.68, 1.69, 1.70],
            "Qy [1]": [1.71, 1.72, 1.73, 1.74, 1.75],
            "Q'x [1]": [-4.1, -3.9, -4.3, -4.0, -4.2],
            "Q'y [1]": [-1.1, -1.2, -1.3, -1.4, -1.5],
        },
    )


def test_a_parameter_that_is_no_strength_itself_has_no_strength_s_unit() -> None:
    """2 s0 is the strength of the sextupole."""
    one = facts()
    cycles = []
    for cycle in one.cycles:
        bend, other = cycle.circuits
        sextupole = type(other)(type(other.magnet)("s0", "T/m^2", *_models(other)), -1.0, other.extraction)
        fields = {name: getattr(cycle, name) for name in cycle.__dataclass_fields__}
        cycles.append(type(cycle)(**{**fields, "circuits": (bend, sextupole)}))
    found = frame("strengths-programme", facts(cycles=tuple(cycles)))
    assert list(found["s0 [unit of the lattice]"]) == [1.1, 1.2, 1.3, 1.4, 1.5]
    assert list(found["s0 [T/m^2]"]) == [-2.0, -3.9, -1.0, -2.0, -3.0]


def _models(circuit: object) -> tuple:
    magnet = circuit.magnet  # type: ignore[attr-defined]
    return magnet.excitation, magnet.supply, magnet.eddy, magnet.hysteresis


def test_times_of_the_cycle() -> None:
    rows = np.array([0, 1, 0, 1, 2])
    assert_columns(
        frame("cycle-times"),
        {
            **BEGIN,
            "injection [s]": list(0.01 + 0.1 * rows),
            "capture [s]": list(0.02 + 0.1 * rows),
            "ramp [s]": [1.0, 1.6, 1.0, 1.4, 2.1],
            "settling [s]": list(0.04 + 0.1 * rows),
            "extraction [s]": list(0.05 + 0.1 * rows),
            "ramp down [s]": list(0.06 + 0.1 * rows),
            "standardisation [s]": list(0.07 + 0.1 * rows),
            "change [s]": [1.2, 1.9, 1.1, 1.7, 1.5],
            "slowest circuit": ["bend", "kd", "bend", "kd", "bend"],
        },
    )


def test_steps_go_up_for_one_species_and_down_for_the_other() -> None:
    rows = np.array([0, 0, 1])
    assert_columns(
        frame("cycle-steps-table"),
        {
            "species": ["proton", "carbon-12", "carbon-12"],
            "to [MeV/u]": [120.0, 120.0, 200.0],
            "from [MeV/u]": [60.0, 200.0, 300.0],
            "recapture [s]": list(0.02 + 0.2 * rows),
            "ramp [s]": list(0.04 + 0.2 * rows),
            "settling [s]": list(0.06 + 0.2 * rows),
            "preparation [s]": list(0.08 + 0.2 * rows),
            "step [s]": [0.21, 0.31, 0.18],
            "hysteresis of the bends [1]": [1e-4, 5e-5, 4e-4],
            "hysteresis of the gradients [1]": [3e-4, 1e-4, 2e-4],
        },
    )


def test_the_rf_programme() -> None:
    """0.5 s, 7 MeV, 2 MHz, 11 degrees, 0.3 eV s and 1.5e-3, times 1, 2, 3."""
    times = np.array([1.0, 2.0, 1.0, 2.0, 3.0])
    assert_columns(
        frame("cycle-rf-table"),
        {
            "species": SPECIES,
            "t [s]": list(0.5 * times),
            "energy [MeV/u]": list(7.0 * times),
            "f [MHz]": list(2.0 * times),
            "V [V]": [100.0, 400.0, 700.0, 300.0, 50.0],
            "phi_s [deg]": list(11.0 * times),
            "bucket area [eV s]": list(0.3 * times),
            "bucket height dp/p [1e-3]": list(1.5 * times),
        },
    )


def beta_gamma(particle: ReferenceParticle) -> float:
    return float(np.sqrt((1 + particle.kinetic_energy_per_u * 12 / particle.mass) ** 2 - 1))


def test_the_extracted_beam_of_the_species_that_has_one() -> None:
    """Emittance 1.5 um in x at all energies, 0.75 um over beta gamma in y; D dp/p is 2 m x 5e-4, D' dp/p -2.5e-4."""
    found = frame("beam-energies")
    assert list(found["species"]) == 3 * ["carbon-12"]
    assert list(found["energy [MeV/u]"]) == pytest.approx([120.0, 200.0, 300.0])
    gamma = np.array([1 + one.kinetic_energy_per_u * 12 / one.mass for one in CARBON])
    assert list(found["energy spread [%]"]) == pytest.approx(list(100 * 5e-4 * (gamma + 1) / gamma), rel=1e-12)
    size, angle = np.hypot(np.sqrt(1.5 * 9.0), 1.0), np.hypot(np.sqrt(1.5 * 2 / 9), 0.25)  # mm and mrad
    assert list(found["sigma x [mm]"]) == pytest.approx(3 * [size], rel=1e-12)
    assert list(found["sigma x' [mrad]"]) == pytest.approx(3 * [angle], rel=1e-12)
    assert list(found["correlation x [1]"]) == pytest.approx(3 * [(1.5 - 0.25) / (size * angle)], rel=1e-12)
    emittance = np.array([0.75 / beta_gamma(one) for one in CARBON])  # um
    assert list(found["sigma y [mm]"]) == pytest.approx(list(np.sqrt(4 * emittance)), rel=1e-12)
    assert list(found["sigma y' [mrad]"]) == pytest.approx(list(np.sqrt(1.25 / 4 * emittance)), rel=1e-12)
    assert list(found["correlation y [1]"]) == pytest.approx(3 * [-0.5 / np.sqrt(1.25)], rel=1e-12)


def test_the_operational_table_as_its_file_has_it() -> None:
    """S1 and S0 are stored with a minus sign."""
    assert_columns(
        frame("operational-0"),
        {
            "kinetic_energy_MeV_per_u": [60.0, 120.0],
            "brho_T_m": [1.1, 1.6],
            "KF_1_per_m2": [0.1, 0.2],
            "KR_1_per_m2": [0.2, 0.4],
            "KD_1_per_m2": [0.3, 0.6],
            "SR_1_per_m3": [0.4, 0.8],
            "minus_S1_1_per_m3": [-0.5, -1.0],
            "minus_S0_1_per_m3": [-0.6, -1.2],
        },
    )


def test_the_operational_table_in_an_ideal_ring() -> None:
    assert_columns(
        frame("table-optics"),
        {
            "species": ["proton", "proton"],
            "energy [MeV/u]": [60.0, 120.0],
            "B rho [T m]": [1.15, 1.65],
            "Qx [1]": [1.61, 1.62],
            "Qy [1]": [1.63, 1.64],
            "Q'x [1]": [-3.1, -3.2],
            "Q'y [1]": [-1.6, -1.7],
            "gradient error, focusing [1e-3]": [3.0, -5.0],
            "gradient error, defocusing [1e-3]": [-20.0, 10.0],
            "k2 of the bends [1/m^3]": [0.03, 0.04],
            "Qx left [1e-3]": [2.0, -1.0],
            "Qy left [1e-3]": [4.0, -3.0],
        },
    )


def test_coefficients_of_the_field_errors() -> None:
    what = ["relative gradient of kf", "relative gradient of kd", "k2 of the bends"]
    assert_columns(frame("table-coefficients"), {"what": what, "u^0": [1e-3, 3e-3, 5e-3], "u^1": [2e-3, 4e-3, 6e-3]})
    captions = {one.id: one.caption for one in tables(facts(table=table()))}
    assert "u = B rho / 6.35 T m" in captions["table-coefficients"]


def test_tunes_by_both_engines() -> None:
    found = frame("engines-energies")
    assert_columns(
        found[[column for column in found.columns if column != "largest difference [1]"]],
        {
            "species": ["proton", "carbon-12"],
            "energy [MeV/u]": [60.0, 300.0],
            "Qx [1]": [1.666, 1.667],
            "Qx, Xsuite [1]": [1.666 + 2e-9, 1.667 - 3e-9],
            "Qy [1]": [1.74, 1.75],
            "Qy, Xsuite [1]": [1.74 - 5e-9, 1.75 + 1e-9],
        },
    )
    # differences of numbers about 1.7 are known to 2e-16
    assert list(found["largest difference [1]"]) == pytest.approx([5e-9, 3e-9], abs=1e-15)
