"""Warnings of energy switching: each is told where its condition holds, and nowhere else."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest

from studies.energy_switching.facts import TableFacts
from studies.energy_switching.text import warnings
from tests.studies.numbers.switching_facts import carbon_cycle, facts, programme, proton_cycle, table


def of_table(*stable: bool) -> TableFacts:
    """An operational table whose energies have stable optics or none."""
    return replace(table(), optics=cast(Any, SimpleNamespace(stable=np.array(stable))))


def told(**changes: Any) -> list[str]:
    """Warnings of facts in which nothing is to be warned of, with changes."""
    given = {"circuit": [SimpleNamespace(parameter="kd")], "vary": ["kd"], "degree": 2, "held": SimpleNamespace(qy=1.7)}
    held = replace(programme(), tolerances={"qx": 3e-5, "qy": 5e-5 / 0.999})  # 3e-5 and 5e-5 are missed
    least: dict[str, Any] = {
        "resolved": SimpleNamespace(warnings=()),
        "study": SimpleNamespace(**given),
        "programme": replace(held, values={name: held.values[name] for name in held.tolerances}),
        "table": of_table(True, True),
    }
    return list(warnings(facts(**{**least, **changes})))


def test_nothing_is_warned_of_where_all_holds() -> None:
    assert told() == []


@pytest.mark.parametrize(("missed", "expected"), [(0.995, []), (1.008, ["degree 2 miss a target by 1.01 tolerances"])])
def test_polynomials_that_miss_by_more_than_a_tolerance_are_told(missed: float, expected: list[str]) -> None:
    one = replace(programme("qy"), tolerances={"qy": 5e-5 / missed})
    found = told(programme=one)
    assert len(found) == len(expected)
    assert all(part in text for part, text in zip(expected, found, strict=True))


def test_energies_of_a_table_without_stable_optics_are_told_from_the_lowest() -> None:
    assert told(table=of_table(True, False)) == [
        "The table's strengths give no stable optics in the ideal ring at 120 MeV/u and others."
    ]


def test_a_match_that_did_not_converge_and_a_supply_that_is_overloaded_are_told() -> None:
    missed = SimpleNamespace(success=False, message="too few steps")
    assert told(matched=missed) == ["The match of the design point did not converge: too few steps."]
    assert told(matched=SimpleNamespace(success=True, message="")) == []
    stuck = replace(proton_cycle(), overloads=("'bend' needs 110 V",))
    assert told(cycles=(stuck, carbon_cycle())) == ["proton: 'bend' needs 110 V."]


def test_what_is_not_looked_at_is_told() -> None:
    assert told(engines=())[0].startswith("No energy was compared with Xsuite")
    free = SimpleNamespace(circuit=[], vary=["kd", "s0"], degree=2, held=None)
    assert told(study=free)[0] == "No [[circuit]] of kd, s0: what limits its supply is not looked at."
