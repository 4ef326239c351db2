"""What figures put to the numbers they are given, by hand: shares, frames, directions, units, gaps in curves."""

from __future__ import annotations

from math import cos, pi, sin
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pandas as pd
import pytest

from extraction.resonance.sextupoles import SextupoleShare
from lattice.arrays import Array
from studies.charts.bars import paired_bars
from studies.charts.curves import Curve
from studies.charts.floor import _beam_arrow
from studies.charts.kit.strips import axis_name, layout_key
from studies.charts.match import _log_axis
from studies.charts.panels import _dispersion_panel
from studies.charts.phase_space import Portrait, _limits
from studies.charts.spill import RatePanel, stacked_rates
from studies.energy_switching.figures import _parted
from studies.ring_optics.orbit_figures import _share
from studies.scan import blocks as scan_blocks
from studies.slow_extraction.figures import _shares, _steps


def test_shares_of_machines_count_up_to_all() -> None:
    """Three machines: a third lies at or below the least, all at or below the largest."""
    values, share = _share(np.array([3.0, 1.0, 2.0]))
    assert values == [1.0, 2.0, 3.0]
    assert share == pytest.approx([100 / 3, 200 / 3, 100.0])


@pytest.mark.parametrize(
    ("values", "decades"),
    [([0.02, 30.0], (-2, 2)), ([0.1, 100.0], (-2, 3)), ([0.0, 5.0], (0, 1)), ([0.0], (-1, 1)), ([3e-9, 0.0], (-9, -8))],
)
def test_a_log_axis_holds_whole_decades_of_what_is_positive(values: list[float], decades: tuple[int, int]) -> None:
    """A value on a decade has one more beside it; zeros have no place."""
    assert tuple(_log_axis("a", values)["range"]) == decades


def test_the_panel_of_dispersion_has_room_on_both_sides_and_holds_zero() -> None:
    """-1 to 2 m: 8 % of 3 m more; 1 to 2 m begins at 0; the vertical one counts where there is any."""
    panel = _dispersion_panel(pd.DataFrame({"dx": [-1.0, 2.0], "dy": [0.0, 0.0]}))
    assert (panel.low, panel.high) == pytest.approx((-1.24, 2.24))
    panel = _dispersion_panel(pd.DataFrame({"dx": [1.0, 2.0], "dy": [0.0, 0.0]}))
    assert (panel.low, panel.high) == pytest.approx((-0.16, 2.16))
    panel = _dispersion_panel(pd.DataFrame({"dx": [1.0, 2.0], "dy": [0.0, -4.0]}))
    assert (panel.low, panel.high) == pytest.approx((-4.48, 2.48))


@pytest.mark.parametrize(("side", "theta"), [(1.0, 0.0), (-1.0, 0.0), (1.0, 0.7)])
def test_the_arrow_of_the_beam_points_with_it_from_inside(side: float, theta: float) -> None:
    """A square of 10 m: the arrow is 1.2 m long along the beam, its middle 0.48 m towards the machine."""
    along, left = np.array([cos(theta), sin(theta)]), np.array([-sin(theta), cos(theta)])
    corners = [np.zeros(2), 5 * along, 5 * along + 5 * side * left, 5 * side * left]
    survey = pd.DataFrame({"Z": [c[0] for c in corners], "X": [c[1] for c in corners], "theta": theta})
    size = 0.06 * max(np.ptp(survey["Z"]), np.ptp(survey["X"]))
    arrow = _beam_arrow(survey)
    head, tail = np.array([arrow["x"], arrow["y"]]), np.array([arrow["ax"], arrow["ay"]])
    assert head - tail == pytest.approx(2 * size * along)
    assert (head + tail) / 2 == pytest.approx(0.8 * size * side * left)


def test_panels_are_counted_as_plotly_does() -> None:
    assert [axis_name(number) for number in range(3)] == ["y", "y2", "y3"]
    assert [layout_key(number) for number in range(3)] == ["yaxis", "yaxis2", "yaxis3"]


def test_bars_have_the_same_height_each() -> None:
    """130 px for what is around them, and 40 for each pair."""
    names = ["a", "b", "c"]
    three, one = (paired_bars(n, np.ones(len(n)), np.ones(len(n)), ("x", "y"), "t") for n in (names, names[:1]))
    assert (three["layout"]["height"], one["layout"]["height"]) == (250, 170)


def test_the_frame_of_phase_space_holds_every_momentum() -> None:
    """-4 to 6 in x, -1 to 3 in x', the wall at 8: 6 % of the range on each side."""
    nothing = np.zeros((0, 2))

    def portrait(points: list[list[float]], wall: tuple[float, float] | None) -> Portrait:
        return Portrait([], [], np.array(points), [], nothing, nothing, wall)

    x, slope = _limits([portrait([[-4.0, 3.0], [0.0, 0.0]], None), portrait([[6.0, -1.0]], (8.0, 0.1))])
    assert x == pytest.approx([-4.72, 8.72])
    assert slope == pytest.approx([-1.24, 3.24])


def test_the_middle_panel_of_rates_has_the_title() -> None:
    panel = RatePanel(np.array([1, 2, 3]), 1e-6, 10, bins=5)
    drawing = stacked_rates([(name, panel) for name in "abc"])
    titles = [drawing["layout"][layout_key(number)]["title"]["text"] for number in range(3)]
    assert [bool(title) for title in titles] == [False, True, False]


def test_vectors_of_sextupoles_turn_by_three_phases() -> None:
    """S cos 3 mu and S sin 3 mu, mu = 2 pi times the phase in turns; the strongest first."""
    shares = (SextupoleShare("weak", 4.0, 0.3), SextupoleShare("strong", 9.0, 0.02))
    facts: Any = SimpleNamespace(resonance=SimpleNamespace(shares=shares, virtual_sextupole=1.0))
    table = _shares(facts).table
    assert list(table["element"]) == ["strong", "weak"]
    assert list(table["S cos 3 mu [m^-1/2]"]) == pytest.approx([9 * cos(6 * pi * 0.02), 4 * cos(6 * pi * 0.3)])
    assert list(table["S sin 3 mu [m^-1/2]"]) == pytest.approx([9 * sin(6 * pi * 0.02), 4 * sin(6 * pi * 0.3)])


def test_steps_stand_over_the_tune_in_thousandths() -> None:
    """Sorted; steps in mm, by both ways; the design is marked at its own distance."""
    columns: dict[str, Any] = {
        "value": [0.29, 0.28],
        "tune_distance": [-2e-3, -4e-3],
        "virtual_sextupole": [11.0, 12.0],
    }
    columns |= {"area": [1e-6, 3e-6], "leading_area": [2e-6, 4e-6], "px": [1e-4, 2e-4], "reason": ["", ""]}
    table = pd.DataFrame(columns | {"step": [5e-3, 7e-3], "leading_step": [6e-3, 8e-3]})
    scans = SimpleNamespace(tune=table, tune_family="kf", sextupole=table[:0], sextupole_family="sr")
    resonance = SimpleNamespace(tune_distance=-2.5e-3, virtual_sextupole=1.5)
    design = SimpleNamespace(delta=1e-4)
    (figure,) = _steps(cast(Any, SimpleNamespace(scans=scans, resonance=resonance, design=design)))
    exact, leading = (trace for trace in figure.plotly["data"][:2])
    assert list(exact["x"]) == pytest.approx([-4.0, -2.0])
    assert list(exact["y"]) == pytest.approx([7.0, 5.0])
    assert list(leading["y"]) == pytest.approx([8.0, 6.0])
    behind = figure.table.set_index("kf").loc[0.29].drop("why not")
    assert [float(value) for value in behind] == pytest.approx([-2.0, 11.0, 1.0, 2.0, 0.1, 5.0, 6.0])


def test_curves_are_open_where_no_species_has_energies() -> None:
    """Protons to 2 T m, carbon from 4: one gap of 2 T m where no step within a species is longer than 0.5."""
    programme = SimpleNamespace(rigidities=np.array([1.0, 1.5, 2.0, 4.0, 4.5]))
    cycles = [SimpleNamespace(energies=np.zeros(3)), SimpleNamespace(energies=np.zeros(2))]
    facts: Any = SimpleNamespace(programme=programme, cycles=cycles)
    (curve,) = _parted(facts, [Curve("a", [], [10.0, 11.0, 12.0, 13.0, 14.0])])
    np.testing.assert_array_equal(curve.x, [1.0, 1.5, 2.0, np.nan, 4.0, 4.5])
    np.testing.assert_array_equal(curve.y, [10.0, 11.0, 12.0, np.nan, 13.0, 14.0])
    programme.rigidities = np.array([1.0, 1.5, 2.0, 2.2, 2.7])  # nearer than the steps: nothing is missing between
    (curve,) = _parted(facts, [Curve("a", [], [10.0, 11.0, 12.0, 13.0, 14.0])])
    assert list(curve.x) == [1.0, 1.5, 2.0, 2.2, 2.7]


def test_blocks_of_a_scan_are_no_longer_than_allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first has its own length; the next grow as time allows, up to the limit; every case comes once."""
    sizes: list[int] = []

    def block(made: Any, numbers: Array, jobs: int, told: Any = None) -> pd.DataFrame:
        sizes.append(len(numbers))
        return pd.DataFrame(index=numbers)

    monkeypatch.setattr(scan_blocks, "block", block)
    monkeypatch.setattr(scan_blocks, "_FIRST_BLOCK", 4)
    monkeypatch.setattr(scan_blocks, "_BLOCK", 10)
    seen = [number for numbers, _ in scan_blocks.blocks(cast(Any, None), np.arange(30)) for number in numbers]
    assert seen == list(range(30))
    assert sizes[0] == 4
    assert max(sizes) == 10
