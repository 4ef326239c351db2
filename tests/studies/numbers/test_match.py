"""Numbers and tables of a match by hand, from an outcome that nobody searched for."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from lattice import Lattice, Quadrupole, Sextupole
from optics import Beam, Limit, Target, Vary
from optics.matching.diagnosis import Diagnosis
from optics.matching.matching import MatchResult
from optics.matching.solutions import Solution
from studies.judging import BOTH
from studies.match.tables import match_tables
from studies.ring_optics.facts import Compared, Facts
from studies.ring_optics.match_quantities import match_quantities
from tests.studies.numbers.ring_facts import PROTON, drift, verification

LATTICE = Lattice(
    "ring",
    elements=[Quadrupole("q", length=0.3, k1="kf"), Sextupole("s", length=0.2, k2="-s0")],
    parameters={"kf": 0.3, "s0": 2.0, "half": 1.0},
)
TARGETS = (Target("betx", 13.0, at="b", tolerance=1e-3), Target("dx", 1.5, at="b", tolerance=0.25))
LIMITS = (
    Limit("bety", upper=20.0),
    Limit("dx", lower=-0.5, at="a"),
    Limit("size_x", upper=0.02, beam=Beam(PROTON, 1e-6, 1e-6)),
)
VARY = (Vary("kf", 0.25, 0.375, tied={"half": 0.5}), Vary("s0"))
RESIDUALS = {"betx@b": 2e-3, "dx@b": -0.5, "bety<20": 3.0, "-0.5<dx@a": 0.25, "size_x<0.02": 0.0}


def outcome(**changes: Any) -> MatchResult:
    """Two targets, two knobs whose sensitivity is diag(4, -0.5): its inverse is diag(0.25, 2) in size."""
    labels = tuple(RESIDUALS)
    given: dict[str, Any] = {
        "success": True,
        "message": "2 targets met",
        "vary": VARY,
        "targets": TARGETS,
        "limits": LIMITS,
        "target_labels": labels[:2],
        "limit_labels": labels[2:],
        "cases": (SimpleNamespace(targets=TARGETS),),
        "lattice": LATTICE,
        "residuals": RESIDUALS,
        "values": {"betx@b": 13.002, "dx@b": 1.0},
        "values_before": {"betx@b": 17.0, "dx@b": 3.0},
        "parameters": {"kf": 0.3125, "s0": 2.5},
        "parameters_before": {"kf": 0.28, "s0": 2.25},
        "sensitivity": np.array([[4.0, 0.0], [0.0, -0.5]]),
        "conflicts": (),
        "relaxation": {},
        "solutions": (),
        "method": "local",
        "starts": 3,
        "margin": 0.125,
        "diagnosis": Diagnosis(2, 8.0, ("kf at its upper bound 0.375",), (), ("s0",), labels[:2], ("kf", "s0"), EYE),
        **changes,
    }
    return cast(MatchResult, SimpleNamespace(**given))


EYE = np.array([[0.01, 0.0], [0.0, 0.02]])


def matched(**changes: Any) -> Facts:
    """Our functions behind a drift; the second engine's betx is 0.01 m away there, its dx 0.02 m."""
    optics = drift()
    second = verification(optics, betx=np.array([0.0, 0.0, 0.01, 0.01]), dx=np.array([0.0, 0.0, -0.02, -0.02]))
    return Facts(cast(Any, SimpleNamespace(machine=None)), Compared(optics, second), (), matched=outcome(**changes))


def test_parameters_are_as_sure_as_the_targets_through_the_inverse_sensitivity() -> None:
    """(0.01 + 0.002) / 4 for kf, (0.02 + 0.5) / 0.5 for s0; -s0 is the strength of a sextupole."""
    found = {one.name: one for one in match_quantities(matched())}
    assert list(found) == ["parameter.kf", "parameter.s0", "match.betx@b", "match.dx@b"]
    kf, s0 = found["parameter.kf"], found["parameter.s0"]
    assert (kf.value, kf.unit, kf.engine) == (0.3125, "m^-2", BOTH)
    assert (s0.value, s0.unit, s0.engine) == (2.5, "m^-3", BOTH)
    assert (kf.error, s0.error) == pytest.approx((0.003, 1.04), abs=1e-9)


def test_what_a_match_leaves_is_as_sure_as_its_targets() -> None:
    found = {one.name: one for one in match_quantities(matched())}
    beta, dispersion = found["match.betx@b"], found["match.dx@b"]
    assert (beta.value, beta.unit, dispersion.value, dispersion.unit) == (2e-3, "m", -0.5, "m")
    assert (beta.error, dispersion.error) == pytest.approx((0.01, 0.02), abs=1e-9)
    assert dispersion.method == "value minus goal 1.5 (tolerance 0.25)"


def test_targets_of_another_working_point_bring_no_error_of_this_one() -> None:
    """The first case has one of the two targets."""
    found = {one.name: one for one in match_quantities(matched(cases=(SimpleNamespace(targets=TARGETS[:1]),)))}
    assert found["match.betx@b"].error == pytest.approx(0.01, abs=1e-9)
    assert found["match.dx@b"].error == 0.0
    assert found["parameter.s0"].error == pytest.approx(1.0, abs=1e-9)  # 0.5 / 0.5


def test_without_a_match_there_is_nothing_to_tell() -> None:
    facts = matched()
    assert match_quantities(Facts(facts.resolved, facts.compared, ())) == ()


# ---------------------------------------------------------------------------------------------------------- tables


def frames(**changes: Any) -> dict[str, pd.DataFrame]:
    return {one.id: one.frame for one in match_tables(outcome(**changes))}


def rows(frame: pd.DataFrame) -> list[list[Any]]:
    return [list(row) for row in frame.itertuples(index=False)]


def test_targets_before_and_after() -> None:
    found = frames()["match-values"]
    assert list(found.columns) == ["target", "unit", "goal", "before", "after", "residual", "tolerance", "met"]
    assert rows(found) == [
        ["betx@b", "m", 13.0, 17.0, 13.002, 2e-3, 1e-3, False],
        ["dx@b", "m", 1.5, 3.0, 1.0, -0.5, 0.25, False],
    ]
    met = frames(residuals={**RESIDUALS, "betx@b": -1e-3, "dx@b": 0.25})["match-values"]
    assert list(met["met"]) == [True, True]


def test_limits() -> None:
    found = frames()["match-limits"]
    assert list(found.columns) == ["limit", "unit", "excess", "kept"]
    assert rows(found) == [
        ["bety<20", "m", 3.0, False],
        ["-0.5<dx@a", "m", 0.25, False],
        ["size_x<0.02", "m", 0.0, True],
    ]
    assert "match-limits" not in frames(limits=(), limit_labels=())


def test_parameters_before_and_after() -> None:
    found = frames()["match-parameters"]
    assert list(found.columns) == ["parameter", "unit", "lower", "upper", "before", "after", "tied"]
    first, second = rows(found)
    assert first == ["kf", "m^-2", 0.25, 0.375, 0.28, 0.3125, "0.5 of it: half"]
    assert second[:2] == ["s0", "m^-3"]
    assert np.isnan(second[2])
    assert np.isnan(second[3])
    assert second[4:] == [2.25, 2.5, ""]


def test_sensitivity_of_the_targets() -> None:
    found = frames(sensitivity=np.array([[1.0, 2.0], [3.0, 4.0]]))["match-sensitivity"]
    assert list(found.columns) == ["target", "d/d(kf)", "d/d(s0)"]
    assert rows(found) == [["betx@b", 1.0, 2.0], ["dx@b", 3.0, 4.0]]


def test_parameters_in_one_ratio_have_a_row_of_their_own() -> None:
    twins = replace(outcome().diagnosis, parallel=(("s0", "s1"),))
    found = frames(diagnosis=twins)["match-diagnosis"]
    assert dict(rows(found))["parameters that move all targets in one ratio"] == "s0, s1"


def test_what_the_parameters_can_do() -> None:
    found = dict(rows(frames()["match-diagnosis"]))
    assert found == {
        "targets that can be moved independently (rank)": "2 of 2",
        "condition number": "8",
        "parameters at a bound": "kf at its upper bound 0.375",
        "most moved": "betx@b by kf; dx@b by s0",
        "parameters that move nothing": "s0",
        "targets that nothing moves": "none",
        "found by": "local, starting points: 3",
        "margin": "0.125 of the limit or bound that is nearest",
    }


def test_solutions_that_were_met() -> None:
    solutions = tuple(Solution({"kf": 0.3 + 0.01 * k, "s0": 2.0 + k}, 0.5 - 0.01 * k) for k in range(14))
    found = frames(solutions=solutions)["match-solutions"]
    assert list(found.columns) == ["solution", "kf", "s0", "margin"]
    assert len(found) == 12
    assert rows(found)[2] == [3, pytest.approx(0.32), 4.0, pytest.approx(0.48)]
    assert "match-solutions" not in frames(solutions=solutions[:1])


def test_goals_in_conflict() -> None:
    """An upper limit gives way upwards, a lower one downwards; a target by its signed change."""
    changes = {
        "success": False,
        "conflicts": ("betx@b", "bety<20"),
        "relaxation": {"betx@b": -2.0, "bety<20": 3.0, "-0.5<dx@a": 0.25},
    }
    found = frames(**changes)["match-conflict"]
    assert list(found.columns) == ["goal", "unit", "kind", "in conflict", "asked", "could be met at", "change"]
    assert rows(found) == [
        ["betx@b", "m", "target", "yes", 13.0, 11.0, -2.0],
        ["bety<20", "m", "limit", "yes", 20.0, 23.0, 3.0],
        ["-0.5<dx@a", "m", "limit", "", -0.5, -0.75, -0.25],
    ]
    assert "match-conflict" not in frames()
