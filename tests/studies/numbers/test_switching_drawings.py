"""Figures of energy switching from made-up facts: each curve is its fact over its unit, open between the species."""

from __future__ import annotations

from dataclasses import replace
from math import nan
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from optics.ramping.cycle import PHASES
from studies.energy_switching import figures as drawn
from tests.studies.numbers import switching_facts as made
from tests.studies.numbers.drawn import carried, curve, heading

SHOWN = 1e-4  # six digits are drawn
#: Of the programme's five energies: protons to 1.6 T m, carbon from 3.2: wider than any step of theirs.
RIGIDITIES = [1.1, 1.6, nan, 3.2, 4.3, 5.3]


def facts(**study: Any) -> Any:
    held = SimpleNamespace(groups={"focusing": ("kf",), "defocusing": ("kd",)})
    cycle = SimpleNamespace(standardise=False, top_current=0.9)
    steps = SimpleNamespace(direction="down", loss=0.2)
    rf = SimpleNamespace(largest_voltage_V=800.0, bucket_area_eVs_per_u=0.3)
    return made.facts(study=SimpleNamespace(**{"held": held, "cycle": cycle, "steps": steps, "rf": rf, **study}))


def parted(*values: float) -> list[float]:
    """Five numbers with the gap between the species."""
    return [*values[:2], nan, *values[2:]]


def test_strengths_are_relative_to_that_at_the_lowest_rigidity() -> None:
    (figure,) = drawn._strengths(facts())
    for name, values in made.programme().set.items():
        expected = parted(*(1e3 * (values / values[0] - 1)))
        assert curve(figure, name) == pytest.approx(expected, rel=SHOWN, abs=1e-9, nan_ok=True)
        assert curve(figure, name, "x") == pytest.approx(RIGIDITIES, nan_ok=True)


def test_a_family_that_begins_at_nothing_is_drawn_as_it_is() -> None:
    strengths = {**made.programme().set, "s0": np.array([0.0, 1.2, 1.3, 1.4, 1.5])}
    made_up = replace(made.programme(), set=strengths)
    relative, absolute = drawn._strengths(made.facts(programme=made_up))
    assert curve(absolute, "s0") == pytest.approx(parted(0.0, 1.2, 1.3, 1.4, 1.5), nan_ok=True)
    assert [trace["name"] for trace in relative.plotly["data"]] == ["kd"]


def test_currents_are_shares_of_their_own_rating() -> None:
    """500 ... 1500 of 2000 A, 200 ... 390 of 500 A whatever their sign; the quantity stands on the axis."""
    figure = drawn._currents(facts())
    assert curve(figure, "bend") == pytest.approx(parted(0.25, 0.45, 0.2, 0.4, 0.75), rel=SHOWN, nan_ok=True)
    assert curve(figure, "kd") == pytest.approx(parted(0.4, 0.78, 0.2, 0.4, 0.6), rel=SHOWN, nan_ok=True)
    assert list(figure.table["kd [A]"]) == pytest.approx([-200.0, -390.0, -100.0, -200.0, -300.0])
    scale, values = carried(figure, "largest_current_share")
    assert scale * 0.78 == pytest.approx(max(values))


def test_what_is_held_is_told_in_its_tolerances() -> None:
    held, chromaticity = drawn._held(facts())
    for name, off in made.OFF.items():
        expected = parted(*(value / 1e-5 for value in off))
        assert curve(held, name.partition("@")[0]) == pytest.approx(expected, rel=1e-3, abs=1e-4, nan_ok=True)
    assert curve(chromaticity, "Q'x") == pytest.approx(parted(-4.1, -3.9, -4.3, -4.0, -4.2), nan_ok=True)
    assert curve(chromaticity, "Q'y") == pytest.approx(parted(-1.1, -1.2, -1.3, -1.4, -1.5), nan_ok=True)


def test_parts_of_a_change_are_those_of_its_own_energy() -> None:
    """First, middle and last energy of each species; the spill itself is no part of the change."""
    figure = next(iter(drawn._parts(facts())))
    assert list(figure.table["energy"]) == [
        "proton 60 MeV/u",
        "proton 120 MeV/u",
        "carbon-12 120 MeV/u",
        "carbon-12 200 MeV/u",
        "carbon-12 300 MeV/u",
    ]
    rows = [made.proton_cycle().times.iloc[i] for i in (0, 1)] + [made.carbon_cycle().times.iloc[i] for i in range(3)]
    for phase in PHASES:
        if phase != "extraction":
            expected = [float(row[phase]) for row in rows]
            assert curve(figure, phase, "x") == pytest.approx(expected, rel=SHOWN)
            assert list(figure.table[f"{phase} [s]"]) == pytest.approx(expected)
    assert "extraction [s]" not in figure.table
    assert figure.shows[0].place(1.9) == 1.9


def test_the_field_ramps_waits_and_returns_without_standardisation() -> None:
    """0.1 T, up to 0.9 T behind injection and capture, held while it settles and the spill lasts, then back."""
    cycle = made.proton_cycle()
    row = cycle.times.iloc[1]
    time, field = drawn._profile(cycle, cycle.circuits[0], 1, facts())
    begin = row["injection"] + row["capture"]
    flat, end = begin + 1.6, begin + 1.6 + row["settling"] + row["extraction"]
    back = end + row["ramp down"] + row["standardisation"]
    assert time == pytest.approx([0.0, begin, flat, end, end, back])
    assert field == pytest.approx([0.1, 0.1, 0.9, 0.9, 0.9, 0.1])


def test_the_way_over_the_top_rises_as_fast_as_it_falls() -> None:
    """Standardised at 0.9 of 2000 A: 1.8 T."""
    cycle = made.proton_cycle()
    time, field = drawn._profile(
        cycle, cycle.circuits[0], 1, facts(cycle=SimpleNamespace(standardise=True, top_current=0.9))
    )
    assert field == pytest.approx([0.1, 0.1, 0.9, 0.9, 1.8, 0.1])
    assert (1.8 - 0.9) / (time[4] - time[3]) == pytest.approx((1.8 - 0.1) / (time[5] - time[4]))


def test_a_step_stands_beside_the_cycle_that_it_takes_the_place_of() -> None:
    figure = drawn._steps(facts())
    assert curve(figure, "proton: a cycle") == [1.2]
    assert curve(figure, "proton: a step") == [0.21]
    assert curve(figure, "carbon-12: a cycle") == [1.1, 1.7]
    assert curve(figure, "carbon-12: a step") == [0.31, 0.18]
    rigidities = [particle.magnetic_rigidity for particle in made.CARBON[:2]]
    assert curve(figure, "carbon-12: a step", "x") == pytest.approx(rigidities, rel=SHOWN)
    scale, values = carried(figure, "longest_step")
    assert (scale, max(values)) == (1.0, 0.31)
    assert "each step loses 20 %" in figure.caption


def test_voltage_and_frequency_along_the_ramp_of_each_species() -> None:
    voltage, frequency = drawn._rf(facts())
    assert curve(voltage, "carbon-12") == [700.0, 300.0, 50.0]
    assert curve(voltage, "proton", "x") == [0.5, 1.0]
    assert curve(frequency, "proton") == pytest.approx([2.0, 4.0])
    assert heading(frequency, "yaxis") == "f [MHz]"
    assert [shape["y0"] for shape in voltage.plotly["layout"]["shapes"]] == [800.0]
    assert list(voltage.table["phi_s [deg]"]) == pytest.approx([11.0, 22.0, 11.0, 22.0, 33.0])
    assert list(voltage.table["f [Hz]"]) == pytest.approx([2e6, 4e6, 2e6, 4e6, 6e6])


def test_an_operational_table_is_compared_with_what_was_held() -> None:
    """Tunes 1.61 and 1.62 for 1.666, and 1.63 and 1.64 for 1.74, in thousandths; errors of both groups likewise."""
    tunes, errors, bends, left = drawn._table(facts(), made.table())
    assert curve(tunes, "Qx, proton") == pytest.approx([-56.0, -46.0])
    assert curve(tunes, "Qy, proton") == pytest.approx([-110.0, -100.0])
    assert curve(errors, "focusing, proton") == pytest.approx([3.0, -5.0])
    assert curve(errors, "defocusing, proton") == pytest.approx([-20.0, 10.0])
    line = curve(errors, "focusing, smooth", "x")
    assert (line[0], line[-1]) == pytest.approx((1.15, 1.65))
    smooth = 1e3 * (made.table().fit.errors.factor("kf", np.array(line)) - 1.0)
    assert curve(errors, "focusing, smooth") == pytest.approx(list(smooth), rel=1e-3)
    line = curve(bends, "smooth", "x")
    assert [line[0], line[-1]] == pytest.approx([1.15, 1.65])
    # 5e-3 and 6e-3 of the powers of rigidity over 6.35 T m: what the errors themselves give, in thousandths
    assert curve(bends, "smooth") == pytest.approx(
        list(1e3 * made.table().fit.errors.bends(np.array(line))["bend_k2_error"]), rel=1e-3
    )
    assert curve(bends, "k2, proton") == pytest.approx([30.0, 40.0])
    assert curve(left, "Qx, proton") == pytest.approx([2.0, -1.0])
    assert curve(left, "Qy, proton") == pytest.approx([4.0, -3.0])
    assert list(left.table["Qy [1e-3]"]) == pytest.approx([4.0, -3.0])


def test_few_of_many_energies_are_spread_from_end_to_end() -> None:
    cycle: Any = SimpleNamespace(energies=np.zeros(101))
    assert drawn._few(cycle, 5) == [0, 25, 50, 75, 100]
    assert drawn._few(SimpleNamespace(energies=np.zeros(2)), 5) == [0, 1]  # type: ignore[arg-type]


def test_circuits_and_families_are_coloured_alike_wherever_they_are_drawn() -> None:
    colors = drawn.family_colors(facts())
    for figure in (drawn._currents(facts()), next(iter(drawn._strengths(facts())))):
        assert {trace["name"]: trace["line"]["color"] for trace in figure.plotly["data"]}.items() <= colors.items()
