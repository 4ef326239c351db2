"""The error of the model: what a study's assumptions move, put together, told, held against runs with them moved."""

from __future__ import annotations

from dataclasses import replace
from math import hypot, sqrt
from pathlib import Path
from typing import Any

import pytest

from lattice import Aperture, Bend, Drift, InputError, Lattice, Marker, Quadrupole, ReferenceParticle, write_json
from machines.registry import MACHINES, machine_named
from machines.requirements import FAIL, PASS, PROGRAM, Requirement, Verdict
from optics import twiss
from studies.judging import verdicts_on
from studies.moves import Moved, passes_up_to, told_what_decides, with_model_errors
from studies.pipeline import Asked, _moved_cases, compute
from studies.registry import study_of
from studies.results import Quantity, StudyResult
from studies.spec.assumption import AssumptionSpec
from studies.spec.builtin import FOLDER, builtin_names, study_path
from studies.spec.moving import movable, moved_content, moved_ring
from studies.spec.study_file import load_study, validated
from studies.vocabulary import MATCHED, remedy_of

HALF_X = 0.03
EMITTANCE = 0.5e-6  # normalised rms [m]


def assumed(key: str, **size: float) -> dict[str, Any]:
    return {"key": key, "why": "the test", **size}


ASSUMPTIONS = [
    assumed("beams.emittance_x", relative=0.2),
    assumed("apertures.x", uncertainty=0.4e-3),
    assumed("elements.bend.length", relative=0.01),
]


def ring() -> Lattice:
    """Eight FODO cells, stable around k1 = 0.7 m^-2, in a pipe of 60 mm."""
    pipe = Aperture("rectangle", HALF_X, 0.02)
    cell = [
        Quadrupole("qf", length=0.4, k1="kf", aperture=pipe),
        Drift("d", length=0.6, aperture=pipe),
        Bend("b", length=1.2, angle=0.7853981633974483, aperture=pipe),
        Drift("d", length=0.6, aperture=pipe),
        Quadrupole("qd", length=0.4, k1="-kd", aperture=pipe),
        Drift("d", length=0.6, aperture=pipe),
    ]
    proton = ReferenceParticle("proton", kinetic_energy_per_u=100e6)
    return Lattice("fodo", elements=[Marker("start"), *(cell * 8)], parameters={"kf": 0.7, "kd": 0.7}, particle=proton)


def study(tmp_path: Path, assumptions: list[dict[str, Any]], **changes: Any) -> Any:
    """The resolved study of the ring: its room in x, judged, and its field."""
    write_json(ring(), tmp_path / "ring.json")
    content = {
        "study": "optics",
        "lattice": "ring.json",
        "beam": {"normalised_emittance_x_um": 1e6 * EMITTANCE, "normalised_emittance_y_um": 0.5},
        "requirement": [
            {"id": "A", "text": "room", "quantity": "clearance_x", "lower": 1.0, "unit": "mm", "source": "made up"},
            {"id": "B", "text": "field", "quantity": "max_bend_field", "upper": 1.2, "unit": "T", "source": "made up"},
        ],
        "assumption": assumptions,
        **changes,
    }
    return study_of("optics").resolve(validated(content, "test"), tmp_path / "study.toml")


def ran(tmp_path: Path, assumptions: list[dict[str, Any]], **changes: Any) -> StudyResult:
    return compute(study_of("optics"), study(tmp_path, assumptions, **changes)).result


def quantity(result: StudyResult, name: str) -> Quantity:
    return next(one for one in result.quantities if one.name == name)


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> StudyResult:
    return ran(tmp_path_factory.mktemp("moves"), ASSUMPTIONS)


def test_the_error_of_the_model_is_what_the_assumptions_move(result: StudyResult) -> None:
    """Room: the size goes with the root of the emittance, the wall by what it is off; field: B rho angle / length.

    The larger of both moves counts: the smaller emittance, 1 - sqrt(0.8), the shorter bend, 1/0.99 - 1. Longer bends
    change beta a little too, less than a tenth of a per cent of the size.
    """
    room, field = quantity(result, "clearance_x"), quantity(result, "max_bend_field")
    assert room.value is not None
    assert field.value is not None
    of_bends = next(row for row in moves_of(result, "clearance_x") if row["assumption"] == "elements.bend.length")
    bends = max(abs(of_bends["moved down"]), abs(of_bends["moved up"])) * 1e-3
    size = HALF_X - room.value
    assert bends < 1e-2 * size
    expected = sqrt((size * (1 - sqrt(0.8))) ** 2 + 0.4e-3**2 + bends**2)
    assert room.model == pytest.approx(expected, rel=1e-4)  # where the least room is moves within the cut of elements
    assert field.model == pytest.approx(field.value * (1 / 0.99 - 1), rel=1e-9)
    assert room.error == pytest.approx(expected + (room.numerical or 0.0), rel=1e-4)


def moves_of(result: StudyResult, name: str) -> list[dict[str, Any]]:
    (table,) = (one for one in result.tables if one.id == "sensitivity-assumptions")
    rows: list[dict[str, Any]] = table.frame.to_dict("records")
    return [row for row in rows if row["quantity"] == name]


def test_a_doubled_uncertainty_moves_the_error(result: StudyResult, tmp_path: Path) -> None:
    """Of one that is moved alone, in proportion: a wall of 0.4 and 0.8 mm."""
    for wall in (0.4e-3, 0.8e-3):
        alone = ran(tmp_path, [assumed("apertures.x", uncertainty=wall)])
        assert quantity(alone, "clearance_x").model == pytest.approx(wall, rel=1e-9)
    both = ran(tmp_path, [assumed("beams.emittance_x", relative=0.2), assumed("apertures.x", uncertainty=0.8e-3)])
    assert (quantity(both, "clearance_x").model or 0) > (quantity(result, "clearance_x").model or 0)


@pytest.mark.parametrize("share", [0.8, 1.2])
def test_a_run_with_an_assumption_moved_lies_within_the_error(
    share: float, result: StudyResult, tmp_path: Path
) -> None:
    """The emittance as the study's own, at either end of what it is uncertain."""
    beam = {"normalised_emittance_x_um": 1e6 * EMITTANCE * share, "normalised_emittance_y_um": 0.5}
    moved, here = quantity(ran(tmp_path, [], beam=beam), "clearance_x"), quantity(result, "clearance_x")
    assert moved.value is not None
    assert here.value is not None
    assert abs(moved.value - here.value) <= (here.error or 0.0)
    assert abs(moved.value - here.value) > 0.5 * (here.model or 0.0)


def test_the_table_ranks_what_leaves_least(result: StudyResult) -> None:
    """The room rests on emittance, wall and bends, the field on the bends alone; shares are of the squares."""
    rows = moves_of(result, "clearance_x")
    assert [row["assumption"] for row in rows] == ["beams.emittance_x", "apertures.x", "elements.bend.length"]
    assert sum(row["part of the model's error [%]"] for row in rows) == pytest.approx(100.0, rel=1e-9)
    assert [row["assumption"] for row in moves_of(result, "max_bend_field")] == ["elements.bend.length"]
    factors = [row["passes up to uncertainty x"] for row in rows]
    assert factors == sorted(factors)


def test_without_assumptions_the_page_says_that_no_error_is_given(tmp_path: Path) -> None:
    found = ran(tmp_path, [])
    assert quantity(found, "clearance_x").model is None
    assert "No error of the model is known: the study states no assumption with its uncertainty." in found.assumptions
    assert all(one.id != "sensitivity-assumptions" for one in found.tables)


# -------------------------------------------------------------------------------------------------------- one by one


def test_lengths_change_and_their_middles_stay(tmp_path: Path) -> None:
    """1.2 m and a tenth: 60 mm more on either side, taken from the drifts there; the ring is as long as before."""
    resolved = study(tmp_path, [])
    spec = AssumptionSpec(key="elements.bend.length", relative=0.1, why="the test")
    moved = moved_ring(resolved, spec, 1.0).lattice
    assert moved.length == pytest.approx(resolved.lattice.length, rel=1e-14)

    def middles(lattice: Lattice) -> list[float]:
        rows = zip(lattice.s[:-1], lattice.s[1:], lattice.elements, strict=True)
        return [float(begin + end) / 2 for begin, end, element in rows if element.kind == "bend"]

    assert middles(moved) == pytest.approx(middles(resolved.lattice), rel=1e-13)
    assert {element.length for element in moved.elements if isinstance(element, Bend)} == {1.2 * 1.1}


def test_gradients_that_are_expressions_are_moved(tmp_path: Path) -> None:
    """k1 = kf and -kd, both a hundredth more: as both parameters."""
    resolved = study(tmp_path, [])
    spec = AssumptionSpec(key="elements.quadrupole.k1", relative=0.01, why="the test")
    moved, other = moved_ring(resolved, spec, -1.0).lattice, resolved.lattice.with_parameters(kf=0.693, kd=0.693)
    assert twiss(moved).qx == pytest.approx(twiss(other).qx, rel=1e-12)


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("beams.emitance", "a beam has emittance_x, emittance_y"),
        ("apertures.z", "expected apertures.x or apertures.y"),
        ("parameters.kff", "no such parameter; did you mean 'kf'"),
        ("elements.bent.length", "has no bent with 'length'"),
        ("modell.fringe", "no number stands there; did you mean 'model'"),
        ("title", "no number stands there"),
    ],
)
def test_a_wrong_key_is_told_before_anything_is_computed(key: str, message: str, tmp_path: Path) -> None:
    resolved = study(tmp_path, [assumed(key, relative=0.1)])
    with pytest.raises(InputError, match=message):
        _moved_cases(study_of("optics"), resolved)


def test_an_uncertainty_may_differ_to_either_side() -> None:
    spec = AssumptionSpec(key="a", uncertainty=(0.02, 0.05), why="the test")
    assert [spec.moved(0.05, sign) for sign in (-1.0, 1.0)] == pytest.approx([0.03, 0.1])
    assert spec.told == "a - 0.02 or + 0.05"


@pytest.mark.parametrize("size", [{}, {"relative": 0.1, "uncertainty": 0.1}])
def test_an_assumption_has_one_size(size: dict[str, float], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="needs either uncertainty or relative"):
        study(tmp_path, [assumed("beams.emittance_x", **size)])


def test_a_star_enters_every_entry_that_has_the_rest() -> None:
    content = {"a": [{"b": 1.0, "c": True}, {"d": 2.0}, {"b": [3.0, 4]}], "e": 5.0}
    doubled = moved_content(content, "a.*.b", lambda value: 2 * value)
    assert doubled == {"a": [{"b": 2.0, "c": True}, {"d": 2.0}, {"b": [6.0, 8]}], "e": 5.0}
    assert moved_content(content, "a.2.b", lambda value: 2 * value)["a"][0] == {"b": 1.0, "c": True}


@pytest.mark.parametrize("name", builtin_names())
def test_the_built_in_studies_assume_what_they_have(name: str) -> None:
    path = study_path(name)
    assert path is not None
    spec = load_study(path)
    kind = study_of(spec.study)
    assert len(_moved_cases(kind, kind.resolve(spec, path))) == len(spec.assumption)
    assert kind.moving is not None or not spec.assumption


# -------------------------------------------------------------------------------------------------------- what it says


def judged(value: float, upper: float, *sizes: float) -> tuple[Quantity, tuple[Moved, ...], Verdict]:
    """A tune with moves of these sizes, and the verdict on it."""
    moves = tuple(
        Moved(AssumptionSpec(key=f"beams.{n}", relative=0.1, why="t"), {"qx": -size}, {"qx": 0.5 * size})
        for n, size in enumerate(sizes)
    )
    plain = Quantity("qx", value, "1", 0.01, "own maps and Xsuite", "m")
    (found,) = with_model_errors((plain,), moves)
    return found, moves, verdicts_on([Requirement("R", "t", "qx", "1", "s", "o", None, upper)], [found])[0]


def test_how_far_an_uncertainty_may_grow() -> None:
    """Moves of 0.3 and 0.4, margin 1, numerical 0.01: 0.3 k and 0.4 make 0.99 at k = sqrt(0.99^2 - 0.16) / 0.3."""
    found, moves, verdict = judged(1.0, 2.0, 0.3, 0.4)
    assert found.model == pytest.approx(0.5)
    factor = passes_up_to(verdict, found, moves[0])
    assert factor == pytest.approx(sqrt(0.99**2 - 0.16) / 0.3, rel=1e-12)
    assert hypot(0.3 * factor, 0.4) + 0.01 == pytest.approx(verdict.margin)
    for share, word in ((0.999, PASS), (1.001, FAIL)):
        assert judged(1.0, 2.0, 0.3 * factor * share, 0.4)[2].verdict == word


def test_a_failure_within_the_error_names_what_moves_most() -> None:
    found, moves, verdict = judged(1.8, 2.0, 0.1, 0.4)
    (told,) = told_what_decides([verdict], moves, [found])
    assert (verdict.verdict, passes_up_to(verdict, judged(1.8, 2.0, 0.1, 0.4)[0], moves[0])) == (FAIL, 0.0)
    assert told.reason == "within its error (0.42) of the limit; m; most of the error: beams.1 ± 10 %"
    found, _, passed = judged(1.0, 2.0, 0.1)
    assert told_what_decides([passed], moves, [found]) == (passed,)


def test_a_failure_within_the_error_of_its_sample_says_how_large_a_sample_settles_it() -> None:
    """0.3 of the sample, 0.1 of a move, 0.01 numerical against a margin of 0.2: 0.09 / (0.19^2 - 0.01) = 3.4."""
    found, moves, _ = judged(1.8, 2.0, 0.1)
    sampled = replace(found, statistical=0.3)
    (verdict,) = verdicts_on([Requirement("R", "t", "qx", "1", "s", "o", None, 2.0)], [sampled])
    (told,) = told_what_decides([verdict], moves, [sampled])
    assert told.reason.endswith("most of the error: the sample, one 4 times as large may settle it")
    (verdict,) = verdicts_on([Requirement("R", "t", "qx", "1", "s", "o", None, 1.85)], [sampled])
    (told,) = told_what_decides([verdict], moves, [sampled])
    assert told.reason.endswith("most of the error: the sample")  # the move alone is as large as the margin


def test_a_failure_says_where_it_is_and_what_would_mend_it() -> None:
    """2.3 against 2: a move down takes 0.4 away, so 0.75 of its uncertainty; a move of 0.02 is too far from it."""
    found, moves, verdict = judged(2.3, 2.0, 0.1, 0.4)
    (told,) = told_what_decides([verdict], moves, [found])
    remedy = "the limit is reached with beams.1 lower by 0.75 times its ± 10 % (linear)"
    assert told.reason == f"outside the limit; m; {remedy}"
    found, weak, verdict = judged(2.3, 2.0, 0.02)
    (far,) = told_what_decides([verdict], weak, [found])
    assert far.reason.endswith("no assumption reaches the limit within 10 times its uncertainty")


def test_every_requirement_has_a_remedy() -> None:
    """What a designer can turn stands in the sentence of a failure, for each quantity of machines and studies."""
    of_machines = [one for name in MACHINES for one in machine_named(name).requirements]
    of_studies = [one for name in builtin_names() for one in load_study(FOLDER / f"{name}.toml").requirement]
    judged_by = {one.quantity for one in of_machines if one.kind != PROGRAM}
    judged_by |= {one.quantity for one in of_studies if one.kind != PROGRAM}
    assert {name for name in judged_by if not remedy_of(name)} == set()
    wide = Quantity("max_betx", 18.0, "m", 0.01, "own maps and Xsuite", "largest at q; more")
    need = Requirement("OPT-05", "t", "max_betx", "m", "s", "o", None, 17.0)
    (verdict,) = verdicts_on([need], [wide])
    (spent,) = verdicts_on([need], [wide], spent="no knob is left")
    assert spent.reason.split("; ")[2] == f"remedy: {MATCHED}, but no knob is left"
    assert verdict.reason.startswith("outside the limit; largest at q; remedy: a match with this function")


#: What no assumption of a built-in study moves: steady supplies have no ripple, a linac's settings are its design's.
UNMOVED = {
    "medaustron-extraction": {"duty_factor"},
    "pimms-extraction": {"duty_factor"},
    "linac-energy-switching": {"interpolation_error", "energies_reached"},
}
#: Built-in studies that state no assumptions.
WITHOUT = (
    "cnao-search",
    "helium-ring-search",
    "linac-search",
)


@pytest.mark.parametrize("name", [name for name in builtin_names() if name not in WITHOUT])
def test_each_judged_quantity_is_moved_by_an_assumption(name: str) -> None:
    path = study_path(name)
    assert path is not None
    spec = load_study(path)
    kind = study_of(spec.study)
    judged_by = tuple({one.quantity: None for one in kind.resolve(spec, path).requirements if one.kind != PROGRAM})
    assert kind.moving is not None
    moved = {found for one in spec.assumption for found in kind.moving.touched(one.key, judged_by)}
    assert set(judged_by) - moved == UNMOVED.get(name, set())


# ------------------------------------------------------------------------------------------- what is found once, kept


def test_a_parameter_that_stands_for_an_assumption_moves_as_it_does(tmp_path: Path) -> None:
    """Lengths, gradients that are expressions, and drifts that have given way to two magnets."""
    specs = [
        AssumptionSpec(key="elements.bend.length", relative=0.01, why="t"),
        AssumptionSpec(key="elements.quadrupole.length", uncertainty=2e-3, why="t"),
        AssumptionSpec(key="elements.quadrupole.k1", relative=1e-3, why="t"),
    ]
    resolved = study(tmp_path, [])
    made = movable(resolved, specs)
    assert twiss(made.lattice).qx == pytest.approx(twiss(resolved.lattice).qx, rel=1e-13)
    for spec in specs:
        for sign in (-1.0, 1.0):
            here, there = (moved_ring(one, spec, sign).lattice for one in (made, resolved))
            assert here.elements == made.lattice.elements
            for name in ("qx", "qy", "dqx"):
                assert getattr(twiss(here), name) == pytest.approx(getattr(twiss(there), name), rel=1e-11), spec.key
            assert here.length == pytest.approx(there.length, rel=1e-14)


def test_what_is_empty_has_nothing_to_move() -> None:
    def doubled(value: float) -> float:
        return 2 * value

    contents: list[dict[str, Any]] = [{"a": {"b": {}}}, {"a": {"b": []}}]
    for content in contents:
        assert moved_content(content, "a.b.*", doubled) == content
    assert moved_content({"a": {"b": []}}, "a.b", doubled) == {"a": {"b": []}}
    with pytest.raises(InputError, match="no number stands there"):
        moved_content({"a": {"b": []}}, "a.c", doubled)


def test_moves_that_keep_the_optics_are_those_of_computing_it_again(tmp_path: Path) -> None:
    """Beams and walls are moved past optics that stay; with everything computed anew the rooms are the same."""
    kind = study_of("optics")
    resolved = study(tmp_path, ASSUMPTIONS[:2])
    asked = Asked(("clearance_x",), report=False, engines=False)
    assert kind.moving is not None
    base = kind.gather(resolved, asked)
    for case in _moved_cases(kind, resolved):
        for side in (case.down, case.up):
            kept = kind.moving.again(base, side, case.assumption.key, asked)
            assert kept is not None
            short, whole = (kind.quantities(facts, asked) for facts in (kept, kind.gather(side, asked)))
            rooms = [one.value for found in (short, whole) for one in found if one.name == "clearance_x"]
            assert rooms[0] == pytest.approx(rooms[1], rel=1e-12)


def test_a_value_that_is_lost_when_something_moves_is_not_judged() -> None:
    lost = Moved(AssumptionSpec(key="a", relative=0.1, why="t"), {"qx": 0.1}, {"qx": float("inf")}, "unstable")
    plain = Quantity("qx", 1.0, "1", 0.01, "own maps and Xsuite", "m")
    (found,) = with_model_errors((plain,), [lost])
    assert found.withheld == "it has no value with a ± 10 %: unstable"
    (verdict,) = verdicts_on([Requirement("R", "t", "qx", "1", "s", "o", None, 2.0)], [found])
    assert (verdict.verdict, "unstable" in verdict.reason) == ("NOT EVALUATED", True)
    other = replace(plain, name="qy")
    assert with_model_errors((other,), [lost]) == (other,)
