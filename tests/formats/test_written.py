"""What we write for MAD-X is read by MAD-X, and by the loader of MAD-X files that Xsuite has of its own."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xtrack as xt

from lattice import (
    Aperture,
    Collimator,
    Drift,
    ElectrostaticSeptum,
    Kicker,
    Lattice,
    MagneticSeptum,
    Marker,
    Quadrupole,
    Sextupole,
    read_madx,
    write_madx,
)
from optics import from_xsuite, twiss
from tests.formats.ring_in_languages import MADX
from tests.madx_session import START, madx


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Lattice:
    """The ring of all languages, and behind it names that MAD-X forbids or Xsuite cannot read, septa and openings."""
    path = tmp_path_factory.mktemp("read") / "ring.seq"
    path.write_text(MADX)
    ring = read_madx(path, "ring")
    rest = (
        Quadrupole("1-q$", length=0.2, k1="0.5*e - beam*k@1^2"),
        Sextupole("twiss", length=0.1, k2="max#->x / 2"),
        Drift("a/b", length=0.3, aperture=Aperture("rectellipse", 0.03, 0.02, ellipse_x=0.04, ellipse_y=0.03)),
        ElectrostaticSeptum("es", length=0.8, position=0.03, thickness=1e-4, kick=1e-3, gap=0.02),
        MagneticSeptum("ms", length=0.6, position=0.03, kick=1e-3),
        Kicker("h", hkick="e * 1e-4", plane="x"),
        Collimator("c", length=0.1, aperture=Aperture("ellipse", 0.03, 0.02, 1e-3)),
        Marker("end"),
    )
    parameters = {"e": 0.2, "beam": 0.1, "k@1": 0.3, "max#->x": 0.4}
    return Lattice("a line, behind a ring", elements=[ring, *rest], parameters=parameters, particle=ring.particle)


@pytest.fixture(scope="module")
def written(line: Lattice, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("written") / "line.seq"
    write_madx(line, path)
    return path


def test_our_reader_finds_the_same_optics(line: Lattice, written: Path) -> None:
    back = read_madx(written)
    assert len(back) == len(line)
    _assert_same(line, back)
    assert back["es"] == line["es"]


def test_xsuites_loader_finds_the_same_optics(line: Lattice, written: Path) -> None:
    environment = xt.load(str(written), format="madx")
    (name,) = environment.lines
    loaded = environment[name]
    assert loaded.get_length() == pytest.approx(line.length, abs=1e-12)
    assert line.particle is not None
    assert loaded.particle_ref.p0c[0] == pytest.approx(line.particle.momentum, rel=1e-14)
    _assert_same(line, from_xsuite(loaded))


def _assert_same(line: Lattice, other: Lattice) -> None:
    ours, theirs = (twiss(one, line.particle, start=START) for one in (line, other))
    for column in ("s", "betx", "alfx", "bety", "alfy", "dx", "dy", "betx2", "x", "px"):
        assert theirs[column][-1] == pytest.approx(ours[column][-1], rel=1e-11, abs=1e-12), column


@pytest.mark.madx
def test_madx_finds_the_same_optics(line: Lattice, written: Path) -> None:
    """On the axis, where MAD-X's maps of second order are exact: the corrector is off."""
    quiet = line.with_parameters(e=0.0)
    write_madx(quiet, written.with_name("quiet.seq"))
    with madx(written.with_name("quiet.seq").read_text()) as session:
        session.use("a_line_behind_a_ring")
        beta = session.sequence["a_line_behind_a_ring"].beam.beta
        start = {key: value / beta if key.startswith("d") else value for key, value in START.items()}
        session.twiss(ripken=True, **start)
        found = {key: session.table.twiss[key][-1] for key in ("s", "beta11", "beta12", "beta21", "beta22", "dx", "dy")}
    ours = twiss(quiet, start=START)
    assert [ours[key][-1] for key in ("betx", "betx2", "bety1", "bety")] == pytest.approx(
        [found[key] for key in ("beta11", "beta12", "beta21", "beta22")], rel=1e-9
    )
    np.testing.assert_allclose([ours["dx"][-1], ours["dy"][-1]], [found["dx"] * beta, found["dy"] * beta], atol=1e-9)
    assert ours["s"][-1] == pytest.approx(found["s"], abs=1e-12)
