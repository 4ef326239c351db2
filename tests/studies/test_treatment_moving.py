"""A comparison of machines with what its lines give moved: spots of the beam in vacuum, and the part that arrives."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lattice import InputError
from studies.pipeline import Asked
from studies.spec.assumption import AssumptionSpec
from studies.treatment.facts import LINAC, RING, ComparisonFacts
from studies.treatment.lines import ComputedLine
from studies.treatment.moving import MOVING
from studies.treatment.study import STUDY
from tests.studies.numbers import treatment_facts as made

ENERGIES = np.array([70.0, 250.0])
#: The ring's line gives 4 by 5 mm and loses a tenth, the linac's 5.5 mm and loses nothing.
LINES = {
    RING: ComputedLine("of the ring", ENERGIES, np.tile([4e-3, 5e-3], (2, 1)), np.array([0.9, 0.9])),
    LINAC: ComputedLine("of the linac", ENERGIES, np.full((2, 2), 5.5e-3), np.array([1.0, 1.0])),
}


def assumption(key: str, relative: float) -> AssumptionSpec:
    return AssumptionSpec(key=key, relative=relative, why="the test")


@pytest.fixture(scope="module")
def facts() -> ComparisonFacts:
    """Machines by hand, no cyclotron; nothing in the way, so that spots in vacuum are those at the patient."""
    study = made.study().model_copy(update={"cyclotron": None})
    resolved = STUDY.resolve(study, Path("study.toml"))
    resolved = replace(resolved, study=resolved.study.model_copy(update={"cyclotron": None}))
    return facts_of(resolved)


def facts_of(resolved: Any) -> ComparisonFacts:
    machines = replace(made.machines(), lines=LINES)
    given: dict[str, Any] = {one.name: None for one in fields(ComparisonFacts)}
    given |= {"resolved": resolved, "study": resolved.study, "machines": machines, "checks": (), "unreached": ""}
    found = MOVING.again(ComparisonFacts(**given), resolved, "isocentre.distance_m", Asked(()))
    assert found is not None
    return found


def moved(facts: ComparisonFacts, key: str, relative: float, sign: float = 1.0) -> dict[str, float]:
    asked = Asked(("worst_spot", "treatment_time_cycles", "treatment_time_linac"), report=False)
    case = MOVING.moved(facts.resolved, assumption(key, relative), sign)
    again = MOVING.again(facts, case, key, asked)
    assert again is not None
    return {one.name: one.value for one in STUDY.quantities(again, asked) if one.value is not None}


def test_spots_go_with_what_the_line_gives(facts: ComparisonFacts) -> None:
    """4 mm of the ring's are farthest from 5.5 mm; 10 % less of them, or twice that, moves it as much; the linac's
    line is its own."""
    before = {one.name: one.value for one in STUDY.quantities(facts, Asked(()))}["worst_spot"]
    assert before == pytest.approx(4e-3, rel=1e-3)  # what air over the distance adds
    for share in (0.1, 0.2):
        found = moved(facts, "synchrotron.line.sizes", share, -1.0)
        assert found["worst_spot"] == pytest.approx((1 - share) * (before or 0.0), rel=2e-3)
    assert moved(facts, "linac.line.sizes", 0.1)["worst_spot"] == pytest.approx(before, rel=1e-12)


def test_what_arrives_takes_time_and_is_never_more_than_all(facts: ComparisonFacts) -> None:
    """A tenth less of what arrives at the ring's patient asks for a ninth more from the ring: no shorter treatment."""
    before = {one.name: one.value for one in STUDY.quantities(facts, Asked(()))}
    less = moved(facts, "synchrotron.line.arriving", 0.1, -1.0)
    assert less["treatment_time_cycles"] > (before["treatment_time_cycles"] or 0.0)
    assert less["treatment_time_linac"] == before["treatment_time_linac"]
    more = moved(facts, "linac.line.arriving", 0.1)
    assert more["treatment_time_linac"] == before["treatment_time_linac"]


def test_each_key_moves_what_it_is_of() -> None:
    names = ("worst_spot", "treatment_time_cycles", "dose_level")
    assert MOVING.touched("linac.line.sizes", names) == ("worst_spot",)
    assert MOVING.touched("linac.line.arriving", names) == ("treatment_time_cycles",)
    assert MOVING.touched("scanning.overhead_s", names) == names


def test_a_machine_without_a_line_has_no_spots_to_move(facts: ComparisonFacts) -> None:
    spec = facts.study.synchrotron.model_copy(update={"delivery": None})
    bare = replace(facts.resolved, study=facts.study.model_copy(update={"synchrotron": spec}))
    with pytest.raises(InputError, match=r"assumption 'synchrotron.line.sizes': synchrotron.delivery names no line"):
        MOVING.moved(bare, assumption("synchrotron.line.sizes", 0.1), 1.0)
