"""Figures and tables of a search from six machines by hand: what is on the front, where it stands, what is best."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lattice import InputError
from studies.charts.kit.bars import bar, key_above, name_axis, name_margin
from studies.search import figures as drawn
from studies.search.front import coverage
from studies.search.gathering import _binds, _kept
from studies.search.limits import Constraint
from studies.search.pictures import Cloud, Coordinate, _domains, _range, _some, front_drawing, parallel
from studies.search.result import _all_at_bound, _beaten, _quantities, headline
from studies.search.scoring import NO_ANSWER, Scores
from studies.search.tables import _by_lattice, _compared
from studies.vocabulary import quantity_named
from tests.studies.numbers.drawn import curve, traces

#: Six machines: the peak of betx is to be small, the room large. 0 is begun with; 4 breaks the constraint, 5 has no
#: answer; of the others 1 and 3 are unbeaten, 2 is beaten by 3.
BETX = np.array([16.0, 12.0, 15.0, 14.0, 9.0, np.nan])
ROOM = np.array([1e-3, 2e-3, 3e-3, 5e-3, 9e-3, np.nan])
FEASIBLE = np.array([True, True, True, True, False, False])
FRONT = np.array([1, 3])


def facts(**changes: Any) -> Any:
    objectives = [
        SimpleNamespace(quantity=name, sign=sign, kind=quantity_named(name).kind)
        for name, sign in (("max_betx", 1.0), ("clearance_x", -1.0))
    ]
    knobs = [SimpleNamespace(name="kf", lower=0.2, upper=0.4), SimpleNamespace(name="kd", lower=-0.5, upper=-0.1)]
    plan = SimpleNamespace(study=SimpleNamespace(scanned="blocks"))
    search = SimpleNamespace(
        objectives=objectives,
        knobs=knobs,
        constraints=[SimpleNamespace(id="A-1"), SimpleNamespace(id="A-2")],
        plan=plan,
    )
    table = {"kf": np.linspace(0.2, 0.3, 6), "kd": np.linspace(-0.5, -0.4, 6), "max_betx": BETX, "clearance_x": ROOM}
    signed = np.nan_to_num(np.stack([BETX, -ROOM], axis=1), nan=np.inf)
    scores = SimpleNamespace(feasible=FEASIBLE, objectives=signed, answered=np.isfinite(BETX))
    values: dict[str, Any] = {"search": search, "table": pd.DataFrame(table), "scores": scores, "front": FRONT}
    values |= {"counts": np.array([2, 4, 6]), "covered": np.array([0.1, 0.4, 0.4])}
    values |= {
        "kept": np.array([0.9, 0.6]),
        "binding": np.array([0.0, 1.0]),
        "conflict": "they contradict",
        "lattices": {},
        "rejudged": (),
    }
    return SimpleNamespace(**values | changes)


SCALE = quantity_named("clearance_x").kind.scale
#: The first three machines are of one lattice, the others of another.
LATTICES = {"a": np.arange(3), "b": np.arange(3, 6)}


def of_two_lattices() -> Any:
    made = facts(lattices=LATTICES)
    return SimpleNamespace(
        **{**vars(made), "table": made.table.assign(lattice=[*"aaabbb"], kd=[-0.5] * 3 + [np.nan] * 3)}
    )


def test_lattices_stand_beside_each_other() -> None:
    """Of a, 1 and 2 are unbeaten by their like and 1 is on the front; of b one keeps all, 3, which is on the front."""
    table = _by_lattice(of_two_lattices()).frame.set_index("lattice")
    assert table[["tried", "keep all", "of the front"]].to_numpy().tolist() == [[3, 3, 1], [3, 1, 1]]
    best = table.filter(like="best").to_numpy()
    assert best == pytest.approx(np.array([[12.0, SCALE * 3e-3], [14.0, SCALE * 5e-3]]))
    figure = drawn._front(of_two_lattices())
    assert curve(figure, "a", "x") == pytest.approx([12.0, 15.0])
    assert curve(figure, "b", "x") == pytest.approx([14.0])
    assert curve(figure, "front", "x") == pytest.approx([12.0, 14.0])
    told = traces(figure, "front")[0]["text"]
    assert told[0].startswith("case 1, a<br>")
    assert told[1].startswith("case 3, b<br>")
    assert "kd" in told[0]
    assert "kd" not in told[1]  # b has no such knob
    assert list(figure.table["lattice"]) == ["a", "b"]


def test_the_front_stands_among_all_that_was_tried() -> None:
    """Each machine once: on the front, feasible, refused; what was begun with is marked besides."""
    figure = drawn._front(facts())
    for name, rows in (("front", [1, 3]), ("keeps all", [0, 2]), ("breaks a constraint", [4]), ("begun with", [0])):
        assert curve(figure, name, "x") == pytest.approx(list(BETX[rows]))
        assert curve(figure, name) == pytest.approx(list(SCALE * ROOM[rows]))
    assert traces(figure, "front")[0]["text"][1].startswith("case 3<br>")
    assert "kf = 0.26" in traces(figure, "front")[0]["text"][1]
    assert list(figure.table["case"]) == [1, 3]
    assert "small is good" in figure.caption.split(";")[1]
    assert "large is good" in figure.caption


def test_axes_show_feasible_machines_and_the_beginning_with_room() -> None:
    """betx from 12 to 16 m: 8 % of 4 m more on either side; the refused 9 m lies outside."""
    layout = drawn._front(facts()).plotly["layout"]
    assert layout["xaxis"]["range"] == pytest.approx([12 - 0.32, 16 + 0.32])
    assert layout["yaxis"]["range"] == pytest.approx([SCALE * (1e-3 - 0.32e-3), SCALE * (5e-3 + 0.32e-3)])


def cloud(values: Any, feasible: Any, front: Any = (0,)) -> Cloud:
    found = np.array(values, dtype=float).reshape(len(values), -1)
    names = [f"axis {n}" for n in range(found.shape[1])]
    return Cloud(names, found, [str(n) for n in range(len(found))], np.array(feasible), np.array(front), 0)


def test_one_objective_is_drawn_over_the_number_of_the_case() -> None:
    drawing = front_drawing(cloud([3.0, 2.0, 1.0], [True, True, True], [2]))
    by_name = {trace["name"]: trace for trace in drawing["data"]}
    assert (list(by_name["front"]["x"]), list(by_name["front"]["y"])) == ([2.0], [1.0])
    assert list(by_name["keeps all"]["x"]) == [0.0, 1.0]


def test_each_objective_but_the_first_has_a_panel() -> None:
    drawing = front_drawing(cloud([[1, 2, 3], [4, 5, 6]], [True, True], [1]))
    front = [trace for trace in drawing["data"] if trace["name"] == "front"]
    assert [(list(trace["x"]), list(trace["y"]), trace["xaxis"], trace["yaxis"]) for trace in front] == [
        ([4.0], [5.0], "x", "y"),
        ([4.0], [6.0], "x2", "y2"),
    ]
    assert [trace["showlegend"] for trace in front] == [True, False]
    assert _domains(2) == [(0.0, 0.44), (0.56, 1.0)]
    with pytest.raises(InputError, match="at least one case"):
        front_drawing(Cloud(["a"], np.zeros((0, 1)), [], np.array([], dtype=bool), np.array([], dtype=int), 0))


def test_a_range_of_one_value_and_one_of_nothing_feasible() -> None:
    """A tenth of what is alone; where no machine keeps all, all are looked at."""
    assert _range(cloud([5.0, 5.0], [True, True]), np.array([5.0, 5.0])) == pytest.approx([4.5, 5.5])
    assert _range(cloud([0.0, 0.0], [True, True]), np.array([0.0, 0.0])) == pytest.approx([-1.0, 1.0])
    assert _range(cloud([0.0, 10.0], [False, False]), np.array([0.0, 10.0])) == pytest.approx([-0.8, 10.8])


def test_not_more_points_than_can_be_seen() -> None:
    assert len(_some(np.arange(4000))) == 4000
    assert list(_some(np.arange(4001))[:3]) == [0, 2, 4]


def test_machines_side_by_side_are_lines_over_their_own_scales() -> None:
    """Knobs between the bounds of the search, objectives between the ends of the front; the best are dark."""
    figure = drawn._side_by_side(facts())
    lines = [[float(value) for value in trace["y"]] for trace in figure.plotly["data"]]
    expected = [[0.1, 0.05, 0.0, 0.0], [0.3, 0.15, 1.0, 1.0]]
    assert sorted(lines) == [pytest.approx(one) for one in expected]
    assert all(trace["opacity"] == 1.0 for trace in figure.plotly["data"])  # each is the best in one objective
    drawing = parallel([Coordinate("a", 2.0, 4.0)], np.array([[3.0], [4.0]]), ["x", "y"], np.array([True, False]))
    assert [(trace["y"][0], trace["opacity"]) for trace in drawing["data"]] == [(1.0, 0.5), (0.5, 1.0)]
    ends = {note["text"]: note["y"] for note in drawing["layout"]["annotations"]}
    assert ends["2"] < 0 < 1 < ends["4"]


@pytest.mark.parametrize(
    ("names", "told", "angle"),
    [
        (["kf", "section.ccl.tanks", "C [m]"], ["<i>kf</i>", "<i>section.<br>ccl.<br>tanks</i>", "<i>C<br>[m]</i>"], 0),
        (["k" * 50, "a.b", "c [m]"], [f"<i>{'k' * 50}</i>", "<i>a.b</i>", "<i>c [m]</i>"], -90),
    ],
)
def test_names_of_upright_axes_stand_in_lines_where_these_fit(names: list[str], told: list[str], angle: int) -> None:
    """Three of 17 letters of 6.5 px have 900 px; of 50 they need 975."""
    drawing = parallel([Coordinate(name, 0.0, 1.0) for name in names], np.zeros((1, 3)), ["x"], np.array([True]))
    layout = drawing["layout"]
    assert (layout["xaxis"]["ticktext"], layout["xaxis"]["tickangle"]) == (told, angle)
    assert layout["height"] - layout["margin"]["b"] == 364  # the panel is as high whatever the names need


def test_the_share_of_cases_that_keep_a_limit_is_of_those_whose_value_is_known() -> None:
    """One of three with a value breaks it; two were passed over before."""
    assert _kept(np.array([0.0, 0.5, 0.0, NO_ANSWER, NO_ANSWER])) == pytest.approx(2 / 3)
    assert _kept(np.array([NO_ANSWER])) == 1.0


@pytest.mark.parametrize(
    ("lower", "upper", "share"),
    [(-np.inf, 2.0, 0.75), (1.0, 2.0, 0.5), (1.9, 2.0, 0.25), (0.0, np.inf, 0.0), (-np.inf, 0.0, 0.75)],
)
def test_a_limit_binds_within_a_hundredth_of_its_size(lower: float, upper: float, share: float) -> None:
    """Below 2 within 0.02; of two limits within 0.01, or 0.001, of the way; a limit of 0 within 0.02 of a span of 2."""
    values = np.array([1.95, 1.985, 1.992, 1.9995, -0.0005, np.nan])
    if upper == 0.0:
        values = np.array([-0.015, -0.001, -0.5, 0.0, -2.0, np.nan])
    assert _binds(Constraint("q", "q", lower, upper), values, np.array([0, 1, 2, 3])) == share
    assert _binds(Constraint("q", "q", lower, upper), values, np.array([], dtype=int)) == 0.0


def test_what_bounds_the_front_is_told_in_shares() -> None:
    figure = drawn._constraints(facts())
    broken, limit = (list(map(float, trace["x"])) for trace in figure.plotly["data"])
    assert sorted(broken) == pytest.approx([0.1, 0.4])
    assert sorted(limit) == pytest.approx([0.0, 1.0])
    assert list(figure.table["broken by cases [1]"]) == pytest.approx([0.1, 0.4])
    assert curve(drawn._convergence(facts()), "front", "x") == [2, 4, 6]
    assert curve(drawn._convergence(facts()), "front") == pytest.approx([0.1, 0.4, 0.4])


def test_the_best_of_each_objective_stands_beside_what_was_begun_with() -> None:
    made = facts()
    whole = pd.concat([made.table[["kf", "kd"]], drawn.shown(made)], axis=1).rename_axis("case").reset_index()
    frame = _compared(made, whole).frame
    assert list(frame["case"]) == [0, 1, 3]
    assert list(frame["keeps all"]) == [True, True, True]
    assert frame["machine"][0] == "begun with"


def test_counts_and_the_best_are_quantities() -> None:
    found = {one.name: one.value for one in _quantities(facts())}
    assert (found["search.cases"], found["search.answered"]) == (6.0, 5.0)
    assert (found["search.feasible"], found["search.front"]) == (4.0, 2.0)
    assert (found["search.best.max_betx"], found["search.best.clearance_x"]) == (12.0, 5e-3)


def test_the_headline_counts_what_beats_the_beginning() -> None:
    """Both of the front are better than 16 m with 1 mm in both objectives."""
    assert headline(facts()) == (
        "6 machines tried, 4 keep all constraints, 2 of them unbeaten (the front), 2 better than the machine that was "
        "begun with in every objective"
    )
    assert headline(facts(front=np.array([], dtype=int))).endswith("4 keep all constraints: they contradict")
    broken: Scores = SimpleNamespace(feasible=~FEASIBLE, objectives=facts().scores.objectives)  # type: ignore[assignment]
    assert _beaten(facts(scores=broken)) == "; the machine that was begun with breaks a constraint"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([-0.3, -0.3], True),
        ([-0.1, -0.3], True),
        ([-0.29981, -0.10019], True),  # a thousandth of the range of 0.2 from a bound
        ([-0.29979, -0.1], False),
        ([-0.10021, -0.1], False),
        ([-0.2, -0.2], False),
        ([], False),
    ],
)
def test_a_front_at_a_bound_is_within_a_thousandth_of_it(values: list[float], expected: bool) -> None:
    """Of the knob's range; machines that are not on the front do not count."""
    table = pd.DataFrame({"kd": [-0.2, *values, -0.2]})
    made: Any = SimpleNamespace(table=table, front=np.arange(1, 1 + len(values)))
    assert _all_at_bound(made, "kd", -0.3, -0.1) == expected


def test_the_front_covers_what_it_dominates_of_a_box_round_all_that_is_feasible() -> None:
    """(0, 2), (1, 1), (2, 0) from the corner (2.2, 2.2): 0.44, 1.64 and 1.84 of 4.84; what breaks a limit is none."""
    objectives = np.array([[0.0, 2.0], [-5.0, -5.0], [1.0, 1.0], [2.0, 0.0]])
    some: Any = SimpleNamespace(objectives=objectives, feasible=np.array([True, False, True, True]))
    found, corner = coverage(some, np.array([0, 1, 2, 3, 4]))
    assert found == pytest.approx(np.array([0.0, 0.44, 0.44, 1.64, 1.84]) / 4.84)
    assert corner == pytest.approx([2.2, 2.2])
    single: Any = SimpleNamespace(objectives=np.array([[3.0], [1.0]]), feasible=np.array([True, True]))
    assert coverage(single, np.array([1, 2]))[0] == pytest.approx([0.2 / 2.2, 1.0])
    none: Any = SimpleNamespace(objectives=objectives, feasible=np.zeros(4, dtype=bool))
    nothing, corner = coverage(none, np.array([1, 4]))
    assert nothing.tolist() == [0.0, 0.0]
    assert np.isnan(corner).all()


def test_bars_stand_at_their_names_from_the_top() -> None:
    trace = bar(["<b>", "y"], [1.0, np.nan], color="#000000", name="n", hover="%{x}")
    assert (trace["x"], trace["y"][1], trace["orientation"]) == ([1.0, None], "y", "h")
    assert "<" not in trace["y"][0]
    assert name_axis()["autorange"] == "reversed"
    key = key_above(1.2)
    assert (key["x"], key["y"], key["yanchor"]) == (0.0, 1.2, "bottom")
    assert [name_margin(names) for names in (["a"], ["a" * 20, "b"])] == [120, 180]
