"""The section table of a linac: every key arrives, in SI units, at what it is for. Made up, all numbers unequal."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from math import pi
from typing import Any, get_args

import numpy as np
import pytest
from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from lattice import InputError, ReferenceParticle
from lattice.reference import SPEED_OF_LIGHT
from machines.linacs.machine import LinacMachine
from machines.linacs.table import LinacTable
from optics.linac import PermanentQuadrupole, Pipe, transport
from tests.checkout import ROOT

TEXT = """
name = "made-up"
title = "Helium of 20 to 24 MeV"
lowest_energy_MeV = 20.4
highest_energy_MeV = 22.8
largest_gradient_T_per_m = 70.5
assumptions = ["nothing is real"]
references = ["none", "nowhere"]

[beam]
species = "helium-4"
kinetic_energy_MeV = 20.0
emittance_x_um = 0.31
emittance_y_um = 0.17
sigma_phase_deg = 4.5
sigma_energy_keV = 23.0
correlation = 0.25
frequency_MHz = 750.0
bunch_frequency_MHz = 375.0
betx_m = 0.61
alfx = 0.42
bety_m = 0.37
alfy = -0.83
distribution = "waterbag"
capture = 0.9
current_uA = 150.0

[[section]]
kind = "matching"
name = "lens"
bore_mm = 9.5
magnet_length_mm = 13.0
spaces_mm = [4.0, 0.0, 11.0]
gradients_T_per_m = [12.0, -14.5]

[[section]]
kind = "tanks"
name = "dtl"
mode = "0"
tanks = 3
cells = [4, 5, 6]
cell = { kind = "gap", gap = 0.3, edge = 0.05 }
E0T_MV_per_m = 2.5
synchronous_phase_deg = -31.0
frequency_MHz = 750.0
bore_mm = 8.5
shortest_gap_mm = 41.0
magnet_length_mm = 23.0
gradients_T_per_m = [30.0, -31.5, 32.5]
tanks_per_unit = 2
supply = { shunt_impedance_MOhm_per_m = 55.0, surface_field_ratio = 5.2, klystron_MW = 7.5, waveguide_loss = 0.12 }

[[section]]
kind = "tanks"
name = "ccl"
mode = "pi"
tanks = 2
cells = 7
cell = { kind = "sine" }
E0T_MV_per_m = 3.5
synchronous_phase_deg = -17.0
frequency_MHz = 1500.0
bore_mm = 7.5
shortest_gap_mm = 45.0
magnet_length_mm = 21.0
gradients_T_per_m = [40.0, -42.5]
tanks_per_unit = 2
supply = { shunt_impedance_MOhm_per_m = 77.0, surface_field_ratio = 4.4, klystron_MW = 3.5 }

[pulse]
length_us = 5.5
repetition_Hz = 120.0
amplitude_settling_us = 2.5
low_level_us = 101.0
magnet_slew_Tm_per_s = 1.9
magnet_settling_ms = 21.0

[tolerance]
unit_amplitude = 0.0011
unit_phase_deg = 0.2
tank_amplitude = 0.0031
tank_phase_deg = 0.55
magnet_offset_um = 12.0
magnet_roll_mrad = 2.2
magnet_gradient = 0.0041
cut_sigmas = 2.75
"""
DEGREE = pi / 180


def changed(**tables: Any) -> LinacTable:
    content = tomllib.loads(TEXT)
    for key, value in tables.items():
        content[key] = {**content[key], **value} if isinstance(value, dict) else value
    return LinacTable.model_validate(content)


@pytest.fixture(scope="module")
def machine() -> LinacMachine:
    return LinacMachine.of(changed())


def test_what_every_machine_has(machine: LinacMachine) -> None:
    assert (machine.kind, machine.name, machine.title) == ("linac", "made-up", "Helium of 20 to 24 MeV")
    assert machine.assumptions == ("nothing is real",)
    assert machine.references == ("none", "nowhere")
    # energies of the table are of the whole particle of four nucleons
    assert machine.reach == pytest.approx((20.4e6, 22.8e6), rel=1e-15)
    assert dict(machine.energies) == {"helium-4": pytest.approx((5.1e6, 5.7e6), rel=1e-15)}
    assert machine.top_particle.kinetic_energy == pytest.approx(22.8e6, rel=1e-15)


def test_pulses(machine: LinacMachine) -> None:
    pulse = machine.pulse
    times = (pulse.length, pulse.amplitude_settling, pulse.low_level, pulse.magnet_settling)
    assert times == pytest.approx((5.5e-6, 2.5e-6, 101e-6, 21e-3), rel=1e-12)
    assert (pulse.repetition, pulse.magnet_slew) == (120.0, 1.9)
    assert pulse.duty == pytest.approx(5.5e-6 * 120, rel=1e-12)


def test_tolerances(machine: LinacMachine) -> None:
    errors = machine.errors
    assert (errors.amplitude, errors.tank_amplitude, errors.gradient) == (0.0011, 0.0031, 0.0041)
    assert (errors.phase, errors.tank_phase) == pytest.approx((0.2 * DEGREE, 0.55 * DEGREE), rel=1e-12)
    assert (errors.offset, errors.roll) == pytest.approx((12e-6, 2.2e-3), rel=1e-12)
    assert errors.cut == 2.75


def test_the_beam_at_the_entrance(machine: LinacMachine) -> None:
    bunch = machine.bunch
    assert bunch.particle.species == "helium-4"
    assert bunch.particle.kinetic_energy == pytest.approx(20e6, rel=1e-15)
    assert (bunch.emittance_x, bunch.emittance_y) == pytest.approx((0.31e-6, 0.17e-6), rel=1e-12)
    assert (bunch.betx, bunch.alfx, bunch.bety, bunch.alfy) == (0.61, 0.42, 0.37, -0.83)
    assert (bunch.sigma_phase, bunch.sigma_energy) == pytest.approx((4.5 * DEGREE, 23e3), rel=1e-12)
    assert (bunch.frequency, bunch.correlation) == (750e6, 0.25)


def test_charge_of_a_bunch_is_the_current_over_the_frequency_of_bunches(machine: LinacMachine) -> None:
    assert machine.current == pytest.approx(150e-6, rel=1e-12)
    assert machine.bunch_charge == pytest.approx(150e-6 / 375e6, rel=1e-12, abs=0)  # 0.4 pC: below the usual abs
    # without it bunches come as often as the RF
    every = LinacMachine.of(changed(beam={"bunch_frequency_MHz": None}))
    assert every.bunch_charge == pytest.approx(150e-6 / 750e6, rel=1e-12, abs=0)


def test_the_sample_is_of_the_stated_distribution(machine: LinacMachine) -> None:
    assert np.array_equal(machine.sample(50, seed=3), machine.bunch.sample(50, seed=3, distribution="waterbag"))
    gaussian = LinacMachine.of(changed(beam={"distribution": "gaussian", "cut_sigmas": 1.5}))
    assert np.array_equal(gaussian.sample(50, seed=3), gaussian.bunch.sample(50, seed=3, cut=1.5))


def test_lenses_between_structures_stand_as_given(machine: LinacMachine) -> None:
    pieces = machine.linac.pieces[:4]  # a space of 0 is no piece
    assert [type(piece) for piece in pieces] == [Pipe, PermanentQuadrupole, PermanentQuadrupole, Pipe]
    assert [piece.length for piece in pieces] == pytest.approx([4e-3, 13e-3, 13e-3, 11e-3], rel=1e-12)
    assert {piece.bore for piece in pieces} == {9.5e-3}
    assert [machine.linac.magnet(f"lens-quadrupole-{n}").gradient for n in (1, 2)] == [12.0, -14.5]


def test_structures_become_tanks_with_a_gap_and_a_quadrupole_behind_each(machine: LinacMachine) -> None:
    tanks = machine.linac.tanks
    assert [tank.name for tank in tanks] == ["dtl-tank-1", "dtl-tank-2", "dtl-tank-3", "ccl-tank-1", "ccl-tank-2"]
    assert [tank.cells for tank in tanks] == [4, 5, 6, 7, 7]
    assert [tank.mode for tank in tanks] == ["0"] * 3 + ["pi"] * 2
    assert [tank.bore for tank in tanks] == pytest.approx([8.5e-3] * 3 + [7.5e-3] * 2, rel=1e-12)
    assert [tank.frequency for tank in tanks] == [750e6] * 3 + [1500e6] * 2
    assert [tank.synchronous_phase for tank in tanks] == pytest.approx([-31 * DEGREE] * 3 + [-17 * DEGREE] * 2)
    # E0T is the mean field times the transit-time factor at the velocity in step with the cells
    assert [tank.e0t for tank in tanks] == pytest.approx([2.5e6] * 3 + [3.5e6] * 2, rel=1e-9)
    magnets = [magnet for magnet in machine.linac.quadrupoles if not magnet.name.startswith("lens")]
    assert [magnet.gradient for magnet in magnets] == [30.0, -31.5, 32.5, 40.0, -42.5]
    assert [magnet.length for magnet in magnets] == pytest.approx([23e-3] * 3 + [21e-3] * 2, rel=1e-12)


def test_gaps_are_the_shortest_half_odd_wavelengths_that_are_allowed(machine: LinacMachine) -> None:
    """(m + 1/2) beta lambda, with beta behind the tank."""
    pieces, run = machine.linac.pieces, transport(machine.linac)
    for section, frequency, shortest, half_odd in (("dtl", 750e6, 0.041, 1.5), ("ccl", 1500e6, 0.045, 2.5)):
        at = next(index for index, piece in enumerate(pieces) if piece.name == f"{section}-tank-1")
        gap = sum(piece.length for piece in pieces[at + 1 : at + 4])
        behind = ReferenceParticle("helium-4", kinetic_energy_per_u=float(run.energy[run.row(pieces[at + 1].name)]) / 4)
        # 1e-3: tanks are sized before the design pass finds the energy, here to 1e-3 of it
        assert gap == pytest.approx(half_odd * behind.beta * SPEED_OF_LIGHT / frequency, rel=1e-3)
        assert gap >= shortest > gap - behind.beta * SPEED_OF_LIGHT / frequency


def test_units_of_tanks_have_the_supply_of_their_structure(machine: LinacMachine) -> None:
    # two tanks a unit: the last one of three is alone; a structure on one unit gives the unit its name
    assert [len(machine.tanks_of(unit)) for unit in machine.linac.units] == [2, 1, 2]
    assert list(machine.supplies) == ["dtl-1", "dtl-2", "ccl"]
    found = [
        (s.shunt_impedance, s.surface_field_ratio, s.klystron, s.waveguide_loss) for s in machine.supplies.values()
    ]
    assert found == [(55e6, 5.2, 7.5e6, 0.12)] * 2 + [(77e6, 4.4, 3.5e6, 0.0)]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ({"kind": "sine"}, pi / 4),  # T(pi) of cos(pi s / L): pi / 4
        (
            {"kind": "polynomial", "coefficients": [0.2, 0.1, 0.03], "lowest_kl": 2.0, "highest_kl": 4.0},
            0.2 + 0.1 * pi + 0.03 * pi**2,
        ),
        (
            {"kind": "table", "kl": [2.0, 2.5, 3.0, 3.5, 4.0, 4.5], "factor": [0.9, 0.85, 0.8, 0.75, 0.7, 0.65]},
            1.1 - 0.1 * pi,
        ),
    ],
)
def test_the_factor_of_a_cell_is_that_of_its_table(cell: dict[str, Any], expected: float) -> None:
    content = tomllib.loads(TEXT)
    content["section"][2]["cell"] = cell
    tank = LinacMachine.of(LinacTable.model_validate(content)).linac.tanks[-1]
    # kL = pi in a pi-mode cell in step; 1e-4 is how well a table is repeated by its polynomial
    assert tank.cell(pi) == pytest.approx(expected, abs=1e-4)


def test_a_drift_tube_cell_takes_gap_and_edge(machine: LinacMachine) -> None:
    cell = machine.linac.tanks[0].cell
    assert cell.profile is not None
    s = np.array([0.0, 0.15, 0.25])
    # tanh edges 0.05 L wide at s = +-0.15 L, over their mean (the gap's share 0.3): full, half, and e^-4 of it
    wanted = 0.5 * (np.tanh((s + 0.15) / 0.05) - np.tanh((s - 0.15) / 0.05)) / 0.3
    np.testing.assert_allclose(cell.profile(s), wanted, atol=1e-5)  # of 3.3: a curve through samples of the field


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"beam": {"betx_m": None}}, "betx_m and bety_m go together"),
        ({"lowest_energy_MeV": 22.8}, "lowest_energy_MeV 22.8 is not below highest_energy_MeV 22.8"),
        ({"section": []}, "section"),
        ({"pulse": {"length_ms": 1.0}}, "length_ms"),
        ({"beam": {"correlation": 1.01}}, "correlation"),
        ({"beam": {"capture": 0.0}}, "capture"),
        ({"tolerance": {"unit_amplitude": -0.1}}, "unit_amplitude"),
    ],
)
def test_what_a_table_cannot_be_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        changed(**change)


@pytest.mark.parametrize(
    ("number", "change", "message"),
    [
        (0, {"spaces_mm": [4.0, 11.0]}, "section 'lens': 2 quadrupoles have 3 spaces around them, found 2"),
        (1, {"name": "ccl"}, "two sections are called ccl"),
        (1, {"cell": {"kind": "gap"}}, "a cell of kind 'gap' needs gap"),
        (1, {"cell": {"kind": "table", "kl": [1.0]}}, "a cell of kind 'table' needs factor"),
        (1, {"cell": {"kind": "polynomial"}}, "needs coefficients, lowest_kl, highest_kl"),
        (1, {"mode": "2pi"}, "mode"),
        (2, {"supply": {"klystron_MW": -1.0}}, "klystron_MW"),
        (2, {"synchronous_phase_deg": 90.0}, "synchronous_phase_deg"),
    ],
)
def test_what_a_section_cannot_be_is_refused(number: int, change: dict[str, Any], message: str) -> None:
    content = tomllib.loads(TEXT)
    content["section"][number] |= change
    with pytest.raises(ValidationError, match=message):
        LinacTable.model_validate(content)


def test_lenses_alone_are_no_linac() -> None:
    with pytest.raises(ValidationError, match="at least one section of tanks"):
        changed(section=tomllib.loads(TEXT)["section"][:1])


def test_an_unknown_particle_is_named() -> None:
    with pytest.raises(InputError, match="helium-4"):
        LinacMachine.of(changed(beam={"species": "helium-5"}))


# ----------------------------------------------------------------------------------------------------- its document

DOCUMENT = (ROOT / "docs" / "linac.md").read_text(encoding="utf-8")


def keys(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, FieldInfo]]:
    """Every key of the table and of the tables in it, dotted."""
    for name, field in model.model_fields.items():
        yield f"{prefix}{name}", field
        for inner in models(field.annotation):
            yield from keys(inner, f"{prefix}{name}.")


def models(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from models(part)


def documented() -> dict[str, str]:
    """Each key of the document's table, and what it says happens without it."""
    rows = re.findall(r"^\| (`[^|]+`) \| [^|]+ \| ([^|]+) \|$", DOCUMENT, re.MULTILINE)
    return {key: default.strip() for names, default in rows for key in re.findall(r"`([^`]+)`", names)}


def test_every_key_is_documented_and_no_other() -> None:
    assert set(documented()) == {name for name, _ in keys(LinacTable)}


def test_the_document_says_what_holds_without_a_key() -> None:
    told = documented()
    for name, field in keys(LinacTable):
        if isinstance(field.default, float | str):
            assert told[name] == f"`{field.default}`", name
        assert (told[name] == "needed") == field.is_required(), name
