"""Figures of slow extraction and of a spill from made-up facts: every curve is its fact over its axis' unit."""

from __future__ import annotations

from dataclasses import replace
from math import nan, sqrt
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from extraction.drivers.drivers import BetatronCore, ConstantOptics, TuneSweep
from studies.slow_extraction import figures as drawn
from studies.slow_extraction.spill import figures as spill_drawn
from studies.slow_extraction.spill.pictures import _motion
from studies.slow_extraction.turn_figures import last_turns_figure
from tests.studies import extraction_made as made
from tests.studies import spill_made
from tests.studies.numbers.drawn import curve, heading, traces

SHOWN = 1e-4  # six digits are drawn
ROOT = sqrt(1e3)  # m^1/2 in mm^1/2

#: A ring of 4 m: the electrostatic septum begins at 1 m, the magnetic one is the metre from 3 m on.
RING = SimpleNamespace(
    s=np.array([0.0, 1.0, 2.0, 3.0, 4.0]), length=4.0, index=lambda name: {"es": 1, "ms": 3}[name], name="ring"
)
ONCE = [1.0, 2.0, 3.0, 0.0, 1.0]  # s of both ends of its elements, from the septum round to it


def turns(x: float = 0.03, room: float = 0.009, into_gap: float = 0.011) -> Any:
    """Three turns of one momentum and one row of another; nearest at s = 2 m in the third turn, at -x."""
    rows = [(-1e-3, turn, s, 0.01 * turn, 0.02) for turn in (1, 2, 3) for s in ONCE]
    rows[11] = (-1e-3, 3, 2.0, -x, room)
    table = pd.DataFrame([*rows, (1e-3, 1, 1.0, 0.05, 0.5)], columns=["delta", "turn", "s", "x", "room"])
    return SimpleNamespace(table=table, nearest=table.loc[table["room"].idxmin()], into_gap=into_gap)


def turned(**changes: Any) -> Any:
    values: dict[str, Any] = {"turns": turns(), "found": (made.case(1),), "ring": RING}
    values |= {"septum": made.SEPTUM, "spec": made.SPEC}
    return cast(Any, SimpleNamespace(**values | changes))


def test_the_last_turns_run_from_the_septum_round_to_it_inside_the_opening() -> None:
    """The opening is |x| and the room beside it, to both sides; of one momentum alone."""
    figure = last_turns_figure(turned())
    for turn in (1, 2, 3):
        assert curve(figure, f"turn {turn}", "x") == [0.0, 1.0, 2.0, 3.0, 4.0]
    assert curve(figure, "turn 2") == pytest.approx([20.0] * 5)
    assert curve(figure, "turn 3") == pytest.approx([30.0, -30.0, 30.0, 30.0, 30.0])
    upper, lower = (curve(figure, "aperture", number=number) for number in (0, 1))
    assert upper == pytest.approx([30.0] * 5)
    assert lower == pytest.approx([-30.0] * 5)
    assert len(figure.table) == 15


def test_septa_stand_at_their_places_as_long_as_they_are() -> None:
    """Wires at -30 mm, the cathode a gap and the wires' thickness farther out; the wall of the magnetic septum."""
    figure = last_turns_figure(turned())
    plates = {"wires": (-30.0, 0.0, 0.5), "cathode": (-50.2, 0.0, 0.5), "wall of ms": (-40.0, 2.0, 3.0)}
    for name, (x, begin, end) in plates.items():
        assert curve(figure, name) == pytest.approx([x, x])
        assert curve(figure, name, "x") == pytest.approx([begin, end])
    assert traces(last_turns_figure(turned(septum=replace(made.SEPTUM, gap=0.0))), "cathode") == []


@pytest.mark.parametrize("x", [0.03, -0.03])
def test_the_least_room_is_carried_from_the_opening_inwards(x: float) -> None:
    """No room is the opening itself, 39 mm away on that side; the room of the nearest is where the particle is."""
    (shown,) = last_turns_figure(turned(turns=turns(x))).shows
    assert shown.place(0.0) == pytest.approx(-np.sign(x) * 39.0)
    assert shown.place(0.009) == pytest.approx(-1e3 * x)
    assert shown.at == pytest.approx(1.0)


def test_the_least_room_is_carried_from_the_cathode_where_that_is_nearer() -> None:
    (shown,) = last_turns_figure(turned(turns=turns(into_gap=0.004))).shows
    assert shown.place(0.0) == pytest.approx(-50.2)
    assert shown.place(0.004) == pytest.approx(-46.2)
    assert shown.at == 0.0


def extraction(**changes: Any) -> Any:
    """Facts with a wedge of three momenta: sqrt(m) amplitudes of 2 and 4 mm^1/2 and 1 % less to leading order."""
    table = pd.DataFrame({"delta": [1e-3, -2e-3, -1e-3], "exact": [4.0, nan, 2.0], "kobayashi": [3.96, 1.0, 1.98]})
    table[["exact", "kobayashi"]] /= ROOT
    found = replace(made.steinbach(), table=table)
    return made.facts(steinbach=found, beam=SimpleNamespace(sigmas=2.5), **changes)


def test_the_wedge_of_the_steinbach_diagram_ends_in_its_tip() -> None:
    """Momenta without a triangle are left out; the tip, of no amplitude, is at the resonant momentum."""
    (figure,) = drawn._steinbach(extraction())
    assert curve(figure, "exact", "x") == pytest.approx([-1.0, -0.3, 1.0])
    assert curve(figure, "exact") == pytest.approx([2.0, 0.0, 4.0], rel=SHOWN)
    assert curve(figure, "leading order") == pytest.approx([1.98, 0.0, 3.96], rel=SHOWN)
    assert curve(figure, "stack", "x") == pytest.approx([-3.0] * 5)
    assert curve(figure, "stack") == pytest.approx([ROOT * 1e-3] * 5, rel=1e-3)


def test_the_driver_s_arrow_begins_at_the_stack_at_the_beam_s_edge() -> None:
    """From -3e-3 towards -0.3e-3, a little over half way, just below 2.5 sigma of 1 um: 2.5 sqrt(1e-6) m^1/2."""
    (figure,) = drawn._steinbach(extraction())
    (arrow,) = [note for note in figure.plotly["layout"]["annotations"] if note.get("showarrow")]
    assert (arrow["ax"], arrow["x"]) == pytest.approx((-3.0, -3.0 + 0.55 * 2.7))
    assert arrow["ay"] == arrow["y"] == pytest.approx(0.93 * 2.5 * sqrt(1e-6) * ROOT)
    top = figure.plotly["layout"]["yaxis"]["range"][1]
    assert top == pytest.approx(1.08 * 0.5 * 4.0, rel=SHOWN)  # half of the wedge is more than the beam


def test_the_angle_of_the_arm_stands_over_momentum_beside_the_wires() -> None:
    """px / (1 + dp/p) of each momentum; the wires at -1 mrad, the resonance at -0.3e-3."""
    facts = made.facts(scans=SimpleNamespace(hardt=pd.DataFrame()))
    (figure,) = drawn._hardt(facts)
    assert curve(figure, "exact", "x") == pytest.approx([-2.0, -1.0, 1.0])
    assert curve(figure, "exact") == pytest.approx([-1.2 / 0.998, -0.9 / 0.999, -0.4 / 1.001], rel=SHOWN)
    for number, case in enumerate(facts.cases):
        leading = facts.wires[case.delta].leading
        assert leading is not None
        assert curve(figure, "leading order")[number] == pytest.approx(1e3 * leading.px / (1 + case.delta), rel=SHOWN)
    shapes = figure.plotly["layout"]["shapes"]
    assert {shape["y0"] for shape in shapes if shape["y0"] == shape["y1"]} == {-1.0}
    assert {shape["x0"] for shape in shapes if shape["x0"] == shape["x1"]} == {-0.3}
    assert heading(figure, "yaxis").endswith("[mrad]")


def test_steps_and_losses_of_every_momentum() -> None:
    """Steps of 4, 5 and 8 mm; losses in per cent, the aligned wires' smaller ones beside; both carry their quantity."""
    facts = made.facts()
    steps, losses = drawn._steps_of_momenta(facts), drawn._losses(facts)
    assert curve(steps, "spiral step") == pytest.approx([4.0, 5.0, 8.0])
    assert curve(steps, "spiral step", "x") == pytest.approx([-2.0, -1.0, 1.0])
    assert [shown.place(4e-3) for shown in steps.shows] == [4.0, 4.0]
    wires = [facts.wires[case.delta] for case in facts.cases]
    assert curve(losses, "wires and crossing angle") == pytest.approx([100 * one.loss for one in wires], rel=SHOWN)
    bare = [100 * one.aligned_loss for one in wires]
    assert curve(losses, "wires' thickness alone") == pytest.approx(bare, rel=SHOWN)
    assert all(alone < whole for alone, whole in zip(bare, curve(losses, "wires and crossing angle"), strict=True))
    (shown,) = losses.shows
    assert (shown.place(0.02), shown.at) == (2.0, -0.5)


def test_changes_with_a_family_are_told_in_micro_units() -> None:
    columns = {"tune_distance": [1e-6, -2e-6], "px": [3e-6, 4e-6], "step": [5e-6, -6e-6], "area": [7e-6, 8e-6]}
    table = pd.DataFrame({"family": ["kf", "sr"], "kind": "k", "strength": 1.0, "reason": "", **columns})
    scans = SimpleNamespace(sensitivity=table)
    angle, step = drawn._sensitivity(made.facts(scans=scans))
    assert sorted(map(float, angle.plotly["data"][0]["x"])) == pytest.approx([3.0, 4.0])
    assert sorted(map(float, step.plotly["data"][0]["x"])) == pytest.approx([-6.0, 5.0])
    assert list(angle.table["d(Qx) [1e-6]"]) == pytest.approx([1.0, -2.0])
    assert list(angle.table["d(area) [mm mrad]"]) == pytest.approx([7.0, 8.0])


def test_differences_of_the_engines_stand_beside_their_own_tolerance() -> None:
    (figure,) = drawn._engines(made.facts())
    rows = made.engines().rows
    sizes = [getattr(row.residuals, name) for row in rows for name in ("points", "area", "angle", "position")]
    assert list(figure.table["relative difference"]) == pytest.approx(sizes)
    points, area, angle, position = figure.table["tolerance"][:4]
    assert points == area != angle == position


# ------------------------------------------------------------------------------------------------------- the spill


def test_momentum_of_the_spill_is_its_mean_and_its_spread_to_both_sides() -> None:
    figure = spill_drawn._momentum(spill_made.facts())
    table = figure.table
    mean, spread = table["mean dp/p [1e-3]"], table["rms dp/p [1e-3]"]
    assert curve(figure, "mean") == pytest.approx(list(mean), rel=SHOWN)
    assert curve(figure, "mean + rms") == pytest.approx(list(mean + spread), rel=SHOWN, abs=1e-9)
    assert curve(figure, "mean - rms") == pytest.approx(list(mean - spread), rel=SHOWN, abs=1e-9)
    slices = pd.Series(spill_made.deltas()).groupby((spill_made.times() * 24 / 2.5).astype(int))
    several = slices.filter(lambda one: len(one) > 1)  # of a single particle there is no spread
    assert table["particles"].sum() == len(several) > 30
    assert float(np.average(mean, weights=table["particles"])) == pytest.approx(1e3 * several.mean())


def test_losses_of_the_spill_are_shares_of_all_that_left() -> None:
    """10 lost and 41 extracted: 5 on the wires are 5/51; of the four groups the largest comes first."""
    figure = spill_drawn._losses(spill_made.facts())
    assert list(figure.table["particles"]) == [5, 3, 1, 1]
    assert list(figure.table["share [%]"]) == pytest.approx([500 / 51, 300 / 51, 100 / 51, 100 / 51])
    assert figure.table["cause, place and plane"][0] == "wires, es, -x"
    assert sorted(map(float, figure.plotly["data"][0]["x"])) == pytest.approx(
        sorted(figure.table["share [%]"]), rel=SHOWN
    )
    assert "1 of 10 lost ones were lost vertically" in figure.caption
    whole = spill_drawn._losses(spill_made.facts(spill=spill_made.spill(gone=spill_made.lost()[:0])))
    assert list(whole.table["share [%]"]) == [0.0]
    assert list(whole.table["cause, place and plane"]) == ["wires, es"]


def test_the_bar_is_in_millimetres_and_milliradians_beside_wires_and_wall() -> None:
    """x' = px / (1 + dp/p); the wall of the magnetic septum is 12 mm thick, from -40 mm outwards."""
    table = spill_made.extracted()
    sent = np.column_stack([table[name] for name in ("x", "px", "y", "py", "zeta", "delta")])
    wires, wall = spill_drawn._bars(spill_made.facts(sent=sent, case=made_case()), made.facts())
    for figure in (wires, wall):
        assert list(figure.table["x [mm]"]) == pytest.approx(list(1e3 * table["x"]))
        assert list(figure.table["x' [mrad]"]) == pytest.approx(list(1e3 * table["px"] / (1 + table["delta"])))
        assert curve(figure, "extracted", "x") == pytest.approx(list(1e3 * table["x"]), rel=SHOWN)
        assert sum(curve(figure, "x")[1:-1:2]) == pytest.approx(41)
        assert sum(curve(figure, "angle", "x")[1:-1:2]) == pytest.approx(41)
    assert "The cathode is at -50.2 mm" in wires.caption
    assert [shape["x0"] for shape in wires.plotly["layout"]["shapes"]] == [-30.0]
    assert [shape["x0"] for shape in wall.plotly["layout"]["shapes"]] == pytest.approx([-40.0, -52.0])


def made_case() -> Any:
    """The case of the facts whose septum has a magnetic one behind it."""
    return SimpleNamespace(septum=made.SEPTUM, spec=spill_made.facts().case.spec, ripple=())


def test_both_trackers_are_drawn_with_their_own_turns_and_angles() -> None:
    (figure,) = spill_drawn._engines(spill_made.facts())
    ours, theirs = spill_made.agreement().ours.extracted, spill_made.agreement().theirs.extracted
    turn, angle = traces(figure, "fast tracker")
    assert list(map(float, turn["x"])) == pytest.approx(sorted(ours["turn"]))
    assert list(map(float, angle["x"])) == pytest.approx(sorted(1e3 * ours["px"] / (1 + ours["delta"])), rel=SHOWN)
    assert list(map(float, turn["y"])) == pytest.approx([(n + 1) / 41 for n in range(41)], rel=SHOWN)
    dots, _ = traces(figure, "Xsuite")
    shares = (np.arange(30) + 0.5) / 30
    assert list(map(float, dots["x"])) == [sorted(theirs["turn"])[int(np.ceil(40 * share)) - 1] for share in shares]
    assert list(figure.table["x [mm]"]) == pytest.approx(list(1e3 * pd.concat([ours, theirs])["x"]))


def test_drivers_are_drawn_over_their_own_mean() -> None:
    """The integral of a rate over its mean is the length of the spill; those without particles are left out."""
    others = {"tune-sweep": spill_made.other(), "nothing": spill_made.spill(spill_made.extracted()[:0])}
    spec = SimpleNamespace(driver="betatron-core", shaped=False, compare_particles=60)
    case = SimpleNamespace(septum=made.SEPTUM, spec=spec, ripple=())
    figure = spill_drawn._drivers(spill_made.facts(case=case, others=others))
    assert list(dict.fromkeys(figure.table["driver"])) == ["betatron-core", "tune-sweep"]
    for trace in figure.plotly["data"]:
        x, y = np.array(trace["x"], dtype=float), np.array(trace["y"], dtype=float)
        assert np.sum(y[::2] * (x[1::2] - x[::2])) == pytest.approx(5_000_000 * 5e-7, rel=1e-3)
    assert "40 of 60" not in figure.plotly["layout"]["annotations"][0]["text"]
    assert "41 of 60 extracted, 19.6% lost" in figure.plotly["layout"]["annotations"][0]["text"]


def test_a_supply_s_modulation_is_two_pi_f_times_its_shift_over_the_speed() -> None:
    """At 100 Hz and 1e-6: a shift of 0.5 in dp/p per part, 2 pi 100 0.5e-6 / 4e-3 = 7.85 %; all magnets shift by -1."""
    families = pd.DataFrame({"family": ["kf", "sr"], "shift": [0.5, -0.2], "gain": [3.0, 8.0]})
    families = families.assign(gain_error=[0.3, 0.4], frequency=[50.0, 200.0])
    response = SimpleNamespace(families=families, parameter="kf", particles=1, window=1.0, transfer=None)
    case = SimpleNamespace(septum=made.SEPTUM, spec=None, ripple=(), speed=-4e-3)
    table = spill_drawn._supplies(spill_made.facts(case=case, response=response)).table
    unit = 100 * 2 * np.pi * 100.0 * 1e-6 / 4e-3
    assert list(table["modulation expected [%]"]) == pytest.approx([0.5 * unit, 0.2 * unit, unit])
    tracked = [100 * 3.0 * 100 / 50 * 1e-6, 100 * 8.0 * 100 / 200 * 1e-6, nan]
    assert list(table["modulation tracked [%]"]) == pytest.approx(tracked, nan_ok=True)
    assert list(table["its error [%]"]) == pytest.approx([tracked[0] / 10, tracked[1] / 20, nan], nan_ok=True)
    changes = [50.0, -20.0, -100.0]
    assert list(table["change of the leaving momentum per 1e-4 [1e-6]"]) == pytest.approx(changes)


# -------------------------------------------------------------------------------------------- what a driver moves


TIMES = np.array([0.0, 0.5, 1.0])


def test_a_core_moves_the_stack_and_scaled_magnets_move_it_the_other_way() -> None:
    """dp/p given so far; magnets that grow by 1 per mille are a stack that falls by 1 per mille less its square."""
    none: Any = None
    core = _motion(none, BetatronCore([(0.0, 0.0), (1.0, 2e-3)]), none, TIMES)
    assert list(core.stack) == pytest.approx([0.0, 1e-3, 2e-3])
    assert list(core.wedge) == [0.0] * 3
    scaled = _motion(none, ConstantOptics([(0.0, 0.0), (1.0, 1e-3)]), none, TIMES)
    assert list((1 + scaled.stack) * [1.0, 1.0005, 1.001]) == pytest.approx([1.0] * 3)
    assert list(scaled.times) == list(TIMES)


def test_a_sweep_moves_the_wedge_through_the_stack_s_reach() -> None:
    """A straight sweep of 0.29 to 0.31 moves it by all of the reach towards the stack; half of it by half."""
    case: Any = SimpleNamespace(stack=SimpleNamespace(reach=-3e-3))
    straight = TuneSweep("kf", [(0.0, 0.29), (1.0, 0.31)])
    found = _motion(case, TuneSweep("kf", [(0.0, 0.29), (1.0, 0.30)]), straight, TIMES)
    assert list(found.wedge) == pytest.approx([0.0, 0.75e-3, 1.5e-3])
    assert list(found.stack) == [0.0] * 3
