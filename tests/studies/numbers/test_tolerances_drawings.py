"""Figures and tables of tolerances: counted again from the machines that they show."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from lattice.arrays import Array
from studies.tolerances import figures as drawn
from studies.tolerances import tables
from studies.tolerances.outcome import Answer, numbers_of
from tests.studies.numbers.drawn import curve
from tests.studies.test_tolerances import CAUSES, answered

SHOWN = 1e-4  # six digits are drawn


@pytest.fixture(scope="module")
def found() -> Answer:
    """200 machines, of which three have no orbit."""
    made = answered(8.0, 200, 100)
    machines = made.machines.copy()
    machines.loc[[3, 5, 8], "orbit_x"] = np.nan
    return replace(made, machines=machines)


def known_orbits(found: Answer) -> Array:
    """In mm, as people read them."""
    values = 1e3 * found.machines["orbit_x"].to_numpy()
    return np.asarray(np.sort(values[np.isfinite(values)]))


def test_yields_are_counts_over_machines_with_their_interval(found: Answer) -> None:
    figure, one = drawn._yields(found), found.all
    assert one is not None
    kept = int(np.sum(answered(8.0, 200, 100).machines["orbit_x"] < 8e-3))
    assert (one.count, one.total) == (kept, 200)
    (trace,) = [trace for trace in figure.plotly["data"] if trace["name"] == "yield"]
    assert list(map(float, trace["x"])) == pytest.approx([100 * kept / 200] * 2, rel=SHOWN)
    above, below = (list(map(float, trace["error_x"][name])) for name in ("array", "arrayminus"))
    assert above == pytest.approx([100 * (one.upper - kept / 200)] * 2, rel=1e-3)
    assert below == pytest.approx([100 * (kept / 200 - one.lower)] * 2, rel=1e-3)
    table = tables.yields(found)
    assert list(table["requirement"]) == ["T-1: orbit", "all of them"]
    assert list(table["machines"]) == [kept, kept]
    assert all(table["at least"] < table["yield"])
    assert all(table["at most"] > table["yield"])
    (shown,) = figure.shows
    assert (shown.place(0.95), shown.at) == (95.0, 1.0)


def test_machines_stand_from_the_best_to_the_worst_those_without_a_number_last(found: Answer) -> None:
    figure = drawn._spreads(found, "tolerances-numbers", "Numbers", numbers_of(found.machines))
    values = curve(figure, "orbit_x", "y")
    assert values[:197] == pytest.approx(list(known_orbits(found)), rel=SHOWN)
    assert np.isnan(values[197:]).all()
    assert curve(figure, "orbit_x", "x") == pytest.approx([0.5 * (n + 1) for n in range(200)])
    (shown,) = figure.shows
    assert shown.at == 95.0
    assert shown.place(8e-3) == pytest.approx(8.0)


def test_what_should_be_large_is_the_best_where_it_is_largest() -> None:
    room = np.array([1e-3, np.nan, 3e-3, 2e-3])
    assert list(drawn._in_order("clearance_errors", room)) == pytest.approx([3e-3, 2e-3, 1e-3, np.nan], nan_ok=True)
    assert list(drawn._in_order("orbit_x", room)) == pytest.approx([1.0, 2.0, 3.0, np.nan], nan_ok=True)


def test_the_spread_is_told_in_percentiles_of_what_is_known(found: Answer) -> None:
    (row,) = tables.spread(found).to_dict("records")
    known = known_orbits(found)
    assert [row[name] for name in ("5 %", "50 %", "95 %")] == pytest.approx(list(np.percentile(known, (5, 50, 95))))
    assert (row["largest"], row["ideal"]) == pytest.approx((known[-1], 1e3 * float(found.ideal["orbit_x"])))
    assert (row["without a value"], row["unit"]) == (3, "mm")


def test_causes_are_listed_by_their_total_share(found: Answer) -> None:
    """a makes 3 mm, c 2 and b 1; cells of the figure are cut at 0 and 1."""
    table = tables.ranking(found)
    assert list(table["cause"]) == ["a", "c", "b"]
    (trace,) = drawn._causes(found).plotly["data"]
    totals = [one.total for one in found.ranking["orbit_x"]]
    assert [float(row[0]) for row in trace["z"]] == pytest.approx(list(np.clip(totals, 0.0, 1.0)), rel=1e-3)
    assert [row[0] for row in trace["text"]] == [f"{total:.2f}" for total in totals]
    assert [row[0] for row in trace["hovertext"]] == [f"{total:.3f}" for total in totals]
    rare = replace(found, ranking={"orbit_x": tuple(replace(one, total=0.004) for one in found.ranking["orbit_x"])})
    assert {row[0] for row in drawn._causes(rare).plotly["data"][0]["text"]} == {""}


def test_a_budget_costs_what_its_errors_cost_together(found: Answer) -> None:
    """An error that is allowed s times as large costs s^-power of what was stated; all stated costs together are 1."""
    budget, spec = found.budget, found.question.budget
    assert budget is not None
    assert spec is not None
    table = tables.budget(found)
    costs = np.array([cause.cost for cause in CAUSES])
    assert list(table["cost as stated"]) == pytest.approx(list(costs / 10.0))
    assert list(table["cost as allotted"]) == pytest.approx(list(costs / 10.0 / budget.scales**spec.power))
    assert table["cost as allotted"].sum() == pytest.approx(budget.cost)
    bars = drawn._budget(found).plotly["data"][0]
    assert sorted(map(float, bars["x"])) == pytest.approx(sorted(budget.scales), rel=SHOWN)


def test_levels_of_the_budget_rise_and_their_yields_fall(found: Answer) -> None:
    table = tables.levels(found)
    assert found.budget is not None
    tried = table[table["drawn"] == "to find the level"]
    assert len(tried) == len(found.budget.tried)
    assert (np.diff(tried["level"]) > 0).all()
    assert tried["yield"].iloc[-1] <= tried["yield"].iloc[0]
    (check,) = table[table["drawn"] == "to check it"].to_dict("records")
    assert (check["level"], check["yield"]) == (found.budget.level, found.budget.check.value)
    assert all(table["at least"] <= table["yield"])


def test_the_worst_machine_is_told_with_what_it_keeps(found: Answer) -> None:
    assert found.worst is not None
    (row,) = tables.worst(found).to_dict("records")
    assert row["number"] == pytest.approx(1e3 * found.machines["orbit_x"][found.worst[0]])
    assert row["kept"] == ("yes" if row["number"] < 8.0 else "no")
