"""Tolerances of lines: one small run, what a line without correctors is told, what is moved, and mistakes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lattice import InputError, Lattice, Marker, ReferenceParticle, read_json, write_json
from optics.maps.lattices.trajectories import trajectories
from studies.cli import run
from studies.pipeline import compute
from studies.registry import study_of
from studies.runs.store import read_run
from studies.spec.study_file import validated
from studies.spec.toml_text import toml_text
from tests.studies.numbers.test_line_tolerances import cell

PROTON = ReferenceParticle("proton", kinetic_energy_per_u=120e6)
ERRORS = {"family": "q", "magnets": "quadrupole", "dx": 2e-4, "dy": 2e-4, "field": 1e-3, "stability": 1e-3}
NEED = {
    "id": "L-1",
    "text": "spot",
    "quantity": "spot_displacement",
    "upper": 0.3,
    "unit": "mm",
    "source": "the test",
}


def content(**changes: Any) -> dict[str, Any]:
    return {
        "study": "line-tolerances",
        "lattice": "own.json",
        "entering": {"functions": {"betx": 6.0, "bety": 4.0}},
        "tolerances": {"machines": 60, "mixed": 0, "errors": [ERRORS], "beam": {"x_mm": 0.5}},
        "requirement": [NEED],
        **changes,
    }


def own(folder: Path, correctors: bool = True) -> None:
    elements = [one for n in (1, 2) for one in cell(n) if correctors or one.kind != "kicker"]
    line = Lattice("own", elements=[*elements, Marker("iso")], parameters={"kf": 1.4, "kd": -1.3}, particle=PROTON)
    write_json(line, folder / "own.json")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("lines")
    own(folder)
    (folder / "lines.toml").write_text(toml_text(content()))
    assert run(["run", str(folder / "lines.toml"), "--out", str(folder / "out"), "-q"]) in (0, 1)
    return folder / "out"


def test_a_run_says_yields_and_keeps_the_worst_line(whole: Path) -> None:
    """The worst line, opened, sends a beam on the axis to where the table says, but for what its own beam is off."""
    result = read_run(whole)
    values = {one.name: one for one in result.quantities}
    assert values["yield.L-1"].value == values["yield_all"].value
    assert (values["spot_drift"].value or 0.0) > 1e-6
    worst = read_json(whole / "worst" / "lattice.json")
    end = trajectories(worst, PROTON, np.zeros(6))[0, -1]
    assert 1e-6 < np.hypot(end[0], end[2]) < 5e-3
    assert {figure.id for figure in result.figures} >= {"tolerances-yield", "trajectories", "steered-spots"}
    assert "not steered" not in (whole / "report.html").read_text()


def outcome(folder: Path, **changes: Any) -> Any:
    study = study_of("line-tolerances")
    return compute(study, study.resolve(validated(content(**changes), "test"), folder / "study.toml")).result


def test_a_line_without_correctors_is_judged_as_it_is_and_says_so(tmp_path: Path) -> None:
    own(tmp_path, correctors=False)
    result = outcome(tmp_path)
    assert "Lines are not steered: lattice 'own' has no correctors that act in x." in result.warnings
    values = {one.name: one.value for one in result.quantities}
    assert values["spot_displacement"] > 0.0
    assert "spot_drift" not in values
    assert "not steered" in next(figure.caption for figure in result.figures if figure.id == "trajectories")


def test_larger_errors_move_the_spot_and_walls_do_not(tmp_path: Path) -> None:
    """Steered lines with all errors twice as large: the same draws, and the spot twice as far off, to the third order
    of what a trajectory of half a millimetre sees."""
    own(tmp_path)
    study = study_of("line-tolerances")
    assert study.many is not None
    half = {"beam": {"x_mm": 0.25}, "errors": [{**ERRORS, "field": 0.0, "stability": 0.0, "dx": 1e-4, "dy": 1e-4}]}
    full = {"beam": {"x_mm": 0.5}, "errors": [{**ERRORS, "field": 0.0, "stability": 0.0}]}
    once, twice = (
        study.many.rows(
            study.resolve(
                validated(content(tolerances={"machines": 60, "mixed": 0, **one}), "test"), tmp_path / "study.toml"
            ),
            np.arange(8),
        )
        for one in (half, full)
    )
    for name in ("spot_angle", "trajectory_x", "trajectory_y", "corrector_kick"):
        np.testing.assert_allclose(twice[name], 2.0 * once[name], rtol=1e-3)
    assert study.moving is not None
    assert study.moving.touched("apertures.x", ("spot_displacement", "clearance_errors")) == ("clearance_errors",)
    assert "budget_yield" not in study.moving.touched("tolerances.errors.*.dx", ("budget_yield", "spot_drift"))


def test_a_moved_assumption_is_the_model_error(tmp_path: Path) -> None:
    """A misalignment that is 20 % off moves what 95 % of unsteered lines do not exceed by as much."""
    own(tmp_path, correctors=False)
    errors = [{"family": "q", "magnets": "quadrupole", "dx": 2e-4, "dy": 2e-4}]
    assumption = {"key": "tolerances.errors.*.d*", "relative": 0.2, "why": "the test"}
    keys = [{**assumption, "key": f"tolerances.errors.*.{key}"} for key in ("dx", "dy")]
    changes = {"tolerances": {"machines": 80, "mixed": 0, "errors": errors}, "assumption": keys}
    found = next(one for one in outcome(tmp_path, **changes).quantities if one.name == "spot_displacement")
    assert found.model is not None
    assert found.value is not None
    assert 0.1 * found.value < found.model < 0.3 * found.value


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        (
            {"entering": {"functions": {"betx": 1.0, "bety": 1.0, "x": 1e-3}}},
            "functions.x: the beam enters on the axis",
        ),
        ({"isocentre": "isoo"}, "isoo"),
        ({"tolerances": {"errors": [ERRORS], "cost": {"beam position": 2.0}}}, "cost.beam position names no error"),
        ({"tolerances": {"errors": [ERRORS, ERRORS]}}, "two families are called q"),
        ({"tolerances": {"errors": [ERRORS], "correctors": ["d*"]}}, "no correctors among"),
        ({"machine": "cnao"}, "either machine"),
        ({"lattice": None, "machine": "cnao"}, "is a ring, here a line is needed"),
    ],
)
def test_mistakes_are_told(tmp_path: Path, changes: dict[str, Any], told: str) -> None:
    own(tmp_path)
    given = {key: value for key, value in content(**changes).items() if value is not None}
    with pytest.raises(InputError, match=told):
        study_of("line-tolerances").resolve(validated(given, "test"), tmp_path / "study.toml")
