"""A wrong question about a lattice or its optics is told what was expected, in one line."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import optics
from lattice import Drift, InputError, Lattice, Marker
from machines.cnao_like import cnao
from optics import Beam, Optics, gaussian_beam, twiss, verify


@pytest.fixture(scope="module")
def tw() -> Optics:
    return twiss(cnao())


_ALONE: Any = Drift("d", length=1.0)
_TEXT: Any = "1e-3"
_LATTICE: list[tuple[Callable[[Any], Any], str]] = [
    (lambda r: gaussian_beam(Beam(r.particle, 1e-6, 1e-6), r, 10, seed=1), "twiss.lattice., found Beam and Lattice"),
    (lambda r: r.resolved("symmp"), "did you mean 'symp'"),
    (lambda r: r.resolved(3), "an element or its name, found 3"),
    (lambda r: r.insert(Marker("m"), at="symp"), "at is s .m., a number, found 'symp': beside an element is before="),
    (lambda r: r.with_parameters(1), "names with values.*found 1"),
    (lambda r: Lattice("x", elements=_ALONE), "elements must be a list.*found Drift"),
    (lambda r: twiss(r, delta=_TEXT), "delta must be a number above -1, found '1e-3'"),
]


@pytest.mark.parametrize(("ask", "message"), _LATTICE)
def test_a_lattice_says_what_it_takes(ask: Callable[[Any], Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ask(cnao())


_OPTICS: list[tuple[Callable[[Any], Any], str]] = [
    (lambda tw: tw.maximum("betx", between="symp"), "between takes two places.*found 'symp'"),
    (lambda tw: tw.element("r17", "symp"), "r11 ... r66 or t111 ... t666, found 'r17'"),
    (lambda tw: tw["qx"], "'qx' is a number of the whole lattice: tw.qx"),
    (lambda tw: tw.value("qx", "symp"), "a number of the whole lattice"),
    (lambda tw: tw.maximum("qx"), "a number of the whole lattice"),
    (lambda tw: tw.maximum("beta"), "no column 'beta'; did you mean 'betx'"),
    (lambda tw: tw.value("q2"), "did you mean 'qy'"),
    (list, "a column is asked for by its name, .*found 0: see tw.table"),
    (lambda tw: twiss(tw.lattice, start=tw), "start=tw.table.loc"),
]


@pytest.mark.parametrize(("ask", "message"), _OPTICS)
def test_optics_say_what_they_have(tw: Optics, ask: Callable[[Any], Any], message: str) -> None:
    with pytest.raises(InputError, match=message):
        ask(tw)


@pytest.mark.parametrize(("name", "ours"), [("q1", "qx"), ("chromaticity", "dqx"), ("dispersion", "dx")])
def test_the_name_that_a_number_has_elsewhere_is_known(tw: Optics, name: str, ours: str) -> None:
    with pytest.raises(AttributeError, match=f"did you mean '{ours}'"):
        getattr(tw, name)


def test_a_line_begins_with_a_row_of_a_table(tw: Optics) -> None:
    """The rest of a ring from a place on, begun with the row of that place, is as in the ring."""
    ring = tw.lattice
    line, row = ring[ring.row("symp") :], tw.table.loc["symp"]
    behind = tw.betx[ring.row("symp") :]
    assert twiss(line, start=row).betx == pytest.approx(behind, rel=1e-12)  # the same maps, multiplied as before
    assert verify(line, start=row).success
    with pytest.raises(InputError, match=r"give delta=0\.001 too"):
        twiss(line, start=twiss(ring, delta=1e-3).table.loc["symp"])


def test_the_row_of_coupled_planes_begins_no_line(tw: Optics) -> None:
    row = tw.table.loc["symp"].copy()
    row["betx2"] = 0.1
    with pytest.raises(InputError, match="the planes of this row are coupled"):
        twiss(tw.lattice, start=row)


def test_a_comparison_is_told_in_ten_lines(tw: Optics) -> None:
    lines = repr(verify(tw.lattice)).splitlines()
    assert len(lines) <= 10
    assert lines[-1].lstrip().startswith("nearest to its tolerance")


def test_rooms_are_found_where_they_are_looked_for() -> None:
    assert optics.testing.assert_optics_equal is not None
    assert {"testing", "linac"} <= set(dir(optics))
    assert np.isfinite(optics.testing.TOLERANCES["qx"].limit)
