"""Figures of both studies of a linac from made-up facts: each curve is its fact over the unit of its axis."""

from __future__ import annotations

from math import degrees, nan
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from lattice import Drift, Lattice, RFGap
from studies.charts import linac as charts
from studies.linac import figures as optics_drawn
from studies.linac.switching import figures as drawn
from studies.linac.switching.quantities import evaluate
from studies.results import FigureData
from tests.linac_facts import (
    BEAMS,
    LAYERS,
    PERIODS,
    RUN,
    SETTINGS,
    TANKS,
    TRIPS,
    UNITS,
    longitudinal,
    optics_facts,
    switching_facts,
)
from tests.studies.numbers.drawn import carried, curve, heading

SHOWN = 1e-4  # six digits are drawn
MEGA = 1e6


def assert_curves(figure: FigureData, curves: dict[str, Any], **headings: str) -> None:
    """Each curve's numbers, and the unit in each axis' title."""
    for name, values in curves.items():
        assert curve(figure, name) == pytest.approx(list(values), rel=SHOWN, nan_ok=True), name
    for axis, unit in headings.items():
        assert heading(figure, axis).endswith(f"[{unit}]")


def test_energies_of_gaps_and_of_fields_and_the_phase_of_every_cell() -> None:
    """Gains of the tanks are summed from the entrance; between tanks, three cell lengths apart, the phase is open."""
    cells = [-0.4, -0.3, -0.2, -0.35, -0.25]
    parts: list[Any] = []
    for number, phase in enumerate(cells):
        parts += [Drift(f"d{number}", length=0.9 if number == 3 else 0.1), RFGap(f"g{number}", volt=1e5, freq=3e9)]
        parts[-1] = RFGap(f"g{number}", volt=1e5, freq=3e9, phase=phase)
    figure = optics_drawn._energy(optics_facts(lattice=Lattice("cells", elements=parts)))
    assert_curves(figure, {"W": RUN.energy / MEGA}, yaxis="MeV", yaxis2="deg")
    summed = [21.011, 36.041, 52.025]
    assert_curves(figure, {"integrated": summed})
    assert curve(figure, "integrated", "x") == pytest.approx(list(TANKS["s"] + TANKS["length"]), rel=SHOWN)
    told = [degrees(cells[0]), degrees(cells[1]), degrees(cells[2]), nan, degrees(cells[3]), degrees(cells[4])]
    assert_curves(figure, {"phase in the cell": told})
    places = [0.1, 0.2, 0.3, nan, 1.2, 1.3]
    assert curve(figure, "phase in the cell", "x") == pytest.approx(places, rel=SHOWN, nan_ok=True)
    assert list(figure.table["phase [deg]"]) == pytest.approx([degrees(phase) for phase in cells])
    assert list(figure.table["W [MeV]"]) == pytest.approx(
        np.interp([0.1, 0.2, 0.3, 1.2, 1.3], RUN.s, RUN.energy / MEGA)
    )
    assert figure.shows[0].place(52.026e6) == pytest.approx(RUN.energy[-1] / MEGA)


def test_advances_of_periods_stand_over_their_energy() -> None:
    figure = optics_drawn._advance(optics_facts())
    columns = {"x": "mux", "y": "muy", "x, no RF": "mux_without_rf", "y, no RF": "muy_without_rf"}
    assert_curves(
        figure, {name: [getattr(one, column) for one in PERIODS] for name, column in columns.items()}, yaxis="turns"
    )
    assert curve(figure, "y, no RF", "x") == pytest.approx([21.0, 36.0, 52.0])
    assert list(figure.table["energy [eV]"]) == [21e6, 36e6, 52e6]
    assert set(figure.table) >= {"s [m]", "end [m]", "mux [turns]"}


def test_what_is_held_lies_at_its_phase_and_energy() -> None:
    """Seven of a grid of 4 phases by 5 energies, counted along the phases from the fourth on."""
    cloud = pd.DataFrame({"phase [deg]": [1.0, -2.0], "W - W0 [keV]": [30.0, -40.0]})
    figure = optics_drawn._bucket(optics_facts(clouds={"entrance": cloud}))
    held = [(degrees(-0.2 + 0.1 * (n % 4)), -40.0 + 20.0 * (n // 4)) for n in range(3, 10)]
    assert curve(figure, "accepted", "x") == pytest.approx([phase for phase, _ in held], rel=SHOWN, abs=1e-9)
    assert curve(figure, "accepted") == pytest.approx([energy for _, energy in held], abs=1e-9)
    assert_curves(figure, {"bunch": [30.0, -40.0]}, xaxis="deg", yaxis="keV")
    inside = figure.table[figure.table["accepted"]]
    assert list(inside["phase [deg]"]) == pytest.approx([phase for phase, _ in held], abs=1e-12)
    assert list(inside["energy [keV]"]) == pytest.approx([energy for _, energy in held], abs=1e-12)
    assert len(figure.table) == longitudinal().accepted.size


def test_the_area_under_the_lost_power_is_what_the_lost_carry() -> None:
    """3 of 8 particles of 0.3 uA (300 uA, 5 us at 200 Hz), each with the energy of the middle of its bin."""
    figure = optics_drawn._losses(optics_facts())
    bins = np.linspace(0.0, 2.37, 50)
    middles = [bins[n] + bins[1] / 2 for n in (int(s / bins[1]) for s in (0.1, 0.3, 1.25))]
    watts = [0.3e-6 / 8 * float(np.interp(s, RUN.s, RUN.energy)) for s in middles]
    steps = np.array(curve(figure, "lost power")), np.array(curve(figure, "lost power", "x"))
    assert np.sum(steps[0][::2] * (steps[1][1::2] - steps[1][::2])) == pytest.approx(1e3 * sum(watts), rel=SHOWN)
    assert list(figure.table.loc[figure.table["lost particles"] > 0, "s [m]"]) == pytest.approx(middles)
    assert max(curve(figure, "lost power")) == pytest.approx(1e3 * max(watts) / bins[1], rel=SHOWN)
    assert_curves(figure, {"transmission": [100.0, 62.5]}, yaxis="%", yaxis2="mW/m")
    assert figure.shows[0].place(0.625) == pytest.approx(62.5)


def test_power_of_units_in_megawatts_and_ratings_only_where_all_are_alike() -> None:
    figure = optics_drawn._power(optics_facts())
    for name in ("needed", "copper"):
        assert curve(figure, name, "x") == pytest.approx(list(UNITS[name] / MEGA), rel=SHOWN)
    assert "Klystrons of 3.5 to 7.5 MW" in figure.caption
    assert figure.shows == ()
    (shown,) = optics_drawn._power(optics_facts(units=UNITS.assign(klystron=7.5e6))).shows
    assert shown.place(0.4) == pytest.approx(3.0)  # a share of 7.5 MW
    assert list(figure.table["average [W]"]) == list(UNITS["average"])


def test_a_range_holds_nearly_all_with_room() -> None:
    """Of 0 to 1000 in even steps 99.8 % lie from 1 to 999: 15 % of 998 more on either side; 10 % of 996 for a bunch."""
    even = np.linspace(0.0, 1000.0, 1001)
    assert optics_drawn._wide(even) == pytest.approx([1 - 149.7, 999 + 149.7], rel=1e-3)
    assert drawn._range(even) == pytest.approx([2 - 99.6, 998 + 99.6], rel=1e-3)


def test_the_beam_of_every_energy_is_in_per_cent() -> None:
    figure = drawn._beam(switching_facts())
    assert_curves(
        figure,
        {
            "transmission": [95.0, 90.0, 80.0, 96.0],
            "sigma W / W": [100 * 60e3 / 20.01e6, 100 * 150e3 / 29.94e6, 100 * 160e3 / 40.06e6, 100 * 80e3 / 50.05e6],
            "mean W / wanted - 1": [0.05, -0.2, 0.15, 0.1],
        },
        yaxis="%",
        yaxis2="%",
        yaxis3="%",
    )
    assert curve(figure, "sigma W / W", "x") == pytest.approx([20.0, 30.0, 40.0, 50.0])


#: Quantities that a figure carries, and which number of its curves they are.
CARRIED: list[tuple[str, str, Any]] = [
    ("_beam", "least_transmission", min),
    ("_beam", "largest_spread", max),
    ("_beam", "energy_miss", lambda values: max(map(abs, values))),
    ("_between", "interpolation_error", lambda values: max(map(abs, values))),
    ("_spot", "largest_spot", max),
    ("_spot", "least_spot", min),
    ("_jitter", "energy_jitter", max),
    ("_jitter", "range_jitter", max),
    ("_engines", "residual_energy", lambda values: max(map(abs, values))),
]


@pytest.mark.parametrize(("figure", "quantity", "extreme"), CARRIED)
def test_an_axis_carries_its_quantity(figure: str, quantity: str, extreme: Any) -> None:
    """The quantity, in its own unit, stands where the worst of what is drawn does."""
    made = getattr(drawn, figure)(switching_facts())
    scale, values = carried(made if isinstance(made, FigureData) else next(iter(made)), quantity)
    (found,) = evaluate([quantity], switching_facts())
    assert found.value is not None
    assert scale * found.value == pytest.approx(extreme(values), rel=SHOWN)


def test_what_lies_between_rows_and_what_the_fields_give_is_in_per_cent() -> None:
    (between,) = drawn._between(switching_facts())
    assert_curves(between, {"energy / wanted - 1": [0.2, -0.25]}, yaxis="%")
    (engines,) = drawn._engines(switching_facts())
    expected = [100 * (20 / 20.001 - 1), 100 * (40 / 39.996 - 1), 100 * (50 / 50.002 - 1)]
    assert_curves(engines, {"gaps over fields - 1": expected}, yaxis="%")
    assert list(drawn._engines(switching_facts(alone="a test"))) == []


def test_spots_in_millimetres_and_emittances_in_micrometres() -> None:
    figure = drawn._spot(switching_facts())
    assert_curves(
        figure,
        {
            "sigma x": 1e3 * BEAMS["size_x"],
            "sigma y": 1e3 * BEAMS["size_y"],
            "emittance x": 1e6 * BEAMS["emittance_x"],
            "emittance y": 1e6 * BEAMS["emittance_y"],
            "sigma / bore": BEAMS["fill"],
        },
        yaxis="mm",
        yaxis2="um",
        yaxis3="1",
    )


def test_jitter_is_relative_to_the_energy_wanted() -> None:
    figure = drawn._jitter(switching_facts())
    assert_curves(figure, {"energy": [0.05, 0.03, 0.022], "range": [4e-3, 8e-3, 9e-3]}, yaxis="%", yaxis2="mm")


def test_gradients_of_others_are_compared_in_per_cent() -> None:
    others = pd.DataFrame({"wanted": [20e6, 50e6], "this machine": [0.9, 0.95], "another": [0.7, 0.99]})
    (figure,) = drawn._others(switching_facts(others=others, sources={"another": "a rule"}))
    assert_curves(figure, {"this machine": [90.0, 95.0], "another": [70.0, 99.0]}, yaxis="%")
    assert "Worst of 2 energies: this machine 90.00 %, another 70.00 %" in figure.caption


def test_a_layer_lasts_its_pulses_and_a_change_stands_at_its_beginning() -> None:
    """60 pulses at 200 Hz are 0.3 s; the first layer needs no change."""
    figure = drawn._timing(switching_facts())
    assert curve(figure, "energy", "x") == pytest.approx([0.0, 0.3, 0.335, 0.635, 0.665, 0.965])
    assert_curves(figure, {"energy": [48, 48, 41, 41, 32, 32], "change of energy": [35.0, 30.0]}, yaxis2="ms")
    assert curve(figure, "change of energy", "x") == pytest.approx(list(LAYERS["begins"][1:]))


def test_trips_are_marked_at_the_lowest_energy_that_is_needed() -> None:
    figure = drawn._trips(switching_facts())
    for name, column in (("settings of the table", "untouched"), ("units behind phased anew", "recovered")):
        assert curve(figure, name, "x") == pytest.approx(list(TRIPS[column] / MEGA), rel=SHOWN)
    (mark,) = [shape for shape in figure.plotly["layout"]["shapes"] if shape["x0"] == shape["x1"]]
    assert mark["x0"] == 20.0


def test_the_table_of_settings_has_phases_in_degrees() -> None:
    table = drawn.settings_table(switching_facts())
    assert list(table["W [MeV]"]) == [20.0, 30.0, 40.0, 50.0]
    for number, unit in enumerate(("u1", "u2", "u3")):
        assert list(table[f"amplitude {unit} [1]"]) == list(SETTINGS.amplitudes[:, number])
        assert list(table[f"phase {unit} [deg]"]) == pytest.approx([degrees(a) for a in SETTINGS.phases[:, number]])


def test_the_heat_map_has_a_row_a_unit_and_tells_what_is_partly_on() -> None:
    (trace,) = drawn._settings(switching_facts()).plotly["data"]
    assert np.array(trace["z"], dtype=float) == pytest.approx(SETTINGS.amplitudes.T)
    assert [row[0] for row in trace["text"]] == ["0.90", "", ""]
    assert [row[2] for row in trace["text"]] == ["", "", "0.30"]


def test_largest_and_least_advances_and_acceptances_over_energy() -> None:
    columns = ["largest_mux", "largest_muy", "least_mux", "least_muy", "acceptance_x", "acceptance_y"]
    values = {name: [0.1 + number, 0.3 + number] for number, name in enumerate(columns)}
    figure = drawn._focus(switching_facts(focus=pd.DataFrame({"wanted": [20e6, 50e6], **values})))
    names = ["largest x", "largest y", "least x", "least y", "acceptance x", "acceptance y"]
    assert_curves(figure, dict(zip(names, values.values(), strict=True)), yaxis="turns", yaxis2="1")
    assert curve(figure, "least y", "x") == [20.0, 50.0]


def test_a_bunch_is_drawn_in_three_planes_each_with_its_own_columns() -> None:
    names = ["x [mm]", "x' [mrad]", "y [mm]", "y' [mrad]", "phase [deg]", "W [keV]"]
    table = pd.DataFrame({name: np.arange(3.0) + 10 * number for number, name in enumerate(names)})
    data = optics_drawn.bunch_drawing(table)["data"]
    for number, trace in enumerate(data):
        assert list(trace["x"]) == list(table[names[2 * number]])
        assert list(trace["y"]) == list(table[names[2 * number + 1]])


def test_nothing_is_compared_without_fields() -> None:
    tanks = TANKS.assign(gain_fields=nan)
    assert list(optics_drawn._engines(cast(Any, SimpleNamespace(tanks=tanks)))) == []


def test_bars_of_two_kinds_have_a_key_and_those_of_one_have_none() -> None:
    """Four names of two kinds: 110 px and 22 for each name and half as many again; a mark stands where it is asked."""
    names = ["a", "b", "c", "d"]
    one, other = (charts.bars(names, [1.0, 2.0, 3.0, 4.0], "#000000", name, "MW") for name in ("own", "needed"))
    single, both = charts.horizontal([one], "MW"), charts.horizontal([one, other], "MW", mark=2.5, label="limit")
    assert (single["layout"]["showlegend"], both["layout"]["showlegend"]) == (False, True)
    assert (single["layout"]["height"], both["layout"]["height"]) == (110 + 88, 110 + 132)
    assert single["layout"]["margin"]["t"] < both["layout"]["margin"]["t"]
    assert single["layout"].get("shapes", []) == []
    (mark,) = both["layout"]["shapes"]
    assert (mark["x0"], mark["x1"]) == (2.5, 2.5)
    assert [note["x"] for note in both["layout"]["annotations"]] == [2.5]
