"""Numbers of a scan by hand: verdicts as anywhere else, distances of tunes, fields and the least room of its beams."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from lattice import Aperture, ElectrostaticSeptum, Lattice, Marker, Quadrupole
from machines.requirements import Requirement, judge
from machines.rings.machine import MachineBeam
from optics import twiss
from optics.aperture import clearance, clearance_at_wires
from studies.scan.blocks import _named, _verdicts
from studies.scan.counting import classes_of, count_cases
from studies.scan.facts import _spread, chosen_cases
from studies.scan.plan import COMPUTED, STATUS, Axis, Plan, _is_judged
from studies.scan.quantities import extra_columns, extra_quantities
from studies.scan.result import _counts
from studies.spec.resolution import BeamCase
from tests.studies.numbers.ring_facts import PROTON, SCALE


def requirement(quantity: str, lower: float | None, upper: float | None, unit: str = "1") -> Requirement:
    return Requirement("R", "text", quantity, unit, "the test", "study", lower, upper)


@example(value=0.0, limits=(0.0, 0.0), unit="m")
@example(value=1.5e-3 - 5e-13, limits=(-0.5, 1.5), unit="mm")
@given(
    value=st.floats(-1e6, 1e6) | st.sampled_from([float("nan"), float("inf"), -float("inf")]),
    limits=st.sampled_from([(None, 1.0), (1.0, None), (-0.5, 1.5), (0.0, 0.0)]),
    unit=st.sampled_from(["m", "mm", "um"]),
)
def test_a_case_has_the_verdict_that_judge_gives(
    value: float, limits: tuple[float | None, float | None], unit: str
) -> None:
    """With an error of 1e-9 of the value, or of one; what is not finite is not judged."""
    one = requirement("length", *limits, unit)
    scaled = value / {"m": 1.0, "mm": 1e-3, "um": 1e-6}[unit]
    expected = judge(one, scaled, 1e-9 * max(1.0, abs(scaled))).verdict
    assert _verdicts(one, np.array([value])).tolist() == [expected]


def test_columns_of_a_block_by_their_names() -> None:
    """1.655 is 0.0117 below 5/3, with 1.83 0.005 from Qx - 2 Qy = -2; 2.03 is 0.3033 below 7/3, 0.17 of 5."""
    names = {"qx": "qx", "tune_distance": "qx", "resonance_distance": "qy", "length": "length"}
    asked = (requirement("tune_distance", None, 0.02), requirement("length", 1.0, None, "mm"))
    design = SimpleNamespace(with_parameters=lambda part: None)
    made = cast(Plan, SimpleNamespace(names=names, extra=(), judged=asked[:1], design=design, resolved=resolved()))
    found = pd.DataFrame(
        {
            "stable": [True, True, False],
            "qx": [1.655, 2.03, np.nan],
            "qy": [1.83, 1.4, np.nan],
            "length": [77.0, 78.0, 79.0],
        }
    )
    table = _named(made, {"kf": np.array([0.1, 0.2, 0.3])}, found)
    assert table["kf"].tolist() == [0.1, 0.2, 0.3]
    assert table[STATUS].tolist() == [COMPUTED, COMPUTED, "unstable"]
    assert table["tune_distance"].tolist()[:2] == pytest.approx([5 / 3 - 1.655, 7 / 3 - 2.03])
    assert table["resonance_distance"].tolist()[:2] == pytest.approx([0.005, 0.17], abs=1e-12)
    assert table["length"].tolist() == [77.0, 78.0, 79.0]
    assert table["R"].tolist() == ["PASS", "FAIL", "NOT EVALUATED"]


# ---------------------------------------------------------------------------------------------------- rooms and fields


def cell(kf: Any = 1.2) -> Lattice:
    """A ring of thin and thick quadrupoles about one aperture and wires; stable around 1.2 / m^2."""
    aperture = Aperture("rectangle", 30e-3, 25e-3)
    elements = [
        Quadrupole("qf", length=0.3, k1="kf", aperture=aperture),
        Marker("m", aperture=aperture),
        ElectrostaticSeptum("es", length=1.0, position=0.028),
        Quadrupole("qd", length=0.3, k1=-1.2),
        ElectrostaticSeptum("far", length=1.0, position=0.5),
    ]
    return Lattice("cell", elements=elements, parameters={"kf": kf}, particle=PROTON)


def beam(name: str, emittance: float, follows: bool, lattice: Lattice) -> BeamCase:
    made = MachineBeam(name, "here", emittance * SCALE, emittance * SCALE, 2e-3, 2.0, "the test")
    return BeamCase(made, lattice, PROTON, follows)


def resolved(*beams: BeamCase, asked: tuple[str, ...] = ()) -> Any:
    return SimpleNamespace(
        beams=beams,
        septum="es",
        top_particle=SimpleNamespace(magnetic_rigidity=6.5),
        study=SimpleNamespace(model=SimpleNamespace(fringe="full")),
        requirements=[requirement(name, 0.0, None) for name in asked],
        lattice=cell(),
    )


NAMES = ("max_gradient", "clearance_x", "clearance_y", "clearance_es")


def test_fields_and_the_least_room_of_all_beams_are_those_of_each_lattice() -> None:
    """A beam of the study's lattice is computed in each case, one of another working point once."""
    values = np.array([1.15, 1.2, 1.4])
    wide, fixed = beam("wide", 4e-6, True, cell()), beam("fixed", 6e-6, False, cell(1.25))
    found = extra_columns(resolved(wide, fixed), cell(values), NAMES)
    assert found["max_gradient"].tolist() == pytest.approx([6.5 * 1.2, 6.5 * 1.2, 6.5 * 1.4])
    for case, value in enumerate(values):
        optics = [(twiss(cell(value)), wide.beam.edge(PROTON)), (twiss(cell(1.25)), fixed.beam.edge(PROTON))]
        for plane in ("x", "y"):
            expected = min(clearance(one, edge, plane).value for one, edge in optics)
            assert found[f"clearance_{plane}"][case] == pytest.approx(expected, abs=1e-12)
        at_wires = min(clearance_at_wires(one, edge, "es").value for one, edge in optics)
        assert found["clearance_es"][case] == pytest.approx(at_wires, abs=1e-12)
    alone = extra_columns(resolved(fixed), cell(values), NAMES)
    assert np.ptp(alone["clearance_x"]) == 0.0
    assert len(alone["clearance_x"]) == 3


@pytest.mark.parametrize(
    ("beams", "number", "expected"),
    [(1, 20_000, NAMES), (1, 20_001, NAMES[:1]), (0, 1, NAMES[:1])],
)
def test_rooms_are_asked_of_scans_that_are_small_enough(beams: int, number: int, expected: tuple[str, ...]) -> None:
    there = [beam("b", 1e-6, True, cell())] * beams
    assert extra_quantities(resolved(*there), ("qx", *NAMES), number) == expected


# ------------------------------------------------------------------------------------------------------------- classes


def table(*verdicts: tuple[str, str]) -> pd.DataFrame:
    frame = pd.DataFrame(verdicts, columns=["R", "S"])
    return frame.assign(**{STATUS: COMPUTED, "kf": np.linspace(0.0, 1.0, len(frame))})


ASKED = [requirement("qx", 0.0, None), Requirement("S", "t", "qy", "1", "s", "s", 0.0, None)]


def test_a_case_is_classed_by_how_many_requirements_it_fails() -> None:
    found = table(("PASS", "PASS"), ("PASS", "FAIL"), ("NOT EVALUATED", "FAIL"), ("PASS", "PASS"))
    found.loc[3, STATUS] = "unstable"
    assert classes_of(ASKED, found).tolist() == [0, 1, 2, 3]
    third = Requirement("T", "t", "dqx", "1", "s", "s", 0.0, None)
    assert classes_of([*ASKED, third], found).tolist() == [1, 2, 2, 3]  # two, three: more than one
    assert classes_of(ASKED, found.drop(columns="S")).tolist() == [1, 1, 2, 3]  # what the scan lacks fails


def test_cases_are_chosen_of_the_best_class_and_some_of_the_others_far_from_each_other() -> None:
    """40 that pass beside 40 that do not: 14 and 7 of them, the ends of both stretches among them."""
    found = table(*[("PASS", "PASS")] * 40, *[("FAIL", "PASS")] * 40)
    cases = {"kf": found["kf"].to_numpy()}
    made = cast(Plan, SimpleNamespace(axes=(Axis("kf", 0.0, 1.0, 80),), names={"qx": "qx"}, cases=cases))
    chosen = chosen_cases(made, classes_of(ASKED, found))
    assert len(chosen) == 21
    assert (chosen < 40).sum() == 14
    assert {0, 39, 40, 79} <= set(chosen.tolist())
    gaps = np.diff(chosen[chosen < 40])
    assert gaps.max() <= 2 * gaps.min() + 1


def test_a_scan_judges_what_its_cases_compute() -> None:
    """In blocks what is asked for alone; case by case all but what takes too long, at a place too."""
    blocks: Any = SimpleNamespace(scanned="blocks")
    cases: Any = SimpleNamespace(scanned="cases", unscanned=("duty_factor", "betx"))
    assert [_is_judged(name, blocks, ("qx", "betx@es")) for name in ("qx", "betx@es", "betx", "qy")] == [
        True,
        True,
        False,
        False,
    ]
    assert [_is_judged(name, cases, ()) for name in ("duty_factor", "betx@es", "qx", "dx@es")] == [
        False,
        False,
        True,
        True,
    ]


def test_cases_are_chosen_from_the_middle_and_then_the_farthest_of_all() -> None:
    """In parts of the axes' ranges, which are of different size and begin at no 0."""
    axes = (Axis("a", 10.0, 30.0, 5), Axis("b", -3.0, -2.0, 5))
    draw = np.random.default_rng(3)
    table = pd.DataFrame({"a": draw.uniform(10.0, 30.0, 40), "b": draw.uniform(-3.0, -2.0, 40)})
    rows = np.arange(3, 40)
    places = {int(i): np.array([(table["a"][i] - 10) / 20, table["b"][i] + 3]) for i in rows}
    middle = np.median([*places.values()], axis=0)
    wanted = [min(places, key=lambda i: float(np.abs(places[i] - middle).sum()))]
    while len(wanted) < 6:
        wanted.append(max(places, key=lambda i: min(float(np.hypot(*(places[i] - places[j]))) for j in wanted)))
    made = cast(Plan, SimpleNamespace(axes=axes, cases={name: table[name].to_numpy() for name in ("a", "b")}))
    assert list(_spread(made, rows, 6)) == wanted
    assert list(_spread(made, rows[:6], 6)) == list(rows[:6])


def test_cases_with_an_answer_and_those_that_pass_are_counted() -> None:
    """Of five cases one has no answer, one fails A, one fails B; what no column judges nobody passes."""
    table = pd.DataFrame({STATUS: [COMPUTED, COMPUTED, COMPUTED, COMPUTED, "unstable"]})
    table = table.assign(A=["PASS", "FAIL", "PASS", "PASS", "PASS"], B=["PASS", "PASS", "PASS", "FAIL", "PASS"])

    def counts(*judged: str) -> dict[str, float | None]:
        asked = tuple(Requirement(one, one, "length", "1", "the test", "study", 0.0, 1.0) for one in judged)
        made = cast(Plan, SimpleNamespace(judged=asked))
        found = count_cases(asked, lambda: [table[:2], table[2:]])  # in whatever parts the rows come
        return {one.name: one.value for one in _counts(made, found)}

    assert counts("A", "B") == {
        **{"scan.cases": 5.0, "scan.computed": 4.0, "scan.feasible": 2.0},
        **{"scan.A": 4.0, "scan.B": 4.0},
    }
    assert counts("A", "C") == {
        **{"scan.cases": 5.0, "scan.computed": 4.0, "scan.feasible": 0.0},
        **{"scan.A": 4.0, "scan.C": 0.0},
    }
