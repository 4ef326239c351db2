"""``value.plot()`` gives the chart of the reports, of that very value; plotly is loaded when one is asked for."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest

from extraction import third_integer_resonance
from extraction.resonance.third_integer import ThirdIntegerResonance
from lattice import InputError, Multipole, ReferenceParticle
from machines.cnao_like import cnao
from machines.registry import linac_named
from optics import Beam, Target, Vary, match, survey, twiss
from optics.beams.tracking import Tracked
from optics.linac import transport
from optics.line.settings import Settings, Spots
from studies.charts.phase_space import Frame, Portrait, phase_space
from tests.checkout import ROOT
from tests.studies import spill_made

PROTON = ReferenceParticle("proton", kinetic_energy_per_u=60e6)


def _traces(figure: Any) -> dict[str, Any]:
    return {trace.name: trace for trace in figure.data}


def test_the_engines_load_no_plotly() -> None:
    code = "import sys, lattice, optics, extraction, machines; print('plotly' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT).stdout == "False\n"


def test_optics_show_their_largest_beta_inside_elements() -> None:
    tw = twiss(cnao())
    drawn = [np.nanmax(np.asarray(trace.y, dtype=float)) for trace in tw.plot().data if trace.name == "betx"]
    assert drawn == pytest.approx([tw.maximum("betx")], rel=1e-3)  # between two samples of an element


def test_columns_are_attributes_and_a_wrong_one_is_guessed() -> None:
    tw = twiss(cnao())
    assert np.array_equal(tw.betx, tw["betx"])
    assert "betx" in dir(tw)
    with pytest.raises(AttributeError, match="did you mean 'bety'"):
        tw.betyy  # noqa: B018


def test_a_ring_is_drawn_where_it_stands() -> None:
    ring = cnao()
    orbit = next(trace for trace in ring.plot().data if trace.mode == "lines" and len(trace.x) > len(ring) / 2)
    floor = survey(ring)
    width = floor["Z"].max() - floor["Z"].min()
    drawn = np.asarray(orbit.x, dtype=float)
    assert np.nanmax(drawn) - np.nanmin(drawn) == pytest.approx(width, rel=1e-3)


def test_a_match_shows_each_target() -> None:
    found = match(
        cnao(), vary=[Vary("kf", 0.25, 0.35), Vary("kd", 0.4, 0.6)], targets=[Target("qx", 1.662), Target("qy", 1.74)]
    )
    assert set(_traces(found.plot())["after"].y) == {"qx", "qy"}
    assert "kf = " in repr(found)
    assert len(repr(found).splitlines()) <= 10


@pytest.fixture(scope="module")
def resonance() -> ThirdIntegerResonance:
    return third_integer_resonance(cnao().with_parameters(kf=0.2894), at="se_010a_esp")


def test_a_resonance_shows_its_fixed_points_in_ten_lines(resonance: ThirdIntegerResonance) -> None:
    figure = resonance.plot(0.035)
    points = next(trace for trace in figure.data if trace.name == "exact fixed points")
    drawn = np.column_stack([points.x, points.y]) / 1e3
    assert drawn == pytest.approx(resonance.fixed_points, abs=1e-7)  # numbers of a figure are rounded
    assert "septum" in _traces(figure)
    assert "septum" not in _traces(resonance.plot())
    assert len(repr(resonance).splitlines()) <= 10


def test_a_linac_shows_its_energy_and_the_beam_in_its_bore() -> None:
    machine = linac_named("linac")
    run = transport(machine.linac)
    traces = _traces(run.plot(machine.bunch.covariance))
    assert traces["W"].y[-1] == pytest.approx(run.energy[-1] / 1e6, rel=1e-4)
    edge = 3e3 * run.sizes(machine.bunch.covariance)[:, 0]
    assert np.nanmax(np.asarray(traces["3 sigma x"].y, dtype=float)) == pytest.approx(edge.max(), rel=1e-3)
    assert "bore" not in _traces(run.plot())


def test_a_spill_shows_its_rate_which_adds_up_to_all_that_left() -> None:
    made = spill_made.spill()
    rate = _traces(made.plot())["rate"]
    time, level = np.asarray(rate.x, dtype=float), np.asarray(rate.y, dtype=float)
    assert np.trapezoid(level, time) == pytest.approx(made.duration, rel=1e-3)  # the rate over its mean
    assert "wires" in repr(made)
    assert len(repr(made).splitlines()) <= 10


def test_settings_show_the_cases_that_are_reached() -> None:
    ring = cnao()
    values, reached = np.array([[1.0, -1.0], [1.1, -1.2], [9.0, 9.0]]), np.array([True, True, False])
    found = Settings(
        knobs=("kf", "kd"),
        values=values,
        sizes=np.full((3, 2), 2e-3),
        wanted=np.full((3, 2), 2e-3),
        dispersion=np.zeros((3, 4)),
        correlation=np.zeros(3),
        fill=np.array([0.2, 0.5, 2.0]),
        fill_at=np.zeros(3, dtype=int),
        reached=reached,
        reasons=("", "", "the beam does not fit"),
        lattice=ring,
        turned=None,
        spots=Spots(
            sizes=np.full((3, 1, 2), 2e-3),
            dispersion=np.zeros((3, 1, 4)),
            correlation=np.zeros((3, 1)),
            divergences=np.ones((3, 1, 2)),
            slopes=np.zeros((3, 1, 2)),
        ),
    )
    drawn = np.asarray(_traces(found.plot())["kd"].y, dtype=float)
    assert np.array_equal(np.isnan(drawn), ~reached)
    assert drawn[:2].tolist() == [-1.0, -1.2]
    assert "2 of 3" in repr(found)
    assert "the beam does not fit" in repr(found)


def test_a_ring_with_a_thin_multipole_is_drawn() -> None:
    ring = cnao().insert(Multipole("thin", knl=(0.0, 0.0, 0.1)), before="se_018a_qus")
    for drawn in (twiss(ring).plot(), ring.plot()):
        assert "thin" in drawn.to_json()


def test_tracked_particles_are_drawn_in_millimetres_and_thousandths() -> None:
    """Of five particles the last is lost, and not drawn."""
    ends = np.zeros((5, 6))
    ends[:, 2], ends[:, 3] = np.arange(5) * 1e-3, np.arange(5) * 2e-6
    found = Tracked(ends, np.arange(5) < 4, pd.DataFrame({"element": ["qf"]}), None)
    cloud = next(trace for trace in found.plot("y").data if trace.mode == "markers")
    assert np.asarray(cloud.x, dtype=float) == pytest.approx(np.arange(4.0))
    assert np.asarray(cloud.y, dtype=float) == pytest.approx(2e-3 * np.arange(4))
    with pytest.raises(InputError, match="plane must be one of x, y, zeta"):
        found.plot("z")


@pytest.mark.parametrize("value", [PROTON, Beam(PROTON, 1e-6, 1e-6), Vary("kf", 0.0, 1.0), Target("qx", 1.6)])
def test_what_one_gives_is_a_table_in_a_notebook_too(value: Any) -> None:
    assert len(repr(value).splitlines()) == 1
    assert f"<caption>{type(value).__name__}</caption>" in value._repr_html_()


def _portrait(turns: Any) -> Portrait:
    points = np.array([[-0.5, -0.05], [0.5, 0.0], [0.0, 0.05]])
    return Portrait((points[:2],), (), points, (), points, np.asarray(turns), None)


def test_the_normalised_panel_fills_its_place_and_numbers_of_turns_stand_apart() -> None:
    """A portrait ten times as wide as high: its axes have one scale, so that the narrower range is widened to 1 : 1.2.

    Turns 0 and 1 lie 0.001 apart, less than a pixel: the number of the later one is written.
    """
    turns = [[0.0, 0.0], [0.001, 0.0], [0.4, 0.0]]
    figure = phase_space([Frame("dp/p = 0", _portrait(turns), _portrait(turns))])
    (left, right), (low, high) = figure.layout.xaxis2.range, figure.layout.yaxis2.range
    assert (right - left) / (high - low) == pytest.approx(1.2, rel=1e-3)
    numbers = [note.text for note in figure.layout.annotations if note.xref == "x2"]
    assert numbers == ["1", "2"]
