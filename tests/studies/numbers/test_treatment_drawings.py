"""Figures of the comparison of machines from made-up facts: each curve is its fact over the unit of its axis."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from studies.treatment import figures as drawn
from studies.treatment.facts import CYCLES, CYCLOTRON, LINAC, STEPS, Machines
from studies.treatment.timeline import BEAM, CAUSES
from tests.studies.numbers import treatment_facts as made
from tests.studies.numbers.drawn import carried, curve, heading, traces

SHOWN = 1e-4  # six digits are drawn


def facts(**changes: Any) -> Any:
    return made.facts(**{"study": made.study(), **changes})


def test_causes_add_up_to_each_machine_s_time() -> None:
    """Stacked bars, a row a machine; none of the made-up ones is the sum of another's."""
    figure = drawn._causes(facts())
    rows = list(made.TIMELINES.values())
    for cause in CAUSES:
        assert curve(figure, cause, "x") == pytest.approx([line.spent[cause] for line in rows])
        assert list(figure.table[f"{cause} [s]"]) == [line.spent[cause] for line in rows]
    ends = np.sum([curve(figure, cause, "x") for cause in CAUSES], axis=0)
    assert list(ends) == pytest.approx([51.5, 27.25, 16.125, 20.0])
    assert "2 Gy to 125 cm^3 between 50 and 100 mm" in figure.caption
    assert f"linac: {BEAM}" in figure.caption
    assert "ring, steps: refill" in figure.caption


def test_a_cause_that_no_machine_has_is_not_drawn() -> None:
    lines = {name: replace(line, spent={**line.spent, BEAM: 0.0}) for name, line in made.TIMELINES.items()}
    assert traces(drawn._causes(facts(timelines=lines)), BEAM) == []


def test_a_tornado_shows_what_matters_largest_first_and_what_is_not_possible_without_a_bar() -> None:
    """Of 51.5 s below 0.0515 s is left out; what is lost at one end is the largest, whatever the other does."""
    rows = [("small", 0.04, -0.05), ("large", -9.0, 6.0), ("middle", 0.06, -0.01), ("lost", np.nan, -0.02)]
    table = pd.DataFrame(
        [(name, factor, change) for name, *both in rows for factor, change in zip((0.5, 2.0), both, strict=True)],
        columns=["assumption", "factor", CYCLES],
    )
    (figure,) = drawn._tornados(facts(sensitivity=table, timelines={CYCLES: made.TIMELINES[CYCLES]}))
    assert list(figure.table["assumption"]) == ["lost", "large", "middle"]
    assert list(figure.table["halved [s]"])[1:] == [-9.0, 0.06]
    assert list(figure.table["doubled [s]"]) == [-0.02, 6.0, -0.01]
    assert curve(figure, "doubled", "x") == pytest.approx([-0.02, 6.0, -0.01])
    low, high = figure.plotly["layout"]["xaxis"]["range"]
    assert (low, high) == pytest.approx((-9.0 - 0.06 * 15, 6.0 + 0.06 * 15))
    assert "the 3 that change it by more than 0.1 %" in figure.caption
    assert "not possible there (lost)" in figure.caption


def test_what_several_energies_of_a_spill_save_is_told_of_each_filling() -> None:
    table = pd.DataFrame(
        {
            "particles": [1e9] * 3 + [4e9] * 3,
            "energies": [1, 2, 3] * 2,
            "time": [50.0, 51.0, 52.0, 40.0, 30.0, 32.0],
        }
    )
    (figure,) = drawn._several(facts(several=table))
    assert curve(figure, "1e+09 a spill") == [50.0, 51.0, 52.0]
    assert curve(figure, "4e+09 a spill", "x") == [1, 2, 3]
    assert "With 1e+09 particles a spill one energy a spill is best" in figure.caption
    assert "With 4e+09 particles a spill 2 energies are best, 25 % shorter than one" in figure.caption
    assert "loses 10 %" in figure.caption


def test_progress_begins_with_nothing_at_no_time() -> None:
    """Two layers end at 1 and 2 s: half and all of them."""
    figure = drawn._progress(facts())
    for name in made.TIMELINES:
        assert curve(figure, name) == [0.0, 1.0, 2.0]
        assert curve(figure, name, "x") == [0.0, 50.0, 100.0]


def test_spreads_are_in_per_cent_and_spots_are_the_larger_plane_s_in_millimetres() -> None:
    spreads, spots = drawn._spreads(facts()), drawn._spots(facts())
    for name, spread, spot, energy in (
        ("synchrotron", 0.1, 7.9, 100.0),
        ("linac", 0.4, 5.1, 90.0),
        ("cyclotron", 0.25, 5.2, 80.0),
    ):
        assert [*curve(spreads, name), *curve(spots, name)] == pytest.approx([spread, spot])
        assert curve(spots, name, "x") == [energy]
    assert (heading(spreads, "yaxis"), heading(spots, "yaxis")) == ("energy spread, rms [%]", "spot, rms [mm]")
    assert list(spots.table["spot y [mm]"]) == pytest.approx([6.2, 3.0, 5.2])
    scale, values = carried(spreads, "largest_energy_spread")
    assert scale * 4e-3 == pytest.approx(max(values))
    assert spots.shows[0].place(5.1e-3) == pytest.approx(5.1)


def test_pulses_that_the_linac_could_give_stand_over_what_is_wanted() -> None:
    """2.5 uA in pulses of 4 us; a level at 1e7, on a logarithmic axis."""
    linac = made.linac()
    machine = SimpleNamespace(current=2.5e-6, pulse=SimpleNamespace(repetition=200.0, length=4e-6))
    linac = replace(linac, machine=cast(Any, machine))
    (figure,) = drawn._pulses(facts(machines=Machines(None, linac, {})))
    assert curve(figure, "available", "x") == [120.0, 100.0, 80.0]
    assert curve(figure, "available") == pytest.approx([3e7, 5e6, 2e6])
    assert figure.plotly["layout"]["yaxis"]["type"] == "log"
    (level,) = figure.plotly["layout"]["shapes"]
    assert level["y0"] == level["y1"] == 1e7
    assert "2.5 uA for 4 us times the tracked transmission (at least 70.0 %)" in figure.caption
    assert list(drawn._pulses(facts())) == []


def test_dose_in_depth_and_particles_of_the_layers() -> None:
    """Depths in mm with both ends of the target; particles in 1e9, deepest layer first."""
    treatment = replace(made.treatment(), depths=np.array([0.0, 0.06, 0.11]), dose=np.array([0.5, 2.0, 0.01]))
    depth, layers = drawn._dose(facts(treatment=treatment))
    assert curve(depth, "dose", "x") == pytest.approx([0.0, 60.0, 110.0])
    assert curve(depth, "dose") == [0.5, 2.0, 0.01]
    shapes = depth.plotly["layout"]["shapes"]
    assert sorted(shape["x0"] for shape in shapes if shape["x0"] == shape["x1"]) == pytest.approx([50.0, 100.0])
    assert [shape["y0"] for shape in shapes if shape["y0"] == shape["y1"]] == [2.0]
    assert "0.960 to 1.030 of what is prescribed" in depth.caption
    assert curve(layers, "particles") == pytest.approx([0.2, 0.1, 0.05], rel=SHOWN)
    assert curve(layers, "particles", "x") == [120.0, 100.0, 80.0]
    assert list(layers.table["range [mm]"]) == pytest.approx([107.0, 77.0, 52.0])
    assert "3.5e+08 in all, 11 spots a layer" in layers.caption


def test_ways_of_one_ring_and_machines_have_colours_of_their_own() -> None:
    assert set(drawn._WAYS) == {CYCLES, STEPS, LINAC, CYCLOTRON}
    assert len(set(drawn._WAYS.values())) == 4
    assert len(set(drawn._MACHINES.values())) == 3
