"""A linac of one's own: what it assumes, what it loses, what it does not reach, and a study of it to begin from."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from math import pi, sin, sinh
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lattice import InputError
from machines.linacs.machine import LinacMachine
from machines.linacs.table import LinacTable
from optics.linac import track, transport
from optics.linac.balance import tank_table
from optics.linac.result import kept
from studies.cli import run
from studies.linac.switching.figures import figures
from studies.linac.switching.layers import layer_table
from studies.linac.switching.quantities import evaluate
from studies.linac.switching.reach import energies_of
from studies.linac.switching.resolution import resolve
from studies.linac.switching.spec import VolumeSpec
from studies.linac.switching.tables import tables
from studies.linac.switching.text import text
from studies.linac.text import beam_lost, strong_fields
from studies.spec.study_file import load_study
from tests.studies.test_linac_gathering import TABLE, small, switched

PLAIN = re.sub(r",\n\s+", ", ", TABLE)
DRIFT_TUBES = PLAIN.replace('mode = "pi"', 'mode = "0"')


def machine_of(content: str) -> LinacMachine:
    return LinacMachine.of(LinacTable.model_validate(tomllib.loads(content)))


# ------------------------------------------------------------------------------------------------ what it assumes


@pytest.mark.number
def test_drift_tubes_without_a_cell_have_a_gap_and_say_so() -> None:
    """T of a field that fills a quarter of beta lambda: sin(pi/4)/(pi/4), times x/sinh(x) of tanh edges 0.04 wide.

    x = pi k w/2 with k = 2 pi/L and w = 0.04 L is 0.04 pi^2; the design's velocity is the cells' to 1e-3.
    """
    machine = machine_of(DRIFT_TUBES)
    told = [one for one in machine.assumptions if "cell" in one]
    assert told == ["Assumed, nobody stated it: cell: drift tubes (mode 0) with a gap of 0.25 of the cell."]
    factors = [tank.e0t / tank.e0 for tank in machine.linac.tanks]
    edges = 0.04 * pi**2
    assert factors == pytest.approx([sin(pi / 4) / (pi / 4) * edges / sinh(edges)] * 6, rel=1e-3)
    again = LinacTable.model_validate(machine.table.model_dump(mode="json", exclude_none=True))
    assert again.assumptions == machine.table.assumptions


def test_a_stated_cell_is_no_assumption() -> None:
    own = DRIFT_TUBES.replace("bore_mm = 2.5", 'bore_mm = 2.5\ncell = {kind = "sine"}')
    machine = machine_of(own)
    assert not any("cell" in one for one in machine.assumptions)
    assert machine.table.section[0].cell.kind == "sine"  # type: ignore[union-attr]
    assert machine_of(PLAIN).assumptions == (
        "Assumed, nobody stated it: cell: coupled cells (mode pi) with a sine field.",
    )


# ------------------------------------------------------------------------------------------------ what is warned of


def test_fields_above_twice_kilpatrick_s_are_warned_of() -> None:
    """16 MV/m over T = 1/3 is 48 MV/m, 4.5 times that 216 MV/m at the surface: 4.6 times the 46.8 MV/m of 3 GHz."""
    sine = machine_of(DRIFT_TUBES.replace("bore_mm = 2.5", 'bore_mm = 2.5\ncell = {kind = "sine"}'))
    told = [
        list(strong_fields(tank_table(one.linac, transport(one.linac), one.supplies, None))) for one in (sine, small())
    ]
    assert re.match(r"The peak surface field of ccl-tank-\d is 4\.\d+ times Kilpatrick's; above 2", told[0][0])
    assert told[1] == []


def test_a_beam_that_is_lost_is_warned_of() -> None:
    """Three times the beam in the same bore; a beam that arrives says nothing."""
    wide = 3 * small().sample(300, 1)
    end = kept(small().linac, track(small().linac, wide))
    told = list(beam_lost(end, "at full energy"))
    assert told[0].startswith(f"{1 - end.transmission:.0%} of the beam is lost at full energy")
    calm = kept(small().linac, track(small().linac, 0.2 * wide))
    assert calm.transmission > 0.9
    assert list(beam_lost(calm, "at full energy")) == []


# ------------------------------------------------------------------------------------------ what it does not reach


@pytest.mark.parametrize(("nearest", "deepest", "left"), [(44.0, 54.0, [2, 3]), (60.0, 70.0, [])])
def test_layers_out_of_reach_are_left_out_and_told(nearest: float, deepest: float, left: list[int]) -> None:
    """79.8 MeV reach 51 mm: of 54, 49 and 44 mm the first is beyond, and so are all from 60 mm on."""
    study = switched().study.model_copy(
        update={"volume": VolumeSpec(nearest_mm=nearest, deepest_mm=deepest, layer_mm=5, spots=1)}
    )
    layers = layer_table(small(), study, small().sample(200, 1))
    facts = replace(switched(), study=study, layers=layers)
    assert list(layers["layer"]) == left
    assert len(facts.layers_beyond) == 3 - len(left)
    found = evaluate(("layer_time", "treatment_time", "energies_reached"), facts)
    assert all(one.withheld or one.value is None for one in found[:2])
    assert found[2].value == 1.0
    told = text(facts, found)
    assert f"{3 - len(left)} layer" in told.warnings[0]
    assert "units on one after the other give 60 to 79.8" in told.warnings[0]  # the entrance, and all units on
    assert any(one.id == "timing-volume" for one in figures(facts))
    assert tables(facts)


# --------------------------------------------------------------------------------------------- a study to begin from


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine.toml").write_text(PLAIN)
    return tmp_path / "mine.toml"


def resolved(table: Path, lines: str) -> Any:
    (table.parent / "study.toml").write_text(f'study = "linac-energy-switching"\nlinac = "mine.toml"\n{lines}\n')
    return resolve(load_study(table.parent / "study.toml"), table.parent / "study.toml").study  # type: ignore[arg-type]


def test_a_new_study_shows_the_table_s_own_energies(table: Path) -> None:
    assert run(["new", "linac-energy-switching", "one", "--from", "mine.toml", "-q"]) == 0
    content = Path("one.toml").read_text()
    assert re.search(r"^#lower_MeV = 62\.0 ", content, re.MULTILINE)
    assert re.search(r"^#upper_MeV = 78\.0 ", content, re.MULTILINE)
    nearest, deepest = (
        float(re.findall(rf"^#{key} = (\S+)", content, re.M)[0]) for key in ("nearest_mm", "deepest_mm")
    )
    assert (nearest, deepest) == pytest.approx((33.3, 49.9), abs=1.5)  # ranges of 62 and 78 MeV in water


@pytest.mark.parametrize(("line", "ends"), [("upper_MeV = 65", (62, 65)), ("lower_MeV = 75", (75, 78))])
def test_the_end_that_is_not_given_is_the_table_s(table: Path, line: str, ends: tuple[float, float]) -> None:
    found = resolved(table, f"[energies]\n{line}")
    assert (found.energies.lower_MeV, found.energies.upper_MeV) == ends


def test_an_end_beyond_the_other_is_refused(table: Path) -> None:
    with pytest.raises(InputError, match="lower_MeV 62 is not below upper_MeV 60"):
        resolved(table, "[energies]\nupper_MeV = 60")


def test_energies_of_a_list(table: Path) -> None:
    found = resolved(table, "[energies]\nvalues_MeV = [63.0, 64.5, 77.0]")
    assert (found.energies.lower_MeV, found.energies.upper_MeV, found.energies.number) == (63.0, 77.0, 3)
    assert energies_of(found) == pytest.approx(np.array([63e6, 64.5e6, 77e6]), rel=1e-12)


def test_a_list_may_hold_one_energy(table: Path) -> None:
    """Its volume is that of the table's own energies: one energy is no range of depths."""
    found = resolved(table, "[energies]\nvalues_MeV = [64.5]")
    assert (found.energies.lower_MeV, found.energies.upper_MeV, found.energies.number) == (64.5, 64.5, 1)
    assert energies_of(found) == pytest.approx(np.array([64.5e6]), rel=1e-12)
    assert found.volume == resolved(table, "").volume


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("gradients_T_per_m", r"gradients_T_per_m has 1 number, but tanks = 6: one a tank is needed"),
        ("cells", r"cells has 1 number, but tanks = 6: one a tank is needed"),
    ],
)
def test_numbers_that_are_not_one_a_tank_are_told_with_file_section_and_key(table: Path, key: str, told: str) -> None:
    table.write_text(re.sub(rf"^( *{key}) = .*$", r"\1 = [12]", PLAIN, flags=re.MULTILINE))
    with pytest.raises(InputError, match=rf"mine\.toml: section\.0\S* \('ccl'\): {told}"):
        resolved(table, "")


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ("values_MeV = [64.0, 63.0]", "values_MeV must rise"),
        ("values_MeV = [63.0, 64.0]\nnumber = 3", "number is 3, but that of values_MeV is 2"),
        ("values_MeV = []", "values_MeV"),
        ("number = 1", "number is 1, but both ends are energies"),
    ],
)
def test_a_list_that_cannot_be_is_refused(table: Path, lines: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        resolved(table, f"[energies]\n{lines}")
