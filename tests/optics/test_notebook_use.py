"""What is told in a notebook: ring or cell, tables of elements and monitors, knobs that hang on others."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from math import pi
from typing import Any

import numpy as np
import pandas as pd
import pytest

import optics
from lattice import Bend, Drift, InputError, Lattice, Quadrupole, ReferenceParticle, UnstableOptics
from optics import Limit, Target, Vary, elements, from_xsuite, match, to_xsuite, track, twiss

PROTON = ReferenceParticle("proton", kinetic_energy_per_u=100e6)
CELL = Lattice(
    "cell",
    elements=[
        Quadrupole("qf", length=0.3, k1="kf"),
        Drift("d1", length=1.0),
        Quadrupole("qd", length=0.3, k1="-(ratio * kf)"),
        Drift("d2", length=1.0),
    ],
    parameters={"kf": 2.0, "ratio": 1.0, "kd": "-ratio*kf"},
    particle=PROTON,
)


def bent(angle: float) -> Lattice:
    """The cell with a sector bend of ``angle`` [rad] behind it."""
    return CELL + Bend("b", length=1.0, angle=angle)


def test_periodic_optics_of_a_cell_says_what_it_is_taken_for() -> None:
    told = twiss(CELL).summary()
    assert told["of"].startswith("line 'cell'")
    assert told["taken as"].startswith("a cell that repeats, its bends turn 0 degrees; a line takes start={")
    assert "taken as" not in twiss(CELL, start={"betx": 5.0, "bety": 2.0}).summary()
    ring = twiss(16 * bent(pi / 8)).summary()
    assert ring["of"].startswith("ring")
    assert "taken as" not in ring


@pytest.mark.parametrize(
    "ask",
    [
        twiss,
        lambda line: match(line, vary=[Vary("kf", 1.9, 2.1)], targets=[Target("betx", 5.0, at="qf", tolerance=9.0)]),
    ],
    ids=["twiss", "match"],
)
def test_periodic_optics_of_what_is_no_part_of_a_ring_warns_once(ask: Callable[[Lattice], object]) -> None:
    """Bends of 17 degrees close no orbit however often they stand."""
    line = bent(np.radians(17.0))
    wanted = r"'cell' has no start .* turn 17 degrees, which is no part of a ring: .*start="
    with pytest.warns(UserWarning, match=wanted):
        ask(line)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        twiss(line.with_parameters(kf=1.99))  # told already


def test_a_line_that_is_not_stable_as_a_ring_names_its_start() -> None:
    with pytest.raises(
        UnstableOptics, match=r"taken as a cell that repeats, its bends turn 0 degrees; a line takes start="
    ):
        twiss(CELL.with_parameters(kf=9.0))
    with pytest.raises(UnstableOptics) as ring:
        twiss(8 * bent(pi / 4).with_parameters(kf=9.0))
    assert "start" not in str(ring.value)


def test_cells_of_rings_and_lines_with_a_start_do_not_warn() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        twiss(bent(pi / 4))
        twiss(bent(np.radians(17.0)), start={"betx": 5.0, "bety": 2.0})


@pytest.mark.number
def test_a_straight_cell_has_no_transition_energy() -> None:
    """No bend, no compaction: gamma_transition = 1 / sqrt(alpha_c) is infinite, and rounding gives it no number."""
    for cell in (CELL, 7 * CELL.with_parameters(kf=1.7), 31 * CELL):
        optic = twiss(cell, ReferenceParticle("proton", kinetic_energy_per_u=230e6))
        assert abs(optic.momentum_compaction) < 1e-12
        assert np.isnan(optic.gamma_transition)


@pytest.mark.number
def test_a_small_compaction_keeps_its_transition_energy() -> None:
    """A bend of 2e-6 rad: alpha_c is near 1e-12, far above the rounding of some rows, and positive."""
    optic = twiss(bent(2e-5))
    assert 0.0 < optic.momentum_compaction < 1e-9
    assert optic.gamma_transition == pytest.approx(optic.momentum_compaction**-0.5, rel=1e-12)


def test_a_parameter_that_hangs_on_others_is_not_varied_and_names_them() -> None:
    with pytest.raises(
        InputError, match=r"'kd' depends on others, it is '-ratio\*kf': vary .* Vary\('kf'\), Vary\('ratio'\)"
    ):
        match(CELL, vary=[Vary("kd")], targets=[Target("qx", 0.2)])


@pytest.mark.parametrize("name", ["qf", "qf.k1"])
def test_an_element_that_is_varied_names_python_and_the_file(name: str) -> None:
    with pytest.raises(
        InputError, match=r"freed\('qf', 'k1', .*in a MAD-X file it is kq = 1\.2; qf: quadrupole, .*k1 := kq"
    ):
        match(CELL, vary=[Vary(name)], targets=[Target("qx", 0.2)])


def test_a_tune_missed_by_whole_turns_is_told_to_count_them() -> None:
    found = match(CELL, vary=[Vary("kf", 1.9, 2.1)], targets=[Target("qx", 3.117)], restarts=0)
    assert not found.success
    assert "qx counts whole turns of the phase too: here it is 0.1" in found.message


def test_a_limit_without_its_word_says_how() -> None:
    limit: Any = Limit
    with pytest.raises(
        InputError, match=r"Limit: 20 must be given by its name\. Limit takes quantity and, by name, lower, upper"
    ):
        limit("betx", 20)


def test_an_unknown_name_of_optics_names_the_nearest() -> None:
    with pytest.raises(AttributeError, match="did you mean 'Target'"):
        optics.Targt  # noqa: B018


def test_elements_are_a_table() -> None:
    table = elements(2 * bent(0.1))
    assert isinstance(table, pd.DataFrame)
    assert list(table.columns) == ["kind", "s", "length", "k1", "angle"]
    assert table.loc["qd::1", "k1"] == -2.0  # -(1.0 * 2.0)
    assert table.loc["qf::1", "s"] == pytest.approx(3.6, abs=1e-12)  # 0.3 + 1 + 0.3 + 1 + 1
    assert np.isnan(table.loc["d1::0", "k1"])
    assert table.groupby("kind").length.sum()["bend"] == 2.0
    with pytest.raises(InputError, match="holds 2 lattices in one"):
        elements(CELL.with_parameters(kf=np.array([1.0, 2.0])))


@pytest.mark.number
def test_what_monitors_see_is_a_table_by_turn_place_and_particle() -> None:
    """Each row is the part of ``seen`` with its turn, place and particle."""
    begin = np.array([[1e-3, 0, 0, 0, 0, 0], [0, 0, 2e-3, 0, 0, 1e-3]])
    found = track(CELL, PROTON, begin, turns=4, monitors=["qf", "_end", "qd"], monitor_turns=[1, 3])
    table = found.seen_table
    assert list(table.columns) == ["x", "px", "y", "py", "zeta", "delta"]
    assert table.index.names == ["turn", "place", "particle"]
    assert found.seen is not None
    np.testing.assert_array_equal(table.loc[(3, "qd", 1)], found.seen[1, 2, 1])
    np.testing.assert_array_equal(table.loc[(3, "_end", 0)], found.coordinates[0])
    np.testing.assert_array_equal(table.loc[(3, "qd")], found.seen[1, 2])
    np.testing.assert_array_equal(table, found.seen.reshape(-1, 6))
    assert list(dict.fromkeys(table.index.get_level_values("place"))) == ["qf", "_end", "qd"]  # as they were asked for
    assert "(turns, places, particles, x, px, y, py, zeta, delta)" in repr(found)
    with pytest.raises(InputError, match="monitors="):
        _ = track(CELL, PROTON, begin).seen_table


def test_a_lattice_that_went_through_xsuite_is_equal() -> None:
    turning = CELL.with_new_parameters(turns="2*pi/ratio")
    assert CELL.equals(from_xsuite(to_xsuite(CELL, PROTON)))
    assert turning.equals(from_xsuite(to_xsuite(turning, PROTON)))
