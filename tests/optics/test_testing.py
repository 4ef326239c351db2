"""``assert_optics_equal``: it passes what is the same, and says where, by how much and why what is not."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from lattice import Bend, Drift, InputError, Lattice, Quadrupole, ReferenceParticle, read_madx, write_madx
from optics import twiss
from optics.testing import TOLERANCES, Tolerance, assert_optics_equal

CELL = [
    Quadrupole("qf", length=0.4, k1="kf"),
    Drift("d1", length=0.6),
    Bend("b", length=1.2, angle=0.7853981633974483),
    Drift("d2", length=0.6),
    Quadrupole("qd", length=0.4, k1="-kd"),
    Drift("d3", length=0.6),
]


@pytest.fixture(scope="module")
def ring() -> Lattice:
    particle = ReferenceParticle("proton", kinetic_energy_per_u=100e6)
    return Lattice("ring", elements=CELL * 8, parameters={"kf": 0.8, "kd": 0.7}, particle=particle)


def test_what_is_the_same_passes(ring: Lattice, tmp_path: Path) -> None:
    """A lattice read back from its file; its optics; its table; some rows of that; single numbers."""
    write_madx(ring, tmp_path / "ring.seq")
    tw = twiss(ring)
    for wanted in (read_madx(tmp_path / "ring.seq"), tw, tw.table, tw.table.iloc[3:7], {"qx": float(tw.qx)}):
        assert_optics_equal(ring, wanted)


@pytest.mark.parametrize("name", TOLERANCES)
def test_one_ten_thousandth_of_anything_is_seen(ring: Lattice, name: str) -> None:
    """Each of the quantities alone, so that none hides behind another; a flat ring has no dispersion in y to change."""
    tw, other = twiss(ring), twiss(ring.with_parameters(kf=0.8001, kd=0.7001))
    alone = {name: TOLERANCES[name]}
    if name in ("dy", "dpy"):
        other = tw.table.assign(**{name: 1e-4})
    with pytest.raises(AssertionError, match=f"^{name}.*more than .*{re.escape(TOLERANCES[name].reason)}"):
        assert_optics_equal(tw, other, tolerances=alone)
    assert_optics_equal(tw, tw, tolerances=alone)


def test_the_place_the_sizes_and_the_reason_are_told(ring: Lattice) -> None:
    table = twiss(ring).table
    table.loc["b::3", "betx"] *= 1.02
    one = {"betx": Tolerance(0.01, "a per cent is what the monitors give", relative=True)}
    with pytest.raises(AssertionError, match=r"betx at 'b::3': .*\(a per cent is what the monitors give\)"):
        assert_optics_equal(ring, table, tolerances=one)
    assert_optics_equal(ring, table, tolerances={"betx": Tolerance(0.03, "three per cent", relative=True)})


def test_a_tolerance_is_relative_or_of_what_is_larger_than_one(ring: Lattice) -> None:
    """By hand: 2 and 2.15 are a tenth of 2.15 apart, not a twentieth; 0.09 is a tenth of one, not of what is below."""
    tw = twiss(ring)
    qx, small = float(tw.qx), float(tw.qy) % 1
    assert qx > 1 > small > 0
    assert_optics_equal(tw, {"qx": qx + 0.15}, tolerances={"qx": Tolerance(0.1, "wide")})
    with pytest.raises(AssertionError):
        assert_optics_equal(tw, {"qx": qx + 0.15}, tolerances={"qx": Tolerance(0.05, "narrow")})
    assert_optics_equal(tw, {"qy": float(tw.qy) + 0.09}, tolerances={"qy": Tolerance(0.1, "of one")})
    with pytest.raises(AssertionError):
        assert_optics_equal(tw, {"qy": float(tw.qy) + 0.09}, tolerances={"qy": Tolerance(0.1, "of it", relative=True)})


def test_nothing_is_no_agreement(ring: Lattice) -> None:
    with pytest.raises(AssertionError, match="nothing to compare"):
        assert_optics_equal(ring, pd.DataFrame({"energy": [1.0]}, index=["_end"]))
    with pytest.raises(AssertionError, match=r"qx: .*wanted nan"):
        assert_optics_equal(ring, {"qx": float("nan")})


def test_what_cannot_be_compared_is_named(ring: Lattice) -> None:
    with pytest.raises(InputError, match=r"'ring' has no element 'bb::3'; did you mean 'b::3'"):
        assert_optics_equal(ring, pd.DataFrame({"betx": [1.0, 2.0]}, index=["bb::3", "b::4"]))
    with pytest.raises(InputError, match="optics have no 'beta'"):
        assert_optics_equal(ring, {"beta": 1.0}, tolerances={"beta": Tolerance(0.1, "guess")})
    with pytest.raises(InputError, match="expected an optics"):
        assert_optics_equal("ring", {"qx": 1.0})  # type: ignore[arg-type]


def test_lines_are_compared_by_their_columns(ring: Lattice) -> None:
    """A line has no tunes to be compared: its phase advance is a column."""
    line, start = Lattice("line", elements=CELL, parameters=ring.parameters, particle=ring.particle), {"betx": 8.0}
    one, other = (twiss(line, start={**start, "bety": bety}) for bety in (3.0, 3.1))
    assert_optics_equal(one, one)
    with pytest.raises(AssertionError, match=r"^bety at '.*more than"):
        assert_optics_equal(one, other, tolerances={name: TOLERANCES[name] for name in ("qx", "betx", "bety")})


@pytest.mark.parametrize(
    ("wanted", "tolerances", "message"),
    [
        ({"q1": 1.67}, None, "optics have no 'q1'; did you mean 'qx'"),
        ({"betx": 9.0}, None, "'betx' has a value at every element: give a table"),
        ({"momentum_compaction": 0.2}, None, "'momentum_compaction' has no tolerance: give tolerances="),
        ({"qx": "1.67"}, None, r"wanted\['qx'\] must be a number"),
        ({"qx": 1.67}, {"qx": 1e-2}, r"tolerances\['qx'\] is a limit with its reason"),
        ({"qx": 1.67}, 1e-2, "tolerances is a mapping"),
        ("ring.tfs", None, "found str: read the file first"),
        (1.67, None, "found float"),
        (pd.DataFrame({"betx": [9.0]}), None, "the names of elements as its index, or in a column 'name'"),
    ],
)
def test_what_is_asked_by_name_is_compared_or_refused(
    ring: Lattice, wanted: Any, tolerances: Any, message: str
) -> None:
    """Nothing that was written down may pass because nobody looked at it, beside numbers that are right."""
    right = {"qx": float(twiss(ring).qx)}
    asked = {**right, **wanted} if isinstance(wanted, dict) else wanted
    with pytest.raises(InputError, match=message):
        assert_optics_equal(ring, asked, tolerances=tolerances)


def test_a_table_may_bear_its_names_in_a_column(ring: Lattice) -> None:
    """As ``reset_index`` leaves it, and as Xsuite writes it, with another name for the end; one row is enough."""
    table = twiss(ring).table
    assert_optics_equal(ring, table.reset_index())
    assert_optics_equal(ring, table.rename(index={"_end": "_end_point"}).reset_index())
    assert_optics_equal(ring, table.iloc[[5]])
    with pytest.raises(AssertionError, match="betx at"):
        assert_optics_equal(ring, table.assign(betx=1.01 * table["betx"]).iloc[[5]])


def test_a_reason_is_told_once(ring: Lattice) -> None:
    with pytest.raises(AssertionError) as caught:
        assert_optics_equal(ring, ring.with_parameters(kf=0.81))
    assert str(caught.value).count(TOLERANCES["betx"].reason) == 1
    assert str(caught.value).splitlines()[-1].endswith(f"({TOLERANCES['dqx'].reason})")


def test_a_phase_advance_of_a_line_that_is_asked_for_is_compared(ring: Lattice) -> None:
    line = Lattice("line", elements=CELL, parameters=ring.parameters, particle=ring.particle)
    tw = twiss(line, start={"betx": 8.0, "bety": 3.0})
    assert_optics_equal(tw, {"qx": tw.qx})
    with pytest.raises(AssertionError, match=r"^qx: "):
        assert_optics_equal(tw, {"qx": tw.qx + 0.1})
