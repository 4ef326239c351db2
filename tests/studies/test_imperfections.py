"""The part of an optics study on machines with errors: quantities, what is asked only with it, what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from lattice import HadronOpticsError, InputError
from machines.requirements import NOT_EVALUATED, PASS
from optics.imperfections.ensemble import ensemble
from optics.imperfections.errors import draw_errors
from optics.imperfections.orbit import correct_orbit
from studies.pipeline import compute
from studies.results import StudyResult
from studies.ring_optics.imperfections import magnet_errors
from studies.ring_optics.spec import OpticsStudy
from studies.ring_optics.study import STUDY
from studies.spec.resolution import resolve_ring
from studies.spec.study_file import load_study, validated
from tests.checkout import ROOT

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


def test_a_ring_without_monitors_has_what_comes_before_a_correction() -> None:
    """Orbits of the machines as they stand are told and judged; what a correction would give is not evaluated."""
    errors = 'imperfections.errors=[{magnets="quadrupole",dx=1e-4,dy=1e-4}]'
    path = ROOT / "examples" / "small_ring" / "study.toml"
    loaded = load_study(path, ["imperfections.machines=72", errors])
    assert isinstance(loaded, OpticsStudy)
    limit = {"at": None, "lower": None, "upper": 50.0, "unit": "mm"}
    needs = tuple(
        loaded.requirement[0].model_copy(update={"id": name, "quantity": name, **limit})
        for name in ("orbit_x_uncorrected", "orbit_x")
    )
    loaded = loaded.model_copy(update={"requirement": needs, "match": None, "beam": None})
    found = compute(STUDY, resolve_ring(loaded, path)).result
    first, second = found.verdicts
    assert (first.verdict, second.verdict) == (PASS, NOT_EVALUATED)
    assert "orbits are not corrected: lattice 'ring' has no monitors" in second.reason
    assert any(warning.startswith("Orbits of machines with errors are not corrected") for warning in found.warnings)
    assert loaded.imperfections is not None
    drawn = [magnet_errors(one) for one in loaded.imperfections.errors]
    machines = draw_errors(found.lattice, drawn, loaded.seed, 72)
    worst = np.sort(ensemble(machines, found.lattice.particle).table["orbit_max_x"])
    assert first.value == pytest.approx(1e3 * worst[67], rel=1e-9)  # rank 0.95 x 71 = 67.45
    columns = next(table.frame.columns for table in found.tables if table.id == "orbit-statistics")
    assert [name for name in columns if name.startswith("after")] == []
