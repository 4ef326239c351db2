"""A run of its own with one assumption moved lies inside the error that the study told: rings, extraction, linacs,
lines behind them, and the comparison of treatments.

The second run is of the study with that number changed in its files, gathered from the beginning; and its number is off
by most of what the assumption alone was said to move, so that the error is no cover for everything.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from studies.moves import with_model_errors
from studies.pipeline import Asked, _moved_cases, _moves
from studies.registry import study_of
from studies.results import Quantity
from studies.spec.builtin import study_path
from studies.spec.study_file import validated
from studies.spec.toml_text import toml_text
from tests.checkout import ROOT
from tests.studies.test_delivery_moving import CONTENT as DELIVERY
from tests.studies.test_no_false_pass import requirements
from tests.studies.test_no_false_pass_of_linacs import section_table

Content = dict[str, Any]

#: Eight cells with one sextupole, Qx = 5/3 - 2e-3; the wires stand at the entrance.
RING = """
kf = 0.9474639231312466; ks = 15;
qf: quadrupole, l=0.3, k1:=kf; qd: quadrupole, l=0.3, k1=-1.3; mb: sbend, l=1.5, angle=2*pi/8;
sx: sextupole, l=0.2, k2:=ks; here: marker; d2: drift, l=0.2; d5: drift, l=0.5; d7: drift, l=0.7;
first: line=(sx, qf, d5, mb, d5, qd, d7); cell: line=(d2, qf, d5, mb, d5, qd, d7);
ring: line=(here, first, 7*cell);
"""
EXTRACTION: Content = {
    "study": "extraction",
    "name": "moved",
    "lattice": "ring.seq",
    "sequence": "ring",
    "particle": "proton",
    "kinetic_energy_MeV_per_u": 100.0,
    "parameters": {"ks": 15.0},
    "beam": {
        "normalised_emittance_x_um": 0.5,
        "normalised_emittance_y_um": 0.5,
        "momentum_spread": 0.002,
        "sigmas": 2.0,
    },
    "extraction": {
        "electrostatic_septum": "here",
        "x_septum": 0.03,
        "septum_kick": 2e-3,
        "wire_thickness": 1e-4,
        "wire_length": 0.8,
        "septum_gap": 0.02,
        "momenta": {"lower": -1e-4, "upper": 1e-4, "number": 2},
        "particles": 100,
        "variations": [],
    },
}
PARTICLES = {"particles": 400, "integrated_particles": 10, "samples": 100}
LINAC = {"name": "moved", "linac": "linac.toml", **PARTICLES}
OPTICS = {"study": "linac-optics", "error_particles": 100, "error_samples": 2, "error_scales": [1.0], **LINAC}
ENERGIES = {"values_MeV": [68.0, 72.0, 77.0]}
FEW = {"particles_per_energy": 200, "volume": {"nearest_mm": 39.0, "deepest_mm": 46.0, "layer_mm": 4.0}}
SWITCHING = {"study": "linac-energy-switching", "energies": ENERGIES, **LINAC, **FEW}


@dataclass(frozen=True)
class Case:
    """An assumption of a study, the quantity and unit that it moves, and the same change of the files' tables."""

    content: Content
    key: str
    quantity: str
    unit: str
    change: Callable[[Content, Content], tuple[Content, str]]
    relative: float = 0.05
    least: float = 0.5  # of the model's error, that the second run is off by


def of_study(*path: Any) -> Callable[[Content, Content], tuple[Content, str]]:
    """The number at a path of the study's own table."""
    return lambda study, table: (_at(study, path[:-1]), path[-1])


def of_linac(*path: Any) -> Callable[[Content, Content], tuple[Content, str]]:
    """The number at a path of the section table."""
    return lambda study, table: (_at(table, path[:-1]), path[-1])


def _at(content: Any, path: tuple[Any, ...]) -> Any:
    for key in path:
        content = content[key]
    return content


def ring_switching() -> Content:
    content = tomllib.loads((ROOT / "examples" / "small_ring" / "switching.toml").read_text())
    return {**content, "lattice": str(ROOT / "examples" / "small_ring" / "ring.seq")}


def treatment() -> Content:
    """The built-in comparison without its linac; the ring's times are given, its line does not serve."""
    path = study_path("switching-comparison")
    assert path is not None
    known = tomllib.loads(path.read_text())
    left_out = ("assumption", "linac", "requirement", "title")
    content = {key: value for key, value in known.items() if key not in left_out}
    content["target"] = {**known["target"], "distal_mm": 115.0, "side_mm": 30.0}
    given = {"change_s": 1.2, "step_s": 0.2, "energy_spread": 0.002, "isocentre_beta_m": 5.0}
    ring = {key: value for key, value in known["synchrotron"].items() if key not in ("delivery", "spot_mm")}
    return {**content, "name": "moved", "machine_requirements": False, "synchrotron": {**ring, **given}}


#: Two strengths for two sizes: settings of one kind, where many quadrupoles have many.
LINE = """
k1 = 1.0; k2 = -1.0;
q1: quadrupole, l=0.3, k1:=k1; q2: quadrupole, l=0.3, k1:=k2; iso: marker;
d1: drift, l=1; d2: drift, l=0.8; d3: drift, l=4;
line: line=(d1, q1, d2, q2, d3, iso);
"""
PAIR: Content = {
    "study": "delivery",
    "name": "moved",
    "lattice": "line.seq",
    "sequence": "line",
    "isocentre": "iso",
    "largest_gradient_T_per_m": 20.0,
    "energies": {"lower_MeV_per_u": 100.0, "upper_MeV_per_u": 150.0, "number": 2},
    "spots": [{"x_mm": 3.0, "y_mm": 3.0}],
    "source": {
        "kind": "functions",
        "normalised_emittance_x_um": 0.5,
        "normalised_emittance_y_um": 0.5,
        "functions": {"betx": 6.0, "bety": 6.0},
    },
    "sigmas": 3.0,
    "particles": 100,
}
BEHIND_RING = {key: value for key, value in DELIVERY.items() if key != "requirement"} | {
    "name": "moved",
    "machine_requirements": False,
}
#: Two energies of the linac itself, tracked.
BEHIND_LINAC = {
    **BEHIND_RING,
    "machine": "linac-room",
    "source": {"kind": "linac", "particles": 200},
    "trajectories": {
        "machines": 10,
        "correctors": ["*_steer_*"],
        "errors": [{"magnets": "quadrupole", "dx": 1e-4, "dy": 1e-4}],
        "ripple": {"momentum": 5e-4},
    },
}

CASES = {
    "sextupole": Case(EXTRACTION, "parameters.ks", "spiral_step", "m", of_study("parameters", "ks")),
    "wires": Case(EXTRACTION, "extraction.wire_thickness", "wire_loss", "1", of_study("extraction", "wire_thickness")),
    "cycle": Case(ring_switching(), "cycle.rounding_s", "longest_change", "s", of_study("cycle", "rounding_s")),
    "iron": Case(ring_switching(), "circuit.0.knee", "largest_current_share", "1", of_study("circuit", 0, "knee")),
    "cells": Case(
        OPTICS, "section.*.E0T_MV_per_m", "final_energy", "eV", of_linac("section", 0, "E0T_MV_per_m"), relative=0.01
    ),
    "bunch": Case(
        SWITCHING, "beam.sigma_energy_keV", "largest_spread", "1", of_linac("beam", "sigma_energy_keV"), relative=0.3
    ),
    "fill": Case(
        treatment(),
        "synchrotron.particles_per_spill.proton",
        "treatment_time_steps",
        "s",
        of_study("synchrotron", "particles_per_spill", "proton"),
        relative=0.2,
    ),
    "straggling": Case(treatment(), "dose.straggling", "dose_level", "1", of_study("dose", "straggling")),
    "spot of a ring": Case(
        treatment(),
        "synchrotron.isocentre_beta_m",
        "worst_spot",
        "m",
        of_study("synchrotron", "isocentre_beta_m"),
        relative=0.2,
    ),
    "settings for another beam": Case(
        PAIR,
        "design.emittance_y",
        "line_gradient",
        "T/m",
        of_study("source", "normalised_emittance_y_um"),
        relative=0.1,
    ),
    "ripple behind a ring": Case(
        BEHIND_RING,
        "trajectories.ripple.*",
        "ripple_position",
        "m",
        of_study("trajectories", "ripple", "angle_x_mrad"),
        relative=0.5,
    ),
    "ripple behind a linac": Case(
        BEHIND_LINAC,
        "trajectories.ripple.*",
        "ripple_position",
        "m",
        of_study("trajectories", "ripple", "momentum"),
        relative=0.5,
    ),
}


def linac_table() -> Content:
    """64 to 79.9 MeV."""
    return {**section_table(np.random.default_rng([41, 1])), "lowest_energy_MeV": 66.0, "highest_energy_MeV": 79.0}


def written(folder: Path, table: Content) -> None:
    (folder / "ring.seq").write_text(RING)
    (folder / "line.seq").write_text(LINE)
    (folder / "linac.toml").write_text(toml_text(table))


def quantity_of(case: Case, content: Content, folder: Path, assumed: bool) -> Quantity:
    """By the whole study; with the error of its model where its assumption is moved."""
    whole = assumed and content["study"] == "linac-energy-switching"  # its table of settings is what is moved
    kind, asked = study_of(content["study"]), Asked((case.quantity,), report=whole, engines=False)
    asking = {"requirement": requirements({case.quantity: ("upper", 1e12, case.unit)})}
    stated = {"assumption": [{"key": case.key, "relative": case.relative, "why": "the test"}]} if assumed else {}
    resolved = kind.resolve(validated({**content, **asking, **stated}, "moved"), folder / "study.toml")
    facts = kind.gather(resolved, asked)
    found = tuple(one for one in kind.quantities(facts, asked) if one.name == case.quantity)
    if assumed:
        moves = _moves(kind, resolved, _moved_cases(kind, resolved), facts, found)
        found = with_model_errors(found, moves, (case.quantity,))
    (one,) = found
    assert one.value is not None
    return one


@pytest.mark.parametrize("name", CASES)
def test_a_run_with_an_assumption_moved_lies_inside(name: str, tmp_path: Path) -> None:
    case = CASES[name]
    written(tmp_path, linac_table())
    here = quantity_of(case, case.content, tmp_path, assumed=True)
    off = []
    for sign in (-1.0, 1.0):
        content, table = deepcopy(case.content), linac_table()
        where, key = case.change(content, table)
        where[key] *= 1.0 + sign * case.relative
        written(tmp_path, table)
        off.append(abs((quantity_of(case, content, tmp_path, assumed=False).value or 0.0) - (here.value or 0.0)))
    assert max(off) <= (here.error or 0.0) * (1 + 1e-9)
    assert max(off) > case.least * (here.model or 0.0) > 0.0
