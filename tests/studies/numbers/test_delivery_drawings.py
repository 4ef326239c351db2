"""Figures and tables of a delivery from facts by hand: each column and curve is its fact over its unit."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lattice import Bend, Drift, Lattice, survey
from studies.charts.sliding import Panel, sliding
from studies.delivery import figures as drawn
from studies.delivery import tables
from studies.delivery.facts import _tracked, accepted_cases
from tests.studies.numbers.drawn import curve, heading, traces
from tests.studies.numbers.test_delivery import CASES, FAST, MOVED, SLOW, facts, lines

SHOWN = 1e-4  # six digits are drawn


def delivery(**changes: Any) -> Any:
    """With settings of two energies, one spot each, and covariances whose rms dp/p are 1 and 2 per mille."""
    made = facts()
    sigma = np.zeros((2, 6, 6))
    sigma[:, 5, 5] = [1e-6, 4e-6]
    study = SimpleNamespace(sigmas=2.5, spots=(SimpleNamespace(x_mm=3.0, y_mm=4.0),))
    more: dict[str, Any] = {
        "found": SimpleNamespace(
            **{
                **vars(made.found),
                "wanted": np.array([[3e-3, 4e-3], [3e-3, 4e-3]]),
                "sizes": np.array([[3.0e-3, 4.0e-3], [3.2e-3, 4.4e-3]]),
                "reasons": ["", "too narrow a pipe"],
            }
        ),
        "beams": SimpleNamespace(sigma=sigma),
        "energies": 2,
        "spots": 1,
        "resolved": SimpleNamespace(study=study, particles=(SLOW, FAST), gradient=20.0),
    }
    return SimpleNamespace(**{**vars(made), **more, **changes})


def test_spots_have_a_row_for_each_energy_and_angle() -> None:
    """Two energies at 0 and 30 degrees: what belongs to an energy is repeated, what to an angle is in its turn."""
    table = tables._spots(delivery())
    columns = {
        "energy [MeV/u]": [60.0, 60.0, 200.0, 200.0],
        "angle [deg]": [0.0, 30.0, 0.0, 30.0],
        "chosen x [mm]": [3.0] * 4,
        "chosen y [mm]": [4.0] * 4,
        "size x [mm]": [3.0, 3.3, 3.0, 3.0],
        "size y [mm]": [4.0, 4.0, 3.6, 4.4],
        "divergence x [mrad]": [1e3] * 4,
        "correlation x, y [1]": [0.01, 0.2, -0.3, 0.0],
        "rms dp/p [1e-3]": [1.0, 1.0, 2.0, 2.0],
        "Dx [m]": [0.01, 0.01, 0.03, -0.04],
        "Dy [m]": [-0.02, -0.02, 0.0, 0.03],
        "fill [1]": [0.7, 0.7, 0.9, 0.9],
    }
    for name, values in columns.items():
        assert list(table[name]) == pytest.approx(values), name
    assert list(table["reached"]) == ["yes", "yes", "no", "no"]


def test_gradients_are_strengths_times_their_own_rigidity() -> None:
    table = tables._settings(delivery())
    assert list(table["k1 [T/m]"]) == pytest.approx([SLOW.magnetic_rigidity, 0.5 * FAST.magnetic_rigidity])
    assert list(table["k2 [T/m]"]) == pytest.approx([-2.0 * SLOW.magnetic_rigidity, 0.8 * FAST.magnetic_rigidity])
    assert list(table["energy [MeV/u]"]) == pytest.approx([60.0, 200.0])
    assert list(table["chosen x [mm]"]) == pytest.approx([3.0, 3.0])
    assert list(table["chosen y [mm]"]) == pytest.approx([4.0, 4.0])
    figure = drawn._strengths(delivery())
    assert list(figure.table["k2 [T/m]"]) == pytest.approx(list(table["k2 [T/m]"]))
    (trace,) = figure.plotly["data"]
    shares = np.abs(table[["k1 [T/m]", "k2 [T/m]"]].to_numpy().T) / 20.0
    assert np.array(trace["z"], dtype=float) == pytest.approx(shares, rel=1e-3)


def test_what_is_missed_is_listed_with_the_nearest_spot_and_why() -> None:
    table = tables._missed(delivery())
    assert list(table["case"]) == [CASES[1].label]
    assert list(table["size x [mm]"]) == pytest.approx([3.2])
    assert list(table["size y [mm]"]) == pytest.approx([4.4])
    assert list(table["why"]) == ["too narrow a pipe"]


def test_particles_at_the_isocentre_and_where_they_are_lost() -> None:
    """100 of 125 arrive in the second case; 25 are lost, 5 of them at b."""
    made = delivery()
    engines = {"size_x": [1.0] * 3, "size_x_xsuite": [1.0, 1.1, 0.9], "size_y": [2.0] * 3, "size_y_xsuite": [2.2, 2, 2]}
    table = tables._particles(delivery(engines=pd.DataFrame(engines)))
    assert list(table["arrived [1]"]) == pytest.approx([1.0, 0.8, 1.0])
    assert list(table["size y [mm]"]) == pytest.approx([4.0, 3.2, 4.1])
    assert list(table["middle x [mm]"]) == pytest.approx([0.0, 0.3, 0.1])
    assert list(table["middle y [mm]"]) == pytest.approx([0.0, -0.4, 0.0])
    assert list(table["x, Xsuite / ours - 1"]) == pytest.approx([0.0, 0.1, -0.1])
    assert list(table["y, Xsuite / ours - 1"]) == pytest.approx([0.1, 0.0, 0.0])
    lost = pd.DataFrame({"element": ["a"] * 20 + ["b"] * 5, "s": [1.0] * 20 + [3.0] * 5})
    hit = made.delivered[1].__class__(**{**vars(made.delivered[1]), "lost": lost})
    rows = tables._lost(delivery(delivered=(hit,)))
    assert list(rows["lost [1]"]) == pytest.approx([0.16, 0.04])
    assert list(rows["s [m]"]) == [1.0, 3.0]


def test_nineteen_of_twenty_lines_lie_within_what_is_told() -> None:
    """Distances of 1 ... 20 um, the 95th percentile of even steps: 19.05; angles twice that, sizes 1e-3 more."""
    table = tables._arrivals(lines()).set_index("state")
    assert table.loc["steered", "position [mm]"] == pytest.approx(19.05e-3)
    assert table.loc["steered", "angle [mrad]"] == pytest.approx(2 * 19.05e-3)
    assert table.loc["steered", "change of size [1]"] == pytest.approx(19.05e-3)
    assert table.loc["with ripple", "position [mm]"] == pytest.approx(19.05e-3 * np.sqrt(17))
    assert table.loc["before steering", "position [mm]"] == pytest.approx(19.05e-3)


def test_supplies_are_told_in_millimetres_and_per_cent_the_worst_first() -> None:
    """k moves a size by 0.2 %; b moves the middle by 0.04 mm, which counts as 0.04 %."""
    table = tables._supplies(lines())
    assert list(table["x [mm per 1e-4]"]) == pytest.approx([0.03, 0.0])
    assert list(table["y [mm per 1e-4]"]) == pytest.approx([-0.04, 0.0])
    assert list(table["size x [% per 1e-4]"]) == pytest.approx([0.01, -0.1])
    assert list(table["size y [% per 1e-4]"]) == pytest.approx([0.0, 0.2])
    (figure,) = drawn._supplies(lines())
    told = {"x [mm]": [0.0, 0.03], "y [mm]": [-0.04, 0.0], "size x [%]": [-0.1, 0.01], "size y [%]": [0.0, 0.2]}
    for name, wanted in told.items():
        (column,) = (one for one in figure.table.columns if one.startswith(name[:-1]))
        assert sorted(figure.table[column]) == pytest.approx(wanted), name
    assert list(figure.table["supply"]) == ["k", "b"]
    (trace,) = figure.plotly["data"]
    shares = np.array(trace["z"], dtype=float)
    assert sorted(shares.ravel()) == pytest.approx([0, 0, 0, 0.1, 1, 1, 1, 1], abs=1e-3)


def test_what_rounding_leaves_of_nothing_is_nothing() -> None:
    """A supply that bends in x alone: -3.2e-18 mm in y, which its cell told as the largest of its column."""
    flat = replace(lines(), supplies=tuple(replace(one, y=-3.2e-21) for one in lines().supplies))
    (figure,) = drawn._supplies(flat)
    (trace,) = figure.plotly["data"]
    column = trace["x"].index("y [mm]")
    assert [row[column] for row in trace["text"]] == ["0", "0"]
    assert [float(row[column]) for row in trace["z"]] == [0.0, 0.0]


def test_sizes_over_energy_beside_those_chosen() -> None:
    figure = drawn._sizes(delivery())
    assert curve(figure, "x, 3 mm chosen", "x") == pytest.approx([60.0, 200.0])
    assert curve(figure, "x, 3 mm chosen") == pytest.approx([3.0, 3.2])
    assert curve(figure, "y, 4 mm chosen") == pytest.approx([4.0, 4.4])
    assert sorted(shape["y0"] for shape in figure.plotly["layout"]["shapes"]) == pytest.approx([3.0, 4.0])
    assert "are drawn; the data have all" not in figure.caption


def test_momenta_beside_the_magnets_in_per_cent_and_millimetres() -> None:
    made = drawn._accepted(MOVED, 2.0)
    by_name = {trace["name"]: trace for trace in made["data"]}
    assert list(map(float, by_name["transmission"]["x"])) == pytest.approx([-2.0, -1.0, 0.0, 1.0, 2.0])
    assert list(map(float, by_name["transmission"]["y"])) == pytest.approx([90.0, 96.0, 100.0, 100.0, 98.0])
    assert list(map(float, by_name["sigma x"]["y"])) == pytest.approx([2.73, 2.85, 3.0, 3.15, 3.6])
    assert list(map(float, by_name["x"]["y"])) == pytest.approx([0.41, 0.11, 0.01, 0.11, 0.41])
    assert (by_name["sigma y"]["yaxis"], by_name["y"]["yaxis"]) == ("y2", "y3")
    table = drawn._named(MOVED)
    assert list(table["size_x [mm]"]) == pytest.approx([2.73, 2.85, 3.0, 3.15, 3.6])
    assert list(table["dp/p [1]"]) == list(MOVED.table["offset"])
    (figure,) = drawn._acceptance(delivery(delivered=(1,)))
    assert "up to 2 % on either side" in figure.caption
    assert figure.shows[0].place(0.001) == pytest.approx(1.0)


def test_spots_and_the_beam_that_enters_are_in_millimetres_and_milliradians() -> None:
    one = delivery().delivered[1]
    spot = drawn._spot(one)
    assert (spot.x[0], spot.y[0]) == pytest.approx((0.3 + 3.3, -0.4 + 3.2))
    assert spot.wanted == pytest.approx((3.0, 4.0))
    assert spot.told == "rms 3.3 x 3.2 mm"
    table = drawn._spots(delivery(shown=one)).table
    assert list(table["x [mm]"]) == pytest.approx(list(spot.x))
    assert list(table["y [mm]"]) == pytest.approx(list(spot.y))
    source = SimpleNamespace(states=np.array([[1e-3, 2e-3, 0, 0, 0, 3e-3]] * 30), particle=SLOW, beam=None, told="made")
    figure = drawn._entrance(delivery(source=source))
    assert list(figure.table.iloc[0]) == pytest.approx([1.0, 2.0, 3.0])
    assert curve(figure, "extracted", "x")[0] == pytest.approx(1.0)
    assert curve(figure, "extracted")[0] == pytest.approx(2.0)


def test_steered_spots_are_drawn_about_that_of_the_ideal_line() -> None:
    """The ideal spot is 5 um off: lines are 1 ... 20 um from it in x and four times as far in y."""
    table = drawn._steered_spots(lines()).table
    assert list(table["x [mm]"]) == pytest.approx(list(1e-3 * np.arange(1.0, 21.0)))
    assert list(table["y [mm]"]) == pytest.approx(list(4e-3 * np.arange(1.0, 21.0)))


def test_trajectories_before_and_behind_steering_in_their_planes() -> None:
    columns = {"s": [0.0, 1.0], "x_before": [1e-3, 2e-3], "x_after": [1e-4, 2e-4], "y_before": [3e-3, 4e-3]}
    along = pd.DataFrame({**columns, "y_after": [3e-4, 4e-4]})
    made = SimpleNamespace(along=along, ripple=np.zeros(20), label="one")
    figure = drawn._along(made)  # type: ignore[arg-type]
    expected = {"x before": [1, 2], "x after": [0.1, 0.2], "y before": [3, 4], "y after": [0.3, 0.4]}
    for name, values in expected.items():
        assert curve(figure, f"{name} steering") == pytest.approx(values)
        assert traces(figure, f"{name} steering")[0]["yaxis"] == {"x": "y", "y": "y2"}[name[0]]
    assert list(figure.table["y_before [mm]"]) == pytest.approx([3.0, 4.0])
    assert list(figure.table["s [m]"]) == [0.0, 1.0]
    assert heading(figure, "yaxis2") == "|y| [mm]"


def test_an_envelope_keeps_one_row_a_place_and_opening() -> None:
    columns = {"s": [0.0, 1.0, 1.0, 1.0], "aperture_x": [0.03, 0.03, 0.03, 0.02], "x": [1.0, 2.0, 3.0, 4.0]}
    assert list(drawn._thinned(pd.DataFrame(columns))["x"]) == [1.0, 2.0, 4.0]


def test_the_gantry_is_drawn_from_above_and_from_the_side_with_its_isocentre() -> None:
    """A bend of 0.3 rad rolled by 0 and 90 degrees turns left and then up; the isocentre is the end of the line."""
    stands = []
    for roll in (0.0, np.pi / 2):
        line = Lattice("line", elements=[Drift("a", length=1.0), Bend("b", length=2.0, angle=0.3, tilt=roll)])
        stands.append((roll, pd.DataFrame(survey(line)).set_index("name")))
    (figure,) = drawn._turned(delivery(stands=tuple(stands)))
    for number, (_, table) in enumerate(stands):
        end = table.iloc[-1]
        above, side = (traces(figure, name)[number] for name in ("from above: X", "from the side: Y"))
        assert (float(above["x"][-1]), float(above["y"][-1])) == pytest.approx((end["Z"], end["X"]), abs=1e-6)
        assert (float(side["x"][-1]), float(side["y"][-1])) == pytest.approx((end["Z"], end["Y"]), abs=1e-6)
        changes = figure.plotly["layout"]["sliders"][0]["steps"][number]["args"][1]["annotations"]
        seen = {(note["x"], note["y"]) for note in changes if note["text"] == "isocentre"}
        assert {(round(x, 5), round(y, 5)) for x, y in seen} >= {(round(end["Z"], 5), round(end["X"], 5))}
        assert all(x == pytest.approx(end["Z"], abs=1e-6) for x, _ in seen)
    assert sorted(set(figure.table["angle [deg]"])) == pytest.approx([0.0, 90.0])
    assert list(drawn._turned(delivery(stands=()))) == []


@pytest.mark.parametrize(("energies", "spots", "numbers"), [(9, 2, [0, 5, 8, 13, 16]), (3, 1, [0, 1, 2]), (1, 3, [0])])
def test_energies_from_end_to_end_are_tracked_at_the_spots_in_turn(
    energies: int, spots: int, numbers: list[int]
) -> None:
    """Cases are counted spot by spot: of nine energies the first, third, fifth, seventh and ninth."""
    study = SimpleNamespace(spots=[None] * spots)
    resolved: Any = SimpleNamespace(particles=[None] * energies, study=study, turned=None, angles=(0.0, 0.5))
    cases: Any = list(range(energies * spots))
    found: list[Any] = _tracked(resolved, cases)
    assert found == numbers
    resolved.turned = ("gantry", (0.0, 0.5))
    turned = _tracked(resolved, tuple(CASES[0] for _ in cases))
    assert [case.angle for case in turned] == [0.0, 0.5] * len(numbers)


def test_a_slider_s_frame_holds_every_panel() -> None:
    """x from 0 to 5; y from -1 to 9, with 6 % of 10 more."""
    panels = [
        Panel("a", [("c", [0.0, 2.0], [-1.0, 3.0], "#000000")]),
        Panel("b", [("c", [1.0, 5.0], [9.0, 0.0], "#000000")]),
    ]
    layout = sliding(panels, "x", "y", "at ", shown=1)["layout"]
    assert layout["xaxis"]["range"] == pytest.approx([0.0, 5.0])
    assert layout["yaxis"]["range"] == pytest.approx([-1.6, 9.6])
    assert layout["sliders"][0]["active"] == 1


def test_momenta_are_asked_for_evenly_on_both_sides_in_per_cent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Five of them up to 2 %, for every case that is tracked, with the sizes that were chosen for it."""
    asked = SimpleNamespace(points=5, momentum_percent=2.0)
    study = SimpleNamespace(acceptance=asked, model=SimpleNamespace(fringe="linear"))
    resolved: Any = SimpleNamespace(study=study)
    source: Any = SimpleNamespace(at=lambda particle: "states")
    found: Any = SimpleNamespace(of=lambda number, angle: (number, angle))
    monkeypatch.setattr("studies.delivery.facts._to_isocentre", lambda resolved, line: line)
    seen: list[Any] = []

    def accepted(*given: Any) -> str:
        seen.append(given)
        return "table"

    monkeypatch.setattr("studies.delivery.facts.accepted", accepted)
    made: list[Any] = list(accepted_cases(resolved, source, found, delivery().delivered))
    assert [(one.label, one.size_x, one.size_y, one.table) for one in made] == [
        (one.case.label, 3e-3, 4e-3, "table") for one in delivery().delivered
    ]
    for _, particle, states, offsets, fringe in seen:
        assert (states, fringe) == ("states", "linear")
        assert particle in (SLOW, FAST)
        assert list(offsets) == pytest.approx([-0.02, -0.01, 0.0, 0.01, 0.02])
    study.acceptance = None
    assert list(accepted_cases(resolved, source, found, delivery().delivered)) == []
