"""What a study file need not say: the machine alone is a study; what is assumed is named, and stays what it is."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from lattice import Drift, Lattice, Quadrupole, ReferenceParticle, write_json
from machines.linacs.machine import LinacMachine
from machines.linacs.table import LinacTable
from optics.matter.ranges import range_of
from studies.pipeline import Resolved, Text
from studies.registry import study_of
from studies.spec.assumed import told
from studies.spec.schema import as_mapping
from studies.spec.study_file import validated
from studies.spec.toml_text import toml_text
from tests.checkout import ROOT


def resolved(folder: Path | None = None, **content: Any) -> Any:
    """A study, resolved as if its file stood in ``folder``."""
    study = validated(content, "test")
    found: Resolved = study_of(study.study).resolve(study, folder / "study.toml" if folder else None)
    return found


ALONE = {
    ("optics", "cnao"): None,
    ("extraction", "pimms"): None,
    ("energy-switching", "medaustron"): (
        *("vary", "energies", "cycle.injection_working_point"),
        *("circuit", "cycle", "rf", "steps"),
    ),
    ("delivery", "linac-room"): ("energies", "spots"),
    ("tolerances", "cnao"): ("tolerances.errors",),
    ("line-tolerances", "linac-room"): ("entering", "tolerances.errors", "particle", "kinetic_energy_MeV_per_u"),
    ("switching-comparison", "cnao"): ("target", "dose", "scanning", "isocentre", "synchrotron"),
    ("linac-optics", "linac"): None,
}


@pytest.mark.parametrize(("kind", "machine"), ALONE)
def test_a_machine_is_a_study(kind: str, machine: str) -> None:
    """And what is assumed of it is named: in ``assumed``, with its values in sentences; it is the same read again."""
    found = resolved(study=kind, machine=machine)
    assert found.study.assumed == ALONE[kind, machine]
    sentences = list(told(found.study))
    assert len(sentences) == len(found.study.assumed or ())
    assert all(
        any(digit in one for digit in "0123456789")
        for one in sentences
        if ": vary" not in one and ": particle" not in one
    )
    again = tomllib.loads(toml_text(as_mapping(found.study)))
    if "lattice" not in again and "linac" not in again:
        assert resolved(**again).study == found.study


def test_a_study_that_says_all_assumes_nothing() -> None:
    assert resolved(study="tolerances", machine="cnao", tolerances={"errors": ERRORS}).study.assumed is None


ERRORS = [{"family": "quadrupoles", "magnets": "quadrupole", "dx": 1e-4}]


def test_of_a_table_in_part_the_keys_are_named() -> None:
    found = resolved(study="switching-comparison", machine="cnao", isocentre={"nozzle_mm": 2.0})
    assert "isocentre.distance_m" in found.study.assumed
    assert "isocentre.nozzle_mm" not in found.study.assumed
    assert "Assumed, nobody stated it: isocentre.distance_m: 0.8." in list(told(found.study))


def test_energies_that_are_assumed_reach_the_depths_of_treatments(tmp_path: Path) -> None:
    """From 30 to 300 mm of water, to the six digits in which they are written: 3e-6 of a range."""
    elements = [Drift("a", length=1.0), Quadrupole("q", length=0.3, k1="k"), Drift("b", length=1.0)]
    particle = ReferenceParticle("carbon-12", kinetic_energy_per_u=100e6)
    write_json(Lattice("own", elements=elements, parameters={"k": 1.0}, particle=particle), tmp_path / "own.json")
    found = resolved(tmp_path, study="delivery", lattice="own.json", particle="carbon-12")
    low, top = found.study.energies.lower_MeV_per_u, found.study.energies.upper_MeV_per_u
    assert [float(range_of("carbon-12", energy)) for energy in (low, top)] == pytest.approx([0.03, 0.3], rel=1e-5)
    assert found.study.assumed == ("energies", "spots", "isocentre", "largest_gradient_T_per_m", "source")
    assert (found.isocentre, found.gradient) == ("_end", 25.0)


def test_supplies_that_are_assumed_hold_the_design_at_the_highest_rigidity() -> None:
    """A fifth of the current is left: field over gain is 0.8 of the largest, to the three digits of the gain."""
    found = resolved(study="energy-switching", machine="cnao")
    rigidity = found.machine.top_particle.magnetic_rigidity
    bend = next(one for one in found.study.circuit if one.parameter == "bend")
    field = rigidity * (2 * 3.141592653589793 / 16) / 1.677  # 16 bends of 1.677 m
    assert field / bend.gain == pytest.approx(0.8 * bend.largest_current_A, rel=5e-3)


def test_a_section_table_need_not_say_its_supplies() -> None:
    """What it leaves out joins its assumptions, once, and stands there when the table of a run is read again."""
    content = tomllib.loads((ROOT / "machines" / "compact_linac" / "linac.toml").read_text())
    full = LinacMachine.of(LinacTable.model_validate(content))
    del content["pulse"], content["tolerance"], content["beam"]["current_uA"]
    for section in content["section"]:
        section.pop("supply", None)
    silent = LinacMachine.of(LinacTable.model_validate(content))
    named = [one for one in silent.assumptions if one not in full.assumptions]
    assert [one.split(": ")[1] for one in named] == ["beam", "supply", "pulse", "tolerance"]
    assert "beam: current_uA 300." in named[0]
    again = LinacTable.model_validate(silent.table.model_dump(mode="json", exclude_none=True))
    assert again == silent.table


def test_the_page_says_what_is_assumed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every kind of study: the sentences come from the frame that all share."""
    import studies.pipeline as pipeline

    monkeypatch.setattr(pipeline, "told", lambda study: [f"Assumed: {study.machine}."])
    result = pipeline.compute(_told_only(), _Told())
    assert "Assumed: cnao." in result.result.assumptions


class _Told:
    """As little of a study as the frame needs."""

    study = validated({"study": "optics", "machine": "cnao"}, "test")
    requirements = ()
    name = title = machine_name = "told"
    outside = ""
    hashed: dict[str, bytes] = {}  # noqa: RUF012 - never written to


class _Facts:
    lattice = Lattice("l", elements=[Drift("d", length=1.0)])
    told, unreached, interrupted = "any", "", False


def _told_only() -> Any:
    from studies.pipeline import Study

    return Study(
        spec=type(_Told.study),
        resolve=lambda spec, file: _Told(),
        gather=lambda resolved, asked: _Facts(),
        quantities=lambda facts, asked: (),
        figures=lambda facts: (),
        tables=lambda facts: (),
        text=lambda facts, quantities: Text(),
    )
