"""Figures of a ring's optics from facts by hand: fields over limits, tunes, sensitivities, differences of engines."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lattice import Drift, Lattice
from machines.requirements import Requirement
from optics import twiss
from studies.ring_optics import figures as drawn
from studies.ring_optics.magnet_figures import magnet_figures
from tests.studies.numbers.drawn import curve, traces
from tests.studies.numbers.ring_facts import PROTON, drift, engine_rows, magnets, verification

SHOWN = 1e-4  # six digits are drawn
STIFFNESS = PROTON.magnetic_rigidity


def limit(quantity: str, upper: float, unit: str) -> Requirement:
    return Requirement("M", "text", quantity, unit, "the test", "made", upper=upper)


def ring(lattice: Any, *limits: Requirement, machine: Any = None) -> Any:
    resolved = SimpleNamespace(top_particle=PROTON, requirements=limits, machine=machine)
    return SimpleNamespace(resolved=resolved, optics=SimpleNamespace(lattice=lattice))


def test_a_lattice_s_strongest_magnets_are_held_against_the_nearest_limit() -> None:
    """Of two limits on a gradient the smaller counts, in whatever unit; of a kind without a limit nothing is drawn."""
    limits = (limit("max_gradient", 20.0, "T/m"), limit("max_gradient", 15.0, "T/m"), limit("max_bend_field", 1.5, "T"))
    (figure,) = magnet_figures(ring(magnets(), *limits))
    rows = {row["name"]: row for row in figure.table.to_dict("records")}
    bend = next(row for name, row in rows.items() if name.startswith("b2"))
    gradient = next(row for name, row in rows.items() if name.startswith("q"))
    assert abs(bend["field"]) == pytest.approx(0.4 * STIFFNESS)
    assert (bend["limit"], gradient["limit"]) == (1.5, 15.0)
    assert abs(gradient["field"]) == pytest.approx(1.0 * STIFFNESS)  # hypot(0.6, 0.8) of q2
    assert len(rows) == 2
    assert list(magnet_figures(ring(Lattice("empty", elements=[Drift("d", length=1.0)]), *limits))) == []


def test_families_of_a_machine_have_a_bar_each_against_its_rating() -> None:
    """Without a requirement the machine's own rating is the limit; fields keep their sign."""
    families = {"a": SimpleNamespace(parameter="kf", kind="quadrupole"), "b": SimpleNamespace(parameter="ks", kind="x")}
    machine = SimpleNamespace(
        families=families, rating=lambda kind: SimpleNamespace(value=12.0) if kind == "quadrupole" else None
    )
    (figure,) = magnet_figures(ring(magnets(kf=-0.9), machine=machine))
    (row,) = figure.table.to_dict("records")
    assert row["field"] == pytest.approx(-0.9 * STIFFNESS)
    assert row["limit"] == 12.0
    assert curve(figure, traces(figure, figure.plotly["data"][0]["name"])[0]["name"], "x") == pytest.approx(
        [0.9 * STIFFNESS / 12.0], rel=SHOWN
    )


def tunes(before: dict[str, float] | None = None, *beams: Any) -> Any:
    optics = SimpleNamespace(periodic=True, qx=1.661, qy=1.74, dqx=-4.0)
    matched = None if before is None else SimpleNamespace(values_before=before)
    return SimpleNamespace(optics=optics, matched=matched, beams=beams)


def stack(qx: float, spread: float) -> Any:
    compared = SimpleNamespace(optics=SimpleNamespace(qx=qx))
    return SimpleNamespace(beam=SimpleNamespace(momentum_spread=spread), compared=compared)


def test_the_tune_before_the_match_stands_before_the_final_one() -> None:
    (figure,) = drawn.tune_figures(tunes({"qx": 1.7, "qy": 1.8}))
    assert list(figure.table["point"]) == ["before the match", "final"]
    assert list(figure.table["Qx"]) == [1.7, 1.661]
    assert list(figure.table["Qy"]) == [1.8, 1.74]
    for unknown in ({"qx": 1.7}, {"qx": 1.7, "qy": float("nan")}):
        (figure,) = drawn.tune_figures(tunes(unknown))
        assert list(figure.table["point"]) == ["final"]


def test_the_stack_s_tunes_are_half_its_momentum_width_times_the_chromaticity() -> None:
    """4 x 2e-3 / 2 about 3 Qx = 5; a beam of another tune is not the one that waits."""
    facts = tunes(None, stack(1.7, 9e-3), stack(1.661, 2e-3))
    assert drawn._stack_width(facts) == pytest.approx(4e-3)
    (figure,) = drawn.tune_figures(facts)
    (band,) = traces(figure, "tunes of the waiting stack around 3 Qx = 5")
    x = [float(value) for value in band["x"]]
    assert (min(x), max(x)) == pytest.approx((5 / 3 - 4e-3, 5 / 3 + 4e-3), abs=1e-6)
    assert drawn._stack_width(tunes(None, stack(1.7, 9e-3))) == 0.0


def test_sensitivities_are_for_one_per_cent_of_each_parameter() -> None:
    """Of a parameter that is 0: for 0.01."""
    vary = [SimpleNamespace(label="kf"), SimpleNamespace(label="kd")]
    matched: Any = SimpleNamespace(
        target_labels=["qx", "dx@symp"],
        vary=vary,
        parameters={"kf": -0.5, "kd": 0.0},
        sensitivity=np.array([[2.0, 3.0], [4.0, -5.0]]),
    )
    table = drawn._sensitivity(matched).table
    assert list(table.iloc[:, 2]) == pytest.approx([0.01, 0.02])
    assert list(table.iloc[:, 3]) == pytest.approx([0.03, -0.05])
    assert list(table["unit"]) == ["1", "m"]
    assert list(table.columns[2:]) == ["change for kf + 0.005", "change for kd + 0.01"]


def test_differences_of_the_engines_are_relative_in_beta_and_metres_in_dispersion() -> None:
    """Ours less the reference, over the reference: of a drift whose betas grow along it."""
    ours = drift()
    second = verification(ours, engine_rows(qx=(1.0, 1.0, 1e-9)), betx=-0.5, bety=0.25, dx=1e-3, dy=-2e-3)
    facts: Any = SimpleNamespace(optics=ours, compared=SimpleNamespace(verification=second))
    table = drawn._along(facts)
    betx, bety = (ours.table[name].to_numpy() for name in ("betx", "bety"))
    assert list(table["betx"]) == pytest.approx(list(0.5 / (betx - 0.5)))
    assert list(table["bety"]) == pytest.approx(list(-0.25 / (bety + 0.25)))
    assert list(table["dx"]) == pytest.approx([-1e-3] * len(table))
    assert list(table["dy"]) == pytest.approx([2e-3] * len(table))
    summary, along = drawn._engines(facts)
    assert list(summary.table["tolerance"]) == [1e-9]
    assert {"s [m]", "dx [m]"} <= set(along.table)
    none: Any = SimpleNamespace(compared=SimpleNamespace(verification=None))
    assert list(drawn._engines(none)) == []


def test_an_envelope_is_thinned_where_nothing_changes() -> None:
    edges = pd.DataFrame(
        {"element": "d", "s": [0.0, 0.0, 1.0], "aperture_x_high": [1.0, 1.0, 1.0], "x_high": [1, 2, 3]}
    )
    assert list(drawn._thinned(edges)["x_high"]) == [1, 3]
    assert "element" not in drawn._thinned(edges)


def test_a_floor_plan_s_table_is_the_survey_by_its_names() -> None:
    survey = pd.DataFrame({"s": [0.0, 1.0], "X": [2.0, 3.0], "Z": [4.0, 5.0], "theta": [0.1, 0.2]}, index=["a", "b"])
    line = Lattice("line", elements=[Drift("a", length=1.0), Drift("b", length=1.0)], particle=PROTON)
    optics = twiss(line, start={"betx": 1.0, "bety": 1.0})
    facts: Any = SimpleNamespace(optics=optics, resolved=SimpleNamespace(top_particle=PROTON, machine=None))
    table = drawn._layout(facts, survey).table
    assert list(table["name"]) == ["a", "b"]
    assert [list(table[name]) for name in ("X [m]", "Z [m]", "theta [rad]")] == [[2.0, 3.0], [4.0, 5.0], [0.1, 0.2]]
