"""The part of an optics study on machines with errors: quantities, what is asked only with it, what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lattice import HadronOpticsError, InputError
from optics.imperfections.ensemble import ensemble
from optics.imperfections.errors import draw_errors
from optics.imperfections.orbit import correct_orbit
from studies.pipeline import compute
from studies.results import StudyResult
from studies.ring_optics.imperfections import magnet_errors
from studies.ring_optics.spec import OpticsStudy
from studies.ring_optics.study import STUDY
from studies.spec.resolution import resolve_ring
from studies.spec.study_file import validated

ERRORS = [{"magnets": "quadrupole", "dx": 1e-4, "dy": 1e-4, "field": 1e-4}]
TABLE = {"machines": 10, "errors": ERRORS, "monitors": ["*_puh", "*_puv"], "correctors": ["*_csh", "*_csv"]}
QUANTITIES = (
    "orbit_x",
    "orbit_y",
    "orbit_x_uncorrected",
    "orbit_y_uncorrected",
    "clearance_es_errors",
    "corrector_kick",
    "beta_beating",
    "coupling",
    "orbit_yield",
)


def study(**table: Any) -> dict[str, Any]:
    return {"study": "optics", "machine": "cnao", "imperfections": {**TABLE, **table}}


def checked(content: dict[str, Any]) -> OpticsStudy:
    made = validated(content, "test")
    assert isinstance(made, OpticsStudy)
    return made


@pytest.fixture(scope="module")
def result() -> StudyResult:
    return compute(STUDY, resolve_ring(checked(study()), None)).result


def test_machines_are_judged_and_shown(result: StudyResult) -> None:
    quantities = {quantity.name: quantity for quantity in result.quantities}
    assert quantities["orbit_y"].value < 0.5 * quantities["orbit_y_uncorrected"].value  # type: ignore[operator]
    # Two engines, two searches for a closed orbit: rounding over 78 m.
    assert quantities["residual_orbit_xsuite"].value == pytest.approx(0.0, abs=1e-11)
    assert {"orbit-machines", "orbit-yield", "orbit-beating"} <= {figure.id for figure in result.figures}
    assert any("MICADO" in reference or "Autin" in reference for reference in result.references)


def test_numbers_are_those_of_the_machines_that_errors_seed_and_correction_make(result: StudyResult) -> None:
    """Of ten machines the 95th percentile is the largest (rank 8.55); nothing of ten bounds it."""
    resolved = resolve_ring(checked(study()), None)
    spec, ring, particle = resolved.study.imperfections, resolved.lattice, resolved.particle
    assert spec is not None
    machines = draw_errors(ring, [magnet_errors(one) for one in spec.errors], resolved.study.seed, 10)
    correction = correct_orbit(
        machines, particle, monitors=spec.monitors, correctors=spec.correctors, cut=1e-3, limit=spec.largest_kick
    )
    before, after = (ensemble(one, particle).table for one in (machines, correction.machines))
    kicks = np.concatenate([correction.kicks[plane] for plane in ("x", "y")], axis=1)
    expected = {
        "orbit_x": after["orbit_max_x"],
        "orbit_y": after["orbit_max_y"],
        "orbit_x_uncorrected": before["orbit_max_x"],
        "orbit_y_uncorrected": before["orbit_max_y"],
        "corrector_kick": np.abs(kicks).max(axis=1),
        "beta_beating": after[["beating_max_x", "beating_max_y"]].max(axis=1),
        "coupling": after["coupling"],
    }
    quantities = {quantity.name: quantity for quantity in result.quantities}
    for name, values in expected.items():
        ordered = np.sort(values)
        assert quantities[name].value == pytest.approx(ordered[9], rel=1e-9), name
        assert quantities[name].error == float("inf"), name
        assert quantities[name].withheld.startswith("10 machines do not bound"), name
    assert quantities["orbit_yield"].value == 1.0


def test_every_beam_goes_through_the_machines_at_its_own_working_point(result: StudyResult) -> None:
    """The injected ones too, whose optics is another: their room at the wires is the tightest of all."""
    quantities = {quantity.name: quantity for quantity in result.quantities}
    for name in ("waiting proton stack", "injected protons", "injected carbon ions"):
        assert f"'{name}'" in quantities["orbit_yield"].method
    room = quantities["clearance_es_errors"]
    assert "'injected carbon ions'" in room.method
    ideal = quantities["clearance_es"].value
    assert room.value is not None
    assert ideal is not None
    # what orbit and beating of the worst of ten machines take of it: more than none, less than all the orbit allowed
    assert ideal - 2e-3 < room.value < ideal


def test_without_the_table_nothing_is_asked_about_machines() -> None:
    plain = resolve_ring(checked({"study": "optics", "machine": "cnao"}), None)
    assert not {requirement.quantity for requirement in plain.requirements} & set(QUANTITIES)
    asked = resolve_ring(checked(study()), None)
    assert set(QUANTITIES) <= {requirement.quantity for requirement in asked.requirements}


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"errors": []}, "errors"),
        ({"errors": [{"magnets": "quadrupole", "dx": -1e-4}]}, "greater than or equal to 0"),
        ({"errors": [{"magnets": "quadrupol", "dx": 1e-4}]}, "did you mean 'quadrupole'"),
        ({"machines": 1}, "10"),
        ({"method": "micados"}, "micado"),
        ({"correctors": ["*_csx"]}, "has no correctors '*_csx'"),
        ({"monitors": ["*_puv"]}, "that measure in x"),
        ({"method": "micado", "correctors_used": 11}, "must be 1 to 10"),
    ],
)
def test_what_makes_no_sense_is_said(table: dict[str, Any], words: str) -> None:
    with pytest.raises(HadronOpticsError) as caught:
        compute(STUDY, resolve_ring(checked(study(**table)), None))
    assert isinstance(caught.value, InputError)
    assert words in str(caught.value)
