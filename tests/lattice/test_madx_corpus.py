"""Lattices nobody has shown us: each read by us and by MAD-X, and read back from every format we write.

Tolerances are those asked of a reader: tunes 1e-7, betas 1e-6 of their size, dispersion 1e-6 m, chromaticity 2e-3
(MAD-X's without ``chrom``, times beta0). Where kicks are off both are second-order maps, and agree to 1e-9 here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tfs

from lattice import Lattice, read_json, read_madx, write_json, write_madx
from lattice.arrays import Array
from optics import Optics, twiss
from optics.engines.xsuite.files import read_xsuite_json, write_xsuite_json
from optics.engines.xsuite.twiss import xsuite_twiss
from studies.commands.tfs_text import tfs_text
from tests.madx_corpus import MACHINES, MAIN, STYLES, Machine, Style, slow_ring

pytestmark = pytest.mark.madx

#: Every machine once, the styles in turn; and one machine in every style.
CASES = [(make(), STYLES[n % len(STYLES)]) for n, make in enumerate(MACHINES)]
CASES += [(slow_ring(), style) for style in STYLES]
SMALL = [machine for machine, _ in CASES[: len(MACHINES)] if len(machine.statements) < 1500]


@dataclass(frozen=True)
class Reference:
    """MAD-X's optics behind the named elements, per dp/p, and of a ring tunes and chromaticity."""

    names: list[str]
    columns: dict[str, Array]
    ring: list[float]


@contextmanager
def madx(folder: Path) -> Iterator[Any]:
    """A MAD-X that works in a folder."""
    cpymad = pytest.importorskip("cpymad.madx", reason="cpymad is not installed: not compared with MAD-X")
    session = cpymad.Madx(stdout=False)
    try:
        session.chdir(str(folder))
        yield session
    finally:
        session.quit()


def reference(file: Path, machine: Machine, sequence: str, beta: float) -> Reference:
    with madx(file.parent) as session:
        session.call(file.name)
        session.use(sequence)
        start = {key: value / beta if key.startswith("d") else value for key, value in machine.start.items()}
        table = session.twiss(ripken=True, **start)
        names = [str(name).split(":")[0] for name in table.name]
        kept = [n for n, name in enumerate(names) if not name.startswith("drift_") and "$" not in name]
        modes = {"betx": "beta11", "bety": "beta22"} if machine.coupled else {"betx": "betx", "bety": "bety"}
        columns = {ours: table[theirs][kept] for ours, theirs in modes.items()}
        columns |= {name: table[name][kept] * beta for name in ("dx", "dy")}
        columns |= {name: table[name][kept] for name in ("s", "x", "y")}
        summary = session.table.summ
        tunes = [summary.q1[0], summary.q2[0], summary.dq1[0] * beta, summary.dq2[0] * beta]
        return Reference([names[n] for n in kept], columns, tunes)


def assert_same(optics: Optics, theirs: Reference, machine: Machine) -> None:
    own = [n for n, element in enumerate(optics.lattice.elements) if not element.name.startswith("drift_")]
    assert [optics.lattice.elements[n].name for n in own] == theirs.names
    behind = np.array(own) + 1  # rows are entrances
    for name in ("betx", "bety"):
        np.testing.assert_allclose(optics[name][behind], theirs.columns[name], rtol=1e-6, err_msg=name)
    for name in ("s", "dx", "dy", "x", "y"):
        np.testing.assert_allclose(optics[name][behind], theirs.columns[name], atol=1e-6, rtol=1e-9, err_msg=name)
    if not machine.start:
        assert (optics.qx, optics.qy) == pytest.approx(theirs.ring[:2], abs=1e-7)
        if not machine.coupled:  # MAD-X keeps the modes where they are on momentum
            assert (optics.dqx, optics.dqy) == pytest.approx(theirs.ring[2:], abs=2e-3)


def read(machine: Machine, style: Style, folder: Path) -> Lattice:
    return read_madx(style.write(machine, folder), machine.sequence)


def optics_of(lattice: Lattice, machine: Machine) -> Optics:
    return twiss(lattice, start=machine.start or None)


@pytest.mark.parametrize(("machine", "style"), CASES, ids=lambda case: getattr(case, "name", getattr(case, "seed", "")))
def test_the_optics_are_those_of_madx(machine: Machine, style: Style, tmp_path: Path) -> None:
    lattice = read(machine, style, tmp_path)
    assert lattice.particle is not None
    theirs = reference(tmp_path / MAIN, machine, machine.sequence, lattice.particle.beta)
    assert_same(optics_of(lattice, machine), theirs, machine)


@pytest.mark.parametrize(("machine", "style"), CASES[1 : len(MACHINES)], ids=lambda case: getattr(case, "name", ""))
def test_what_is_written_is_read_back_by_madx_and_by_us(machine: Machine, style: Style, tmp_path: Path) -> None:
    lattice = read(machine, style, tmp_path)
    assert lattice.particle is not None
    optics = optics_of(lattice, machine)
    write_madx(lattice, tmp_path / "out.seq")
    again = read_madx(tmp_path / "out.seq")
    assert again.particle is not None
    theirs = reference(tmp_path / "out.seq", machine, again.name, again.particle.beta)
    assert_same(optics_of(again, machine), theirs, machine)
    write_json(lattice, tmp_path / "out.json")
    assert read_json(tmp_path / "out.json").elements == lattice.elements
    for name in ("betx", "bety", "dx"):
        np.testing.assert_allclose(optics_of(again, machine)[name][-1], optics[name][-1], rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("machine", SMALL, ids=lambda machine: machine.name)
def test_xsuite_has_the_same_optics(machine: Machine, tmp_path: Path) -> None:
    lattice = read(machine, STYLES[0], tmp_path)
    write_xsuite_json(lattice, tmp_path / "out.xsuite.json")
    back = read_xsuite_json(tmp_path / "out.xsuite.json")
    ours, theirs = optics_of(lattice, machine), optics_of(back, machine)
    for name in ("betx", "bety", "dx", "dy", "mux"):
        np.testing.assert_allclose(theirs[name], ours[name], rtol=1e-12, atol=1e-12)
    xsuite = xsuite_twiss(lattice, start=machine.start or None)  # its differences over 1e-6 m are good to 1e-7
    for name in ("betx", "bety"):
        np.testing.assert_allclose(xsuite.table[name], ours[name], rtol=1e-6)
    if not machine.start:
        assert (xsuite.qx, xsuite.qy) == pytest.approx((ours.qx, ours.qy), abs=1e-7)
        # its difference over 1e-4 in momentum, where chromaticity is curved (low beta)
        assert (xsuite.dqx, xsuite.dqy) == pytest.approx((ours.dqx, ours.dqy), abs=2e-3, rel=1e-3)


def test_tfs_tables_are_read_by_tfs_pandas(tmp_path: Path) -> None:
    optics = optics_of(read(slow_ring(), STYLES[0], tmp_path), slow_ring())
    (tmp_path / "out.tfs").write_text(tfs_text(optics))
    table = tfs.read(tmp_path / "out.tfs")
    np.testing.assert_allclose(table.BETX, optics["betx"], rtol=1e-15)
    assert table.headers["Q1"] == pytest.approx(optics.qx, rel=1e-15)
