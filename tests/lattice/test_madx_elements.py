"""MAD-X's rarer classes: frames, edges, thin solenoids, separators, planes of monitors, what is switched off."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from lattice import (
    DipoleEdge,
    Drift,
    Element,
    Kicker,
    Lattice,
    LatticeError,
    Marker,
    Monitor,
    Separator,
    SRotation,
    ThinSolenoid,
    Translation,
    XRotation,
    YRotation,
    read_json,
    read_madx,
    survey,
    write_json,
    write_madx,
)
from optics import twiss
from optics.maps.lattices.turns import turns
from tests.madx_session import START, madx, used_optics

#: One ring with all of it, as people write it.
RING = """
beam, particle=proton, energy=1.0; ang = twopi/8; lb = 1.2; tw = 0.1; on = 1;
MB: SBEND, L=lb, ANGLE=ang; ein: DIPEDGE, H:=ang/lb, E1=0.2, HGAP=0.03, FINT=0.5; eout: ein, e1:=on*0.1;
QF: QUADRUPOLE, L=0.3, K1=0.6; QD: QUADRUPOLE, L=0.3, K1=-0.65; qs: qd, k1=0.65;
r1: SROTATION, ANGLE:=tw; r2: SROTATION, ANGLE:=-tw; rr: srotation, angle=pi/2; rb: srotation, angle=-pi/2;
hm: hmonitor; vm: vmonitor, l=0.1; mo: monitor; hk: hkicker, kick:=k0; vk: vkicker, l=0.1, kick=0; tk: tkicker;
es: elseparator, l=0.4, ex=0, ey:=volts; volts = 0; k0 = 0;
ac: HACDIPOLE, l=0, volt:=0, freq=0.01, lag=0.2, ramp1=100, ramp2=200;  cc: crabcavity, volt=0, freq=400, rv1=20;
bb: beambeam, charge=0, sigx=1e-3, sigy=1e-3; w: wire, current={0}, xma={0.01}, yma={0}, l_int={1}, l_phy={1};
nl: nllens, knll=0, cnll=0.01; rm: rfmultipole, knl={0}, freq=100, pnl={0.1}; x: sixmarker;
cell: line=(qf, drift1, hm, ein, mb, eout, drift1, rr, qs, rb, vm, drift1, r1, drift1, r2);
drift1: drift, l=0.8;
ring: line=(hk, 8*cell, vk, tk, mo, es, ac, cc, bb, w, nl, rm, x);
"""


def read(folder: Path, text: str) -> Lattice:
    (folder / "ring.seq").write_text(text)
    return read_madx(folder / "ring.seq", "ring")


def element(folder: Path, definition: str) -> Element:
    return read(folder, f"beam, particle=proton; x1: {definition}; d: drift, l=1; ring: line=(d, x1, d);")["x1"]


@pytest.mark.parametrize(
    ("definition", "expected"),
    [
        (
            "dipedge, h=0.2, e1=0.1, hgap=0.03, fint, tilt=0.3",
            DipoleEdge("x1", h=0.2, e1=0.1, hgap=0.03, fint=0.5, tilt=0.3),
        ),
        ("srotation, angle=0.1", SRotation("x1", angle=0.1)),
        ("xrotation, angle=0.1", XRotation("x1", angle=0.1)),
        ("yrotation, angle:=2*0.1", YRotation("x1", angle=0.2)),
        ("translation, dx=1e-3, dy=-2e-3, ds=0.1", Translation("x1", dx=1e-3, dy=-2e-3, ds=0.1)),
        ("solenoid, l=0, ks=0.3, ksi=0.1", ThinSolenoid("x1", ks=0.3, ksi=0.1)),
        ("elseparator, l=1, ex=0.1, ey=-2, tilt=0.1", Separator("x1", length=1.0, ex=1e5, ey=-2e6, tilt=0.1)),
        ("elseparator, l=1", Drift("x1", length=1.0)),
        ("hmonitor, l=0.1", Monitor("x1", length=0.1, plane="x")),
        ("vmonitor", Monitor("x1", plane="y")),
        ("monitor", Monitor("x1")),
        ("hkicker, kick=1e-3, tilt=0.1", Kicker("x1", hkick=1e-3, tilt=0.1, plane="x")),
        ("vkicker, l=0.1", Kicker("x1", length=0.1, plane="y")),
        ("tkicker, hkick=1e-3", Kicker("x1", hkick=1e-3)),
        ("sixmarker", Marker("x1")),
    ],
)
def test_elements_become_ours_and_come_back(tmp_path: Path, definition: str, expected: Element) -> None:
    found = element(tmp_path, definition)
    assert found == expected
    lattice = Lattice("ring", elements=[Drift("d", length=1.0), found])
    write_madx(lattice, tmp_path / "written.seq")
    assert read_madx(tmp_path / "written.seq")["x1"] == expected
    write_json(lattice, tmp_path / "written.json")
    assert read_json(tmp_path / "written.json")["x1"] == expected


@pytest.mark.parametrize(
    ("definition", "left"),
    [
        ("crabcavity, l=0.5, volt=0, freq=400, lag=0.1, rv1=10", Drift("x1", length=0.5)),
        ("twcavity, l=0.5, volt=0, delta_lag=0.1", Drift("x1", length=0.5)),
        ("hacdipole, volt=0, freq=0.3, ramp1=1000, ramp2=2000", Marker("x1")),
        ("vacdipole, lag=0.3", Marker("x1")),
        ("rfmultipole, knl={0, 0}, pnl={0.1}, freq=100", Marker("x1")),
        ("nllens, knll=0, cnll=0.1", Marker("x1")),
        ("wire, current={0, 0}, xma={0.01, 0.02}, l_phy={1, 1}", Marker("x1")),
        ("thinwire, ilnorm={0}, xma={0.01}", Marker("x1")),
        ("beambeam, charge=0, sigx=1e-3, sigy=1e-3, bbshape=1", Marker("x1")),
    ],
)
def test_what_is_switched_off_is_what_is_left_of_it(tmp_path: Path, definition: str, left: Element) -> None:
    text = f"beam, particle=proton; d: drift, l=1;\nx1: {definition}; ring: line=(d, x1, d);"
    lattice = read(tmp_path, text)
    assert lattice["x1"] == left
    (warning,) = lattice.warnings
    assert "ring.seq:2: " in warning
    assert "'x1' is switched off" in warning


@pytest.mark.parametrize(
    ("definition", "message"),
    [
        ("crabcavity, volt=1", "crabcavity 'x1': volt changes the optics and cannot be held; set it to 0"),
        ("vacdipole, volt=0.1", "vacdipole 'x1': volt changes the optics"),
        ("rfmultipole, ksl={0, 0.1}", "rfmultipole 'x1': ksl changes the optics"),
        ("nllens, knll=0.1", "nllens 'x1': knll changes the optics"),
        ("wire, current={1}", "wire 'x1': current changes the optics"),
        ("beambeam, sigx=1e-3", "beambeam 'x1' changes the optics and cannot be held: give it charge=0"),
        ("matrix, rm12=1", "matrix 'x1': rm12 would act, and only the unit matrix of no length can be held"),
        ("matrix, l=1", "matrix 'x1': its length would act"),
        ("elseparator, l=1, ex_l=1", "elseparator 'x1': ex_l changes the optics"),
        ("elseparator, ex=1", "elseparator 'x1': a field ex, ey needs a length"),
        ("crabcavity, volts=1", "has no attribute 'volts'; did you mean 'volt'"),
        ("srotation, angel=1", "has no attribute 'angel'; did you mean 'angle'"),
    ],
)
def test_what_acts_and_cannot_be_held_is_an_error_with_its_line(tmp_path: Path, definition: str, message: str) -> None:
    with pytest.raises(LatticeError, match=rf"ring\.seq:1: .*{message}"):
        element(tmp_path, definition)


def test_a_change_of_reference_does_nothing_as_in_madx(tmp_path: Path) -> None:
    text = "d: drift, l=1;\nc: changeref, patch_ang={0, 0.1, 0}, patch_trans={0, 0, 0.1}; ring: line=(d, c, d);"
    lattice = read(tmp_path, text)
    assert lattice["c"] == Marker("c")
    (warning,) = lattice.warnings
    assert "ring.seq:2: " in warning
    assert "write TRANSLATION, XROTATION, YROTATION or SROTATION" in warning


def test_a_kick_in_the_other_plane_is_refused() -> None:
    with pytest.raises(LatticeError, match="Kicker 'k': vkick must be 0 in a corrector of plane 'x'"):
        Kicker("k", vkick="a", plane="x")
    with pytest.raises(LatticeError, match="Monitor 'm': plane must be one of both, x, y, found 'h'"):
        Monitor("m", plane="h")


def test_files_from_before_planes_are_read(tmp_path: Path) -> None:
    lattice = Lattice("ring", elements=[Kicker("k", hkick=1e-3), Monitor("m")])
    write_json(lattice, tmp_path / "ring.json")
    text = (tmp_path / "ring.json").read_text()
    assert "plane" not in text  # what is the default is not written
    assert read_json(tmp_path / "ring.json").elements == lattice.elements
    data = json.loads(text)
    data["elements"]["m"]["plane"] = 3
    (tmp_path / "ring.json").write_text(json.dumps(data))
    with pytest.raises(LatticeError, match="Monitor 'm': plane must be one of both, x, y"):
        read_json(tmp_path / "ring.json")


@pytest.mark.madx
def test_a_ring_with_all_of_it_is_madxs(tmp_path: Path) -> None:
    """Both read the same text: 1e-9 for BEAM's energy, whose momentum differs by the mass of the proton (CODATA).

    MAD-X prints tunes to 1e-9; edges and turns are of first order there as here, so chromaticity is to 1e-7.
    """
    ring = read(tmp_path, RING)
    assert ring.particle is not None
    tw = twiss(ring)
    with madx(RING) as session:
        theirs = used_optics(session, "ring", {"rmatrix": True})
        table = session.table.twiss
        theirs_turn = [[table[f"re{i}{j}"][-1] for j in range(1, 5)] for i in range(1, 5)]
    assert tw.qx % 1 == pytest.approx(theirs.summary["q1"] % 1, abs=1e-9)
    assert tw.qy % 1 == pytest.approx(theirs.summary["q2"] % 1, abs=1e-9)
    assert tw["betx"][0] == pytest.approx(theirs.columns["betx"][-1], rel=1e-8)
    assert tw["bety"][0] == pytest.approx(theirs.columns["bety"][-1], rel=1e-8)
    assert tw.dqx == pytest.approx(theirs.summary["dq1"] * ring.particle.beta, abs=1e-7)
    assert tw.dqy == pytest.approx(theirs.summary["dq2"] * ring.particle.beta, abs=1e-7)
    _, one_turn = turns(ring, ring.particle, "full")[0].jacobian(np.zeros(6))
    np.testing.assert_allclose(one_turn[:4, :4], theirs_turn, rtol=0, atol=1e-12)


@pytest.mark.madx
def test_madx_reads_the_ring_that_was_written(tmp_path: Path) -> None:
    ring = read(tmp_path, RING)
    write_madx(ring, tmp_path / "written.seq")
    back = read_madx(tmp_path / "written.seq")
    assert back.elements == ring.elements
    text = (tmp_path / "written.seq").read_text()
    for kind in ("hmonitor", "vmonitor", "hkicker", "vkicker", "dipedge", "srotation", "elseparator"):
        assert f": {kind}" in text
    with madx(RING) as first, madx(text) as second:
        one, other = used_optics(first, "ring", START), used_optics(second, "ring", START)
    assert one.columns["betx"][-1] == pytest.approx(other.columns["betx"][-1], rel=1e-9)
    assert one.columns["dy"][-1] == pytest.approx(other.columns["dy"][-1], abs=1e-9)


FLOOR = """
b: sbend, l=1, angle=0.2; rs: srotation, angle=0.3; rx: xrotation, angle=-0.2; ry: yrotation, angle=0.4;
t: translation, dx=0.1, dy=-0.2, ds=0.3; d: drift, l=0.7; e: dipedge, h=0.2, e1=0.1; s: elseparator, l=0.5, ex=1;
ring: line=(d, rs, b, rx, d, t, b, ry, d, e, s, rs, b, d);
"""


@pytest.mark.madx
def test_floor_coordinates_are_those_of_madx(tmp_path: Path) -> None:
    floor = survey(read(tmp_path, FLOOR))
    with madx("beam, particle=proton;" + FLOOR) as session:
        session.use("ring")
        table = session.survey()
        for column in ("s", "X", "Y", "Z", "theta", "phi", "psi"):
            exits = np.array(table[column.lower()])[1:-1]
            assert floor[column][1:] == pytest.approx(exits, abs=1e-14), column
