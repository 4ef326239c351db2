"""Figures of machines with errors and of scans from made-up numbers: bands, yields, histograms, regions, borders."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from machines.requirements import FAIL, PASS, Requirement
from studies.ring_optics import orbit_figures as orbits
from studies.scan import figures as scans
from studies.scan import what_if
from studies.scan.estimate import Estimate
from studies.scan.facts import ScanFacts
from studies.scan.picks import marks, positions
from studies.scan.plan import COMPUTED, STATUS, Axis
from tests.studies.numbers.drawn import curve, heading, traces

SHOWN = 1e-4  # six digits are drawn
S = np.array([0.0, 2.0, 5.0])
MACHINES = 21


def ensemble(scale: float) -> Any:
    """21 machines whose orbits go evenly from -1 to 1 mm (in y from 0 to 2 mm) times a scale and the place."""
    steps = np.linspace(-1.0, 1.0, MACHINES)
    orbit = {"x": np.outer(steps, [1.0, 2.0, 3.0]), "y": np.outer(steps + 1.0, [1.0, 4.0, 2.0])}
    orbit = {plane: 1e-3 * scale * values for plane, values in orbit.items()}
    table = {f"orbit_max_{plane}": np.abs(values).max(axis=1) for plane, values in orbit.items()}
    table |= {"beating_max_x": 0.04 * scale * np.arange(MACHINES) / 20, "beating_max_y": np.full(MACHINES, 0.01)}
    return SimpleNamespace(s=S, orbit=orbit, table=pd.DataFrame(table))


def found(corrected: bool = True) -> Any:
    before, after = ensemble(10.0), ensemble(1.0) if corrected else None
    states = {"before": before} | ({"after": after} if corrected else {})
    spec = SimpleNamespace(machines=MACHINES)
    return SimpleNamespace(spec=spec, states=states, before=before, after=after, correction=None)


def test_bands_hold_the_middle_nine_tenths_in_each_plane_s_own_panel() -> None:
    """Of 21 even steps the 5th and the 95th percentile are one step from the ends; machine 0 is the lowest."""
    figure = next(iter(orbits.orbit_figures(found())))
    places = {"x": [1.0, 2.0, 3.0], "y": [1.0, 4.0, 2.0]}
    for number, (plane, middle) in enumerate((("x", 0.0), ("y", 1.0))):
        for when, scale in (("before", 10.0), ("after", 1.0)):
            for name, step in ((f"5 % {when}", -0.9), (f"95 % {when}", 0.9), (f"machine 0 {when}", -1.0)):
                expected = [scale * (step + middle) * at for at in places[plane]]
                assert curve(figure, name, number=number) == pytest.approx(expected, rel=SHOWN, abs=1e-9)
                assert traces(figure, name)[number]["yaxis"] == ("y", "y2")[number]
                assert curve(figure, name, "x", number) == list(S)
    assert list(figure.table["x_low_after [m]"]) == pytest.approx([-0.9e-3, -1.8e-3, -2.7e-3])


def test_limits_on_orbits_are_carried_to_both_sides_of_their_own_panel() -> None:
    figure = next(iter(orbits.orbit_figures(found())))
    places = {one.quantity: (one.axis, one.mirrored, one.curves) for one in figure.shows}
    assert places == {
        "orbit_x": ("y", True, ("5 % after", "95 % after")),
        "orbit_x_uncorrected": ("y", True, ("5 % before", "95 % before")),
        "orbit_y": ("y2", True, ("5 % after", "95 % after")),
        "orbit_y_uncorrected": ("y2", True, ("5 % before", "95 % before")),
    }
    assert all(one.place(2e-3) == pytest.approx(2.0) for one in figure.shows)
    bare = next(iter(orbits.orbit_figures(found(corrected=False))))
    assert {one.quantity for one in bare.shows} == {"orbit_x_uncorrected", "orbit_y_uncorrected"}


def test_monitors_stand_in_the_middle_of_their_element_below_what_is_drawn() -> None:
    ring = SimpleNamespace(s=S, index=lambda name: {"bh": 0, "bv": 1}[name])
    responses = {"x": SimpleNamespace(monitors=("bh",)), "y": SimpleNamespace(monitors=("bv",))}
    correction = SimpleNamespace(machines=SimpleNamespace(ideal=ring), responses=responses)
    steered: Any = SimpleNamespace(**{**vars(found()), "correction": correction})
    figure = next(iter(orbits.orbit_figures(steered)))
    assert [curve(figure, "monitors", "x", number) for number in (0, 1)] == [[1.0], [3.5]]
    lowest = [1.08 * 10 * -0.9 * 3.0, 1.08 * 10 * 0.1 * 1.0]
    assert [curve(figure, "monitors", number=number)[0] for number in (0, 1)] == pytest.approx(lowest)


def test_the_yield_of_machines_against_their_largest_orbit() -> None:
    """Before correction the largest orbit in y goes evenly from 0 to 80 mm: half of the machines below 40 mm."""
    figure = orbits._shares(found())
    assert curve(figure, "y before", "x") == pytest.approx(list(np.linspace(0.0, 80.0, MACHINES)), abs=1e-9)
    assert curve(figure, "y before") == pytest.approx([100 * (n + 1) / MACHINES for n in range(MACHINES)], rel=SHOWN)
    assert max(curve(figure, "x after", "x")) == pytest.approx(3.0)
    assert [shape["y0"] for shape in figure.plotly["layout"]["shapes"]] == [95.0]
    assert all((one.axis, one.at, one.scale) == ("x", 95.0, 1e3) for one in figure.shows)


def test_a_histogram_of_beating_counts_every_machine_once_in_per_cent() -> None:
    """Up to 40 % before: 15 bins of a fifteenth of it; the last step of a curve is its last bin with machines."""
    figure = orbits._beating(found())
    for name in ("betx before", "bety after", "betx after"):
        assert figure.table[name].sum() == MACHINES
        steps, edges = np.array(curve(figure, name)), np.array(curve(figure, name, "x"))
        assert steps[1::2].sum() == MACHINES
        assert steps[0] == 0.0
        assert edges[-1] <= 40.1
    assert figure.table["to [%]"].iloc[-1] == pytest.approx(40.0, rel=2e-3)
    assert figure.table.loc[figure.table["bety after"] > 0, "from [%]"].iloc[0] < 1.0
    assert figure.table.loc[figure.table["bety after"] > 0, "to [%]"].iloc[0] > 1.0
    assert max(curve(figure, "betx after", "x")) == pytest.approx(2 * 40.04 / 15, rel=1e-3)


# ----------------------------------------------------------------------------------------------------------- scans

AXES = (Axis("kf", 0.2, 0.4, 21), Axis("kd", -0.5, -0.3, 11))


def scan(limit: Requirement | None = None) -> ScanFacts:
    """max_betx is 10 m + 50 (kf - 0.2) m: 15 m at kf = 0.3; qx 1.7, qy grows with kd; one case unstable."""
    kf, kd = (np.linspace(one.lower, one.upper, one.number) for one in AXES)
    table = pd.DataFrame({"kf": np.repeat(kf, len(kd)), "kd": np.tile(kd, len(kf)), STATUS: COMPUTED})
    table["qx"], table["qy"] = 1.7, 1.2 + table["kd"]
    table["max_betx"], table["max_bety"] = 10.0 + 50.0 * (table["kf"] - 0.2), 8.0
    judged = (limit or Requirement("R-1", "text", "max_betx", "m", "the test", "scan", upper=15.0),)
    table["R-1"] = np.where(table["max_betx"] <= 15.0 + 1e-9, PASS, FAIL)
    table.loc[0, [STATUS, "qx", "qy", "max_betx", "max_bety"]] = ["unstable", *[np.nan] * 4]
    classes = np.where(table[STATUS] != COMPUTED, 3, (table["R-1"] == FAIL).astype(int))
    design = SimpleNamespace(parameters={"kf": 0.25, "kd": -0.4}, elements=())
    plan = SimpleNamespace(axes=AXES, judged=judged, design=design, names={"qx": "qx"}, particle=None, unjudged=())
    return ScanFacts(cast(Any, plan), table, classes, np.array([30, 40]), (1.7, 0.8), ())


@pytest.fixture
def units(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (scans, what_if):
        monkeypatch.setattr(module, "parameter_unit", lambda name, design: "1/m^2")


@pytest.mark.usefixtures("units")
def test_the_region_has_every_case_in_its_class() -> None:
    """Half of the kf pass (the limit included), one case is unstable; the design is pointed at, chosen cases ringed."""
    figure = scans.region(scan())
    passes, fails, none = (traces(figure, name)[0] for name in ("passes all", "fails one", "no answer"))
    assert (len(passes["x"]), len(fails["x"]), len(none["x"])) == (11 * 11 - 1, 10 * 11, 1)
    assert max(map(float, passes["x"])) == pytest.approx(0.3)
    assert min(map(float, fails["x"])) == pytest.approx(0.31)
    assert (float(none["x"][0]), float(none["y"][0])) == pytest.approx((0.2, -0.5))
    assert "unstable" in none["text"][0]
    assert "fails R-1" in fails["text"][0]
    rings = traces(figure, "cases whose optics can be seen")[0]
    table = scan().table
    assert list(map(float, rings["x"])) == pytest.approx([0.25, table["kf"][30], table["kf"][40]])
    assert list(map(float, rings["y"])) == pytest.approx([-0.4, table["kd"][30], table["kd"][40]])
    pointed = [note for note in figure.plotly["layout"]["annotations"] if note["text"] == "design"]
    assert [(note["x"], note["y"]) for note in pointed] == [(0.25, -0.4)]


@pytest.mark.usefixtures("units")
@pytest.mark.parametrize(("upper", "unit"), [(15.0, "m"), (15_000.0, "mm")])
def test_a_border_runs_where_the_quantity_is_at_its_limit(upper: float, unit: str) -> None:
    """Along kf = 0.3 from one end of kd to the other, in whatever unit the limit is told."""
    figure = scans.region(scan(Requirement("R-1", "text", "max_betx", unit, "the test", "scan", upper=upper)))
    (border,) = traces(figure, "R-1")
    x, y = ([float(value) for value in border[axis] if value is not None] for axis in "xy")
    assert x == pytest.approx([0.3] * len(x))
    assert (min(y), max(y)) == pytest.approx((-0.5, -0.3))


@pytest.mark.usefixtures("units")
def test_tunes_are_drawn_about_the_design_without_what_is_unstable() -> None:
    """qy within 0.1 of the design's: a window of 0.105 to each side, 5 % more than the farthest."""
    figure = scans._tunes(scan())
    assert len(figure.table) == 21 * 11 - 1
    for axis, centre in (("xaxis", 1.7), ("yaxis", 0.8)):
        assert figure.plotly["layout"][axis]["range"] == pytest.approx([centre - 0.105, centre + 0.105])
    clouds = [len(traces(figure, name)[0]["x"]) for name in ("passes all", "fails one")]
    assert clouds == [120, 110]


@pytest.mark.usefixtures("units")
def test_along_one_parameter_each_quantity_has_its_own_curve() -> None:
    facts = scan()
    row = facts.table[facts.table["kd"] == facts.table["kd"][3]].reset_index(drop=True)
    plan = SimpleNamespace(**{**vars(facts.plan), "axes": AXES[:1]})
    figure = scans._along(cast(Any, plan), row)
    assert curve(figure, "max_betx") == pytest.approx(list(row["max_betx"]))
    assert curve(figure, "qy") == pytest.approx([1.2 + row["kd"][0]] * 21)
    assert curve(figure, "qx", "x") == pytest.approx(list(row["kf"]))
    assert heading(figure, "yaxis") == "qx, qy [1]"
    assert heading(figure, "yaxis2") == "max_betx, max_bety [m]"


def test_the_design_is_the_first_of_what_can_be_picked_and_is_shown_at_first() -> None:
    facts = scan()
    x = positions(facts, "kf", 0.25)
    small, large = marks(x, x)
    assert (list(small["x"]), list(large["x"])) == (list(x), [x[0]])


def test_a_scan_takes_as_long_for_each_case_and_less_on_more_processors() -> None:
    """10 of 1000 cases in 5 s: 500 s, 125 s by four."""
    assert Estimate(1000, 10, 5.0, 1).total == pytest.approx(500.0)
    assert Estimate(1000, 10, 5.0, 4).total == pytest.approx(125.0)
